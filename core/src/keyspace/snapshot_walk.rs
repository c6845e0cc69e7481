//! From a freeze to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!   under the engine's lock     on any thread, several at once     in order
//!   begin
//!   collect ─► hand_over ─────► EncodeJob::run ──────────────────► take_back
//!   collect ─► hand_over ─────► EncodeJob::run ──────────────────► take_back, more is left
//!      …                        EncodeJob::run ──────────────────► take_back
//!   end                                                            finish
//! ```
//! `collect` copies small values into a buffer, and takes large ones along as copies
//! that share their pieces. A job encodes a slice apart from all others. A slice with a
//! large value comes in pieces: its job is run and taken back until nothing of it is
//! left, and those behind it wait. One who has a single thread calls `encode`, which
//! does all of it. BGSAVE and full sync are the same walk with another writer behind it.

use super::delta::Selection;
use super::delta::coding::seal;
use super::entry::Entry;
use super::freeze::{FreezeId, FrozenDb, Walk};
use super::slice::Slice;
use super::space::Keyspace;
use super::usage::UsagePolicy;
use crate::seams::snapshot::{
    EncodeError, EncodedPart, PartEncoder, SnapshotEncoder, SnapshotMeta,
};

/// How much of a large value is encoded at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the lock and call `collect`.
    Collect,
    /// Call `encode` again; no lock is needed.
    Encode,
    /// The snapshot is complete: take the last block, then call `end`.
    Done,
}

/// See the module's comment.
pub struct SnapshotWalk {
    freeze: FreezeId,
    dbs: Vec<FrozenDb>,
    filling: Filling,
    /// How many jobs are elsewhere.
    handed_over: usize,
    /// The job that `encode` has begun.
    unfinished: Option<EncodeJob>,
    encoder: Box<dyn SnapshotEncoder>,
    selected: Option<usize>,
    walked: bool,
    keys: u64,
    out: Vec<u8>,
    /// Whether only a part is walked, whose ranges follow behind it.
    is_delta: bool,
    /// The sealed list of these, until it is written.
    ranges: Vec<u8>,
}

/// What is collected: a slice for each database that something came from.
struct Filling {
    slices: Vec<EncodeJob>,
    /// Jobs that were taken back, for their room.
    spares: Vec<EncodeJob>,
    usage: UsagePolicy,
    now_s: u32,
}

/// A slice on its way through an encoder of its own, on any thread, while the walk
/// collects the next ones.
pub struct EncodeJob {
    slice: Slice,
    encoder: Box<dyn PartEncoder>,
    encoded: EncodedPart,
    keys: u64,
    /// Whether it is to be run again.
    more: bool,
}

impl Filling {
    /// The slice that takes entries of `db`.
    fn slice(&mut self, db: usize, encoder: &dyn SnapshotEncoder) -> &mut Slice {
        let found = self.slices.iter().position(|job| job.slice.db() == db);
        let at = found.unwrap_or_else(|| {
            let mut job = self.spares.pop().unwrap_or_else(|| EncodeJob {
                slice: Slice::new(self.usage, self.now_s),
                encoder: encoder.part(),
                encoded: EncodedPart::default(),
                keys: 0,
                more: false,
            });
            job.slice.begin(db);
            self.slices.push(job);
            self.slices.len() - 1
        });
        &mut self.slices[at].slice
    }

    fn is_full(&self) -> bool {
        self.slices.iter().any(|job| job.slice.is_full())
    }
}

impl SnapshotWalk {
    /// Freezes `space` as it is and writes the header. `encoder` is for `meta`.
    pub fn begin(
        space: &mut Keyspace,
        encoder: Box<dyn SnapshotEncoder>,
        meta: &SnapshotMeta,
    ) -> Self {
        Self::begin_part(space, encoder, meta, None)
    }

