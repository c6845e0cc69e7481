//! What is whole in a damaged native snapshot.
//!
//! ```text
//!   at a block whose header holds ── contents hold ──► taken; the next one follows
//!              │                        └─ they do not ─► lost; on behind it if something
//!              │                                          begins there, else search
//!   elsewhere ─┴─ search for the next mark with a header that holds
//!   at the index ── it holds ──► what the lost blocks held is known; the end
//! ```
//! Blocks are numbered, so one that is missing is noticed even where nothing of it
//! is left. A record that began in a whole block and went on in a lost one is lost.

use std::collections::BTreeMap;
use std::fmt;

use towline_core::seams::snapshot::{
    DecodeError, DecodeFault, DecodeOptions, Progress, Refused, SnapshotDecoder, SnapshotEntry,
    SnapshotMeta, SnapshotSink,
};

use super::decode::{contents_of, records};
use super::layout::{
    self, BLOCK_HEADER_BYTES, BLOCK_MARK, BlockHeader, CHECKSUM_BYTES, HEADER_BYTES, INDEX_MARK,
    IndexEntry, MARK_BYTES, MAX_VERSION_TEXT_BYTES,
};
use crate::decode::Coroutine;

/// Bytes of a checksum.
/// No block takes less.
const MIN_BLOCK_BYTES: u64 = (BLOCK_HEADER_BYTES + CHECKSUM_BYTES) as u64;
/// So many blocks more than have room before it may be missing before a block.
const MISSING_BLOCKS_MAX: u64 = 1024;

/// A block that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostBlock {
    /// Where it begins in the file, where that is known.
    pub offset: Option<u64>,
    /// How many keys begin in it, where its header or the index still says so.
    pub keys: Option<u64>,
    /// The database of its first key, where that is known.
    pub db: Option<u32>,
    /// The hashes of its first and last key. Where its header is gone, those of the
    /// last key before it and the first one after it.
    pub hashes: Option<(u64, u64)>,
    /// What of it is damaged.
    pub what: &'static str,
}

impl LostBlock {
    const MISSING: Self = Self {
        offset: None,
        keys: None,
        db: None,
        hashes: None,
        what: "its header",
    };
}

/// What came out of a damaged snapshot, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Keys that were handed on.
    pub keys: u64,
    /// The blocks that are lost, by number.
    pub lost: BTreeMap<u32, LostBlock>,
    /// Keys that began in whole blocks and went on in lost ones.
    pub cut_keys: u64,
    /// What the snapshot says of itself is lost: its position and its seed.
    pub header_lost: bool,
    /// Its end is missing, so that there may have been more blocks than are known.
    pub end_lost: bool,
}

impl Salvaged {
    /// Whether nothing is lost.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self
            == Self {
                keys: self.keys,
                ..Self::default()
            }
    }

    /// How many keys are lost; none where it cannot be known.
    #[must_use]
    pub fn lost_keys(&self) -> Option<u64> {
        let blocks = self.lost.values().map(|block| block.keys);
        let known = blocks.sum::<Option<u64>>().filter(|_| !self.end_lost)?;
        Some(known + self.cut_keys)
    }
}

/// A line for everything that is lost, and one with the sum.
impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.header_lost {
            writeln!(f, "the header is damaged: position and hash seed are lost")?;
        }
        for (number, block) in &self.lost {
            write!(f, "block {number} is damaged ({})", block.what)?;
            if let Some(offset) = block.offset {
                write!(f, " at offset {offset}")?;
            }
            if let Some(db) = block.db {
                write!(f, ", database {db}")?;
            }
            if let Some((first, last)) = block.hashes {
                write!(f, ", hashes {first:016x} to {last:016x}")?;
            }
            match block.keys {
                Some(keys) => writeln!(f, ", {keys} keys are lost")?,
                None => writeln!(f, ", an unknown number of keys is lost")?,
            }
        }
        if self.cut_keys > 0 {
            let keys = self.cut_keys;
            writeln!(
                f,
                "{keys} keys more went on in a damaged block and are lost"
            )?;
        }
        if self.end_lost {
            writeln!(f, "the end is missing; nobody knows how many keys it held")?;
        }
        match self.lost_keys() {
            Some(lost) => write!(f, "{} keys are whole, {lost} are lost", self.keys),
            None => write!(f, "{} keys are whole", self.keys),
        }
    }
}

