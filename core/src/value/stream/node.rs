//! A run of entries in one listpack.
//!
//! ```text
//! master    live | deleted | fields n | field 1 … field n | 0
//! entry     flags | ms - master's | seq - master's | [n, field, value …] or [value …] | items
//! ```
//! Each word is one element of the listpack. `flags` bit 0 says that the entry
//! was deleted, bit 1 that its fields are the master's, so that only values
//! follow. `items` counts the entry's elements before it, for walking back.
//! Sources: t_stream.c of Redis 7.2 and its snapshots.

use std::fmt;
use std::sync::Arc;

use super::StreamId;
use super::walk::{DELETED, ENTRY_HEAD, Master, Raw, SAME_FIELDS, StreamEntry, Walk};
use crate::packed::listpack::{LISTPACK_BYTES_MAX, Listpack, Position};
use crate::tree::Element;

/// When a run is full, named after the directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamNodeLimits {
    /// `stream-node-max-bytes`; 0 for none.
    pub max_bytes: usize,
    /// `stream-node-max-entries`, deleted ones included; 0 for none.
    pub max_entries: usize,
}

impl StreamNodeLimits {
    /// Those of a server without a configuration.
    pub const DEFAULT: Self = Self {
        max_bytes: 4096,
        max_entries: 100,
    };
}

/// A run of entries. Always well formed.
#[derive(Clone, Debug)]
pub struct StreamNode {
    id: StreamId,
    last_id: Option<StreamId>,
    live: usize,
    packed: Arc<Listpack>,
}

impl Element for StreamNode {
    type Key = StreamId;

    fn key(&self) -> StreamId {
        self.id
    }

    fn weight(&self) -> usize {
        self.live
    }
}

/// Why a listpack is not a run of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamNodeError {
    /// It has no master entry, or one that contradicts itself.
    Master,
    /// An entry is cut short or malformed.
    Entry,
    /// The master's counts are not those of the entries.
    Count,
    /// Ids do not ascend.
    Order,
}

impl StreamNodeError {
    /// What is wrong, in words.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Master => "stream listpack without a valid master entry",
            Self::Entry => "stream listpack with a malformed entry",
            Self::Count => "stream listpack whose counts do not match its entries",
            Self::Order => "stream ids that do not ascend",
        }
    }
}

impl fmt::Display for StreamNodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl std::error::Error for StreamNodeError {}

impl StreamNode {
    /// Takes a listpack from outside, after walking all of it.
    pub fn from_listpack(id: StreamId, packed: Listpack) -> Result<Self, StreamNodeError> {
        let master = Master::read(&packed).ok_or(StreamNodeError::Master)?;
        let mut walk = Walk::new(id, &packed).ok_or(StreamNodeError::Master)?;
        let (mut live, mut deleted, mut last) = (0, 0, None);
        while let Some(entry) = walk.forward().ok_or(StreamNodeError::Entry)? {
            if last.is_some_and(|last| entry.id <= last) || entry.id < id {
                return Err(StreamNodeError::Order);
            }
            last = Some(entry.id);
            *(if entry.is_deleted() {
                &mut deleted
            } else {
                &mut live
            }) += 1;
        }
        if (live, deleted) != (master.live, master.deleted) || last.is_none() {
            return Err(StreamNodeError::Count);
        }
        Ok(Self {
            id,
            last_id: last,
            live: usize::try_from(live).map_err(|_| StreamNodeError::Count)?,
            packed: Arc::new(packed),
        })
    }

    /// A run that begins with an entry, whose fields become the master's. `pairs`
    /// are fields and values in turn.
    #[must_use]
    pub fn new(id: StreamId, pairs: &[&[u8]]) -> Self {
        let mut packed = Listpack::new();
        packed.push_back(1);
        packed.push_back(0);
        packed.push_back((pairs.len() / 2) as i64);
        for field in pairs.iter().step_by(2) {
            packed.push_back(*field);
        }
        packed.push_back(0);
        push_entry(&mut packed, (0, 0), pairs, true);
        Self {
            id,
            last_id: Some(id),
            live: 1,
            packed: Arc::new(packed),
        }
    }

    /// Whether an entry with so many bytes of fields and values needs a new run.
    #[must_use]
    pub fn is_full_for(&self, bytes: usize, limits: StreamNodeLimits) -> bool {
        let max_bytes = match limits.max_bytes {
            0 => LISTPACK_BYTES_MAX,
            bytes => bytes.min(LISTPACK_BYTES_MAX),
        };
        let master = self.master();
        let entries = (master.live + master.deleted) as usize;
        self.packed.byte_len() + bytes >= max_bytes
            || (limits.max_entries > 0 && entries >= limits.max_entries)
    }

