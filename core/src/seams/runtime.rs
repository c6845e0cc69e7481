//! The runtime that drivers run on: smol, tokio, a plain thread or a simulator.

use async_trait::async_trait;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures::future::BoxFuture;

/// Tasks, timers, clocks and randomness for the drivers.
///
/// # Obligations of an implementation
///
/// * [`spawn`](Self::spawn) runs the task to its end without being asked again.
///   Dropping the runtime may cancel tasks at an await point; it must not run
///   one twice. A task that panics must not take the others with it.
/// * [`sleep`](Self::sleep) returns no earlier than asked, measured by
///   [`monotonic_ms`](Self::monotonic_ms), and is cancelled by dropping it.
/// * [`monotonic_ms`](Self::monotonic_ms) never goes back. Timeouts are measured by it alone.
/// * [`unix_ms`](Self::unix_ms) may jump; only expiry times, which are points
///   in calendar time, are compared with it.
/// * [`fill_random`](Self::fill_random) names histories and transfers. Outside
///   of a simulation it must be fit for that: two nodes that draw the same id
///   would take each other's data for their own.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Starts a task that nobody waits for.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Runs `work`, which takes milliseconds and waits for nothing, on another thread,
    /// and returns at once. One without threads runs it before it returns.
    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    /// Waits for `duration`.
    async fn sleep(&self, duration: Duration);

    /// Milliseconds since some fixed moment.
    fn monotonic_ms(&self) -> u64;

    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;

    /// Fills `out` with random bytes.
    fn fill_random(&self, out: &mut [u8]);
}

/// Lets other tasks run once before going on.
pub fn yield_now() -> impl Future<Output = ()> {
    YieldNow { yielded: false }
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
