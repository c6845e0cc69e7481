//! Checking, looking up and walking.

use super::encoding::{
    COUNT_UNKNOWN, END, HEADER_LEN, back_len, back_len_size, decode, read_back_len,
};
use super::{Entry, LISTPACK_EMPTY_BYTES, Listpack, Needle, Position};
use crate::packed::PackedError;

impl Listpack {
    /// Takes bytes from outside after checking every one of them: header,
    /// entries, back lengths, end mark and count.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PackedError> {
        if bytes.len() < LISTPACK_EMPTY_BYTES {
            return Err(PackedError::Truncated);
        }
        let pack = Self { bytes };
        let stated = pack.stated_byte_len();
        let actual = pack.bytes.len();
        if stated != actual {
            return Err(PackedError::WrongLength { stated, actual });
        }
        let actual = pack.check_entries()?;
        match pack.stated_count() {
            Some(stated) if stated != actual => Err(PackedError::WrongCount { stated, actual }),
            _ => Ok(pack),
        }
    }

    /// Walks the entries as strangers, and counts them.
    fn check_entries(&self) -> Result<usize, PackedError> {
        let Some((&END, body)) = self.bytes.split_last() else {
            return Err(PackedError::NoEndMark);
        };
        let mut offset = HEADER_LEN;
        let mut count = 0;
        while offset < body.len() {
            let (_, len) = decode(&body[offset..]).ok_or(PackedError::BadEntry { offset })?;
            let (tail, tail_len) = back_len(len);
            if !body[offset + len..].starts_with(&tail[..tail_len]) {
                return Err(PackedError::BadBackLength { offset });
            }
            offset += len + tail_len;
            count += 1;
        }
        Ok(count)
    }

    fn stated_byte_len(&self) -> usize {
        let field = self.bytes.first_chunk().expect("a listpack has a header");
        u32::from_le_bytes(*field) as usize
    }

    /// The count in the header, unless it says that the entries must be walked.
    pub(super) fn stated_count(&self) -> Option<usize> {
        let count = u16::from_le_bytes([self.bytes[4], self.bytes[5]]);
        (count != COUNT_UNKNOWN).then_some(usize::from(count))
    }

    /// The number of elements. O(1) up to 65,534 elements, a walk beyond.
    pub fn len(&self) -> usize {
        self.stated_count().unwrap_or_else(|| self.iter().count())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == LISTPACK_EMPTY_BYTES
    }

    /// The offset of the end mark.
    pub(super) fn end_offset(&self) -> usize {
        self.bytes.len() - 1
    }

    /// The place after the last element, where an insertion appends.
    pub fn end(&self) -> Position {
        Position(self.end_offset())
    }

    /// The first element's place.
    pub fn first(&self) -> Option<Position> {
        self.at_element(HEADER_LEN)
    }

    /// The last element's place.
    pub fn last(&self) -> Option<Position> {
        self.prev(self.end())
    }

    /// The place of the element behind the one at `at`.
    pub fn next(&self, at: Position) -> Option<Position> {
        self.at_element(self.offset_after(at.0))
    }

    /// The place of the element before `at`, which may be [`Listpack::end`].
    pub fn prev(&self, at: Position) -> Option<Position> {
        (at.0 > HEADER_LEN).then(|| Position(self.offset_before(at.0)))
    }

    /// `offset` as a position, unless it is the end.
    pub(super) fn at_element(&self, offset: usize) -> Option<Position> {
        (offset < self.end_offset()).then_some(Position(offset))
    }

    /// The element at `at`.
    pub fn entry(&self, at: Position) -> Entry<'_> {
        self.decode_at(at.0).0
    }

    /// The element at `offset` and the offset behind it.
    fn decode_at(&self, offset: usize) -> (Entry<'_>, usize) {
        let (entry, len) = decode(&self.bytes[offset..]).expect("a listpack is well formed");
        (entry, offset + len + back_len_size(len))
    }

    pub(super) fn offset_after(&self, offset: usize) -> usize {
        self.decode_at(offset).1
    }

    fn offset_before(&self, offset: usize) -> usize {
        let len = read_back_len(&self.bytes[..offset]);
        offset - back_len_size(len) - len
    }

    /// The place of element `index`; negative indexes count from the end, -1
    /// being the last. Walks from the nearer end.
    pub fn seek(&self, index: i64) -> Option<Position> {
        let from_end = match (self.stated_count(), usize::try_from(index)) {
            (Some(count), Ok(index)) if index >= count => return None,
            (Some(count), Ok(index)) if index > count / 2 => Some(count - 1 - index),
            (_, Ok(index)) => return self.seek_forward(index),
            (Some(count), Err(_)) if index.unsigned_abs() > count as u64 => return None,
            (Some(count), Err(_)) => {
                let from_end = (index.unsigned_abs() - 1) as usize;
                if from_end > count / 2 {
                    return self.seek_forward(count - 1 - from_end);
                }
                Some(from_end)
            }
            (None, Err(_)) => usize::try_from(index.unsigned_abs() - 1).ok(),
        };
        self.seek_backward(from_end?)
    }

    fn seek_forward(&self, steps: usize) -> Option<Position> {
        let mut at = self.first()?;
        for _ in 0..steps {
            at = self.next(at)?;
        }
        Some(at)
    }

    fn seek_backward(&self, steps: usize) -> Option<Position> {
        let mut at = self.last()?;
        for _ in 0..steps {
            at = self.prev(at)?;
        }
        Some(at)
    }

    /// Element `index`; negative indexes count from the end.
    pub fn get(&self, index: i64) -> Option<Entry<'_>> {
        self.seek(index).map(|at| self.entry(at))
    }

    /// The first element with this text among the first of every `stride`
    /// elements: 1 looks at all, 2 at the fields of field and value pairs.
    pub fn find<'n>(&self, needle: impl Into<Needle<'n>>, stride: usize) -> Option<Position> {
        self.find_from(self.first()?, needle, stride)
    }

    /// As [`Listpack::find`], from `at` on, which is the first one looked at.
    pub fn find_from<'n>(
        &self,
        at: Position,
        needle: impl Into<Needle<'n>>,
        stride: usize,
    ) -> Option<Position> {
        debug_assert!(
            stride > 0,
            "a stride of 0 would look at one element for ever"
        );
        let needle = needle.into();
        let end = self.end_offset();
        let mut offset = at.0;
        while offset < end {
            let (entry, mut next) = self.decode_at(offset);
            if needle.matches(entry) {
                return Some(Position(offset));
            }
            for _ in 1..stride {
                if next >= end {
                    return None;
                }
                next = self.offset_after(next);
            }
            offset = next;
        }
        None
    }

    /// All elements, from either end.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_between(Position(HEADER_LEN), self.end())
    }

    /// The elements from `at` to the last; from the back with `rev()`.
    pub fn iter_from(&self, at: Position) -> Iter<'_> {
        self.iter_between(at, self.end())
    }

    /// The elements from `from` up to, and without, `to`.
    pub fn iter_between(&self, from: Position, to: Position) -> Iter<'_> {
        Iter {
            pack: self,
            front: from.0,
            back: to.0,
        }
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Walks a listpack from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    pack: &'a Listpack,
    front: usize,
    back: usize,
}

impl Iter<'_> {
    /// Where the element stands that `next` would give.
    pub fn position(&self) -> Option<Position> {
        (self.front < self.back).then_some(Position(self.front))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (entry, next) = self.pack.decode_at(self.front);
        self.front = next;
        Some(entry)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.pack.offset_before(self.back);
        Some(self.pack.decode_at(self.back).0)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}
