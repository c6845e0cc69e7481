//! An allocator that knows what the input under test has cost.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with counts for each thread.
pub(crate) struct Counting;

/// What a thread has allocated since it began to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The largest single allocation.
    pub(crate) single_bytes: usize,
    /// The most that was held at once, beyond what was held before.
    pub(crate) total_bytes: usize,
}

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Starts from zero on this thread.
pub(crate) fn begin() {
    LARGEST.set(0);
    HELD.set(0);
    PEAK.set(0);
}

/// What this thread has allocated since [`begin`].
pub(crate) fn cost() -> Cost {
    Cost {
        single_bytes: LARGEST.get(),
        total_bytes: PEAK.get().max(0).unsigned_abs(),
    }
}

/// Cells without a destructor outlive everything on their thread.
fn count(new_bytes: usize, old_bytes: usize) {
    LARGEST.set(LARGEST.get().max(new_bytes));
    let held = HELD.get() + new_bytes as isize - old_bytes as isize;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call goes to the system unchanged; counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn the_largest_and_the_most_at_once_are_told() {
        begin();
        drop(vec![1_u8; 5000]);
        let kept = vec![1_u8; 3000];
        let also_kept = vec![0_u8; 3000];
        let Cost {
            single_bytes,
            total_bytes,
        } = cost();
        assert_eq!(kept.len() + also_kept.len(), 6000);
        assert_eq!(single_bytes, 5000);
        assert!((6000..7000).contains(&total_bytes), "{total_bytes}");
    }
}
