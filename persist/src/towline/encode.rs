//! Writing a native snapshot.

use lz4_flex::block::{compress_into, get_maximum_output_size};
use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{
    EncodeError, EntryView, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};

use super::layout::{
    self, BLOCK_BYTES, BlockHeader, Compression, IndexEntry, MAX_BLOCK_BYTES, put_checksum,
};
use crate::pen::{LargeEntry, Pen};
use crate::rdb::{RdbVersion, kind_of, opcode, put_entry, write_entry};

/// The version of RDB whose records the blocks hold: the one with everything.
pub(super) const RECORDS: RdbVersion = RdbVersion::V13;

/// Writes one snapshot.
pub(super) struct TowlineEncoder {
    meta: SnapshotMeta,
    pen: Pen,
    large: Option<LargeEntry>,
    db: u32,
    block: OpenBlock,
    /// Where blocks are compressed.
    scratch: Vec<u8>,
    index: Vec<IndexEntry>,
    /// How many bytes were written, which is where the next block goes.
    written: u64,
}

/// The block that is being filled.
#[derive(Debug, Default)]
struct OpenBlock {
    raw: Vec<u8>,
    /// Where the first record begins that is not the rest of an earlier one.
    first_record: Option<usize>,
    keys: u32,
    /// The database selected where the block begins.
    db: u32,
    /// The first key that begins in it, and the last one: only theirs are hashed.
    first_key: Vec<u8>,
    last_key: Vec<u8>,
}

impl TowlineEncoder {
    pub(super) fn new(meta: SnapshotMeta) -> Self {
        Self {
            meta,
            pen: Pen::new(false),
            large: None,
            db: 0,
            block: OpenBlock::default(),
            scratch: Vec::new(),
            index: Vec::new(),
            written: 0,
        }
    }

    /// A record that needs no pause.
    fn record(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Pen)) {
        self.block.begin_record();
        self.pen.write_short(&mut self.block.raw, write);
        self.close_full(out);
    }

    fn close_full(&mut self, out: &mut Vec<u8>) {
        while self.block.raw.len() >= BLOCK_BYTES {
            // A record far larger than a block is cut; a little more than one
            // block's worth stays together.
            let whole = self.block.raw.len() <= MAX_BLOCK_BYTES;
            let length = if whole {
                self.block.raw.len()
            } else {
                BLOCK_BYTES
            };
            self.close(length, out);
        }
    }

    /// Closes the block with its first `length` bytes; the rest begins the next.
    fn close(&mut self, length: usize, out: &mut Vec<u8>) {
        let rest = self.block.raw.split_off(length);
        let mut block = std::mem::take(&mut self.block);
        let start = out.len();
        let number = self.index.len() as u32;
        block.put(number, self.meta.hash_seed, &mut self.scratch, out);
        self.index.push(IndexEntry {
            offset: self.written,
            keys: block.keys,
            db: block.db,
        });
        self.written += (out.len() - start) as u64;
        // The room of this block is the next one's.
        block.raw.clear();
        block.raw.extend_from_slice(&rest);
        self.block = OpenBlock {
            raw: block.raw,
            db: self.db,
            ..OpenBlock::default()
        };
    }
}

impl OpenBlock {
    fn begin_record(&mut self) {
        self.first_record.get_or_insert(self.raw.len());
    }

    fn begin_key(&mut self, key: &[u8]) {
        self.begin_record();
        if self.keys == 0 {
            self.first_key.extend_from_slice(key);
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.keys += 1;
    }

    /// The hashes of the first and the last key, 0 where there is none or no seed.
    fn hashes(&self, seed: Option<HashSeed>) -> [u64; 2] {
        let seed = seed.filter(|_| self.keys > 0);
        [&self.first_key, &self.last_key].map(|key| seed.map_or(0, |seed| seed.hash(key)))
    }

    /// Appends the block; `scratch` is kept from one to the next.
    fn put(&self, number: u32, seed: Option<HashSeed>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        let most = get_maximum_output_size(self.raw.len());
        if scratch.len() < most {
            scratch.resize(most, 0);
        }
        let packed = compress_into(&self.raw, scratch).expect("it has the room that it asks for");
        let (compression, stored) = match packed < self.raw.len() {
            true => (Compression::Lz4, &scratch[..packed]),
            false => (Compression::None, &self.raw[..]),
        };
        let [first_hash, last_hash] = self.hashes(seed);
        BlockHeader {
            number,
            stored_bytes: stored.len() as u32,
            raw_bytes: self.raw.len() as u32,
            keys: self.keys,
            first_record: self.first_record.unwrap_or(self.raw.len()) as u32,
            db: self.db,
            compression,
            first_hash,
            last_hash,
        }
        .put(out);
        let contents = out.len();
        out.extend_from_slice(stored);
        put_checksum(contents, out);
    }
}

impl SnapshotEncoder for TowlineEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        layout::put_header(&self.meta, out);
        self.written += (out.len() - start) as u64;
    }

    fn function(&mut self, source: &[u8], out: &mut Vec<u8>) {
        self.record(out, |pen| {
            pen.raw(&[opcode::FUNCTION2]);
            pen.string(source);
        });
    }

    fn select_db(&mut self, db: u32, keys: u64, expires: u64, out: &mut Vec<u8>) {
        self.record(out, |pen| {
            pen.raw(&[opcode::SELECTDB]);
            pen.length(u64::from(db));
            pen.raw(&[opcode::RESIZEDB]);
            pen.length(keys);
            pen.length(expires);
        });
        self.db = db;
        if self.block.raw.is_empty() {
            self.block.db = db;
        }
    }

    fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let kind = kind_of(entry, RECORDS)?;
        self.block.begin_key(entry.key);
        put_entry(kind, entry, &mut self.pen, &mut self.block.raw);
        self.close_full(out);
        Ok(())
    }

    fn begin_large(&mut self, entry: SnapshotEntry, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let kind = kind_of(&entry.view(), RECORDS)?;
        self.block.begin_key(&entry.key);
        self.large = Some(LargeEntry::new(false, async move |mut pen: Pen| {
            write_entry(kind, &entry.view(), &mut pen).await;
            pen
        }));
        Ok(())
    }

    fn resume(&mut self, budget_bytes: usize, out: &mut Vec<u8>) -> bool {
        let mut large = self.large.take().expect("a large entry was begun");
        let more = large.resume(budget_bytes, &mut self.block.raw);
        if more {
            self.large = Some(large);
        }
        self.close_full(out);
        more
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.record(out, |pen| pen.raw(&[opcode::EOF]));
        if !self.block.raw.is_empty() {
            self.close(self.block.raw.len(), out);
        }
        layout::put_end(&self.index, self.written, out);
    }
}