    /// The same with a part of it, or all. Behind a part, which is a snapshot like any
    /// other, stands the sealed list of the ranges that it fills (see `delta::coding`).
    pub fn begin_part(
        space: &mut Keyspace,
        mut encoder: Box<dyn SnapshotEncoder>,
        meta: &SnapshotMeta,
        part: Option<Selection>,
    ) -> Self {
        let is_delta = part.is_some();
        let freeze = space.freeze_part(part);
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for source in space.functions() {
            encoder.function(source, &mut out);
        }
        Self {
            freeze,
            dbs: space.frozen_dbs(freeze),
            filling: Filling {
                slices: Vec::new(),
                spares: Vec::new(),
                usage: space.usage.policy,
                now_s: (meta.created_ms / 1000) as u32,
            },
            handed_over: 0,
            unfinished: None,
            encoder,
            selected: None,
            walked: false,
            keys: 0,
            out,
            is_delta,
            ranges: Vec::new(),
        }
    }

    /// Visits home groups (about eight entries each) until `more`, which is asked
    /// after each of them, says that it is enough, or the slice is full.
    pub fn collect(&mut self, space: &mut Keyspace, more: &mut dyn FnMut() -> bool) {
        let (filling, encoder) = (&mut self.filling, &*self.encoder);
        while !self.walked {
            let visit = &mut |db: usize, entry: &Entry| filling.slice(db, encoder).push(entry);
            self.walked = space.walk(self.freeze, 1, visit) == Walk::Done;
            if self.walked && self.is_delta {
                self.ranges = seal(&space.take_ranges(self.freeze), space.seed());
            }
            if filling.is_full() || !more() {
                break;
            }
        }
        for frozen in space.take_handed(self.freeze) {
            filling.slice(frozen.db, encoder).push_frozen(frozen);
        }
    }

    /// Whether another `collect` would add to what is at hand.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.walked && !self.filling.is_full()
    }

    /// Whether everything was collected.
    #[must_use]
    pub const fn is_walked(&self) -> bool {
        self.walked
    }

    /// Lets a part of what was collected be encoded elsewhere; none where there is
    /// nothing.
    pub fn hand_over(&mut self) -> Option<EncodeJob> {
        let job = self.filling.slices.pop()?;
        self.handed_over += 1;
        Some(job)
    }

    /// Takes a job back that has run, in the order in which they were handed over. One
    /// that comes back here is to be run, and taken back, before the next one is.
    pub fn take_back(&mut self, mut job: EncodeJob) -> Option<EncodeJob> {
        self.keys += std::mem::take(&mut job.keys);
        if !job.encoded.0.is_empty() {
            self.select(job.slice.db());
            let encoded = std::mem::take(&mut job.encoded);
            self.encoder.append(encoded, &mut self.out);
        }
        if job.more {
            return Some(job);
        }
        self.handed_over -= 1;
        self.filling.spares.push(job);
        None
    }

    /// Encodes about `budget_bytes`, or a slice, of what was collected.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn encode(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        while self.out.len() < budget_bytes {
            let begun = self.unfinished.take();
            let Some(mut job) = begun.or_else(|| self.hand_over()) else {
                if !self.walked {
                    return Ok(Step::Collect);
                }
                self.finish();
                return Ok(Step::Done);
            };
            job.run()?;
            self.unfinished = self.take_back(job);
        }
        Ok(Step::Encode)
    }

    /// Says that entries of `db` follow, unless it was said already.
    fn select(&mut self, db: usize) {
        if self.selected.replace(db) == Some(db) {
            return;
        }
        // How many keys of a database a delta holds is not known yet.
        let mut frozen = self.dbs.iter().filter(|_| !self.is_delta);
        let frozen = frozen.find(|frozen| frozen.db == db);
        let (keys, expires) = frozen.map_or((0, 0), |frozen| (frozen.keys, frozen.expires));
        let number = u32::try_from(db).expect("databases are few");
        let (keys, expires) = (keys as u64, expires as u64);
        self.encoder.select_db(number, keys, expires, &mut self.out);
    }

    /// Writes what closes the snapshot, once all was collected and taken back.
    pub fn finish(&mut self) {
        let whole = self.walked && self.filling.slices.is_empty() && self.handed_over == 0;
        assert!(whole, "a snapshot is closed when everything is in it");
        self.encoder.finish(&mut self.out);
        self.out.append(&mut self.ranges);
    }

    /// What has been encoded since the last call.
    pub fn take_block(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Bytes encoded since the last `take_block`.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.out.len()
    }

    /// Keys encoded so far, without those of jobs that are under way.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Whether it is of a part of the dataset.
    #[must_use]
    pub const fn is_delta(&self) -> bool {
        self.is_delta
    }

    /// Keys that there are to encode; of a part it is not known how many.
    #[must_use]
    pub fn keys_total(&self) -> u64 {
        self.dbs.iter().map(|db| db.keys as u64).sum()
    }

    /// Ends the freeze, complete or not; nothing but dropping it may follow, which
    /// needs no lock. A walk that is dropped without this keeps its freeze, and
    /// with it memory.
    pub fn end(&mut self, space: &mut Keyspace) {
        space.thaw(self.freeze);
    }
}

