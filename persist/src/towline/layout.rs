//! The bytes of a native snapshot. All integers are little-endian, all
//! checksums CRC-64 as in RDB.
//!
//! ```text
//! file     header | block … | index | footer
//!
//! header   0   7   "TOWLINE"
//!          7   1   format version, 1 or 2
//!          8   8   when it was made, unix ms
//!          16  8   memory the dataset took, bytes
//!          24  4   flags: 1 position, 2 hash seed, 4 base of a log
//!          28  4   database selected in the stream, 0xFFFFFFFF for none
//!          32  40  history, hex digits            0 where there is no position
//!          72  8   offset in it                   0 where there is no position
//!          80  16  hash seed                      0 where there is none
//!          96  2   length of the version text n
//!          98  n   version text
//!          +n  8   checksum of all before it
//!
//! block    0   4   "TWBK"
//!          4   4   its number, from 0
//!          8   4   stored bytes s
//!          12  4   bytes when expanded
//!          16  4   how many keys begin in it
//!          20  4   where the first record begins in the expanded bytes, or their number
//!          24  4   database selected where it begins
//!          28  4   how it is stored: 0 as it is, 1 lz4; since version 2
//!                  also 2 lz4 in a Huffman code, 3 a Huffman code (see `huffman`)
//!          32  8   hash of the first key that begins in it, 0 without a seed
//!          40  8   hash of the last one
//!          48  8   checksum of the 48 bytes before it
//!          56  s   contents
//!          +s  8   checksum of the contents
//!
//! index    0   4   "TWIX"
//!          4   4   number of blocks n
//!          8   16n per block: 8 its place in the file, 4 keys, 4 database
//!          +   8   checksum of all of the index before it
//!
//! footer   0   4   "TWFT"
//!          4   4   0
//!          8   8   place of the index in the file
//!          16  8   keys in the file
//!          24  8   checksum of the 24 bytes before it
//! ```
//! The contents of the blocks, put together, are records as in RDB 13 (SELECTDB,
//! RESIZEDB, FUNCTION2 and entries, strings without LZF) and end with EOF. A
//! record that does not fit goes on in the next block, so that a collection may
//! be of any size and a block may not; its keys are the ones that it loses.

use std::ops::RangeInclusive;

use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, REPLICATION_ID_LEN, ReplicationId};
use towline_core::seams::snapshot::{SnapshotMeta, SnapshotPosition};

use super::huffman;
use crate::crc::Crc64;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8; 7] = b"TOWLINE";
/// The version written.
pub(super) const VERSION: u8 = 2;
/// The versions read: what was new in the second are two ways to store a block.
pub(super) const VERSIONS: RangeInclusive<u8> = 1..=VERSION;
/// Bytes of the header before the version text.
pub(super) const HEADER_BYTES: usize = 98;
/// Bytes of a block before its contents.
pub(super) const BLOCK_HEADER_BYTES: usize = 56;
/// Bytes of the footer after its mark.
pub(super) const FOOTER_REST_BYTES: usize = 28;
/// Bytes of every checksum.
pub(super) const CHECKSUM_BYTES: usize = 8;
/// Bytes of every mark.
pub(super) const MARK_BYTES: usize = 4;

/// A block is closed once it holds this much; an lz4 match reaches back 64 KB,
/// so a larger one gains little.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// No block holds more.
pub(super) const MAX_BLOCK_BYTES: usize = 2 * BLOCK_BYTES;
/// No byte of lz4 stands for more.
const MAX_LZ4_EXPANSION: u32 = 255;
/// The longest version text.
pub(super) const MAX_VERSION_TEXT_BYTES: usize = 256;

pub(super) const BLOCK_MARK: [u8; 4] = *b"TWBK";
pub(super) const INDEX_MARK: [u8; 4] = *b"TWIX";
pub(super) const FOOTER_MARK: [u8; 4] = *b"TWFT";

