//! One piece of a large list.

use std::sync::Arc;

use super::Side;
use super::limits::{CHUNK_BYTES_MAX, PackLimits};
use crate::packed::listpack::{self, Entry, Listpack, Needle, Position};
use crate::tree::Element;
use crate::value::ARC_COUNTS_BYTES;

/// The elements of a chunk.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Elements in a listpack of at most [`CHUNK_BYTES_MAX`] bytes.
    Packed(Listpack),
    /// One element that is too large for such a listpack.
    Plain(Vec<u8>),
}

/// A chunk as it lies in the tree: shared with every frozen list that has it,
/// and counted, so that a search by index does not reach for its bytes.
/// Never empty while it is in a tree.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    count: u32,
    data: Arc<Data>,
}

impl Element for Chunk {
    type Key = ();

    fn key(&self) {}

    fn weight(&self) -> usize {
        self.count()
    }
}

impl Chunk {
    /// A chunk of one element.
    pub(super) fn of_one(value: &[u8], limits: &PackLimits) -> Self {
        let is_large =
            value.len() > CHUNK_BYTES_MAX / 2 && Listpack::encoded_len(value) > CHUNK_BYTES_MAX;
        if is_large || limits.keep_apart(value.len()) {
            return Self::plain(value.to_vec());
        }
        Self::packed(Listpack::from_iter([value]))
    }

    /// A chunk of one large element.
    pub(super) fn plain(value: Vec<u8>) -> Self {
        Self {
            count: 1,
            data: Arc::new(Data::Plain(value)),
        }
    }

    /// A chunk of the elements of a listpack.
    pub(super) fn packed(pack: Listpack) -> Self {
        Self {
            count: pack.len() as u32,
            data: Arc::new(Data::Packed(pack)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    pub(super) fn data(&self) -> &Data {
        &self.data
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let elements = match &*self.data {
            Data::Packed(pack) => pack.capacity(),
            Data::Plain(value) => value.capacity(),
        };
        ARC_COUNTS_BYTES + size_of::<Data>() + elements
    }

    /// Bytes as the limits count them.
    pub(super) fn byte_len(&self) -> usize {
        match &*self.data {
            Data::Packed(pack) => pack.byte_len(),
            Data::Plain(value) => value.len(),
        }
    }

    /// Whether this is one element that is kept apart.
    pub(super) fn is_apart(&self, limits: &PackLimits) -> bool {
        matches!(&*self.data, Data::Plain(value) if limits.keep_apart(value.len()))
    }

    /// The chunk's bytes, if they are a listpack's and nobody else needs them.
    pub(super) fn into_pack(self) -> Result<Listpack, Self> {
        match &*self.data {
            Data::Plain(_) => Err(self),
            Data::Packed(_) => match Arc::unwrap_or_clone(self.data) {
                Data::Packed(pack) => Ok(pack),
                Data::Plain(_) => unreachable!("it was packed a moment ago"),
            },
        }
    }

    fn pack_mut(&mut self) -> Option<&mut Listpack> {
        match &*self.data {
            Data::Plain(_) => None,
            Data::Packed(_) => match Arc::make_mut(&mut self.data) {
                Data::Packed(pack) => Some(pack),
                Data::Plain(_) => unreachable!("it was packed a moment ago"),
            },
        }
    }

    fn pack(&self) -> Option<&Listpack> {
        match &*self.data {
            Data::Packed(pack) => Some(pack),
            Data::Plain(_) => None,
        }
    }

    /// Whether `value` may be added.
    pub(super) fn has_room(&self, value: &[u8], limits: &PackLimits) -> bool {
        let pack = self.pack().filter(|_| !limits.keep_apart(value.len()));
        pack.is_some_and(|pack| limits.hold_one_more(pack.byte_len(), self.count(), value.len()))
    }

    /// Inserts `value` before element `offset`, or appends it where that is the
    /// count; false, and nothing changed, where there is no room.
    pub(super) fn insert(&mut self, offset: usize, value: &[u8], limits: &PackLimits) -> bool {
        if !self.has_room(value, limits) {
            return false;
        }
        let pack = self.pack_mut().expect("only a listpack has room");
        pack.insert_before(place(pack, offset), value);
        self.count += 1;
        true
    }

    /// Puts `value` at one end; false, and nothing changed, where there is no room.
    pub(super) fn push(&mut self, side: Side, value: &[u8], limits: &PackLimits) -> bool {
        let offset = match side {
            Side::Left => 0,
            Side::Right => self.count(),
        };
        self.insert(offset, value, limits)
    }

    /// Puts `value` in the place of element `offset`; false, and nothing changed,
    /// where the chunk would grow too large, or the value is to be kept apart.
    pub(super) fn replace(&mut self, offset: usize, value: &[u8], limits: &PackLimits) -> bool {
        let Some(pack) = self.pack().filter(|_| !limits.keep_apart(value.len())) else {
            return false;
        };
        let at = place(pack, offset);
        let old_len = Listpack::encoded_len(pack.entry(at));
        if pack.byte_len() - old_len + Listpack::encoded_len(value) > CHUNK_BYTES_MAX {
            return false;
        }
        let pack = self.pack_mut().expect("it was a listpack a moment ago");
        pack.replace(at, value);
        true
    }

    /// Cuts the elements from `offset` on off.
    pub(super) fn split_off(&mut self, offset: usize) -> Self {
        let pack = self.pack_mut().expect("a single element is not split");
        let tail = Self::packed(pack.split_off(place(pack, offset)));
        self.count -= tail.count;
        tail
    }

    /// Removes `count` elements from `offset` on; some others must remain.
    pub(super) fn remove(&mut self, offset: usize, count: usize) {
        let pack = self
            .pack_mut()
            .expect("a single element goes with its chunk");
        let removed = pack.remove_run(place(pack, offset), count);
        self.count -= removed as u32;
    }

    /// How many elements have this text.
    pub(super) fn matches(&self, needle: &Needle<'_>) -> usize {
        match &*self.data {
            Data::Packed(pack) => pack.iter().filter(|&entry| needle.matches(entry)).count(),
            Data::Plain(value) => usize::from(needle.matches(Entry::Str(value))),
        }
    }

    /// Removes elements with this text, `quota` of them, after the first `spared`;
    /// some elements must remain.
    pub(super) fn remove_matches(&mut self, needle: &Needle<'_>, spared: usize, quota: usize) {
        let pack = self
            .pack_mut()
            .expect("a single element goes with its chunk");
        self.count -= remove_matches(pack, needle, spared, quota) as u32;
    }

    /// Appends the elements of `other`, both being listpacks.
    pub(super) fn append(&mut self, other: &Self) {
        let pack = self.pack_mut().expect("only listpacks are merged");
        pack.append(other.pack().expect("only listpacks are merged"));
        self.count += other.count;
    }

    /// Whether the two may become one that is still half empty.
    pub(super) fn merges_with(&self, other: &Self, limits: &PackLimits) -> bool {
        let both = self.pack().zip(other.pack());
        both.is_some_and(|(own, others)| {
            let bytes = 2 * (own.byte_len() + others.byte_len());
            limits.hold(bytes, self.count() + other.count())
        })
    }

    /// Element `offset`.
    pub(super) fn entry(&self, offset: usize) -> Entry<'_> {
        match &*self.data {
            Data::Packed(pack) => pack.get(offset as i64).expect("the count is exact"),
            Data::Plain(value) => Entry::Str(value),
        }
    }

    /// The element at one end.
    pub(super) fn end(&self, side: Side) -> Entry<'_> {
        match side {
            Side::Left => self.entry(0),
            Side::Right => self.entry(self.count() - 1),
        }
    }

    /// Walks away from `side`, past `skip` elements.
    pub(super) fn walk(&self, side: Side, skip: usize) -> ChunkWalk<'_> {
        match &*self.data {
            Data::Packed(pack) => ChunkWalk::Packed(walk_pack(pack, side, skip), side),
            Data::Plain(value) => ChunkWalk::Plain((skip == 0).then_some(value)),
        }
    }
}