impl EncodeJob {
    /// Encodes the slice, or the next piece of it.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn run(&mut self) -> Result<(), EncodeError> {
        let encoded = self.slice.encode(&mut *self.encoder, PIECE_BYTES)?;
        (self.keys, self.more) = (encoded.keys, encoded.more);
        self.encoded = self.encoder.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::HashSeed;
    use crate::seams::snapshot::{EntryView, SnapshotEntry};
    use crate::value::{Value, ValueRef};
    use std::collections::{BTreeMap, VecDeque};

    /// Three groups of short values, and twenty that writes handed over with theirs.
    const PENDING_MAX_BYTES: usize = 512 << 10;

    /// Writes lines, and cuts large strings into pieces.
    struct LineEncoder {
        db: u32,
        within_line: bool,
    }

    fn text(value: ValueRef<'_>) -> Vec<u8> {
        match value {
            ValueRef::Str(bytes) => bytes.to_vec(),
            ValueRef::Int(number) => number.to_string().into_bytes(),
            _ => unreachable!("these tests hold strings"),
        }
    }

    fn begin(space: &mut Keyspace) -> SnapshotWalk {
        let encoder = LineEncoder {
            db: 0,
            within_line: false,
        };
        SnapshotWalk::begin(space, Box::new(encoder), &SnapshotMeta::default())
    }

    impl SnapshotEncoder for LineEncoder {
        fn begin(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"begin\n");
        }

        fn function(&mut self, _source: &[u8], _out: &mut Vec<u8>) {}

        fn select_db(&mut self, db: u32, _keys: u64, _expires: u64, _out: &mut Vec<u8>) {
            assert!(!self.within_line);
            self.db = db;
        }

        fn entry(&mut self, _: &EntryView<'_>, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
            unreachable!("a walk encodes in parts")
        }

        fn part(&self) -> Box<dyn PartEncoder> {
            Box::new(LinePart::default())
        }

        fn append(&mut self, part: EncodedPart, out: &mut Vec<u8>) {
            for line in part.0.split_inclusive(|&byte| byte == b'\n') {
                // A large entry's line comes in pieces.
                if !std::mem::replace(&mut self.within_line, !line.ends_with(b"\n")) {
                    out.extend_from_slice(format!("{} ", self.db).as_bytes());
                }
                out.extend_from_slice(line);
            }
        }

