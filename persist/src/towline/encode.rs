//! Writing a native snapshot.

use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{
    EncodeError, EntryView, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};

use super::layout::{
    self, BLOCK_BYTES, BlockHeader, Compression, IndexEntry, MAX_BLOCK_BYTES, put_checksum,
};
use crate::pen::{LargeEntry, Pen};
use crate::rdb::{RdbVersion, kind_of, opcode, write_entry};

/// The version of RDB whose records the blocks hold: the one with everything.
pub(super) const RECORDS: RdbVersion = RdbVersion::V13;

/// Writes one snapshot.
pub(super) struct TowlineEncoder {
    meta: SnapshotMeta,
    pen: Pen,
    large: Option<LargeEntry>,
    db: u32,
    block: OpenBlock,
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
    first_hash: u64,
    last_hash: u64,
}

impl TowlineEncoder {
    pub(super) fn new(meta: SnapshotMeta) -> Self {
        Self {
            meta,
            pen: Pen::new(false),
            large: None,
            db: 0,
            block: OpenBlock::default(),
            index: Vec::new(),
            written: 0,
        }
    }

    /// A record that needs no pause.
    fn record(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Pen)) {
        self.block.begin_record();
        self.pen
            .write_now(&mut self.block.raw, async |pen: &mut Pen| write(pen));
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
        let next = OpenBlock {
            raw: rest,
            db: self.db,
            ..OpenBlock::default()
        };
        let block = std::mem::replace(&mut self.block, next);
        let start = out.len();
        block.put(self.index.len() as u32, out);
        self.index.push(IndexEntry {
            offset: self.written,
            keys: block.keys,
            db: block.db,
        });
        self.written += (out.len() - start) as u64;
    }
}

impl OpenBlock {
    fn begin_record(&mut self) {
        self.first_record.get_or_insert(self.raw.len());
    }

    fn begin_key(&mut self, key: &[u8], seed: Option<HashSeed>) {
        self.begin_record();
        let hash = seed.map_or(0, |seed| seed.hash(key));
        if self.keys == 0 {
            self.first_hash = hash;
        }
        self.last_hash = hash;
        self.keys += 1;
    }

    fn put(&self, number: u32, out: &mut Vec<u8>) {
        let packed = lz4_flex::block::compress(&self.raw);
        let (compression, stored) = if packed.len() < self.raw.len() {
            (Compression::Lz4, &packed)
        } else {
            (Compression::None, &self.raw)
        };
        BlockHeader {
            number,
            stored_bytes: stored.len() as u32,
            raw_bytes: self.raw.len() as u32,
            keys: self.keys,
            first_record: self.first_record.unwrap_or(self.raw.len()) as u32,
            db: self.db,
            compression,
            first_hash: self.first_hash,
            last_hash: self.last_hash,
        }
        .put(out);
        let start = out.len();
        out.extend_from_slice(stored);
        put_checksum(start, out);
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
        self.block.begin_key(entry.key, self.meta.hash_seed);
        self.pen
            .write_now(&mut self.block.raw, async |pen: &mut Pen| {
                write_entry(kind, entry, pen).await;
            });
        self.close_full(out);
        Ok(())
    }

    fn begin_large(&mut self, entry: SnapshotEntry, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let kind = kind_of(&entry.view(), RECORDS)?;
        self.block.begin_key(&entry.key, self.meta.hash_seed);
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
