//! From a freeze to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!   under the engine's lock          without it
//!   begin ─► collect ─► collect ─┐   encode ─► encode ─► Step::Collect
//!              ▲                 └──►                        │
//!              └─────────────────────────────────────────────┘   … Step::Done ─► end
//! ```
//! Or `hand_over` instead of `encode`: a job that any thread runs while the next
//! slice is collected, and `take_back` after it.
//!
//! `collect` copies small values into a buffer, and takes large ones along as
//! copies that share their pieces; `encode` writes both out. BGSAVE and full
//! sync are the same walk with another writer behind it.

use std::collections::VecDeque;

use super::copies::Copies;
use super::entry::Entry;
use super::freeze::{FreezeId, FrozenDb, FrozenEntry, Walk};
use super::space::Keyspace;
use super::usage::UsagePolicy;
use crate::seams::snapshot::{
    EncodeError, EntryView, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};
use crate::value::ValueRef;

/// A slice takes so many entries along without copying their values.
const SHARED_PER_SLICE: usize = 2048;

/// A string of up to this length is written in one step.
const AT_ONCE_MAX_BYTES: usize = 16 << 10;

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
    /// What is collected.
    slice: Slice,
    /// The other one, while nothing is encoded elsewhere.
    spare: Option<Slice>,
    /// Absent while it works elsewhere.
    encoding: Option<Encoding>,
    walked: bool,
    keys: u64,
}

/// What was collected of a snapshot.
struct Slice {
    /// Small entries, to encode without the lock.
    copies: Copies,
    /// The others: large ones, and those that a write handed over before it
    /// changed them.
    queue: VecDeque<FrozenEntry>,
}

/// What makes bytes of slices.
struct Encoding {
    encoder: Box<dyn SnapshotEncoder>,
    dbs: Vec<FrozenDb>,
    selected: Option<usize>,
    resuming: bool,
    finished: bool,
    keys: u64,
    out: Vec<u8>,
    usage: UsagePolicy,
    now_s: u32,
}

/// A slice on its way through the encoder, on any thread, while the walk collects
/// the next one.
pub struct EncodeJob {
    encoding: Encoding,
    slice: Slice,
    /// Whether nothing comes after it.
    last: bool,
}

impl SnapshotWalk {
    /// Freezes `space` as it is and writes the header. `encoder` is for `meta`.
    pub fn begin(
        space: &mut Keyspace,
        encoder: Box<dyn SnapshotEncoder>,
        meta: &SnapshotMeta,
    ) -> Self {
        let freeze = space.freeze();
        let (usage, now_s) = (space.usage.policy, (meta.created_ms / 1000) as u32);
        let mut encoding = Encoding {
            encoder,
            dbs: space.frozen_dbs(freeze),
            selected: None,
            resuming: false,
            finished: false,
            keys: 0,
            out: Vec::new(),
            usage,
            now_s,
        };
        encoding.encoder.begin(&mut encoding.out);
        for source in space.functions() {
            encoding.encoder.function(source, &mut encoding.out);
        }
        Self {
            freeze,
            slice: Slice::new(usage, now_s),
            spare: None,
            encoding: Some(encoding),
            walked: false,
            keys: 0,
        }
    }

    /// Visits home groups (about eight entries each) until `more`, which is asked
    /// after each of them, says that the slice is over, or enough was taken.
    pub fn collect(&mut self, space: &mut Keyspace, more: &mut dyn FnMut() -> bool) {
        assert!(
            !self.encoding.as_ref().is_some_and(|here| here.resuming),
            "a large value is encoded whole before others"
        );
        while !self.walked {
            let Slice { copies, queue } = &mut self.slice;
            let visit = &mut |db: usize, entry: &Entry| {
                if !copies.push(db, entry) {
                    let entry = entry.with_key(entry.key(), entry.expire_ms());
                    queue.push_back(FrozenEntry { db, entry });
                }
            };
            self.walked = space.walk(self.freeze, 1, visit) == Walk::Done;
            if self.slice.is_full() || !more() {
                break;
            }
        }
        self.slice.queue.extend(space.take_handed(self.freeze));
    }

    /// Whether another `collect` would add to the slice at hand.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.walked && !self.slice.is_full()
    }

    /// Whether there is something to encode, or nothing more to collect.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.walked || !self.slice.is_empty()
    }

    /// Encodes about `budget_bytes` of what was collected.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn encode(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        let encoding = self.encoding.as_mut().expect(HERE);
        let step = encoding.encode(&mut self.slice, budget_bytes, self.walked);
        self.keys = encoding.keys;
        step
    }

    /// Lets what was collected be encoded elsewhere. Until it comes back the walk
    /// only collects.
    pub fn hand_over(&mut self) -> EncodeJob {
        let encoding = self.encoding.take().expect(HERE);
        let next = self.spare.take();
        let next = next.unwrap_or_else(|| Slice::new(encoding.usage, encoding.now_s));
        EncodeJob {
            encoding,
            slice: std::mem::replace(&mut self.slice, next),
            last: self.walked,
        }
    }

    /// Takes back a job that has nothing more to encode.
    pub fn take_back(&mut self, job: EncodeJob) {
        debug_assert!(job.slice.is_empty() && !job.encoding.resuming);
        self.keys = job.encoding.keys;
        self.encoding = Some(job.encoding);
        self.spare = Some(job.slice);
    }

    /// What has been encoded since the last call.
    pub fn take_block(&mut self) -> Vec<u8> {
        let encoding = self.encoding.as_mut().expect(HERE);
        std::mem::take(&mut encoding.out)
    }

    /// Bytes encoded since the last `take_block`.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.encoding.as_ref().map_or(0, |here| here.out.len())
    }

    /// Keys encoded so far, without those of a job that is under way.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Keys that there are to encode.
    #[must_use]
    pub fn keys_total(&self) -> u64 {
        let dbs = self.encoding.iter().flat_map(|here| &here.dbs);
        dbs.map(|db| db.keys as u64).sum()
    }

    /// Ends the freeze, complete or not; nothing but dropping it may follow, which
    /// needs no lock. A walk that is dropped without this keeps its freeze, and
    /// with it memory.
    pub fn end(&mut self, space: &mut Keyspace) {
        space.thaw(self.freeze);
    }
}