        fn finish(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"end\n");
        }
    }

    /// Writes lines that lack their database, large ones in pieces.
    #[derive(Default)]
    struct LinePart {
        lines: Vec<u8>,
        large: Vec<u8>,
    }

    impl LinePart {
        fn line(entry: &EntryView<'_>) -> Vec<u8> {
            [entry.key, b" ", &text(entry.value), b"\n"].concat()
        }
    }

    impl PartEncoder for LinePart {
        fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
            assert!(self.large.is_empty());
            self.lines.extend(Self::line(entry));
            Ok(())
        }

        fn begin_large(&mut self, entry: SnapshotEntry) -> Result<(), EncodeError> {
            assert!(self.large.is_empty());
            self.large = Self::line(&entry.view());
            Ok(())
        }

        fn resume(&mut self, budget_bytes: usize) -> bool {
            let length = self.large.len().min(budget_bytes.max(1));
            self.lines.extend(self.large.drain(..length));
            !self.large.is_empty()
        }

        fn finish(&mut self) -> EncodedPart {
            EncodedPart(std::mem::take(&mut self.lines))
        }
    }

    fn space(keys: usize) -> Keyspace {
        let mut space = Keyspace::new(3, HashSeed::new(1, 2));
        for at in 0..keys {
            let key = format!("key:{at}");
            let value = match at % 3 {
                0 => Value::Int(at as i64),
                1 => Value::Str(format!("v{at}").into_bytes()),
                _ => Value::Str(vec![b'x'; at * 13 % 9000]),
            };
            space.begin_unit(at as u64);
            space.set(at % 3, key.as_bytes(), value, None);
        }
        space
    }

    fn content(space: &Keyspace) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for at in 0..2000 {
            let key = format!("key:{at}");
            if let Some(entry) = space.find(at % 3, key.as_bytes()) {
                all.insert(format!("{} {key}", at % 3), text(entry.value()));
            }
        }
        all
    }

    fn parsed(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let text = String::from_utf8(bytes.to_vec()).expect("these tests write text");
        let body = text
            .strip_prefix("begin\n")
            .and_then(|rest| rest.strip_suffix("end\n"));
        let mut all = BTreeMap::new();
        for line in body.expect("a head and an end").lines() {
            let (key, value) = line.rsplit_once(' ').expect("a key and a value");
            let old = all.insert(key.to_owned(), value.as_bytes().to_vec());
            assert!(old.is_none(), "{key} was written twice");
        }
        all
    }

    #[test]
    fn a_snapshot_under_writes_is_the_instant_of_its_freeze() {
        let mut space = space(1500);
        let expected = content(&space);
        let mut walk = begin(&mut space);
        assert_eq!(walk.keys_total(), 1500);
        let mut bytes = Vec::new();
        let mut at = 0;
        loop {
            let mut groups = 3;
            walk.collect(&mut space, &mut || {
                groups -= 1;
                groups > 0
            });
            for _ in 0..20 {
                at = (at * 31 + 7) % 2000;
                let key = format!("key:{at}");
                space.begin_unit(9000 + at as u64);
                if at % 5 == 0 {
                    space.remove(at % 3, key.as_bytes());
                } else {
                    space.set(at % 3, key.as_bytes(), Value::Int(-1), None);
                }
            }
            if at % 97 == 0 {
                space.flush(2);
            }
            let step = loop {
                let step = walk.encode(1000).expect("strings fit");
                assert!(
                    walk.pending_bytes() < PENDING_MAX_BYTES,
                    "blocks stay near the budget or a slice"
                );
                bytes.extend(walk.take_block());
                if step != Step::Encode {
                    break step;
                }
            };
            if step == Step::Done {
                break;
            }
        }
        assert_eq!(walk.keys(), 1500);
        walk.end(&mut space);
        assert_eq!(parsed(&bytes), expected);
    }

    #[test]
    fn jobs_run_in_any_order_and_are_taken_back_in_any_order() {
        let mut space = space(1500);
        let expected = content(&space);
        let mut walk = begin(&mut space);
        let mut jobs = VecDeque::new();
        let mut bytes = Vec::new();
        loop {
            while jobs.len() < 4 && !walk.is_walked() {
                let mut groups = 20;
                walk.collect(&mut space, &mut || {
                    groups -= 1;
                    groups > 0
                });
                jobs.extend(std::iter::from_fn(|| walk.hand_over()));
                space.begin_unit(5000);
                space.set(1, b"key:1", Value::Int(-1), None);
            }
            let turn = jobs.len().min(1);
            jobs.rotate_left(turn);
            jobs.iter_mut().rev().for_each(|job| {
                if job.encoded.0.is_empty() {
                    job.run().expect("strings fit");
                }
            });
            match jobs.pop_front() {
                Some(job) => {
                    let mut left = walk.take_back(job);
                    while let Some(mut job) = left {
                        job.run().expect("strings fit");
                        left = walk.take_back(job);
                    }
                }
                None => break,
            }
            bytes.extend(walk.take_block());
        }
        walk.finish();
        bytes.extend(walk.take_block());
        assert_eq!(walk.keys(), 1500);
        walk.end(&mut space);
        assert_eq!(parsed(&bytes), expected);
    }

    #[test]
    fn an_empty_dataset_is_a_head_and_an_end() {
        let mut space = space(0);
        let mut walk = begin(&mut space);
        walk.collect(&mut space, &mut || false);
        assert_eq!(walk.encode(1000), Ok(Step::Done));
        assert_eq!(walk.take_block(), b"begin\nend\n");
        walk.end(&mut space);
    }
}
