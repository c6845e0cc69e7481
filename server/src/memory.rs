//! The allocator, and how much of it is in use.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_long};
use std::sync::atomic::{AtomicU64, Ordering};

use mimalloc::MiMalloc;

/// The allocator's name in INFO.
pub const ALLOCATOR: &str = "mimalloc";

/// Threads count in cells of their own, so that they do not fight for a cache line.
const CELLS: usize = 16;

#[repr(align(64))]
struct Cell(AtomicU64);

static CELL: [Cell; CELLS] = [const { Cell(AtomicU64::new(0)) }; CELLS];
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static MINE: usize = (NEXT.fetch_add(1, Ordering::Relaxed) as usize) % CELLS;
}

/// mimalloc, with a count of the bytes in use.
pub struct Counting;

fn count(bytes: u64) {
    // A thread that is ending has no cell left; its last frees count in the first.
    let cell = MINE.try_with(|cell| *cell).unwrap_or(0);
    CELL[cell].0.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to mimalloc unchanged; counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as u64);
        // SAFETY: the caller's obligations are passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count((layout.size() as u64).wrapping_neg());
        // SAFETY: as above.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as u64);
        // SAFETY: as above.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count((new_size as u64).wrapping_sub(layout.size() as u64));
        // SAFETY: as above.
        unsafe { MiMalloc.realloc(block, layout, new_size) }
    }
}

static PEAK: AtomicU64 = AtomicU64::new(0);

/// Looks whether more is in use than ever before.
pub fn note_peak() {
    PEAK.fetch_max(allocated_bytes(), Ordering::Relaxed);
}

/// The most bytes in use at any look, of which the cron takes one each tick.
#[must_use]
pub fn peak_bytes() -> u64 {
    note_peak();
    PEAK.load(Ordering::Relaxed)
}

/// Bytes handed out and not given back.
#[must_use]
pub fn allocated_bytes() -> u64 {
    let sum = |sum: u64, cell: &Cell| sum.wrapping_add(cell.0.load(Ordering::Relaxed));
    CELL.iter().fold(0, sum)
}

/// The allocator's switch for how long freed memory waits until it goes back to the
/// system, in milliseconds: `mi_option_purge_delay` in its header, mimalloc.h.
const PURGE_DELAY: c_int = 15;

/// So long that no thread that asks for memory meanwhile sees it pass.
const PURGE_DELAY_LONG_MS: c_long = 1_000_000_000;

/// The switch for how often a thread looks through all of its pages that have room, in
/// allocations that found none in the first page: `mi_option_generic_collect`.
const COLLECT_EVERY: c_int = 34;

/// The most that the allocator takes. After a large deletion a thread has so many such
/// pages that a look takes two milliseconds, and it would be taken within a command;
/// a page that is empty is found by the next allocation of its size as well.
const COLLECT_RARELY: c_long = 1_000_000;

// SAFETY: these are the allocator's own functions of those names and types, which it
// is linked with; none of them has a precondition.
unsafe extern "C" {
    safe fn mi_option_set(option: c_int, value: c_long);
    safe fn mi_collect(force: bool);
}

/// Leaves it to [`give_back`] to return freed memory to the system. Otherwise the
/// allocator does it by and by, within whatever command asks for memory at that
/// moment, all that has gathered at once.
pub fn give_back_when_told() {
    mi_option_set(PURGE_DELAY, PURGE_DELAY_LONG_MS);
    mi_option_set(COLLECT_EVERY, COLLECT_RARELY);
}

/// Returns to the system what was freed and is not in use again. It may take long,
/// but keeps nobody else waiting.
pub fn give_back() {
    mi_collect(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    // SAFETY: as above.
    unsafe extern "C" {
        safe fn mi_option_get(option: c_int) -> c_long;
    }

    #[test]
    fn the_switches_are_these_and_no_others() {
        // Their defaults are the allocator's only one second and ten thousand.
        let before = mi_option_get(PURGE_DELAY);
        assert!([1000, PURGE_DELAY_LONG_MS].contains(&before), "{before}");
        let before = mi_option_get(COLLECT_EVERY);
        assert!([10_000, COLLECT_RARELY].contains(&before), "{before}");
        give_back_when_told();
        assert_eq!(mi_option_get(PURGE_DELAY), PURGE_DELAY_LONG_MS);
        assert_eq!(mi_option_get(COLLECT_EVERY), COLLECT_RARELY);
    }
}