/// Why a walk has what it encodes with.
const HERE: &str = "what was handed over is taken back before that";

impl EncodeJob {
    /// Encodes about `budget_bytes`. [`Step::Collect`] says that the slice is
    /// through, and the job may be taken back.
    ///
    /// # Errors
    /// As [`SnapshotWalk::encode`].
    pub fn run(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        self.encoding
            .encode(&mut self.slice, budget_bytes, self.last)
    }

    /// Keys encoded so far, by all jobs of the walk.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.encoding.keys
    }

    /// What has been encoded, where that is at least `min_bytes`.
    pub fn take_block(&mut self, min_bytes: usize) -> Option<Vec<u8>> {
        let out = &mut self.encoding.out;
        (out.len() >= min_bytes).then(|| std::mem::take(out))
    }
}

impl Slice {
    fn new(usage: UsagePolicy, now_s: u32) -> Self {
        Self {
            copies: Copies::new(usage, now_s),
            queue: VecDeque::with_capacity(SHARED_PER_SLICE),
        }
    }

    fn is_full(&self) -> bool {
        self.copies.is_full() || self.queue.len() >= SHARED_PER_SLICE
    }

    fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.queue.is_empty()
    }
}

impl Encoding {
    fn encode(
        &mut self,
        slice: &mut Slice,
        budget_bytes: usize,
        last: bool,
    ) -> Result<Step, EncodeError> {
        while self.out.len() < budget_bytes {
            if self.resuming {
                let room = budget_bytes - self.out.len();
                self.resuming = self.encoder.resume(room, &mut self.out);
            } else if !self.encode_copied(slice)? && !self.encode_queued(slice)? {
                return Ok(self.out_of_work(last));
            }
        }
        Ok(Step::Encode)
    }

    /// Encodes one copied entry; false where there is none.
    fn encode_copied(&mut self, slice: &mut Slice) -> Result<bool, EncodeError> {
        let Some((db, view)) = slice.copies.next() else {
            return Ok(false);
        };
        select(
            &mut self.selected,
            &self.dbs,
            db,
            (&mut *self.encoder, &mut self.out),
        );
        self.keys += 1;
        self.encoder.entry(&view, &mut self.out)?;
        Ok(true)
    }

    /// Encodes one of the other entries, or begins to; false where there is none.
    fn encode_queued(&mut self, slice: &mut Slice) -> Result<bool, EncodeError> {
        let Some(FrozenEntry { db, entry }) = slice.queue.pop_front() else {
            return Ok(false);
        };
        select(
            &mut self.selected,
            &self.dbs,
            db,
            (&mut *self.encoder, &mut self.out),
        );
        self.keys += 1;
        let access = self.usage.access(entry.access(), self.now_s);
        if !is_written_at_once(entry.value()) {
            let entry = SnapshotEntry {
                key: entry.key().to_vec(),
                value: entry.value_to_owned(),
                expire_ms: entry.expire_ms(),
                access,
            };
            self.encoder.begin_large(entry, &mut self.out)?;
            self.resuming = true;
        } else {
            let view = EntryView {
                key: entry.key(),
                value: entry.value(),
                expire_ms: entry.expire_ms(),
                access,
            };
            self.encoder.entry(&view, &mut self.out)?;
        }
        Ok(true)
    }

    fn out_of_work(&mut self, last: bool) -> Step {
        if !last {
            return Step::Collect;
        }
        if !self.finished {
            self.encoder.finish(&mut self.out);
            self.finished = true;
        }
        Step::Done
    }
}

/// Whether a value is so small that pausing within it gains nothing.
fn is_written_at_once(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str(text) => text.len() <= AT_ONCE_MAX_BYTES,
        value => !value.is_large(),
    }
}

/// Says that entries of `db` follow, unless it was said already.
fn select(
    selected: &mut Option<usize>,
    dbs: &[FrozenDb],
    db: usize,
    (encoder, out): (&mut dyn SnapshotEncoder, &mut Vec<u8>),
) {
    if selected.replace(db) == Some(db) {
        return;
    }
    let frozen = dbs.iter().find(|frozen| frozen.db == db);
    let (keys, expires) = frozen.map_or((0, 0), |frozen| (frozen.keys, frozen.expires));
    let number = u32::try_from(db).expect("databases are few");
    encoder.select_db(number, keys as u64, expires as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::HashSeed;
    use crate::value::Value;
    use std::collections::BTreeMap;

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
                    walk.pending_bytes() < 16 * 1024,
                    "blocks stay near the budget"
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
    fn an_empty_dataset_is_a_head_and_an_end() {
        let mut space = space(0);
        let mut walk = begin(&mut space);
        walk.collect(&mut space, &mut || false);
        assert_eq!(walk.encode(1000), Ok(Step::Done));
        assert_eq!(walk.take_block(), b"begin\nend\n");
        walk.end(&mut space);
    }
}
