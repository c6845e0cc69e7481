//! From a freeze to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!   under the engine's lock     on any thread, several at once     in order
//!   begin
//!   collect ─► hand_over ─────► EncodeJob::run ──────────────────► take_back
//!   collect ─► hand_over ─────► EncodeJob::run ──────────────────► take_back
//!      …                                                           encode_rest
//!   end                                                            … Step::Done
//! ```
//! `collect` copies small values into a buffer, and takes large ones along as copies
//! that share their pieces. A job encodes a slice apart from all others; what is too
//! large for that is left to `encode_rest`, which pauses wherever the caller likes.
//! One who has a single thread calls `encode`, which does all of it. BGSAVE and full
//! sync are the same walk with another writer behind it.

use std::collections::VecDeque;

use super::delta::Selection;
use super::delta::coding::seal;
use super::entry::Entry;
use super::freeze::{FreezeId, FrozenDb, FrozenEntry, Walk};
use super::slice::{Slice, is_written_at_once};
use super::space::Keyspace;
use super::usage::UsagePolicy;
use crate::seams::snapshot::{
    EncodeError, EncodedPart, PartEncoder, SnapshotEncoder, SnapshotMeta,
};

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the lock and call `collect`, or take back a job.
    Collect,
    /// Call `encode` or `encode_rest` again; no lock is needed.
    Encode,
    /// The snapshot is complete: take the last block, then call `end`.
    Done,
}

/// See the module's comment.
pub struct SnapshotWalk {
    freeze: FreezeId,
    dbs: Vec<FrozenDb>,
    /// What is collected.
    slice: Slice,
    /// Jobs that were taken back, for their room.
    spares: Vec<EncodeJob>,
    /// How many jobs are elsewhere.
    handed_over: usize,
    encoder: Box<dyn SnapshotEncoder>,
    selected: Option<usize>,
    /// What jobs left, and whether its first entry is being written.
    rest: VecDeque<FrozenEntry>,
    resuming: bool,
    walked: bool,
    finished: bool,
    keys: u64,
    out: Vec<u8>,
    usage: UsagePolicy,
    now_s: u32,
    /// Whether only a part is walked, whose ranges follow behind it.
    is_delta: bool,
    /// The sealed list of these, until it is written.
    ranges: Vec<u8>,
}