/// Where a salvage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    /// Blocks are expected where the last one ended, or searched.
    Blocks,
    End,
}

/// What one step came to.
enum Step {
    On,
    NeedsMore,
}

/// Reads a damaged snapshot as far as it is whole.
pub struct Salvage {
    options: DecodeOptions,
    buffer: Vec<u8>,
    /// What of `buffer` has been looked at.
    at: usize,
    /// Bytes of the file before `buffer`.
    forgotten: u64,
    place: Place,
    /// The number of the block that comes next if none is missing.
    next: u32,
    /// The last key's hash in the last whole block, and its database.
    last: Option<(u32, u64)>,
    /// What reads the records, from the last gap on; none right after one.
    records: Option<Coroutine>,
    complete: bool,
    /// Keys that begin in the blocks that were taken.
    begun_keys: u64,
    has_seed: bool,
    found: Salvaged,
}

impl Salvage {
    /// Nothing read so far.
    #[must_use]
    pub fn new(options: DecodeOptions) -> Self {
        Self {
            options,
            buffer: Vec::new(),
            at: 0,
            forgotten: 0,
            place: Place::Header,
            next: 0,
            last: None,
            records: None,
            complete: false,
            begun_keys: 0,
            has_seed: false,
            found: Salvaged::default(),
        }
    }

