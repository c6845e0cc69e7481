//! smol as the runtime of the replication drivers.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::BoxFuture;
use towline_core::seams::Runtime;

use crate::background;
use crate::host::unix_ms;

/// Tasks on smol's global executor, timers of async-io.
#[derive(Clone, Debug)]
pub struct SmolRuntime {
    started: Instant,
}

impl Default for SmolRuntime {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

#[async_trait]
impl Runtime for SmolRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        smol::spawn(task).detach();
    }

    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        background::encode(work);
    }

    async fn sleep(&self, duration: Duration) {
        smol::Timer::after(duration).await;
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn unix_ms(&self) -> u64 {
        u64::try_from(unix_ms()).unwrap_or(0)
    }

    fn fill_random(&self, out: &mut [u8]) {
        crate::random::fill(out).expect("a running kernel has random bytes");
    }
}

/// Waits for so long, as the walks of snapshots and the loads that are slowed down ask.
pub(crate) fn rest(duration: Duration) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        smol::Timer::after(duration).await;
    })
}
