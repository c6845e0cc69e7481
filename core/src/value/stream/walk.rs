//! Reading a run of entries, from either end.

use super::StreamId;
use crate::packed::listpack::{Entry, Iter, Listpack, Position};

/// A flag: the entry was deleted.
pub(super) const DELETED: i64 = 1;
/// A flag: the entry's fields are the master's.
pub(super) const SAME_FIELDS: i64 = 2;
/// Elements of every entry beside its fields and values: flags and two
/// differences.
pub(super) const ENTRY_HEAD: i64 = 3;

/// What stands in front of a run's entries.
pub(super) struct Master<'a> {
    pub(super) live: i64,
    pub(super) deleted: i64,
    count: usize,
    fields: Iter<'a>,
    pub(super) entries_at: Position,
}

impl<'a> Master<'a> {
    /// `None` where the listpack does not begin with one.
    pub(super) fn read(packed: &'a Listpack) -> Option<Self> {
        let mut rest = packed.iter();
        let live = int(&mut rest).filter(|n| *n >= 0)?;
        let deleted = int(&mut rest).filter(|n| *n >= 0)?;
        let count = usize::try_from(int(&mut rest)?).ok()?;
        let fields = rest.clone();
        // A count beyond what is there ends with `None`.
        skip(&mut rest, count)?;
        (int(&mut rest)? == 0).then(|| Self {
            live,
            deleted,
            count,
            fields,
            entries_at: rest.position().unwrap_or(packed.end()),
        })
    }

    /// The master's fields.
    pub(super) fn fields(self) -> impl ExactSizeIterator<Item = Entry<'a>> {
        let mut fields = self.fields;
        (0..self.count).map(move |_| fields.next().expect("they were counted"))
    }
}

fn int(rest: &mut Iter<'_>) -> Option<i64> {
    rest.next()?.as_int()
}

fn skip(rest: &mut Iter<'_>, count: usize) -> Option<()> {
    (0..count).try_for_each(|_| rest.next().map(drop))
}

/// The fields and values of an entry.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// Where the fields' names are, if they are the master's.
    master: Option<Iter<'a>>,
    words: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Entry<'a>, Entry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let field = self.master.as_mut().unwrap_or(&mut self.words).next()?;
        Some((field, self.words.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// One live entry.
#[derive(Clone, Debug)]
pub struct StreamEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields and values.
    pub fields: Fields<'a>,
}

/// One entry as it lies in its listpack.
pub(super) struct Raw<'a> {
    pub(super) at: Position,
    pub(super) next: Position,
    pub(super) flags: i64,
    pub(super) id: StreamId,
    fields: Fields<'a>,
}

impl<'a> Raw<'a> {
    pub(super) const fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// The entry, unless it was deleted.
    pub(super) fn live(self) -> Option<StreamEntry<'a>> {
        (!self.is_deleted()).then_some(StreamEntry {
            id: self.id,
            fields: self.fields,
        })
    }
}

/// Walks a run. `forward` and `backward` mistrust every byte; `step` and
/// `step_back` walk what was checked before.
pub(super) struct Walk<'a> {
    base: StreamId,
    packed: &'a Listpack,
    master_fields: Iter<'a>,
    master_count: usize,
    front: Position,
    back: Position,
}

impl<'a> Walk<'a> {
    pub(super) fn new(base: StreamId, packed: &'a Listpack) -> Option<Self> {
        let master = Master::read(packed)?;
        Some(Self {
            base,
            packed,
            master_fields: master.fields,
            master_count: master.count,
            front: master.entries_at,
            back: packed.end(),
        })
    }

    /// Goes on from an entry's place.
    pub(super) const fn seek(&mut self, at: Position) {
        self.front = at;
    }

    /// The next entry; `None` inside where there is no more, outside where what
    /// is there is no entry.
    pub(super) fn forward(&mut self) -> Option<Option<Raw<'a>>> {
        if self.front >= self.back {
            return Some(None);
        }
        let entry = self.read(self.front)?;
        self.front = entry.next;
        Some(Some(entry))
    }

    /// The next entry of a run that was checked.
    pub(super) fn step(&mut self) -> Option<Raw<'a>> {
        self.forward().expect("the listpack was made or checked")
    }

    /// The entry before, of a run that was checked.
    pub(super) fn step_back(&mut self) -> Option<Raw<'a>> {
        if self.front >= self.back {
            return None;
        }
        let whole = "the listpack was made or checked";
        let mut at = self.packed.prev(self.back).expect(whole);
        let items = self.packed.entry(at).as_int().expect(whole);
        for _ in 0..items {
            at = self.packed.prev(at).expect(whole);
        }
        self.back = at;
        Some(self.read(at).expect(whole))
    }

    fn read(&self, at: Position) -> Option<Raw<'a>> {
        let mut rest = self.packed.iter_from(at);
        let flags = int(&mut rest)?;
        let ms = int(&mut rest)?;
        let seq = int(&mut rest)?;
        let same_fields = flags & SAME_FIELDS != 0;
        let count = if same_fields {
            self.master_count
        } else {
            usize::try_from(int(&mut rest)?).ok()?
        };
        let fields = Fields {
            master: same_fields.then(|| self.master_fields.clone()),
            words: rest.clone(),
            left: count,
        };
        let words = if same_fields {
            count
        } else {
            count.checked_mul(2)?
        };
        skip(&mut rest, words)?;
        let items = words as i64 + ENTRY_HEAD + i64::from(!same_fields);
        (int(&mut rest)? == items).then(|| Raw {
            at,
            next: rest.position().unwrap_or(self.packed.end()),
            flags,
            // The sequence wraps, because a later millisecond may start lower.
            id: StreamId {
                ms: self.base.ms.wrapping_add_signed(ms),
                seq: self.base.seq.wrapping_add_signed(seq),
            },
            fields,
        })
    }
}
