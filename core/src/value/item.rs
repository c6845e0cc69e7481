//! `Item`: what a large collection holds per element, as one thin pointer.
//!
//! One allocation carries the reference count, the lengths and all the bytes,
//! so that a tree's leaf spends 8 bytes on it, two trees (a sorted set's) can
//! share it, and freezing a leaf copies pointers. An item never changes; a new
//! value or score is a new item.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | `refs`, handles that share the item |
//! | 4 | 4 | kind in the 2 highest bits, length of the field or member in the rest |
//! | 8 | 8 | score (f64) or absolute expiry (i64, ms): only in kinds that have one |
//! | 8 or 16 | 4 | length of the value: only in kinds that have one |
//! | then | | field or member, then value |

use std::alloc::{self, Layout};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::prefetch::prefetch;

/// Longest field or member, in bytes. Requests are bounded below this.
pub const FIELD_BYTES_MAX: usize = (1 << KIND_SHIFT) - 1;
/// Longest value, in bytes. Requests are bounded below this.
pub const VALUE_BYTES_MAX: usize = u32::MAX as usize;

const KIND_SHIFT: u32 = 30;
const HEADER_BYTES: usize = size_of::<Header>();
const NUMBER_BYTES: usize = 8;
const VALUE_LEN_BYTES: usize = 4;
const ALIGN: usize = 8;

/// Beyond this many handles a clone copies the item instead: it is reached
/// only by forgetting handles, and must not wrap the count round to zero.
const REFS_MAX: u32 = u32::MAX / 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Member = 0,
    Scored = 1,
    Pair = 2,
    ExpiringPair = 3,
}

impl Kind {
    const fn has_number(self) -> bool {
        matches!(self, Self::Scored | Self::ExpiringPair)
    }

    const fn has_value(self) -> bool {
        matches!(self, Self::Pair | Self::ExpiringPair)
    }

    /// Where the field's bytes begin.
    const fn field_offset(self) -> usize {
        let number = if self.has_number() { NUMBER_BYTES } else { 0 };
        let value_len = if self.has_value() { VALUE_LEN_BYTES } else { 0 };
        HEADER_BYTES + number + value_len
    }
}

#[repr(C)]
struct Header {
    refs: AtomicU32,
    kind_and_field_len: u32,
}

/// A shared, immutable element of a large collection.
pub struct Item {
    header: NonNull<Header>,
}

// SAFETY: an item's bytes never change after it is made, its count is atomic,
// and the last handle frees it on whichever thread it is dropped.
unsafe impl Send for Item {}
// SAFETY: as above.
unsafe impl Sync for Item {}

impl Item {
    /// A set's member.
    ///
    /// # Panics
    /// Like all constructors, if the bytes exceed [`FIELD_BYTES_MAX`] or [`VALUE_BYTES_MAX`].
    #[must_use]
    pub fn member(member: &[u8]) -> Self {
        Self::build(Kind::Member, 0, member, &[])
    }

    /// A sorted set's member with its score.
    #[must_use]
    pub fn scored(member: &[u8], score: f64) -> Self {
        Self::build(Kind::Scored, score.to_bits(), member, &[])
    }

    /// A hash's field with its value.
    #[must_use]
    pub fn pair(field: &[u8], value: &[u8]) -> Self {
        Self::build(Kind::Pair, 0, field, value)
    }

    /// A hash's field with its value, gone at `expire_at_ms` (Unix time).
    #[must_use]
    pub fn expiring_pair(field: &[u8], value: &[u8], expire_at_ms: i64) -> Self {
        Self::build(
            Kind::ExpiringPair,
            expire_at_ms.cast_unsigned(),
            field,
            value,
        )
    }