    /// Takes the next bytes of the file and hands what is whole in them to `sink`.
    ///
    /// # Errors
    /// Where the sink refuses something, or the file is of a later version.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn SnapshotSink) -> Result<(), DecodeError> {
        self.buffer.drain(..self.at);
        self.forgotten += self.at as u64;
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
        self.advance(false, sink)
    }

    /// Says that there are no more bytes, and learns what is lost.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn finish(mut self, sink: &mut dyn SnapshotSink) -> Result<Salvaged, DecodeError> {
        self.advance(true, sink)?;
        self.found.end_lost = self.place != Place::End;
        self.found.cut_keys = self.begun_keys.saturating_sub(self.found.keys);
        Ok(self.found)
    }

    fn advance(&mut self, last: bool, sink: &mut dyn SnapshotSink) -> Result<(), DecodeError> {
        loop {
            let step = match self.place {
                Place::Header => self.header(last, sink)?,
                Place::Blocks => self.block_or_index(last, sink)?,
                Place::End => {
                    self.at = self.buffer.len();
                    return Ok(());
                }
            };
            if let Step::NeedsMore = step {
                return Ok(());
            }
        }
    }

    fn ahead(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    fn offset(&self) -> u64 {
        self.forgotten + self.at as u64
    }

    fn header(&mut self, last: bool, sink: &mut dyn SnapshotSink) -> Result<Step, DecodeError> {
        let most = HEADER_BYTES + MAX_VERSION_TEXT_BYTES + CHECKSUM_BYTES;
        if self.ahead().len() < most && !last {
            return Ok(Step::NeedsMore);
        }
        self.place = Place::Blocks;
        let Some((meta, length)) = layout::whole_header(self.ahead()) else {
            self.found.header_lost = true;
            return Ok(Step::On);
        };
        let version = self.ahead()[layout::MAGIC.len()];
        if !layout::VERSIONS.contains(&version) {
            return Err(self.error(DecodeFault::UnsupportedVersion(version.to_string())));
        }
        self.adopt(&meta);
        self.at += length;
        for (key, value) in meta.aux_fields() {
            let taken = sink.aux(key.as_bytes(), value.as_bytes());
            taken.map_err(|refused| self.refused(refused))?;
        }
        Ok(Step::On)
    }

    fn adopt(&mut self, meta: &SnapshotMeta) {
        self.has_seed = meta.hash_seed.is_some();
        if let (Some(seed), true) = (meta.hash_seed, self.options.adopt_hash_seed) {
            self.options.hash_seed = seed;
        }
    }

    fn error(&self, fault: DecodeFault) -> DecodeError {
        DecodeError {
            offset: self.offset(),
            key: None,
            fault,
        }
    }

    fn refused(&self, Refused(reason): Refused) -> DecodeError {
        self.error(DecodeFault::Refused(reason))
    }

    fn block_or_index(
        &mut self,
        last: bool,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Step, DecodeError> {
        if self.ahead().len() < BLOCK_HEADER_BYTES && !last {
            return Ok(Step::NeedsMore);
        }
        if let Some(header) = self.plausible_block(0) {
            return self.block(&header, last, sink);
        }
        if self.ahead().starts_with(&INDEX_MARK) {
            return Ok(self.index(last));
        }
        Ok(self.search())
    }

    /// The header of the block that begins `skip` bytes ahead, if one does.
    fn plausible_block(&self, skip: usize) -> Option<BlockHeader> {
        let ahead = self.ahead().get(skip..)?;
        let fixed = ahead.first_chunk::<BLOCK_HEADER_BYTES>()?;
        if !fixed.starts_with(&BLOCK_MARK) {
            return None;
        }
        // Each missing block had its place in the file, if it is not cut out.
        let most = self.offset() / MIN_BLOCK_BYTES + MISSING_BLOCKS_MAX;
        let header = BlockHeader::parse(fixed)?;
        let expected = header.number >= self.next && u64::from(header.number) <= most;
        expected.then_some(header)
    }

    /// Goes on to the next mark.
    fn search(&mut self) -> Step {
        let ahead = &self.buffer[self.at..];
        let from = ahead.len().min(1);
        let found = memchr::memmem::find_iter(&ahead[from..], b"TW").find(|&at| {
            let mark = &ahead[from + at..];
            mark.len() < MARK_BYTES
                || mark.starts_with(&BLOCK_MARK)
                || mark.starts_with(&INDEX_MARK)
        });
        // The last byte may be the first of a mark.
        let skipped = found.map_or(ahead.len().saturating_sub(1), |at| from + at);
        self.at += skipped;
        match skipped {
            0 => Step::NeedsMore,
            _ => Step::On,
        }
    }

    /// The block at hand, whose header holds.
    fn block(
        &mut self,
        header: &BlockHeader,
        last: bool,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Step, DecodeError> {
        let stored_bytes = header.stored_bytes as usize;
        let length = BLOCK_HEADER_BYTES + stored_bytes + CHECKSUM_BYTES;
        // What follows tells whether a damaged block has its length.
        if self.ahead().len() < length + BLOCK_HEADER_BYTES && !last {
            return Ok(Step::NeedsMore);
        }
        self.close_gap(header);
        self.next = header.number + 1;
        let contents = self.ahead().get(BLOCK_HEADER_BYTES..length);
        match contents.map_or(Err("its end"), |bytes| contents_of(header, bytes, true)) {
            Ok(raw) => {
                self.take(header, &raw, sink)?;
                self.at += length;
            }
            Err(what) => {
                self.lose(header, u64::from(header.keys), what);
                let follows = self.plausible_block(length).is_some()
                    || (self.ahead().get(length..))
                        .is_some_and(|next| next.starts_with(&INDEX_MARK));
                self.at += if follows { length } else { MARK_BYTES };
            }
        }
        Ok(Step::On)
    }

    fn hashes(&self, header: &BlockHeader) -> Option<(u64, u64)> {
        let known = self.has_seed && header.keys > 0;
        known.then_some((header.first_hash, header.last_hash))
    }

    fn lose(&mut self, header: &BlockHeader, keys: u64, what: &'static str) {
        let lost = LostBlock {
            offset: Some(self.offset()),
            keys: Some(keys),
            db: Some(header.db),
            hashes: self.hashes(header),
            what,
        };
        self.found.lost.insert(header.number, lost);
        self.records = None;
    }

    /// Notes the blocks of which nothing was found before the one at hand.
    fn close_gap(&mut self, header: &BlockHeader) {
        for number in self.next..header.number {
            let last = self.last.filter(|(db, _)| *db == header.db);
            let hashes =
                (last.map(|(_, hash)| hash)).zip(self.hashes(header).map(|(first, _)| first));
            let missing = LostBlock {
                hashes,
                ..LostBlock::MISSING
            };
            self.found.lost.insert(number, missing);
            self.records = None;
        }
    }

    /// Decodes the contents of a block.
    fn take(
        &mut self,
        header: &BlockHeader,
        raw: &[u8],
        sink: &mut dyn SnapshotSink,
    ) -> Result<(), DecodeError> {
        self.last = match self.hashes(header) {
            Some((_, last)) => Some((header.db, last)),
            None => self.last,
        };
        let raw = match &self.records {
            Some(_) => raw,
            None => {
                // The rest of a record whose beginning is lost comes first.
                let Some(rest) = raw.get(header.first_record as usize..) else {
                    self.lose(header, u64::from(header.keys), "its header");
                    return Ok(());
                };
                let selected = sink.select_db(u64::from(header.db));
                selected.map_err(|refused| self.refused(refused))?;
                rest
            }
        };
        if self.complete || raw.is_empty() {
            return Ok(());
        }
        let options = self.options;
        let records = self
            .records
            .get_or_insert_with(|| Coroutine::new(options, records));
        let mut counted = Counted { keys: 0, sink };
        let read = records.feed(raw, &mut counted);
        let keys = counted.keys;
        self.found.keys += keys;
        match read {
            Ok(progress) => {
                self.begun_keys += u64::from(header.keys);
                self.complete = matches!(progress, Progress::Complete { .. });
            }
            Err(error) if matches!(error.fault, DecodeFault::Refused(_)) => {
                return Err(DecodeError {
                    offset: self.offset(),
                    ..error
                });
            }
            Err(_) => {
                self.begun_keys += keys;
                let left = u64::from(header.keys).saturating_sub(keys);
                self.lose(header, left, "its records");
            }
        }
        Ok(())
    }

    /// The index at hand, which says what the lost blocks held.
    fn index(&mut self, last: bool) -> Step {
        let ahead = &self.buffer[self.at..];
        let count = ahead.get(MARK_BYTES..2 * MARK_BYTES).map_or(0, |bytes| {
            u32::from_le_bytes(bytes.try_into().expect("the slice is that long"))
        });
        let possible = u64::from(count) <= self.offset() / MIN_BLOCK_BYTES + MISSING_BLOCKS_MAX
            && count >= self.next;
        let length = 2 * MARK_BYTES + count as usize * IndexEntry::BYTES + CHECKSUM_BYTES;
        if possible && ahead.len() < length && !last {
            return Step::NeedsMore;
        }
        let whole = ahead.get(..length).filter(|_| possible);
        let Some(bytes) = whole.filter(|bytes| layout::ends_with_checksum(bytes)) else {
            return self.search();
        };
        let (entries, _) = bytes[2 * MARK_BYTES..].as_chunks::<{ IndexEntry::BYTES }>();
        for (number, entry) in (0_u32..count).zip(entries) {
            let entry = IndexEntry::parse(entry);
            if number >= self.next {
                self.found.lost.insert(number, LostBlock::MISSING);
            }
            if let Some(lost) = self.found.lost.get_mut(&number) {
                lost.offset.get_or_insert(entry.offset);
                lost.keys.get_or_insert(u64::from(entry.keys));
                lost.db.get_or_insert(entry.db);
            }
        }
        self.place = Place::End;
        Step::On
    }
}

/// Counts keys on their way.
struct Counted<'a> {
    keys: u64,
    sink: &'a mut dyn SnapshotSink,
}

impl SnapshotSink for Counted<'_> {
    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        self.sink.select_db(db)
    }

    fn resize(&mut self, keys: u64, expires: u64) -> Result<(), Refused> {
        self.sink.resize(keys, expires)
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        self.keys += 1;
        self.sink.entry(entry)
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.sink.function(source)
    }

    fn empty_key(&mut self, key: &[u8]) -> Result<(), Refused> {
        self.keys += 1;
        self.sink.empty_key(key)
    }
}