    /// Appends an entry behind all others. `pairs` are fields and values in turn.
    pub fn append(&mut self, id: StreamId, pairs: &[&[u8]]) {
        debug_assert!(self.last_id.is_none_or(|last| last < id), "ids ascend");
        let same = self.has_master_fields(pairs);
        let difference = (
            id.ms.wrapping_sub(self.id.ms) as i64,
            id.seq.wrapping_sub(self.id.seq) as i64,
        );
        let packed = Arc::make_mut(&mut self.packed);
        push_entry(packed, difference, pairs, same);
        self.last_id = Some(id);
        self.live += 1;
        self.add_to_counts(1, 0);
    }

    fn has_master_fields(&self, pairs: &[&[u8]]) -> bool {
        let fields = self.master().fields();
        let mut own = pairs.iter().step_by(2);
        fields.len() == pairs.len() / 2 && fields.zip(&mut own).all(|(field, name)| field.is(name))
    }

    /// Deletes an entry; false where it is not there. It stays in the listpack,
    /// marked.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let mut walk = self.walk();
        let found = loop {
            match walk.step() {
                Some(entry) if entry.id < id => {}
                Some(entry) if entry.id == id && !entry.is_deleted() => break entry,
                _ => return false,
            }
        };
        let (at, flags) = (found.at, found.flags);
        Arc::make_mut(&mut self.packed).replace(at, flags | DELETED);
        self.live -= 1;
        self.add_to_counts(-1, 1);
        true
    }

    /// Deletes entries from the front for as long as `stop` does not say so of
    /// the next live one, and returns how many they were.
    pub fn delete_front(&mut self, mut stop: impl FnMut(StreamId) -> bool) -> usize {
        let mut deleted = 0;
        let mut at = self.master().entries_at;
        while let Some(entry) = self.entry_at(at) {
            if entry.is_deleted() {
                at = entry.next;
                continue;
            }
            if stop(entry.id) {
                break;
            }
            let flags = entry.flags | DELETED;
            Arc::make_mut(&mut self.packed).replace(at, flags);
            deleted += 1;
        }
        self.live -= deleted;
        self.add_to_counts(-(deleted as i64), deleted as i64);
        deleted
    }

    fn entry_at(&self, at: Position) -> Option<Raw<'_>> {
        let mut walk = self.walk();
        walk.seek(at);
        walk.step()
    }

    /// Changes what the master says of its entries.
    fn add_to_counts(&mut self, live: i64, deleted: i64) {
        let master = self.master();
        let (live, deleted) = (master.live + live, master.deleted + deleted);
        let packed = Arc::make_mut(&mut self.packed);
        let at = packed.first().expect("a run has a master entry");
        packed.replace(at, live);
        let at = packed.next(at).expect("a master entry has two counts");
        packed.replace(at, deleted);
    }

    fn master(&self) -> Master<'_> {
        Master::read(&self.packed).expect("the listpack was made or checked here")
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(self.id, &self.packed).expect("the listpack was made or checked here")
    }

    /// The id that the entries' ids are relative to.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The last id in the run, live or deleted.
    #[must_use]
    pub fn last_id(&self) -> Option<StreamId> {
        self.last_id
    }

    /// The first id in the run, live or deleted.
    #[must_use]
    pub fn first_id(&self) -> Option<StreamId> {
        self.walk().step().map(|entry| entry.id)
    }

    /// The number of live entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether every entry was deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The packed form.
    #[must_use]
    pub fn listpack(&self) -> &Listpack {
        &self.packed
    }

    /// The live entries.
    pub fn iter(&self) -> impl Iterator<Item = StreamEntry<'_>> {
        let mut walk = self.walk();
        std::iter::from_fn(move || walk.step()).filter_map(Raw::live)
    }

    /// The live entries, last first.
    pub fn iter_back(&self) -> impl Iterator<Item = StreamEntry<'_>> {
        let mut walk = self.walk();
        std::iter::from_fn(move || walk.step_back()).filter_map(Raw::live)
    }
}

/// Appends an entry's words.
fn push_entry(packed: &mut Listpack, difference: (i64, i64), pairs: &[&[u8]], same_fields: bool) {
    packed.push_back(if same_fields { SAME_FIELDS } else { 0 });
    packed.push_back(difference.0);
    packed.push_back(difference.1);
    let fields = (pairs.len() / 2) as i64;
    if same_fields {
        for value in pairs.iter().skip(1).step_by(2) {
            packed.push_back(*value);
        }
        packed.push_back(fields + ENTRY_HEAD);
    } else {
        packed.push_back(fields);
        for word in pairs {
            packed.push_back(*word);
        }
        packed.push_back(2 * fields + ENTRY_HEAD + 1);
    }
}
