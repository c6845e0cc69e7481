//! The versions that are written, and what each can hold.

use super::opcode::kind;
use towline_core::value::{Hash, Set, Stream, ValueRef, ZSet};

/// A version of RDB to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RdbVersion {
    /// Redis 7.0: read by every Redis since and by every Valkey.
    #[default]
    V10,
    /// Redis 7.2 and Valkey 7.2 to 8.1: packed sets, and when a consumer was
    /// last active.
    V11,
    /// Redis 7.4 and 8.0: field expiries.
    V12,
    /// Redis 8.6: producers of streams.
    V13,
    /// Valkey 9: field expiries in its own form.
    Valkey80,
}

impl RdbVersion {
    /// The file's first bytes.
    #[must_use]
    pub const fn magic(self) -> &'static [u8; 9] {
        match self {
            Self::V10 => b"REDIS0010",
            Self::V11 => b"REDIS0011",
            Self::V12 => b"REDIS0012",
            Self::V13 => b"REDIS0013",
            Self::Valkey80 => b"VALKEY080",
        }
    }

    /// The name in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V10 => "RDB 10",
            Self::V11 => "RDB 11",
            Self::V12 => "RDB 12",
            Self::V13 => "RDB 13",
            Self::Valkey80 => "RDB 80 (Valkey)",
        }
    }

    /// The number behind a DUMP payload.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::V10 => 10,
            Self::V11 => 11,
            Self::V12 => 12,
            Self::V13 => 13,
            Self::Valkey80 => 80,
        }
    }

    /// The version of this number, if it is written.
    #[must_use]
    pub fn of_number(number: u16) -> Option<Self> {
        let all = [Self::V10, Self::V11, Self::V12, Self::V13, Self::Valkey80];
        all.into_iter().find(|version| version.number() == number)
    }

    /// Whether hashes may have fields that expire.
    #[must_use]
    pub const fn holds_field_expiries(self) -> bool {
        matches!(self, Self::V12 | Self::V13 | Self::Valkey80)
    }

    /// The type byte for `value`, or what about it has no place here.
    pub(crate) fn kind_of(self, value: ValueRef<'_>) -> Result<u8, &'static str> {
        match value {
            ValueRef::Str(_) | ValueRef::Int(_) => Ok(kind::STRING),
            ValueRef::List(_) => Ok(kind::LIST_QUICKLIST_2),
            ValueRef::Set(set) => Ok(self.kind_of_set(set)),
            ValueRef::ZSet(zset) => Ok(kind_of_zset(zset)),
            ValueRef::Hash(hash) => self.kind_of_hash(hash),
            ValueRef::Stream(stream) => self.kind_of_stream(stream),
        }
    }
}

impl RdbVersion {
    fn kind_of_set(self, set: &Set) -> u8 {
        if set.as_intset().is_some() {
            kind::SET_INTSET
        } else if set.as_listpack().is_some() && self != Self::V10 {
            kind::SET_LISTPACK
        } else {
            kind::SET
        }
    }

    fn kind_of_hash(self, hash: &Hash) -> Result<u8, &'static str> {
        let expiring = hash.expiring_fields() > 0;
        match self {
            Self::Valkey80 if expiring => Ok(kind::VALKEY_HASH_2),
            Self::V12 | Self::V13 if expiring => Ok(kind::HASH_METADATA),
            _ if expiring => Err("fields that expire"),
            _ if hash.as_listpack().is_some() => Ok(kind::HASH_LISTPACK),
            _ => Ok(kind::HASH),
        }
    }

    /// When a consumer was last active is left out of RDB 10, where Redis 7.0
    /// has no such time; everything else is held or refused.
    fn kind_of_stream(self, stream: &Stream) -> Result<u8, &'static str> {
        match self {
            Self::V13 => Ok(kind::STREAM_LISTPACKS_4),
            _ if stream.idempotence.is_some() => Err("a stream's idempotent producers"),
            Self::V10 => Ok(kind::STREAM_LISTPACKS_2),
            _ => Ok(kind::STREAM_LISTPACKS_3),
        }
    }
}

fn kind_of_zset(zset: &ZSet) -> u8 {
    if zset.as_listpack().is_some() {
        kind::ZSET_LISTPACK
    } else {
        kind::ZSET_2
    }
}
