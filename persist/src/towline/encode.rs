//! Writing a native snapshot.
//!
//! Blocks depend on nothing before them, so they are filled and closed by any number of
//! [`Blocks`] at the same time. Only their numbers and places in the file need one who
//! puts them in a row, which is the [`TowlineEncoder`].

use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{
    EncodeError, EncodedPart, EntryView, PartEncoder, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};

use super::layout::{
    self, BLOCK_BYTES, BLOCK_HEADER_BYTES, BlockHeader, CHECKSUM_BYTES, IndexEntry,
    MAX_BLOCK_BYTES, put_checksum,
};
use super::packer::Packer;
use crate::pen::{LargeEntry, Pen, put_all};
use crate::rdb::{RdbVersion, kind_of, opcode, put_entry, write_entry};

/// The version of RDB whose records the blocks hold: the one with everything.
pub(super) const RECORDS: RdbVersion = RdbVersion::V13;

/// Writes one snapshot.
pub(super) struct TowlineEncoder {
    meta: SnapshotMeta,
    blocks: Blocks,
    index: Vec<IndexEntry>,
    /// How many bytes were written, which is where the next block goes.
    written: u64,
}

/// Fills blocks and closes them.
struct Blocks {
    seed: Option<HashSeed>,
    pen: Pen,
    open: OpenBlock,
    /// The database selected.
    db: u32,
    packer: Packer,
    /// Whole blocks that have no number yet.
    closed: Vec<u8>,
    large: Option<LargeEntry>,
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
            blocks: Blocks::new(meta.hash_seed),
            meta,
            index: Vec::new(),
            written: 0,
        }
    }

    /// Puts the blocks that were closed in a row with those before them.
    fn place_closed(&mut self, out: &mut Vec<u8>) {
        if !self.blocks.closed.is_empty() {
            let closed = std::mem::take(&mut self.blocks.closed);
            self.place(closed, None, out);
        }
    }

    /// Gives whole blocks their numbers, and those of a part their database.
    fn place(&mut self, mut blocks: Vec<u8>, db: Option<u32>, out: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(fixed) = blocks[at..].first_chunk_mut::<BLOCK_HEADER_BYTES>() {
            let mut header = BlockHeader::parse(fixed).expect("it was put there whole");
            header.number = self.index.len() as u32;
            header.db = db.unwrap_or(header.db);
            *fixed = header.bytes();
            self.index.push(IndexEntry {
                offset: self.written,
                keys: header.keys,
                db: header.db,
            });
            let length = BLOCK_HEADER_BYTES + header.stored_bytes as usize + CHECKSUM_BYTES;
            self.written += length as u64;
            at += length;
        }
        put_all(blocks, out);
    }
}

impl Blocks {
    fn new(seed: Option<HashSeed>) -> Self {
        Self {
            seed,
            pen: Pen::new(false),
            open: OpenBlock::default(),
            db: 0,
            packer: Packer::default(),
            closed: Vec::new(),
            large: None,
        }
    }

    /// A record that needs no pause.
    fn record(&mut self, write: impl FnOnce(&mut Pen)) {
        self.open.begin_record();
        self.pen.write_short(&mut self.open.raw, write);
        self.close_full();
    }

    /// An entry, whole.
    fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
        let kind = kind_of(entry, RECORDS)?;
        self.open.begin_key(entry.key);
        put_entry(kind, entry, &mut self.pen, &mut self.open.raw);
        self.close_full();
        Ok(())
    }

    fn select(&mut self, db: u32) {
        self.db = db;
        if self.open.raw.is_empty() {
            self.open.db = db;
        }
    }

    fn close_full(&mut self) {
        while self.open.raw.len() >= BLOCK_BYTES {
            // A record far larger than a block is cut; a little more than one
            // block's worth stays together.
            let whole = self.open.raw.len() <= MAX_BLOCK_BYTES;
            let length = if whole {
                self.open.raw.len()
            } else {
                BLOCK_BYTES
            };
            self.close(length);
        }
    }

    /// Closes the block, if there is anything in it.
    fn close_open(&mut self) {
        if !self.open.raw.is_empty() {
            self.close(self.open.raw.len());
        }
    }

    /// Closes the block with its first `length` bytes; the rest begins the next.
    fn close(&mut self, length: usize) {
        let rest = self.open.raw.split_off(length);
        let mut block = std::mem::take(&mut self.open);
        block.put(self.seed, &mut self.packer, &mut self.closed);
        // The room of this block is the next one's.
        block.raw.clear();
        block.raw.extend_from_slice(&rest);
        self.open = OpenBlock {
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

    /// Appends the block.
    fn put(&self, seed: Option<HashSeed>, packer: &mut Packer, out: &mut Vec<u8>) {
        let (compression, stored) = packer.pack(&self.raw);
        let [first_hash, last_hash] = self.hashes(seed);
        let header = BlockHeader {
            number: 0,
            stored_bytes: stored.len() as u32,
            raw_bytes: self.raw.len() as u32,
            keys: self.keys,
            first_record: self.first_record.unwrap_or(self.raw.len()) as u32,
            db: self.db,
            compression,
            first_hash,
            last_hash,
        };
        out.extend_from_slice(&header.bytes());
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
        self.blocks.record(|pen| {
            pen.raw(&[opcode::FUNCTION2]);
            pen.string(source);
        });
        self.place_closed(out);
    }

    fn select_db(&mut self, db: u32, keys: u64, expires: u64, out: &mut Vec<u8>) {
        self.blocks.record(|pen| {
            pen.raw(&[opcode::SELECTDB]);
            pen.length(u64::from(db));
            pen.raw(&[opcode::RESIZEDB]);
            pen.length(keys);
            pen.length(expires);
        });
        self.blocks.select(db);
        self.place_closed(out);
    }

    fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.blocks.entry(entry)?;
        self.place_closed(out);
        Ok(())
    }

    fn part(&self) -> Box<dyn PartEncoder> {
        Box::new(Blocks::new(self.meta.hash_seed))
    }

    fn append(&mut self, part: EncodedPart, out: &mut Vec<u8>) {
        self.blocks.close_open();
        self.place_closed(out);
        self.place(part.0, Some(self.blocks.db), out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.blocks.record(|pen| pen.raw(&[opcode::EOF]));
        self.blocks.close_open();
        self.place_closed(out);
        layout::put_end(&self.index, self.written, out);
    }
}

impl PartEncoder for Blocks {
    fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
        Self::entry(self, entry)
    }

    fn begin_large(&mut self, entry: SnapshotEntry) -> Result<(), EncodeError> {
        let kind = kind_of(&entry.view(), RECORDS)?;
        self.open.begin_key(&entry.key);
        self.large = Some(LargeEntry::new(false, async move |mut pen: Pen| {
            write_entry(kind, &entry.view(), &mut pen).await;
            pen
        }));
        Ok(())
    }

    fn resume(&mut self, budget_bytes: usize) -> bool {
        let more = LargeEntry::resume_in(&mut self.large, budget_bytes, &mut self.open.raw);
        self.close_full();
        more
    }

    fn finish(&mut self) -> EncodedPart {
        self.close_open();
        EncodedPart(std::mem::take(&mut self.closed))
    }
}
