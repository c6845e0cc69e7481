//! A large list: listpacks of at most 8 KB in a tree that counts their elements.

use super::chunk::{Chunk, ChunkWalk};
use super::limits::PackLimits;
use super::{Insert, Side};
use crate::packed::listpack::{Entry, Listpack, Needle};
use crate::tree::{Iter, Tree};

/// The chunks of a list, none of them empty.
#[derive(Clone)]
pub(super) struct Chunks {
    tree: Tree<Chunk>,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { tree: Tree::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.tree.weight()
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.tree.len()
    }

    /// Bytes on the heap, its own box included.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        size_of::<Self>() + self.tree.heap_bytes(samples, Chunk::heap_bytes)
    }

    pub(super) fn iter(&self) -> Iter<'_, Chunk> {
        self.tree.iter()
    }

    /// Appends a chunk as it is.
    pub(super) fn push_chunk(&mut self, chunk: Chunk) {
        if chunk.count() > 0 {
            self.tree.push_back(chunk);
        }
    }

    /// Appends a listpack, cut into chunks where it is too large for one.
    pub(super) fn push_pack(&mut self, pack: Listpack, limits: &PackLimits) {
        if limits.hold(pack.byte_len(), 0) {
            return self.push_chunk(Chunk::packed(pack));
        }
        let mut digits = itoa::Buffer::new();
        for entry in &pack {
            self.push(Side::Right, entry.text(&mut digits), limits);
        }
    }

    pub(super) fn push(&mut self, side: Side, value: &[u8], limits: &PackLimits) {
        let index = self.end_index(side);
        let pushed = |chunk: &mut Chunk| chunk.push(side, value, limits);
        if self.tree.update_at(index, pushed) != Some(true) {
            match side {
                Side::Left => self.tree.push_front(Chunk::of_one(value, limits)),
                Side::Right => self.tree.push_back(Chunk::of_one(value, limits)),
            }
        }
    }

    /// The index of the chunk at one end, meaningless where there is none.
    fn end_index(&self, side: Side) -> usize {
        match side {
            Side::Left => 0,
            Side::Right => self.tree.len().saturating_sub(1),
        }
    }

    fn end_chunk(&self, side: Side) -> Option<&Chunk> {
        match side {
            Side::Left => self.tree.first(),
            Side::Right => self.tree.last(),
        }
    }

    pub(super) fn end(&self, side: Side) -> Option<Entry<'_>> {
        self.end_chunk(side).map(|chunk| chunk.end(side))
    }

    /// Removes the element at one end.
    pub(super) fn drop_end(&mut self, side: Side) {
        let Some(count) = self.end_chunk(side).map(Chunk::count) else {
            return;
        };
        let (index, offset) = match side {
            Side::Left => (0, 0),
            Side::Right => (self.tree.len() - 1, count - 1),
        };
        self.remove_from_chunk(index, offset, 1, count);
    }

    /// Removes a part of chunk `index`, or the chunk with all of its `len` elements.
    fn remove_from_chunk(&mut self, index: usize, offset: usize, count: usize, len: usize) {
        if count == len {
            self.tree.remove_at(index);
        } else if count > 0 {
            self.tree
                .update_at(index, |chunk| chunk.remove(offset, count));
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Entry<'_>> {
        let found = self.tree.at_rank(index)?;
        Some(found.item.entry(index - found.rank))
    }

    /// Puts `value` in the place of element `index`, which is there.
    pub(super) fn set(&mut self, index: usize, value: &[u8], limits: &PackLimits) {
        let replaced = |chunk: &mut Chunk, offset| chunk.replace(offset, value, limits);
        if self.tree.update_at_rank(index, replaced) != Some(true) {
            self.remove_range(index, 1);
            self.insert(index, value, limits);
        }
    }

    /// Inserts `value` before element `index`, or appends it.
    pub(super) fn insert(&mut self, index: usize, value: &[u8], limits: &PackLimits) {
        let Some(found) = self.tree.at_rank(index) else {
            return self.push(Side::Right, value, limits);
        };
        let (at, offset) = (found.index, index - found.rank);
        if found.item.has_room(value, limits) {
            self.tree
                .update_at(at, |chunk| chunk.insert(offset, value, limits));
        } else if offset == 0 {
            self.insert_between(at, value, limits);
        } else {
            let tail = self.tree.update_at(at, |chunk| chunk.split_off(offset));
            let tail = tail.expect("the chunk was just found");
            self.tree.insert_at(at + 1, tail);
            self.insert_between(at + 1, value, limits);
        }
    }

    /// Inserts `value` between chunk `at` and the one before: at the end of one of
    /// them, or in a chunk of its own.
    fn insert_between(&mut self, at: usize, value: &[u8], limits: &PackLimits) {
        let appended = |chunk: &mut Chunk| chunk.push(Side::Right, value, limits);
        let prepended = |chunk: &mut Chunk| chunk.push(Side::Left, value, limits);
        let has_room = |chunk: Option<&Chunk>| chunk.is_some_and(|c| c.has_room(value, limits));
        if at > 0 && has_room(self.tree.get_at(at - 1)) {
            self.tree.update_at(at - 1, appended);
        } else if has_room(self.tree.get_at(at)) {
            self.tree.update_at(at, prepended);
        } else {
            self.tree.insert_at(at, Chunk::of_one(value, limits));
        }
    }

    /// Inserts `value` beside the first element with the needle's text.
    pub(super) fn insert_beside(
        &mut self,
        needle: &Needle<'_>,
        value: &[u8],
        place: Insert,
        limits: &PackLimits,
    ) -> bool {
        let mut walk = self.walk(Side::Left, 0);
        let Some(index) = walk.position(|entry| needle.matches(entry)) else {
            return false;
        };
        let index = match place {
            Insert::Before => index,
            Insert::After => index + 1,
        };
        self.insert(index, value, limits);
        true
    }

    /// Removes `count` elements from `start` on, all of which are there.
    pub(super) fn remove_range(&mut self, start: usize, count: usize) {
        let end = start + count;
        let Some(first) = self.tree.at_rank(start) else {
            return;
        };
        let (from, offset, len) = (first.index, start - first.rank, first.item.count());
        if offset + count <= len {
            return self.remove_from_chunk(from, offset, count, len);
        }
        // The right rim first: what stands before it keeps its place.
        let to = match self.tree.at_rank(end) {
            None => self.tree.len(),
            Some(last) => {
                let (to, kept_from) = (last.index, end - last.rank);
                let len = last.item.count();
                self.remove_from_chunk(to, 0, kept_from, len);
                to
            }
        };
        self.remove_from_chunk(from, offset, len - offset, len);
        let gone = usize::from(offset == 0);
        self.tree.remove_range(from + 1 - gone..to - gone);
    }

    /// Removes up to `most` elements with the needle's text, starting at `side`.
    pub(super) fn remove_matches(
        &mut self,
        needle: &Needle<'_>,
        side: Side,
        most: usize,
        limits: &PackLimits,
    ) -> usize {
        let mut removed = 0;
        let mut visited = 0;
        while removed < most && visited < self.tree.len() {
            let index = match side {
                Side::Left => visited,
                Side::Right => self.tree.len() - 1 - visited,
            };
            let before = self.tree.len();
            let gone = self.remove_matches_in(index, needle, side, most - removed);
            removed += gone;
            // The others of the run have moved up if the chunk went, or was merged.
            let neighbour = match side {
                Side::Left => index.checked_sub(1),
                Side::Right => Some(index),
            };
            let emptied = self.tree.len() < before;
            let mut merged = || gone > 0 && neighbour.is_some_and(|left| self.merge(left, limits));
            visited += usize::from(!emptied && !merged());
        }
        removed
    }

    /// Removes up to `most` matches from one chunk, or the chunk with them, and
    /// returns how many there were.
    fn remove_matches_in(
        &mut self,
        index: usize,
        needle: &Needle<'_>,
        side: Side,
        most: usize,
    ) -> usize {
        let chunk = self.tree.get_at(index).expect("visited chunks are there");
        let (matches, len) = (chunk.matches(needle), chunk.count());
        let quota = matches.min(most);
        let spared = match side {
            Side::Left => 0,
            Side::Right => matches - quota,
        };
        if quota == len {
            self.tree.remove_at(index);
        } else if quota > 0 {
            let remove = |chunk: &mut Chunk| chunk.remove_matches(needle, spared, quota);
            self.tree.update_at(index, remove);
        }
        quota
    }

    /// Makes one chunk of `left` and the one behind it, where it would be small:
    /// a list from which most was removed should not keep a chunk per element. The
    /// last two stay apart, because Redis, which does not merge here, would answer
    /// that such a list is a quicklist.
    fn merge(&mut self, left: usize, limits: &PackLimits) -> bool {
        if self.tree.len() <= 2 {
            return false;
        }
        let pair = self.tree.get_at(left).zip(self.tree.get_at(left + 1));
        if !pair.is_some_and(|(left, right)| left.merges_with(right, limits)) {
            return false;
        }
        let right = self.tree.remove_at(left + 1).expect("it was just read");
        self.tree.update_at(left, |chunk| chunk.append(&right));
        true
    }

    /// Walks away from `side`, past `skip` elements.
    pub(super) fn walk(&self, side: Side, skip: usize) -> ChunksWalk<'_> {
        let index = match side {
            Side::Left => Some(skip),
            Side::Right => (self.len()).checked_sub(skip + 1),
        };
        let Some(found) = index.and_then(|index| Some((index, self.tree.at_rank(index)?))) else {
            return ChunksWalk {
                current: None,
                rest: self.tree.range(0..0),
                side,
            };
        };
        let (index, found) = found;
        let offset = index - found.rank;
        let (skip, rest) = match side {
            Side::Left => (offset, found.index + 1..self.tree.len()),
            Side::Right => (found.item.count() - 1 - offset, 0..found.index),
        };
        ChunksWalk {
            current: Some(found.item.walk(side, skip)),
            rest: self.tree.range(rest),
            side,
        }
    }

    /// All elements in one listpack.
    pub(super) fn into_pack(mut self) -> Listpack {
        if self.tree.len() == 1 {
            let only = self.tree.pop_front().expect("there is one chunk");
            match only.into_pack() {
                Ok(pack) => return pack,
                Err(plain) => self.tree.push_back(plain),
            }
        }
        self.walk(Side::Left, 0).collect()
    }
}

/// Walks all chunks from one end.
#[derive(Clone)]
pub(super) struct ChunksWalk<'a> {
    current: Option<ChunkWalk<'a>>,
    rest: Iter<'a, Chunk>,
    side: Side,
}

impl<'a> Iterator for ChunksWalk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entry) = self.current.as_mut()?.next() {
                return Some(entry);
            }
            let chunk = match self.side {
                Side::Left => self.rest.next(),
                Side::Right => self.rest.next_back(),
            };
            self.current = chunk.map(|chunk| chunk.walk(self.side, 0));
        }
    }
}
