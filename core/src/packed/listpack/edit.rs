//! Changes. Each is one move of the bytes behind it.

use super::encoding::{COUNT_UNKNOWN, Encoded, HEADER_LEN};
use super::{Entry, LISTPACK_EMPTY_BYTES, Listpack, Position};

/// An allocation this much larger than its contents is worth copying to be rid of.
const SLACK_BYTES: usize = 64;

impl Listpack {
    /// Appends an element.
    pub fn push_back<'a>(&mut self, entry: impl Into<Entry<'a>>) {
        self.insert_before(self.end(), entry);
    }

    /// Puts an element before all others.
    pub fn push_front<'a>(&mut self, entry: impl Into<Entry<'a>>) {
        self.insert_before(Position(HEADER_LEN), entry);
    }

    /// Inserts an element before the one at `at` (or at the end) and returns its
    /// place, which is `at`.
    pub fn insert_before<'a>(&mut self, at: Position, entry: impl Into<Entry<'a>>) -> Position {
        let encoded = Encoded::new(entry.into());
        self.resize_gap(at.0, 0, encoded.len());
        encoded.write(&mut self.bytes[at.0..at.0 + encoded.len()]);
        self.change_count(1);
        at
    }

    /// Inserts an element behind the one at `at` and returns its place.
    pub fn insert_after<'a>(&mut self, at: Position, entry: impl Into<Entry<'a>>) -> Position {
        self.insert_before(Position(self.offset_after(at.0)), entry)
    }

    /// Puts another element where one stands.
    pub fn replace<'a>(&mut self, at: Position, entry: impl Into<Entry<'a>>) {
        let encoded = Encoded::new(entry.into());
        let old_len = self.offset_after(at.0) - at.0;
        self.resize_gap(at.0, old_len, encoded.len());
        encoded.write(&mut self.bytes[at.0..at.0 + encoded.len()]);
    }

    /// Removes an element and returns the place of the one that was behind it.
    pub fn remove(&mut self, at: Position) -> Option<Position> {
        self.remove_run(at, 1);
        self.at_element(at.0)
    }

    /// Removes up to `count` elements from `at` on and returns how many there were.
    pub fn remove_run(&mut self, at: Position, count: usize) -> usize {
        let end = self.end_offset();
        let mut offset = at.0;
        let mut removed = 0;
        while removed < count && offset < end {
            offset = self.offset_after(offset);
            removed += 1;
        }
        self.resize_gap(at.0, offset - at.0, 0);
        self.change_count(-(removed as isize));
        removed
    }

    /// Removes up to `count` elements from element `index` on, which counts from
    /// the end where negative, and returns how many there were.
    pub fn remove_range(&mut self, index: i64, count: usize) -> usize {
        match self.seek(index) {
            Some(at) => self.remove_run(at, count),
            None => 0,
        }
    }

    /// Removes the elements that `keep` refuses, in one pass, and returns how
    /// many there were.
    pub fn retain(&mut self, mut keep: impl FnMut(Entry<'_>) -> bool) -> usize {
        let end = self.end_offset();
        let (mut read, mut write, mut removed) = (HEADER_LEN, HEADER_LEN, 0);
        while read < end {
            let next = self.offset_after(read);
            if keep(self.entry(Position(read))) {
                self.bytes.copy_within(read..next, write);
                write += next - read;
            } else {
                removed += 1;
            }
            read = next;
        }
        self.resize_gap(write, end - write, 0);
        self.change_count(-(removed as isize));
        removed
    }

    /// Takes the first element's text out.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        self.first().map(|at| self.take(at))
    }

    /// Takes the last element's text out.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        self.last().map(|at| self.take(at))
    }

    fn take(&mut self, at: Position) -> Vec<u8> {
        let text = self.entry(at).to_vec();
        self.remove_run(at, 1);
        text
    }

    /// Removes all elements and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Appends all elements of `other`.
    pub fn append(&mut self, other: &Listpack) {
        self.splice(self.end_offset(), other);
    }

    /// Puts all elements of `other` before these.
    pub fn prepend(&mut self, other: &Listpack) {
        self.splice(HEADER_LEN, other);
    }

    fn splice(&mut self, offset: usize, other: &Listpack) {
        let body = &other.bytes[HEADER_LEN..other.end_offset()];
        let counts = self.stated_count().zip(other.stated_count());
        self.resize_gap(offset, 0, body.len());
        self.bytes[offset..offset + body.len()].copy_from_slice(body);
        self.set_count(counts.map(|(own, others)| own + others));
    }

    /// Cuts the elements from `at` on off and returns them.
    pub fn split_off(&mut self, at: Position) -> Listpack {
        let body_end = self.end_offset();
        let mut tail = Self::with_capacity(body_end - at.0 + LISTPACK_EMPTY_BYTES);
        tail.resize_gap(HEADER_LEN, 0, body_end - at.0);
        tail.bytes[HEADER_LEN..][..body_end - at.0].copy_from_slice(&self.bytes[at.0..body_end]);
        // One side is counted by a walk; the other is the rest, if the sum is known.
        let tail_count = tail.body_count();
        tail.set_count(Some(tail_count));
        let own_count = self.stated_count().map(|count| count - tail_count);
        self.resize_gap(at.0, body_end - at.0, 0);
        self.set_count(own_count);
        tail
    }

    fn body_count(&self) -> usize {
        self.iter().count()
    }

    /// Makes the `old_len` bytes at `offset` `new_len` bytes; what they then hold
    /// is for the caller to write.
    fn resize_gap(&mut self, offset: usize, old_len: usize, new_len: usize) {
        let len = self.bytes.len();
        if new_len > old_len {
            self.reserve(new_len - old_len);
            self.bytes.resize(len + new_len - old_len, 0);
            self.bytes
                .copy_within(offset + old_len..len, offset + new_len);
        } else if new_len < old_len {
            self.bytes
                .copy_within(offset + old_len..len, offset + new_len);
            self.bytes.truncate(len - (old_len - new_len));
            self.give_back();
        }
        let total = u32::try_from(self.bytes.len()).expect("callers stay below LISTPACK_BYTES_MAX");
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
    }

    /// Grows by an eighth where it must: about one size class of the allocator,
    /// so that small values stay small and pushes stay amortised.
    fn reserve(&mut self, additional: usize) {
        let needed = self.bytes.len() + additional;
        if needed > self.bytes.capacity() {
            let room = needed + needed / 8;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
    }

    fn give_back(&mut self) {
        let len = self.bytes.len();
        if self.bytes.capacity() > 2 * len + SLACK_BYTES {
            self.bytes.shrink_to(len + len / 8);
        }
    }

    fn change_count(&mut self, change: isize) {
        let count = self.stated_count().map(|count| {
            count
                .checked_add_signed(change)
                .expect("no more elements are removed than there are")
        });
        self.set_count(count);
    }

    /// Writes the count. One that does not fit, or is not known, stays unknown
    /// until the listpack is empty or split: that is how Redis leaves it.
    fn set_count(&mut self, count: Option<usize>) {
        let count = count
            .and_then(|count| u16::try_from(count).ok())
            .unwrap_or(COUNT_UNKNOWN);
        self.bytes[4..HEADER_LEN].copy_from_slice(&count.to_le_bytes());
    }
}
