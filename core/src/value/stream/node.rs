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
use crate::packed::listpack::{Entry, Iter, Listpack};
use crate::tree::Element;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;
/// Elements of every entry beside its fields and values: flags and two
/// differences.
const ENTRY_HEAD: i64 = 3;

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

/// One live entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields and values.
    pub fields: Vec<(Entry<'a>, Entry<'a>)>,
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
        let mut walk = Walk::new(id, &packed).ok_or(StreamNodeError::Master)?;
        let (mut live, mut deleted, mut last) = (0, 0, None);
        while let Some(entry) = walk.next_entry()? {
            if last.is_some_and(|last| entry.id <= last) || entry.id < id {
                return Err(StreamNodeError::Order);
            }
            last = Some(entry.id);
            *(if entry.deleted {
                &mut deleted
            } else {
                &mut live
            }) += 1;
        }
        if (live, deleted) != (walk.live, walk.deleted) || last.is_none() {
            return Err(StreamNodeError::Count);
        }
        Ok(Self {
            id,
            last_id: last,
            live: usize::try_from(live).map_err(|_| StreamNodeError::Count)?,
            packed: Arc::new(packed),
        })
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
        let mut walk =
            Walk::new(self.id, &self.packed).expect("the listpack was checked when it came");
        std::iter::from_fn(move || {
            loop {
                let entry = walk
                    .next_entry()
                    .expect("the listpack was checked when it came")?;
                if !entry.deleted {
                    return Some(StreamEntry {
                        id: entry.id,
                        fields: entry.fields,
                    });
                }
            }
        })
    }
}

/// Walks a run as a stranger.
struct Walk<'a> {
    base: StreamId,
    live: i64,
    deleted: i64,
    fields: Vec<Entry<'a>>,
    rest: Iter<'a>,
}

struct Walked<'a> {
    id: StreamId,
    deleted: bool,
    fields: Vec<(Entry<'a>, Entry<'a>)>,
}

impl<'a> Walk<'a> {
    fn new(base: StreamId, packed: &'a Listpack) -> Option<Self> {
        let mut rest = packed.iter();
        let live = int(&mut rest).filter(|n| *n >= 0)?;
        let deleted = int(&mut rest).filter(|n| *n >= 0)?;
        let count = usize::try_from(int(&mut rest)?).ok()?;
        // A count beyond what is there ends with `None`, without a reservation.
        let fields: Vec<_> = rest.by_ref().take(count).collect();
        let whole = fields.len() == count && int(&mut rest)? == 0;
        whole.then_some(Self {
            base,
            live,
            deleted,
            fields,
            rest,
        })
    }

    fn next_entry(&mut self) -> Result<Option<Walked<'a>>, StreamNodeError> {
        let Some(flags) = self.rest.next() else {
            return Ok(None);
        };
        self.entry_after(flags)
            .map(Some)
            .ok_or(StreamNodeError::Entry)
    }

    fn entry_after(&mut self, flags: Entry<'a>) -> Option<Walked<'a>> {
        let flags = flags.as_int()?;
        let ms = int(&mut self.rest)?;
        let seq = int(&mut self.rest)?;
        let (fields, items) = if flags & SAME_FIELDS != 0 {
            let rest = &mut self.rest;
            let fields = self.fields.iter().map(|field| Some((*field, rest.next()?)));
            let fields: Vec<_> = fields.collect::<Option<_>>()?;
            let items = fields.len() as i64 + ENTRY_HEAD;
            (fields, items)
        } else {
            let fields = self.own_fields()?;
            let items = 2 * fields.len() as i64 + ENTRY_HEAD + 1;
            (fields, items)
        };
        (int(&mut self.rest)? == items).then(|| Walked {
            // The sequence wraps, because a later millisecond may start lower.
            id: StreamId {
                ms: self.base.ms.wrapping_add_signed(ms),
                seq: self.base.seq.wrapping_add_signed(seq),
            },
            deleted: flags & DELETED != 0,
            fields,
        })
    }

    fn own_fields(&mut self) -> Option<Vec<(Entry<'a>, Entry<'a>)>> {
        let count = int(&mut self.rest).filter(|n| *n >= 0)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            fields.push((self.rest.next()?, self.rest.next()?));
        }
        Some(fields)
    }
}

fn int(rest: &mut Iter<'_>) -> Option<i64> {
    rest.next()?.as_int()
}