/// A slice on its way through an encoder of its own, on any thread, while the walk
/// collects the next ones.
pub struct EncodeJob {
    slice: Slice,
    encoder: Box<dyn PartEncoder>,
    encoded: EncodedPart,
    rest: VecDeque<FrozenEntry>,
    keys: u64,
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
        let (usage, now_s) = (space.usage.policy, (meta.created_ms / 1000) as u32);
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for source in space.functions() {
            encoder.function(source, &mut out);
        }
        Self {
            freeze,
            dbs: space.frozen_dbs(freeze),
            slice: Slice::new(usage, now_s),
            spares: Vec::new(),
            handed_over: 0,
            encoder,
            selected: None,
            rest: VecDeque::new(),
            resuming: false,
            walked: false,
            finished: false,
            keys: 0,
            out,
            usage,
            now_s,
            is_delta,
            ranges: Vec::new(),
        }
    }

    /// Visits home groups (about eight entries each) until `more`, which is asked
    /// after each of them, says that it is enough, or the slice is full.
    pub fn collect(&mut self, space: &mut Keyspace, more: &mut dyn FnMut() -> bool) {
        while !self.walked {
            let slice = &mut self.slice;
            let visit = &mut |db: usize, entry: &Entry| slice.push(db, entry);
            self.walked = space.walk(self.freeze, 1, visit) == Walk::Done;
            if self.walked && self.is_delta {
                self.ranges = seal(&space.take_ranges(self.freeze), space.seed());
            }
            if self.slice.is_full() || !more() {
                break;
            }
        }
        for frozen in space.take_handed(self.freeze) {
            self.slice.push_frozen(frozen);
        }
    }

    /// Whether another `collect` would add to the slice at hand.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.walked && !self.slice.is_full()
    }

    /// Whether everything was collected.
    #[must_use]
    pub const fn is_walked(&self) -> bool {
        self.walked
    }

    /// Lets what was collected be encoded elsewhere.
    pub fn hand_over(&mut self) -> EncodeJob {
        self.handed_over += 1;
        let mut job = self.spares.pop().unwrap_or_else(|| EncodeJob {
            slice: Slice::new(self.usage, self.now_s),
            encoder: self.encoder.part(),
            encoded: EncodedPart::default(),
            rest: VecDeque::new(),
            keys: 0,
        });
        std::mem::swap(&mut self.slice, &mut job.slice);
        job
    }

    /// Takes a job back that has run. What it left is to be encoded before the next one
    /// is taken back.
    pub fn take_back(&mut self, mut job: EncodeJob) {
        assert!(
            !self.resuming,
            "a large value is encoded whole before others"
        );
        self.handed_over -= 1;
        self.keys += std::mem::take(&mut job.keys);
        if !job.encoded.0.is_empty() {
            self.select(job.slice.db());
            let encoded = std::mem::take(&mut job.encoded);
            self.encoder.append(encoded, &mut self.out);
        }
        self.rest.append(&mut job.rest);
        self.spares.push(job);
    }

    /// Encodes about `budget_bytes` of what jobs left.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn encode_rest(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        while self.out.len() < budget_bytes {
            if self.resuming {
                let room = budget_bytes - self.out.len();
                self.resuming = self.encoder.resume(room, &mut self.out);
            } else if let Some(frozen) = self.rest.pop_front() {
                self.encode_one(&frozen)?;
            } else {
                return Ok(self.out_of_work());
            }
        }
        Ok(Step::Encode)
    }

    /// Encodes what was collected, and about `budget_bytes` of what is large.
    ///
    /// # Errors
    /// As [`encode_rest`](Self::encode_rest).
    pub fn encode(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        if self.rest.is_empty() && !self.resuming && !self.slice.is_empty() {
            let mut job = self.hand_over();
            job.run()?;
            self.take_back(job);
        }
        self.encode_rest(budget_bytes)
    }

    /// Encodes an entry, or begins to.
    fn encode_one(&mut self, frozen: &FrozenEntry) -> Result<(), EncodeError> {
        self.select(frozen.db);
        self.keys += 1;
        if is_written_at_once(frozen.entry.value()) {
            let view = frozen.view(self.usage, self.now_s);
            return self.encoder.entry(&view, &mut self.out);
        }
        let entry = frozen.shared(self.usage, self.now_s);
        self.encoder.begin_large(entry, &mut self.out)?;
        self.resuming = true;
        Ok(())
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

    fn out_of_work(&mut self) -> Step {
        if !self.walked || !self.slice.is_empty() || self.handed_over > 0 {
            return Step::Collect;
        }
        if !self.finished {
            self.encoder.finish(&mut self.out);
            self.out.append(&mut self.ranges);
            self.finished = true;
        }
        Step::Done
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
    /// Encodes the slice.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn run(&mut self) -> Result<(), EncodeError> {
        self.keys = self.slice.encode(&mut *self.encoder, &mut self.rest)?;
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
    use std::collections::BTreeMap;

    /// Three groups of short values, and twenty that writes handed over with theirs.
    const PENDING_MAX_BYTES: usize = 512 << 10;

    /// Writes lines, and cuts large strings into pieces.
    struct LineEncoder {
        db: u32,
        large: Option<(Vec<u8>, usize)>,
    }

    fn text(value: ValueRef<'_>) -> Vec<u8> {
        match value {
            ValueRef::Str(bytes) => bytes.to_vec(),
            ValueRef::Int(number) => number.to_string().into_bytes(),
            _ => unreachable!("these tests hold strings"),
        }
    }

    fn begin(space: &mut Keyspace) -> SnapshotWalk {
        let encoder = LineEncoder { db: 0, large: None };
        SnapshotWalk::begin(space, Box::new(encoder), &SnapshotMeta::default())
    }

    impl SnapshotEncoder for LineEncoder {
        fn begin(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"begin\n");
        }

        fn function(&mut self, _source: &[u8], _out: &mut Vec<u8>) {}

        fn select_db(&mut self, db: u32, _keys: u64, _expires: u64, _out: &mut Vec<u8>) {
            assert!(self.large.is_none());
            self.db = db;
        }

        fn entry(&mut self, entry: &EntryView<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
            assert!(self.large.is_none());
            out.extend_from_slice(format!("{} ", self.db).as_bytes());
            out.extend_from_slice(entry.key);
            out.push(b' ');
            out.extend(text(entry.value));
            out.push(b'\n');
            Ok(())
        }

        fn part(&self) -> Box<dyn PartEncoder> {
            Box::new(LinePart(Vec::new()))
        }

        fn append(&mut self, part: EncodedPart, out: &mut Vec<u8>) {
            assert!(self.large.is_none());
            for line in part.0.split_inclusive(|&byte| byte == b'\n') {
                out.extend_from_slice(format!("{} ", self.db).as_bytes());
                out.extend_from_slice(line);
            }
        }

        fn begin_large(
            &mut self,
            entry: SnapshotEntry,
            out: &mut Vec<u8>,
        ) -> Result<(), EncodeError> {
            assert!(self.large.is_none());
            out.extend_from_slice(format!("{} ", self.db).as_bytes());
            out.extend_from_slice(&entry.key);
            out.push(b' ');
            self.large = Some((text(entry.value.view()), 0));
            Ok(())
        }

        fn resume(&mut self, budget_bytes: usize, out: &mut Vec<u8>) -> bool {
            let (bytes, at) = self.large.as_mut().expect("begun");
            let end = bytes.len().min(*at + budget_bytes.max(1));
            out.extend_from_slice(&bytes[*at..end]);
            *at = end;
            let more = *at < bytes.len();
            if !more {
                out.push(b'\n');
                self.large = None;
            }
            more
        }

        fn finish(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"end\n");
        }
    }

    /// Writes lines that lack their database.
    struct LinePart(Vec<u8>);

    impl PartEncoder for LinePart {
        fn entry(&mut self, entry: &EntryView<'_>) -> Result<(), EncodeError> {
            self.0.extend_from_slice(entry.key);
            self.0.push(b' ');
            self.0.extend(text(entry.value));
            self.0.push(b'\n');
            Ok(())
        }

        fn finish(&mut self) -> EncodedPart {
            EncodedPart(std::mem::take(&mut self.0))
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
                jobs.push_back(walk.hand_over());
                space.begin_unit(5000);
                space.set(1, b"key:1", Value::Int(-1), None);
            }
            jobs.rotate_left(1);
            jobs.iter_mut().rev().for_each(|job| {
                if job.encoded.0.is_empty() {
                    job.run().expect("strings fit");
                }
            });
            if let Some(job) = jobs.pop_front() {
                walk.take_back(job);
            }
            while walk.encode_rest(1000) == Ok(Step::Encode) {
                bytes.extend(walk.take_block());
            }
            bytes.extend(walk.take_block());
            if jobs.is_empty() && walk.encode_rest(1000) == Ok(Step::Done) {
                break;
            }
        }
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