    /// Asks the processor for its first bytes.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(self.header.as_ptr().cast());
    }

    fn build(kind: Kind, number: u64, field: &[u8], value: &[u8]) -> Self {
        assert!(field.len() <= FIELD_BYTES_MAX, "requests are bounded");
        let value_len = u32::try_from(value.len()).expect("requests are bounded");
        let layout = layout(kind, field.len(), value.len());
        // SAFETY: the layout holds at least the header, so its size is not zero.
        let raw = unsafe { alloc::alloc(layout) };
        let Some(start) = NonNull::new(raw) else {
            alloc::handle_alloc_error(layout)
        };
        let header = start.cast::<Header>();
        let fresh = Header {
            refs: AtomicU32::new(1),
            kind_and_field_len: (kind as u32) << KIND_SHIFT | field.len() as u32,
        };
        // SAFETY: the allocation is fresh and as large as all the parts
        // together, which are written one behind the other as `layout` counted them.
        unsafe {
            header.write(fresh);
            let mut at = start.add(HEADER_BYTES);
            if kind.has_number() {
                at.cast::<u64>().write_unaligned(number);
                at = at.add(NUMBER_BYTES);
            }
            if kind.has_value() {
                at.cast::<u32>().write_unaligned(value_len);
                at = at.add(VALUE_LEN_BYTES);
            }
            at.copy_from_nonoverlapping(NonNull::from(field).cast(), field.len());
            at.add(field.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        Self { header }
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the allocation lives as long as any handle, and nothing but
        // its atomic count is written after it was made.
        unsafe { self.header.as_ref() }
    }

    #[inline]
    fn kind(&self) -> Kind {
        match self.header().kind_and_field_len >> KIND_SHIFT {
            0 => Kind::Member,
            1 => Kind::Scored,
            2 => Kind::Pair,
            _ => Kind::ExpiringPair,
        }
    }

    #[inline]
    fn field_len(&self) -> usize {
        self.header().kind_and_field_len as usize & FIELD_BYTES_MAX
    }

    /// The bytes from `offset` on, `len` of them.
    ///
    /// # Safety
    /// They must lie within the allocation.
    #[inline]
    unsafe fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        // SAFETY: the caller keeps to the allocation, all of which was
        // initialised by `build`; the pointer's provenance is the whole of it.
        unsafe {
            let start = self.header.cast::<u8>().add(offset);
            NonNull::slice_from_raw_parts(start, len).as_ref()
        }
    }

    fn number(&self) -> Option<u64> {
        if !self.kind().has_number() {
            return None;
        }
        // SAFETY: kinds with a number have it right behind the header.
        let bytes = unsafe { self.bytes(HEADER_BYTES, NUMBER_BYTES) };
        Some(u64::from_ne_bytes(
            bytes.try_into().expect("8 bytes were read"),
        ))
    }

    fn value_len(&self) -> usize {
        if !self.kind().has_value() {
            return 0;
        }
        let offset = self.kind().field_offset() - VALUE_LEN_BYTES;
        // SAFETY: kinds with a value have its length right before the field.
        let bytes = unsafe { self.bytes(offset, VALUE_LEN_BYTES) };
        u32::from_ne_bytes(bytes.try_into().expect("4 bytes were read")) as usize
    }

    /// The field or member.
    #[must_use]
    #[inline]
    pub fn field(&self) -> &[u8] {
        // SAFETY: `build` wrote this many bytes of the field at this offset.
        unsafe { self.bytes(self.kind().field_offset(), self.field_len()) }
    }

    /// The value, if the item is a pair.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        if !self.kind().has_value() {
            return None;
        }
        let offset = self.kind().field_offset() + self.field_len();
        // SAFETY: `build` wrote this many bytes of the value behind the field.
        Some(unsafe { self.bytes(offset, self.value_len()) })
    }

    /// The score, if the item is a scored member.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        (self.kind() == Kind::Scored).then(|| {
            let bits = self.number().expect("scored items have a number");
            f64::from_bits(bits)
        })
    }

    /// When the item expires (Unix time in ms), if it does.
    #[must_use]
    pub fn expire_at_ms(&self) -> Option<i64> {
        (self.kind() == Kind::ExpiringPair).then(|| {
            let bits = self.number().expect("expiring items have a number");
            bits.cast_signed()
        })
    }

    /// The size of the item's allocation, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.layout().size()
    }

    fn layout(&self) -> Layout {
        layout(self.kind(), self.field_len(), self.value_len())
    }
}

