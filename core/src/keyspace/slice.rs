//! What a walk collects at a time: entries of one database, to be encoded without the
//! engine's lock.

use std::collections::VecDeque;

use super::copies::{Copies, SLICE_BYTES};
use super::entry::Entry;
use super::freeze::FrozenEntry;
use super::usage::UsagePolicy;
use crate::seams::snapshot::{EncodeError, EntryView, PartEncoder, SnapshotEntry};
use crate::value::ValueRef;

/// A slice takes so many entries along without copying their values.
const SHARED_PER_SLICE: usize = 2048;

/// How many elements tell how large an entry is.
const SAMPLES: usize = 8;

/// A string of up to this length is written in one step.
const AT_ONCE_MAX_BYTES: usize = 16 << 10;

/// See the module's comment. Room is kept from one use to the next.
pub(super) struct Slice {
    /// The database of all that is in it.
    db: usize,
    /// Small entries.
    copies: Copies,
    /// The others: large ones, and those that a write handed over before it
    /// changed them.
    queue: VecDeque<FrozenEntry>,
    /// About how much of `queue` is to be encoded in one step.
    queued_bytes: usize,
    /// About how large the entry is that is being encoded, if it is a large one.
    resuming: Option<usize>,
    usage: UsagePolicy,
    now_s: u32,
}

/// How far the encoding of a slice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    /// How many entries were completed.
    pub(super) keys: u64,
    /// Whether some of it is left.
    pub(super) more: bool,
}

impl Slice {
    pub(super) fn new(usage: UsagePolicy, now_s: u32) -> Self {
        Self {
            db: 0,
            copies: Copies::new(usage, now_s),
            queue: VecDeque::with_capacity(SHARED_PER_SLICE),
            queued_bytes: 0,
            resuming: None,
            usage,
            now_s,
        }
    }

    /// An empty one takes entries of `db` from now on.
    pub(super) fn begin(&mut self, db: usize) {
        debug_assert!(self.is_empty());
        self.db = db;
    }

    pub(super) const fn db(&self) -> usize {
        self.db
    }

    /// Whether it has taken as much as it may.
    pub(super) fn is_full(&self) -> bool {
        let queued = self.queue.len() >= SHARED_PER_SLICE || self.queued_bytes >= SLICE_BYTES;
        self.copies.is_full() || queued
    }

    pub(super) fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.queue.is_empty()
    }

    /// Takes an entry that the walk came to.
    pub(super) fn push(&mut self, entry: &Entry) {
        if !self.copies.push(entry) {
            let entry = entry.with_key(entry.key(), entry.expire_ms());
            self.push_frozen(FrozenEntry { db: self.db, entry });
        }
    }

    /// Takes an entry that a write handed over.
    pub(super) fn push_frozen(&mut self, frozen: FrozenEntry) {
        self.queued_bytes += frozen.entry.heap_bytes(0).min(AT_ONCE_MAX_BYTES);
        self.queue.push_back(frozen);
    }

    /// Encodes all that is written in one step, and about `budget_bytes` of what is large.
    pub(super) fn encode(
        &mut self,
        part: &mut dyn PartEncoder,
        mut budget_bytes: usize,
    ) -> Result<Encoded, EncodeError> {
        let mut keys = 0;
        while let Some(view) = self.copies.next() {
            part.entry(&view)?;
            keys += 1;
        }
        self.queued_bytes = 0;
        while self.resuming.is_some() || !self.queue.is_empty() {
            if let Some(bytes) = self.resuming {
                if part.resume(budget_bytes) {
                    return Ok(Encoded { keys, more: true });
                }
                self.resuming = None;
                budget_bytes = budget_bytes.saturating_sub(bytes);
                keys += 1;
            } else if budget_bytes == 0 {
                return Ok(Encoded { keys, more: true });
            } else if let Some(frozen) = self.queue.pop_front() {
                self.encode_one(&frozen, part)?;
                keys += u64::from(self.resuming.is_none());
            }
        }
        Ok(Encoded { keys, more: false })
    }

    /// Encodes an entry, or begins to.
    fn encode_one(
        &mut self,
        frozen: &FrozenEntry,
        part: &mut dyn PartEncoder,
    ) -> Result<(), EncodeError> {
        if is_written_at_once(frozen.entry.value()) {
            return part.entry(&frozen.view(self.usage, self.now_s));
        }
        part.begin_large(frozen.shared(self.usage, self.now_s))?;
        self.resuming = Some(frozen.entry.heap_bytes(SAMPLES));
        Ok(())
    }
}

/// Whether a value is so small that pausing within it gains nothing.
fn is_written_at_once(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str(text) => text.len() <= AT_ONCE_MAX_BYTES,
        value => !value.is_large(),
    }
}

impl FrozenEntry {
    /// The entry as encoders see it.
    fn view(&self, usage: UsagePolicy, now_s: u32) -> EntryView<'_> {
        EntryView {
            key: self.entry.key(),
            value: self.entry.value(),
            expire_ms: self.entry.expire_ms(),
            access: usage.access(self.entry.access(), now_s),
        }
    }

    /// The same, with a value that shares its pieces with this one.
    fn shared(&self, usage: UsagePolicy, now_s: u32) -> SnapshotEntry {
        let view = self.view(usage, now_s);
        SnapshotEntry {
            key: view.key.to_vec(),
            value: self.entry.value_to_owned(),
            expire_ms: view.expire_ms,
            access: view.access,
        }
    }
}