const NO_DB: u32 = u32::MAX;
const HAS_POSITION: u32 = 1;
const HAS_SEED: u32 = 2;
const AOF_BASE: u32 = 4;

/// Reads the integers of a fixed layout, from its front.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of `bytes`, whose length the caller has checked.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_at(N);
        self.0 = tail;
        head.try_into().expect("the slice is N long")
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

/// Appends the header.
pub(super) fn put_header(meta: &SnapshotMeta, out: &mut Vec<u8>) {
    let start = out.len();
    let position = meta.position.unwrap_or(SnapshotPosition {
        replid: ReplicationId::NONE,
        offset: Offset::ZERO,
        stream_db: None,
    });
    let seed = meta.hash_seed.unwrap_or_default();
    let flag = |set, flag| if set { flag } else { 0 };
    let flags = flag(meta.position.is_some(), HAS_POSITION)
        | flag(meta.hash_seed.is_some(), HAS_SEED)
        | flag(meta.aof_base, AOF_BASE);
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&meta.created_ms.to_le_bytes());
    out.extend_from_slice(&meta.used_memory_bytes.to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&position.stream_db.unwrap_or(NO_DB).to_le_bytes());
    out.extend_from_slice(position.replid.as_bytes());
    out.extend_from_slice(&position.offset.0.to_le_bytes());
    out.extend_from_slice(&seed.k0.to_le_bytes());
    out.extend_from_slice(&seed.k1.to_le_bytes());
    let text = &meta.redis_version.as_bytes();
    let text = &text[..text.len().min(MAX_VERSION_TEXT_BYTES)];
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text);
    put_checksum(start, out);
}

/// Reads what [`put_header`] wrote before the version text, which follows it
/// and is `usize` bytes long. `None` where a field has no meaning.
pub(super) fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Option<(SnapshotMeta, usize)> {
    let mut fields = Fields::new(&bytes[MAGIC.len() + 1..]);
    let (created_ms, used_memory_bytes) = (fields.u64(), fields.u64());
    let (flags, stream_db) = (fields.u32(), fields.u32());
    let replid = ReplicationId::parse(&fields.array::<REPLICATION_ID_LEN>())?;
    let offset = Offset(fields.u64());
    let seed = HashSeed::new(fields.u64(), fields.u64());
    let text_bytes = usize::from(fields.u16());
    let position = SnapshotPosition {
        replid,
        offset,
        stream_db: (stream_db != NO_DB).then_some(stream_db),
    };
    let meta = SnapshotMeta {
        redis_version: String::new(),
        created_ms,
        used_memory_bytes,
        position: (flags & HAS_POSITION != 0).then_some(position),
        hash_seed: (flags & HAS_SEED != 0).then_some(seed),
        aof_base: flags & AOF_BASE != 0,
    };
    (text_bytes <= MAX_VERSION_TEXT_BYTES).then_some((meta, text_bytes))
}

/// What a whole header at the front of `bytes` says, and its length.
pub(super) fn whole_header(bytes: &[u8]) -> Option<(SnapshotMeta, usize)> {
    let fixed = bytes.first_chunk()?;
    let (mut meta, text_bytes) = parse_header(fixed)?;
    let text_end = HEADER_BYTES + text_bytes;
    let header = bytes.get(..text_end + 8)?;
    let whole = header.starts_with(MAGIC) && ends_with_checksum(header);
    meta.redis_version = String::from_utf8_lossy(&header[HEADER_BYTES..text_end]).into_owned();
    whole.then_some((meta, text_end + 8))
}

/// How a block's contents are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lz4,
    Lz4Huffman,
    Huffman,
}

impl Compression {
    /// In the order of their numbers.
    const ALL: [Self; 4] = [Self::None, Self::Lz4, Self::Lz4Huffman, Self::Huffman];