/// Removes elements with the needle's text, `quota` of them, after the first
/// `spared`, and returns how many there were.
pub(super) fn remove_matches(
    pack: &mut Listpack,
    needle: &Needle<'_>,
    spared: usize,
    quota: usize,
) -> usize {
    let mut seen = 0;
    pack.retain(|entry| {
        if !needle.matches(entry) {
            return true;
        }
        seen += 1;
        seen <= spared || seen > spared.saturating_add(quota)
    })
}

/// The place of element `offset`, or the end.
fn place(pack: &Listpack, offset: usize) -> Position {
    pack.seek(offset as i64).unwrap_or(pack.end())
}

/// The elements of `pack` without the `skip` ones next to `side`.
pub(super) fn walk_pack(pack: &Listpack, side: Side, skip: usize) -> listpack::Iter<'_> {
    match side {
        Side::Left => pack.iter_from(place(pack, skip)),
        Side::Right => {
            let first = pack.first().unwrap_or(pack.end());
            match skip {
                0 => pack.iter(),
                skip => pack.iter_between(first, pack.seek(-(skip as i64)).unwrap_or(first)),
            }
        }
    }
}

/// Walks one chunk from one of its ends.
#[derive(Clone, Debug)]
pub(super) enum ChunkWalk<'a> {
    Packed(listpack::Iter<'a>, Side),
    Plain(Option<&'a Vec<u8>>),
}

impl<'a> Iterator for ChunkWalk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Self::Packed(iter, Side::Left) => iter.next(),
            Self::Packed(iter, Side::Right) => iter.next_back(),
            Self::Plain(value) => value.take().map(|value| Entry::Str(value)),
        }
    }
}
