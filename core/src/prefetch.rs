//! Asking the processor for memory before it is needed.

/// The length of a cache line on the machines that count.
pub(crate) const CACHE_LINE_BYTES: usize = 64;

/// Asks the processor for a cache line; a hint that no architecture needs.
#[inline]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
