//! `Block<T>`: a growable array shared by reference count, in one allocation.
//!
//! It is what `Arc<Vec<T>>` would be if the header and the items lay together:
//! a descent through the tree then pays one cache miss per node, not two, and
//! a small node costs 16 bytes beside its items. Reading is free of checks;
//! every change first makes the block this handle's own, by copying it if
//! another handle shares it.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | `refs`, handles that share the block |
//! | 8 | 4 | `len`, items in use |
//! | 12 | 4 | `cap`, items there is room for |
//! | 16, rounded up to T's alignment | cap * size of T | items |

use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering, fence};

struct Header {
    refs: AtomicUsize,
    len: u32,
    cap: u32,
}

/// A shared, growable array. `clone` shares; changing copies what is shared.
pub(super) struct Block<T> {
    header: NonNull<Header>,
    items: PhantomData<T>,
}

// SAFETY: a block is read by all who share it and dropped by the last of them,
// on whichever thread that is, exactly like `Arc<[T]>`.
unsafe impl<T: Send + Sync> Send for Block<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Block<T> {}

impl<T> Block<T> {
    /// An empty block with room for `cap` items.
    pub(super) fn with_capacity(cap: usize) -> Self {
        let cap = round_capacity(cap);
        let layout = Self::layout(cap);
        // SAFETY: the layout holds at least the header, so its size is not zero.
        let raw = unsafe { alloc::alloc(layout) };
        let Some(header) = NonNull::new(raw.cast::<Header>()) else {
            alloc::handle_alloc_error(layout)
        };
        let fresh = Header {
            refs: AtomicUsize::new(1),
            len: 0,
            cap: cap.try_into().expect("a node's capacity fits 32 bits"),
        };
        // SAFETY: the allocation is fresh, large enough and aligned for a header.
        unsafe { header.write(fresh) };
        Self {
            header,
            items: PhantomData,
        }
    }

    fn layout(cap: usize) -> Layout {
        let items = Layout::array::<T>(cap).expect("a node's size fits the address space");
        let (layout, offset) = Layout::new::<Header>()
            .extend(items)
            .expect("a node's size fits the address space");
        debug_assert_eq!(offset, Self::OFFSET);
        layout.pad_to_align()
    }

    /// Where the items begin: the header's size, rounded up to T's alignment.
    const OFFSET: usize = size_of::<Header>().next_multiple_of(align_of::<T>());

    fn header(&self) -> &Header {
        // SAFETY: the header lives as long as any handle, and only a sole
        // owner, who holds `&mut self`, ever writes its fields.
        unsafe { self.header.as_ref() }
    }

    fn set_len(&mut self, len: usize) {
        debug_assert!(self.is_unique() && len <= self.capacity());
        // SAFETY: callers own the block alone, so no other reference exists.
        // The cast keeps its value: `len` is at most `cap`, which is 32 bits.
        unsafe { (*self.header.as_ptr()).len = len as u32 };
    }

    fn items_ptr(&self) -> *mut T {
        // SAFETY: OFFSET lies within the allocation, or one past it if `cap` is 0.
        unsafe {
            self.header
                .as_ptr()
                .cast::<u8>()
                .add(Self::OFFSET)
                .cast::<T>()
        }
    }

    fn capacity(&self) -> usize {
        self.header().cap as usize
    }

    /// The size of the allocation, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        Self::layout(self.capacity()).size()
    }

    /// Whether no other handle shares the block.
    pub(super) fn is_unique(&self) -> bool {
        // Acquire pairs with the Release in `drop`: what other handles read
        // happened before this one writes.
        self.header().refs.load(Ordering::Acquire) == 1
    }

    /// Moves a block that this handle owns alone to one with room for `cap` items.
    fn reallocate(&mut self, cap: usize) {
        debug_assert!(self.is_unique() && cap >= self.len());
        let len = self.len();
        let mut moved = Self::with_capacity(cap);
        // SAFETY: both blocks are owned alone and do not overlap, and `cap`
        // holds `len` items. The old length is set to 0 so that none is dropped twice.
        unsafe { ptr::copy_nonoverlapping(self.items_ptr(), moved.items_ptr(), len) };
        self.set_len(0);
        moved.set_len(len);
        *self = moved;
    }

    /// Gives back room that is not used, once it is worth a move.
    pub(super) fn shrink(&mut self) {
        if self.is_unique() && round_capacity(self.len()) < self.capacity() {
            self.reallocate(self.len());
        }
    }
}

impl<T: Clone> Block<T> {
    /// Makes this handle the sole owner of a block with room for `cap` items.
    fn own(&mut self, cap: usize) {
        if !self.is_unique() {
            let mut copy = Self::with_capacity(cap.max(self.len()));
            for item in self.iter() {
                copy.push_within(item.clone());
            }
            *self = copy;
        } else if self.capacity() < cap {
            self.reallocate(cap);
        }
    }

    /// Writes one more item into a block that is owned and has room.
    fn push_within(&mut self, item: T) {
        let len = self.len();
        assert!(len < self.capacity(), "the caller made room");
        // SAFETY: slot `len` is within the capacity and holds no item.
        unsafe { self.items_ptr().add(len).write(item) };
        self.set_len(len + 1);
    }

