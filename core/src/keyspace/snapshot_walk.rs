//! From a freeze to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!   under the engine's lock          without it
//!   begin ─► collect ─► collect ─┐   encode ─► encode ─► Step::Collect
//!              ▲                 └──►                        │
//!              └─────────────────────────────────────────────┘   … Step::Done ─► end
//! ```
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
    EncodeError, SnapshotCodec, SnapshotEncoder, SnapshotEntry, SnapshotMeta,
};

/// A slice takes so many entries along without copying their values.
const SHARED_PER_SLICE: usize = 256;

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
    encoder: Box<dyn SnapshotEncoder>,
    dbs: Vec<FrozenDb>,
    selected: Option<usize>,
    /// Small entries of the slice, to encode without the lock.
    copies: Copies,
    /// The others: large ones, and those that a write handed over before it
    /// changed them.
    queue: VecDeque<FrozenEntry>,
    resuming: bool,
    walked: bool,
    finished: bool,
    keys: u64,
    out: Vec<u8>,
    usage: UsagePolicy,
    now_s: u32,
}

impl SnapshotWalk {
    /// Freezes `space` as it is and writes the header.
    pub fn begin(space: &mut Keyspace, codec: &dyn SnapshotCodec, meta: &SnapshotMeta) -> Self {
        let freeze = space.freeze();
        let (usage, now_s) = (space.usage.policy, (meta.created_ms / 1000) as u32);
        let mut walk = Self {
            freeze,
            encoder: codec.encoder(meta),
            dbs: space.frozen_dbs(freeze),
            selected: None,
            copies: Copies::new(usage, now_s),
            usage,
            now_s,
            queue: VecDeque::with_capacity(SHARED_PER_SLICE),
            resuming: false,
            walked: false,
            finished: false,
            keys: 0,
            out: Vec::new(),
        };
        walk.encoder.begin(&mut walk.out);
        for source in space.functions() {
            walk.encoder.function(source, &mut walk.out);
        }
        walk
    }

    /// Visits home groups (about eight entries each) until `more`, which is asked
    /// after each of them, says that the slice is over, or enough was taken.
    pub fn collect(&mut self, space: &mut Keyspace, more: &mut dyn FnMut() -> bool) {
        assert!(
            !self.resuming,
            "a large value is encoded whole before others"
        );
        while !self.walked {
            let (copies, queue) = (&mut self.copies, &mut self.queue);
            let visit = &mut |db: usize, entry: &Entry| {
                if !copies.push(db, entry) {
                    let entry = entry.with_key(entry.key(), entry.expire_ms());
                    queue.push_back(FrozenEntry { db, entry });
                }
            };
            self.walked = space.walk(self.freeze, 1, visit) == Walk::Done;
            if self.copies.is_full() || self.queue.len() >= SHARED_PER_SLICE || !more() {
                break;
            }
        }
        self.queue.extend(space.take_handed(self.freeze));
    }

    /// Encodes about `budget_bytes` of what was collected.
    ///
    /// # Errors
    /// Where the format cannot hold an entry. The walk is then to be ended.
    pub fn encode(&mut self, budget_bytes: usize) -> Result<Step, EncodeError> {
        while self.out.len() < budget_bytes {
            if self.resuming {
                let room = budget_bytes - self.out.len();
                self.resuming = self.encoder.resume(room, &mut self.out);
            } else if !self.encode_copied()? && !self.encode_queued()? {
                return Ok(self.out_of_work());
            }
        }
        Ok(Step::Encode)
    }

    /// Encodes one copied entry; false where there is none.
    fn encode_copied(&mut self) -> Result<bool, EncodeError> {
        let Some((db, view)) = self.copies.next() else {
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
    fn encode_queued(&mut self) -> Result<bool, EncodeError> {
        let Some(FrozenEntry { db, entry }) = self.queue.pop_front() else {
            return Ok(false);
        };
        select(
            &mut self.selected,
            &self.dbs,
            db,
            (&mut *self.encoder, &mut self.out),
        );
        self.keys += 1;
        if self.copies.push(db, &entry) {
            let (_, view) = self.copies.next().expect("it was just put there");
            self.encoder.entry(&view, &mut self.out)?;
            return Ok(true);
        }
        let entry = SnapshotEntry {
            key: entry.key().to_vec(),
            value: entry.value_to_owned(),
            expire_ms: entry.expire_ms(),
            access: self.usage.access(entry.access(), self.now_s),
        };
        self.encoder.begin_large(entry, &mut self.out)?;
        self.resuming = true;
        Ok(true)
    }

    fn out_of_work(&mut self) -> Step {
        if !self.walked {
            return Step::Collect;
        }
        if !self.finished {
            self.encoder.finish(&mut self.out);
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

    /// Keys encoded so far.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Keys that there are to encode.
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
    use crate::seams::snapshot::{DecodeOptions, EntryView, SnapshotDecoder};
    use crate::value::{Value, ValueRef};
    use std::collections::BTreeMap;

    /// A format of lines, which cuts large strings into pieces.
    struct Lines;

    struct LineEncoder {
        db: u32,
        large: Option<(Vec<u8>, usize)>,
    }

    impl SnapshotCodec for Lines {
        fn name(&self) -> &'static str {
            "lines"
        }

        fn recognises(&self, _head: &[u8]) -> Option<bool> {
            Some(true)
        }

        fn encoder(&self, _meta: &SnapshotMeta) -> Box<dyn SnapshotEncoder> {
            Box::new(LineEncoder { db: 0, large: None })
        }

        fn decoder(&self, _options: DecodeOptions) -> Box<dyn SnapshotDecoder> {
            unreachable!("these tests only encode")
        }
    }

    fn text(value: ValueRef<'_>) -> Vec<u8> {
        match value {
            ValueRef::Str(bytes) => bytes.to_vec(),
            ValueRef::Int(number) => number.to_string().into_bytes(),
            _ => unreachable!("these tests hold strings"),
        }
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
        let mut walk = SnapshotWalk::begin(&mut space, &Lines, &SnapshotMeta::default());
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
        let mut walk = SnapshotWalk::begin(&mut space, &Lines, &SnapshotMeta::default());
        walk.collect(&mut space, &mut || false);
        assert_eq!(walk.encode(1000), Ok(Step::Done));
        assert_eq!(walk.take_block(), b"begin\nend\n");
        walk.end(&mut space);
    }
}
