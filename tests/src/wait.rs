//! Waiting for a condition, so that no test depends on how fast the machine is.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a condition may take before the test is taken to hang. It is far above
/// what any of them needs, so it decides about hangs and never about speed.
pub const PATIENCE: Duration = Duration::from_secs(120);

const STEP: Duration = Duration::from_millis(10);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`PATIENCE`], with `what` in the message.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || condition().then_some(()));
}

/// Waits until `probe` gives a value, and returns it.
///
/// # Panics
/// When it does not within [`PATIENCE`], with `what` in the message.
pub fn until_some<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(STEP);
    }
}

/// Waits until `probe` gives `wanted`; on a hang the message shows what it gave last.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub fn until_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    wanted: &T,
    mut probe: impl FnMut() -> T,
) {
    let begin = Instant::now();
    loop {
        let last = probe();
        if last == *wanted {
            return;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "waited in vain until {what}: wanted {wanted:?}, last saw {last:?}"
        );
        sleep(STEP);
    }
}
