//! The list value.
//!
//! * [`List`]: one listpack while it is small, a tree of chunks beyond.
//! * `chunk`, `chunks`: the pieces of a large list, and the tree of them.
//! * `limits`: what `list-max-listpack-size` bounds.
//! * [`ListLoader`], [`Node`]: lists from and to a snapshot.
//!
//! The two forms are the encodings `listpack` and `quicklist` of Redis, and the
//! conversions happen where Redis 7.2 makes them, so that OBJECT ENCODING agrees.

mod chunk;
mod chunks;
mod limits;
mod nodes;
#[cfg(test)]
mod tests;

use std::fmt;

use super::EncodingLimits;
use crate::packed::listpack::{self, Entry, Listpack, Needle};
use chunks::{Chunks, ChunksWalk};
pub use limits::CHUNK_BYTES_MAX;
use limits::PackLimits;
pub use nodes::{ListLoader, Node};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// Where a new element goes, seen from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// In front of it.
    Before,
    /// Behind it.
    After,
}

/// A list. A clone of a large one shares its chunks.
#[derive(Clone)]
pub struct List {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    /// Boxed, so that a small list does not pay for the tree's size.
    Chunks(Box<Chunks>),
}

impl List {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self {
            form: Form::Packed(Listpack::new()),
        }
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.len(),
            Form::Chunks(chunks) => chunks.len(),
        }
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    #[must_use]
    pub const fn encoding(&self) -> &'static str {
        match self.form {
            Form::Packed(_) => "listpack",
            Form::Chunks(_) => "quicklist",
        }
    }

    /// The elements of a list that is one listpack.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Packed(pack) => Some(pack),
            Form::Chunks(_) => None,
        }
    }

    /// The number of separate allocations to free, near enough to tell whether
    /// freeing them takes long.
    #[must_use]
    pub fn piece_count(&self) -> usize {
        match &self.form {
            Form::Packed(_) => 1,
            Form::Chunks(chunks) => chunks.chunk_count(),
        }
    }

    /// Bytes on the heap, judged by the first `samples` pieces.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match &self.form {
            Form::Packed(pack) => pack.capacity(),
            Form::Chunks(chunks) => chunks.heap_bytes(samples),
        }
    }

    /// Pushes `values` at one end, one after the other.
    pub fn push(&mut self, side: Side, values: &[&[u8]], limits: &EncodingLimits) {
        self.make_room(values, limits);
        for value in values {
            match (&mut self.form, side) {
                (Form::Packed(pack), Side::Left) => pack.push_front(*value),
                (Form::Packed(pack), Side::Right) => pack.push_back(*value),
                (Form::Chunks(chunks), _) => chunks.push(side, value, &PackLimits::chunk(limits)),
            }
        }
    }

    /// The element at one end.
    #[must_use]
    pub fn end(&self, side: Side) -> Option<Entry<'_>> {
        match (&self.form, side) {
            (Form::Packed(pack), Side::Left) => pack.get(0),
            (Form::Packed(pack), Side::Right) => pack.get(-1),
            (Form::Chunks(chunks), _) => chunks.end(side),
        }
    }

    /// Removes the element at one end, if there is one.
    pub fn drop_end(&mut self, side: Side, limits: &EncodingLimits) {
        self.remove_end(side);
        self.settle(limits);
    }

    fn remove_end(&mut self, side: Side) {
        match &mut self.form {
            Form::Packed(pack) => {
                let at = match side {
                    Side::Left => pack.first(),
                    Side::Right => pack.last(),
                };
                if let Some(at) = at {
                    pack.remove_run(at, 1);
                }
            }
            Form::Chunks(chunks) => chunks.drop_end(side),
        }
    }

    /// Takes the element at one end out.
    pub fn pop(&mut self, side: Side, limits: &EncodingLimits) -> Option<Vec<u8>> {
        let text = self.end(side)?.to_vec();
        self.drop_end(side, limits);
        Some(text)
    }

    /// Moves an element from one end to one end, which may be the same, and
    /// returns it. The encoding is settled once, for the list as it is then.
    pub fn rotate(&mut self, from: Side, to: Side, limits: &EncodingLimits) -> Option<Vec<u8>> {
        let text = self.end(from)?.to_vec();
        self.remove_end(from);
        self.push(to, &[&text], limits);
        self.settle(limits);
        Some(text)
    }

    /// Element `index` from the left, in O(log n).
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        match &self.form {
            Form::Packed(pack) => pack.get(i64::try_from(index).ok()?),
            Form::Chunks(chunks) => chunks.get(index),
        }
    }

    /// Puts `value` in the place of element `index`; false if there is none.
    pub fn set(&mut self, index: usize, value: &[u8], limits: &EncodingLimits) -> bool {
        // Redis makes room before it knows whether the index is there.
        self.make_room(&[value], limits);
        if index >= self.len() {
            return false;
        }
        match &mut self.form {
            Form::Packed(pack) => {
                let at = pack.seek(index as i64).expect("the index was checked");
                pack.replace(at, value);
            }
            Form::Chunks(chunks) => chunks.set(index, value, &PackLimits::chunk(limits)),
        }
        self.settle(limits);
        true
    }

    /// Inserts `value` beside the first element whose text is `pivot`; false if
    /// there is none.
    pub fn insert(
        &mut self,
        place: Insert,
        pivot: &[u8],
        value: &[u8],
        limits: &EncodingLimits,
    ) -> bool {
        // Redis makes room before it knows whether the pivot is there.
        self.make_room(&[value], limits);
        let needle = Needle::new(pivot);
        match &mut self.form {
            Form::Packed(pack) => insert_beside(pack, &needle, value, place),
            Form::Chunks(chunks) => {
                chunks.insert_beside(&needle, value, place, &PackLimits::chunk(limits))
            }
        }
    }

    /// Removes up to `count` elements from `start` on and returns how many there were.
    pub fn remove_range(&mut self, start: usize, count: usize, limits: &EncodingLimits) -> usize {
        let count = count.min(self.len().saturating_sub(start));
        if count == 0 {
            return 0;
        }
        match &mut self.form {
            Form::Packed(pack) => {
                pack.remove_range(start as i64, count);
            }
            Form::Chunks(chunks) => chunks.remove_range(start, count),
        }
        self.settle(limits);
        count
    }

    /// Removes up to `most` elements whose text is `value`, starting at `side`,
    /// and returns how many there were.
    pub fn remove_matches(
        &mut self,
        side: Side,
        value: &[u8],
        most: usize,
        limits: &EncodingLimits,
    ) -> usize {
        let needle = Needle::new(value);
        let removed = match &mut self.form {
            Form::Packed(pack) => remove_from_pack(pack, &needle, side, most),
            Form::Chunks(chunks) => {
                chunks.remove_matches(&needle, side, most, &PackLimits::chunk(limits))
            }
        };
        if removed > 0 {
            self.settle(limits);
        }
        removed
    }

    /// The elements after the `skip` ones next to `side`, away from it: from the
    /// left in order, from the right in reverse. O(log n) to start, then O(1) each.
    #[must_use]
    pub fn walk(&self, side: Side, skip: usize) -> Walk<'_> {
        match &self.form {
            Form::Packed(pack) => Walk(WalkForm::Packed(chunk::walk_pack(pack, side, skip), side)),
            Form::Chunks(chunks) => Walk(WalkForm::Chunks(chunks.walk(side, skip))),
        }
    }

    /// All elements in order.
    #[must_use]
    pub fn iter(&self) -> Walk<'_> {
        self.walk(Side::Left, 0)
    }

    /// Goes over to chunks if `values` would make a single listpack too large.
    /// Redis counts the bytes of the values, not of their entries.
    fn make_room(&mut self, values: &[&[u8]], limits: &EncodingLimits) {
        let Form::Packed(pack) = &mut self.form else {
            return;
        };
        let added: usize = values.iter().map(|value| value.len()).sum();
        let (bytes, count) = (pack.byte_len() + added, pack.len() + values.len());
        if !PackLimits::whole(limits).hold(bytes, count) {
            let mut chunks = Chunks::new();
            chunks.push_pack(std::mem::take(pack), &PackLimits::chunk(limits));
            self.form = Form::Chunks(Box::new(chunks));
        }
    }

    /// Goes back to a single listpack after a removal, if it would be well within
    /// the limit.
    fn settle(&mut self, limits: &EncodingLimits) {
        self.pack_within(&PackLimits::shrunk(limits));
    }

    /// Goes over to a single listpack if that is within `limits`. As in Redis,
    /// elements in several chunks stay there, unless one listpack may be larger
    /// than a chunk of ours.
    fn pack_within(&mut self, limits: &PackLimits) {
        let Form::Chunks(chunks) = &mut self.form else {
            return;
        };
        let chunks_max = if limits.exceed_chunk() { 16 } else { 1 };
        let is_apart = |chunk: &chunk::Chunk| chunk.is_apart(limits);
        if chunks.chunk_count() > chunks_max || chunks.iter().any(is_apart) {
            return;
        }
        let bytes = chunks.iter().map(chunk::Chunk::byte_len).sum();
        if limits.hold(bytes, chunks.len()) {
            let chunks = std::mem::replace(&mut **chunks, Chunks::new());
            self.form = Form::Packed(chunks.into_pack());
        }
    }
}

fn insert_beside(pack: &mut Listpack, needle: &Needle<'_>, value: &[u8], place: Insert) -> bool {
    let Some(at) = pack.find(*needle, 1) else {
        return false;
    };
    match place {
        Insert::Before => pack.insert_before(at, value),
        Insert::After => pack.insert_after(at, value),
    };
    true
}

fn remove_from_pack(pack: &mut Listpack, needle: &Needle<'_>, side: Side, most: usize) -> usize {
    let spared = match side {
        Side::Left => 0,
        Side::Right => {
            let matches = pack.iter().filter(|&entry| needle.matches(entry)).count();
            matches.saturating_sub(most)
        }
    };
    chunk::remove_matches(pack, needle, spared, most)
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Elements of a list, one after the other.
#[derive(Clone)]
pub struct Walk<'a>(WalkForm<'a>);

#[derive(Clone)]
enum WalkForm<'a> {
    Packed(listpack::Iter<'a>, Side),
    Chunks(ChunksWalk<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match &mut self.0 {
            WalkForm::Packed(iter, Side::Left) => iter.next(),
            WalkForm::Packed(iter, Side::Right) => iter.next_back(),
            WalkForm::Chunks(walk) => walk.next(),
        }
    }
}
