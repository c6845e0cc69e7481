//! The tasks of a journal: one writes, one syncs beside it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use towline_core::seams::{Runtime, Storage};

use super::shared::{FsyncPolicy, Shared};
use super::writer::{JournalWriter, Turn};

/// The time between two syncs under `everysec`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Writes the log until it is stopped.
pub async fn run(mut writer: JournalWriter, runtime: Arc<dyn Runtime>) {
    let shared = Arc::clone(&writer.shared);
    let mut looked_ms = runtime.monotonic_ms();
    loop {
        let work = shared.work.listen();
        let delay = shared.write_delay();
        if !delay.is_zero() {
            runtime.sleep(delay).await;
        }
        let now_ms = runtime.monotonic_ms();
        writer.elapse(now_ms.saturating_sub(std::mem::replace(&mut looked_ms, now_ms)));
        match writer.turn(runtime.unix_ms()).await {
            Turn::Idle => match writer.rest_ms() {
                Some(ms) => {
                    let rest = runtime.sleep(Duration::from_millis(ms));
                    select(work, rest).await;
                }
                None => work.await,
            },
            Turn::Retry { after_ms } => runtime.sleep(Duration::from_millis(after_ms)).await,
            Turn::Stopped => break,
        }
    }
    shared.changed.notify(usize::MAX);
}

/// Syncs the log each second under `everysec`, and whenever somebody waits for it, until
/// it is stopped.
pub async fn run_syncer(mut syncer: JournalSyncer, runtime: Arc<dyn Runtime>) {
    loop {
        let pause = runtime.sleep(SYNC_INTERVAL);
        let called = Box::pin(syncer.called());
        if let Either::Left((Called::Stopped, _)) = select(called, pause).await {
            return;
        }
        syncer.turn().await;
    }
}

/// Why a syncer does not wait for the next second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    Stopped,
    Wanted,
}

/// Syncs what was written, beside the writing of more.
pub struct JournalSyncer {
    storage: Arc<dyn Storage>,
    shared: Arc<Shared>,
}

impl JournalSyncer {
    pub(super) const fn new(storage: Arc<dyn Storage>, shared: Arc<Shared>) -> Self {
        Self { storage, shared }
    }

    /// Syncs once, if that is due under the present policy, or wanted.
    pub async fn turn(&mut self) {
        let target = {
            let state = self.shared.state();
            let due = match state.policy {
                FsyncPolicy::Everysec => true,
                FsyncPolicy::Always => false,
                FsyncPolicy::No => state.has_sync_wanted(),
            };
            state.unsynced.clone().filter(|_| due)
        };
        let Some(target) = target else { return };
        match self.storage.sync(&target.name).await {
            Ok(()) => self.shared.publish(|state| state.synced(&target)),
            Err(error) => {
                let failure = (target.sequence, error.to_string());
                self.shared.state().sync_failure = Some(failure);
                self.shared.wake();
            }
        }
    }

    fn called(&self) -> impl Future<Output = Called> + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            loop {
                let changed = shared.listen();
                {
                    let state = shared.state();
                    if state.progress.stopped {
                        return Called::Stopped;
                    }
                    // Under `always` the writer syncs by itself.
                    if state.policy != FsyncPolicy::Always && state.has_sync_wanted() {
                        return Called::Wanted;
                    }
                }
                changed.await;
            }
        }
    }
}
