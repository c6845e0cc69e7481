//! Random bytes from the kernel: the only randomness of the whole server.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `out`.
///
/// # Errors
/// Where the kernel has none to give.
pub(crate) fn fill(out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < out.len() {
        match getrandom(&mut out[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// An array of random bytes.
///
/// # Errors
/// Where the kernel has none to give.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}