    /// How much a stored byte stands for at most.
    const fn max_expansion(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Lz4 => MAX_LZ4_EXPANSION,
            Self::Huffman => huffman::MAX_EXPANSION as u32,
            Self::Lz4Huffman => MAX_LZ4_EXPANSION * huffman::MAX_EXPANSION as u32,
        }
    }
}

/// A block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) number: u32,
    pub(super) stored_bytes: u32,
    pub(super) raw_bytes: u32,
    pub(super) keys: u32,
    pub(super) first_record: u32,
    pub(super) db: u32,
    pub(super) compression: Compression,
    pub(super) first_hash: u64,
    pub(super) last_hash: u64,
}

impl BlockHeader {
    /// The header, mark included.
    pub(super) fn bytes(&self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = Vec::with_capacity(BLOCK_HEADER_BYTES);
        out.extend_from_slice(&BLOCK_MARK);
        for field in [
            self.number,
            self.stored_bytes,
            self.raw_bytes,
            self.keys,
            self.first_record,
            self.db,
            self.compression as u32,
        ] {
            out.extend_from_slice(&u32::to_le_bytes(field));
        }
        out.extend_from_slice(&self.first_hash.to_le_bytes());
        out.extend_from_slice(&self.last_hash.to_le_bytes());
        put_checksum(0, &mut out);
        out.try_into().expect("the fields are that long")
    }

    /// Reads a header, mark included. `None` where it is damaged.
    pub(super) fn parse(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Option<Self> {
        if !ends_with_checksum(bytes) {
            return None;
        }
        let mut fields = Fields::new(&bytes[MARK_BYTES..]);
        let header = Self {
            number: fields.u32(),
            stored_bytes: fields.u32(),
            raw_bytes: fields.u32(),
            keys: fields.u32(),
            first_record: fields.u32(),
            db: fields.u32(),
            compression: *Compression::ALL.get(fields.u32() as usize)?,
            first_hash: fields.u64(),
            last_hash: fields.u64(),
        };
        let most = MAX_BLOCK_BYTES as u32;
        // What is allocated for the contents is justified by what is stored.
        let expansion = header.compression.max_expansion();
        let most_raw = header.stored_bytes.saturating_mul(expansion).min(most);
        let bounded = header.stored_bytes <= most && header.raw_bytes <= most_raw;
        bounded.then_some(header)
    }
}

/// A block's place and contents, as the index tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) offset: u64,
    pub(super) keys: u32,
    pub(super) db: u32,
}

impl IndexEntry {
    /// Bytes of an entry.
    pub(super) const BYTES: usize = 16;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.keys.to_le_bytes());
        out.extend_from_slice(&self.db.to_le_bytes());
    }

    /// Reads an entry.
    pub(super) fn parse(bytes: &[u8; Self::BYTES]) -> Self {
        let mut fields = Fields::new(bytes);
        Self {
            offset: fields.u64(),
            keys: fields.u32(),
            db: fields.u32(),
        }
    }
}

/// Appends index and footer; `offset` is where the index comes to lie.
pub(super) fn put_end(index: &[IndexEntry], offset: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&INDEX_MARK);
    out.extend_from_slice(&(index.len() as u32).to_le_bytes());
    for entry in index {
        entry.put(out);
    }
    put_checksum(start, out);
    let start = out.len();
    out.extend_from_slice(&FOOTER_MARK);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&offset.to_le_bytes());
    let keys: u64 = index.iter().map(|entry| u64::from(entry.keys)).sum();
    out.extend_from_slice(&keys.to_le_bytes());
    put_checksum(start, out);
}

/// Appends the checksum of `out` from `start` on.
pub(super) fn put_checksum(start: usize, out: &mut Vec<u8>) {
    let crc = Crc64::of(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Whether the last eight bytes are the checksum of those before them.
pub(super) fn ends_with_checksum(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk()
        .is_some_and(|(contents, crc)| u64::from_le_bytes(*crc) == Crc64::of(contents))
}