fn layout(kind: Kind, field_len: usize, value_len: usize) -> Layout {
    let size = kind.field_offset() + field_len + value_len;
    Layout::from_size_align(size, ALIGN).expect("lengths of 32 bits fit the address space")
}

impl Clone for Item {
    fn clone(&self) -> Self {
        // Relaxed: the handle this one is made from keeps the item alive.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before < REFS_MAX {
            return Self {
                header: self.header,
            };
        }
        self.header().refs.fetch_sub(1, Ordering::Relaxed);
        let number = self.number().unwrap_or_default();
        let value = self.value().unwrap_or_default();
        Self::build(self.kind(), number, self.field(), value)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if self.header().refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Pairs with the Release of the handles dropped on other threads.
        fence(Ordering::Acquire);
        let layout = self.layout();
        // SAFETY: this was the last handle, and the allocation was made with
        // the same layout, which depends on nothing that ever changes.
        unsafe { alloc::dealloc(self.header.as_ptr().cast(), layout) };
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Item");
        out.field("field", &self.field().escape_ascii().to_string());
        if let Some(value) = self.value() {
            out.field("value", &value.escape_ascii().to_string());
        }
        if let Some(score) = self.score() {
            out.field("score", &score);
        }
        if let Some(at) = self.expire_at_ms() {
            out.field("expire_at_ms", &at);
        }
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_item_and_none_of_it_are_one_word() {
        assert_eq!(size_of::<Option<Item>>(), 8);
    }

    #[test]
    fn members_cost_eight_bytes_beside_their_own() {
        assert_eq!(Item::member(b"12345678").heap_bytes(), 16);
        assert_eq!(Item::scored(b"12345678", 1.0).heap_bytes(), 24);
        assert_eq!(Item::pair(b"12345678", b"1234").heap_bytes(), 24);
    }

    #[test]
    fn handles_on_several_threads_share_one_allocation() {
        let item = Item::pair(b"field", b"value");
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let item = item.clone();
                std::thread::spawn(move || {
                    for _ in 0..1000 {
                        assert_eq!(item.clone().value(), Some(&b"value"[..]));
                    }
                })
            })
            .collect();
        for thread in threads {
            assert!(thread.join().is_ok());
        }
        assert_eq!(item.header().refs.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_count_about_to_overflow_copies_instead() {
        let item = Item::expiring_pair(b"field", b"value", -5);
        item.header().refs.store(REFS_MAX, Ordering::Relaxed);
        let copy = item.clone();
        assert_ne!(copy.header, item.header);
        assert_eq!((copy.field(), copy.value()), (item.field(), item.value()));
        assert_eq!(copy.expire_at_ms(), Some(-5));
        assert_eq!(item.header().refs.load(Ordering::Relaxed), REFS_MAX);
        item.header().refs.store(1, Ordering::Relaxed);
    }

    proptest! {
        #[test]
        fn parts_come_back_as_given(
            field in prop::collection::vec(any::<u8>(), 0..80),
            value in prop::collection::vec(any::<u8>(), 0..80),
            score in any::<f64>(),
            at in any::<i64>(),
        ) {
            let member = Item::member(&field);
            prop_assert_eq!(member.field(), &field[..]);
            prop_assert_eq!((member.value(), member.score(), member.expire_at_ms()), (None, None, None));
            let scored = Item::scored(&field, score);
            prop_assert_eq!(scored.field(), &field[..]);
            prop_assert_eq!(scored.score().map(f64::to_bits), Some(score.to_bits()));
            prop_assert_eq!((scored.value(), scored.expire_at_ms()), (None, None));
            for (item, expiry) in [
                (Item::pair(&field, &value), None),
                (Item::expiring_pair(&field, &value, at), Some(at)),
            ] {
                prop_assert_eq!(item.field(), &field[..]);
                prop_assert_eq!(item.value(), Some(&value[..]));
                prop_assert_eq!((item.score(), item.expire_at_ms()), (None, expiry));
            }
        }
    }
}
