//! The bytes that open each part of an RDB file.
//!
//! ```text
//! RDB file
//! REDIS 4 digits | VALKEY 3 digits    magic, 9 bytes either way
//! 250 key value                       AUX, any number, also between keys
//! 245 source                          FUNCTION2, one library each
//! 254 db  251 keys expires            per database that is not empty
//!   [252 ms][248 idle | 249 freq] type key value
//! 255 crc                             EOF and the CRC-64 of all before it
//! ```
//! Sources: the files that the real servers write, and rdb.h of Redis 7.2 for
//! the names. From RDB 5 on there is a checksum; zero means not computed.

/// FREQ: one byte, the LFU counter of the next key.
pub const FREQ: u8 = 249;
/// IDLE: a length, the idle seconds of the next key.
pub const IDLE: u8 = 248;
/// AUX: two strings.
pub const AUX: u8 = 250;
/// RESIZEDB: two lengths, how many keys and expiries follow.
pub const RESIZEDB: u8 = 251;
/// EXPIRETIME_MS: eight bytes, little-endian.
pub const EXPIRETIME_MS: u8 = 252;
/// EXPIRETIME: four bytes, little-endian, in seconds; RDB 1 and 2.
pub const EXPIRETIME: u8 = 253;
/// SELECTDB: a length.
pub const SELECTDB: u8 = 254;
/// EOF.
pub const EOF: u8 = 255;
/// MODULE_AUX: data of a module outside any key.
pub const MODULE_AUX: u8 = 247;
/// FUNCTION in the form of Redis 7.0's release candidates; refused by all.
pub const FUNCTION_PRE_GA: u8 = 246;
/// FUNCTION2: one string, a library's source.
pub const FUNCTION2: u8 = 245;
/// SLOT_INFO: three lengths, a hint in cluster mode (Redis 7.4 and later).
pub const SLOT_INFO: u8 = 244;
/// KEY_META in Redis 8.6, SLOT_IMPORT in Valkey 9.
pub const KEY_META_OR_SLOT_IMPORT: u8 = 243;

/// The types of values. Where a number's meaning depends on the family, the
/// magic decides: 22 is a hash with field expiries of another layout in each.
pub mod kind {
    /// A string.
    pub const STRING: u8 = 0;
    /// A list as strings.
    pub const LIST: u8 = 1;
    /// A set as strings.
    pub const SET: u8 = 2;
    /// A sorted set, scores as text.
    pub const ZSET: u8 = 3;
    /// A hash as strings.
    pub const HASH: u8 = 4;
    /// A sorted set, scores as eight bytes.
    pub const ZSET_2: u8 = 5;
    /// A module's value before Redis 4.0's release.
    pub const MODULE_PRE_GA: u8 = 6;
    /// A module's value.
    pub const MODULE_2: u8 = 7;
    /// A hash in a zipmap (RDB 1 to 3).
    pub const HASH_ZIPMAP: u8 = 9;
    /// A list in one ziplist.
    pub const LIST_ZIPLIST: u8 = 10;
    /// A set of integers.
    pub const SET_INTSET: u8 = 11;
    /// A sorted set in a ziplist.
    pub const ZSET_ZIPLIST: u8 = 12;
    /// A hash in a ziplist.
    pub const HASH_ZIPLIST: u8 = 13;
    /// A list of ziplists.
    pub const LIST_QUICKLIST: u8 = 14;
    /// A stream as Redis 5 and 6 know it.
    pub const STREAM_LISTPACKS: u8 = 15;
    /// A hash in a listpack.
    pub const HASH_LISTPACK: u8 = 16;
    /// A sorted set in a listpack.
    pub const ZSET_LISTPACK: u8 = 17;
    /// A list of listpacks and plain nodes.
    pub const LIST_QUICKLIST_2: u8 = 18;
    /// A stream of Redis 7.0.
    pub const STREAM_LISTPACKS_2: u8 = 19;
    /// A set in a listpack (Redis 7.2).
    pub const SET_LISTPACK: u8 = 20;
    /// A stream of Redis 7.2.
    pub const STREAM_LISTPACKS_3: u8 = 21;
    /// Valkey 9: a hash with field expiries.
    pub const VALKEY_HASH_2: u8 = 22;
    /// Redis 7.4's release candidates; refused.
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    /// Redis 7.4's release candidates; refused.
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    /// Redis 7.4: a hash with field expiries.
    pub const HASH_METADATA: u8 = 24;
    /// Redis 7.4: a hash with field expiries in a listpack.
    pub const HASH_LISTPACK_EX: u8 = 25;
    /// A stream of Redis 8.6.
    pub const STREAM_LISTPACKS_4: u8 = 26;
}

/// The kinds of node in a [`kind::LIST_QUICKLIST_2`].
pub mod container {
    /// One element too large to be packed.
    pub const PLAIN: u64 = 1;
    /// A listpack.
    pub const PACKED: u64 = 2;
}