    /// The items, to be changed in place.
    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        self.own(0);
        // SAFETY: the block is owned alone and its first `len` items are initialised.
        unsafe { std::slice::from_raw_parts_mut(self.items_ptr(), self.len()) }
    }

    /// Appends `item`.
    pub(super) fn push(&mut self, item: T) {
        self.own(self.len() + 1);
        self.push_within(item);
    }

    /// Inserts `item` before position `at`.
    pub(super) fn insert(&mut self, at: usize, item: T) {
        let len = self.len();
        assert!(at <= len, "insertion within the block");
        self.own(len + 1);
        // SAFETY: there is room for one item more, `at <= len`, and the gap
        // that the move opens is filled before the length covers it.
        unsafe {
            let slot = self.items_ptr().add(at);
            ptr::copy(slot, slot.add(1), len - at);
            slot.write(item);
        }
        self.set_len(len + 1);
    }

    /// Takes out the item at position `at`.
    pub(super) fn remove(&mut self, at: usize) -> T {
        let len = self.len();
        assert!(at < len, "removal within the block");
        self.own(0);
        // SAFETY: `at < len`, so the slot holds an item; the move closes the
        // gap it leaves and the length no longer covers the last slot.
        let item = unsafe {
            let slot = self.items_ptr().add(at);
            let item = slot.read();
            ptr::copy(slot.add(1), slot, len - at - 1);
            item
        };
        self.set_len(len - 1);
        item
    }

    /// Drops the items of positions `from..to`.
    pub(super) fn remove_range(&mut self, from: usize, to: usize) {
        let len = self.len();
        assert!(from <= to && to <= len, "removal within the block");
        self.own(0);
        // If an item's drop panics, the tail behind it leaks and nothing dangles.
        self.set_len(from);
        // SAFETY: `from..to` are initialised and no longer covered by the
        // length; the tail `to..len` then moves into their place.
        unsafe {
            let start = self.items_ptr().add(from);
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(start, to - from));
            ptr::copy(self.items_ptr().add(to), start, len - to);
        }
        self.set_len(len - (to - from));
    }

    /// Moves the items from position `at` on into a block of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let count = self
            .len()
            .checked_sub(at)
            .expect("a split within the block");
        self.own(0);
        let mut tail = Self::with_capacity(count + 1);
        // SAFETY: `at..len` are initialised, `tail` has room and is another
        // allocation; the shorter length stops this block from dropping them.
        unsafe {
            ptr::copy_nonoverlapping(self.items_ptr().add(at), tail.items_ptr(), count);
        }
        self.set_len(at);
        tail.set_len(count);
        tail
    }

    /// Appends all items of `other`, moving them if nobody shares it.
    pub(super) fn append(&mut self, mut other: Self) {
        let (len, count) = (self.len(), other.len());
        self.own(len + count);
        if !other.is_unique() {
            for item in other.iter() {
                self.push_within(item.clone());
            }
            return;
        }
        // SAFETY: there is room for `count` items behind `len`, the blocks are
        // two allocations, and `other` gives its items up by its length of 0.
        unsafe {
            ptr::copy_nonoverlapping(other.items_ptr(), self.items_ptr().add(len), count);
        }
        other.set_len(0);
        self.set_len(len + count);
    }
}

/// Capacities grow in small steps: nodes are many and live long, so that
/// unused slots cost more than the moves do (about one per eight insertions).
fn round_capacity(cap: usize) -> usize {
    match cap {
        0..=2 => 2,
        3..=4 => 4,
        _ => cap.next_multiple_of(8),
    }
}

impl<T> Deref for Block<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the first `len` items are initialised, and nobody writes
        // them while this handle is borrowed, because a writer owns alone.
        unsafe { std::slice::from_raw_parts(self.items_ptr(), self.header().len as usize) }
    }
}

impl<T> Clone for Block<T> {
    fn clone(&self) -> Self {
        // Relaxed: a new handle is made from one that already keeps the block
        // alive. A 64-bit count cannot overflow in any lifetime.
        self.header().refs.fetch_add(1, Ordering::Relaxed);
        Self {
            header: self.header,
            items: PhantomData,
        }
    }
}

impl<T> Drop for Block<T> {
    fn drop(&mut self) {
        if self.header().refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Pairs with the Release above in other threads: their reads are over.
        fence(Ordering::Acquire);
        let layout = Self::layout(self.capacity());
        // SAFETY: this was the last handle; the first `len` items are
        // initialised, and the block was allocated with this very layout.
        unsafe {
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(self.items_ptr(), self.len()));
            alloc::dealloc(self.header.as_ptr().cast::<u8>(), layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_shared_block_is_copied_before_it_changes() {
        let mut a = Block::with_capacity(3);
        for i in 0..20 {
            a.push(i.to_string());
        }
        let b = a.clone();
        a.insert(0, "first".into());
        assert_eq!(a.remove(1), "0");
        a.as_mut_slice()[19].push('!');
        assert_eq!(b.len(), 20);
        assert_eq!(b[0], "0");
        assert_eq!(b[19], "19");
        assert_eq!(a[0], "first");
        assert_eq!(a[19], "19!");
    }

    #[test]
    fn every_item_is_dropped_once() {
        let witness = Arc::new(());
        let mut a = Block::with_capacity(0);
        for _ in 0..40 {
            a.push(Arc::clone(&witness));
        }
        let shared = a.clone();
        let mut tail = a.split_off(10);
        assert_eq!((a.len(), tail.len(), shared.len()), (10, 30, 40));
        tail.remove_range(5, 25);
        a.append(tail);
        a.append(shared.clone());
        a.shrink();
        assert_eq!(a.len(), 60);
        assert_eq!(Arc::strong_count(&witness), 1 + 60 + 40);
        drop(shared);
        assert_eq!(Arc::strong_count(&witness), 1 + 60);
        drop(a);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn alignment_beyond_the_header_is_kept() {
        #[derive(Clone)]
        #[repr(align(64))]
        struct Wide(u8);
        let mut a = Block::with_capacity(1);
        a.push(Wide(1));
        a.push(Wide(2));
        a.push(Wide(3));
        assert_eq!(a.iter().map(|w| w.0).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(a.as_ptr() as usize % 64, 0);
    }
}
