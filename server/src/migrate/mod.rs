//! MIGRATE's work: keys to other servers, over connections that are kept for a while.
//!
//! ```text
//!   queue ─► Courier ─► Sockets ─► Link        one transfer at a time, as in Redis
//!              └─ engine: take … settle
//! ```

mod link;
mod sockets;
mod transfer;

use std::time::Duration;

use smol::channel::{Receiver, RecvError};
use smol::future;
use towline_core::engine::migration::{Migration, Transferred};

use crate::engine_lock::EngineLock;
use crate::host::unix_ms;
use sockets::Sockets;
use transfer::Transfer;

/// How often idle connections are looked for.
const IDLE_LOOK: Duration = Duration::from_secs(1);

/// How often a transfer that a pause keeps from its end tries again.
const PAUSE_STEP: Duration = Duration::from_millis(20);

/// Does the transfers in the order in which they were asked for.
pub(crate) struct Courier {
    store: EngineLock,
    queue: Receiver<Box<Migration>>,
    sockets: Sockets,
}

impl Courier {
    /// A courier for what comes through `queue`.
    #[must_use]
    pub(crate) fn new(store: EngineLock, queue: Receiver<Box<Migration>>) -> Self {
        Self {
            store,
            queue,
            sockets: Sockets::default(),
        }
    }

    /// Works until nobody is left to ask for anything.
    pub(crate) async fn serve(mut self) {
        while let Ok(migration) = self.next().await {
            if let Some(migration) = migration {
                self.carry(&migration).await;
            }
            self.sockets.close_idle();
            self.count_sockets();
        }
    }

    fn count_sockets(&self) {
        self.store.lock().server.migrations.cached_sockets = self.sockets.len();
    }

    /// The next transfer; none where it is time to look for idle connections.
    async fn next(&self) -> Result<Option<Box<Migration>>, RecvError> {
        let next = async { self.queue.recv().await.map(Some) };
        if self.sockets.is_empty() {
            return next.await;
        }
        let look = async {
            smol::Timer::after(IDLE_LOOK).await;
            Ok(None)
        };
        future::or(next, look).await
    }

    /// One transfer, to the client's answer.
    async fn carry(&mut self, migration: &Migration) {
        let begun = self.store.batch(|engine, _| {
            let begun = engine.begin_migration(migration, unix_ms());
            if begun.is_none() {
                engine.refuse_migration(migration.client);
            }
            begun
        });
        let Some(id) = begun else {
            return;
        };
        let transfer = Transfer::new(&self.store, id, migration);
        let transferred = transfer.run(&mut self.sockets).await;
        // Before the answer: who has it may ask at once how many connections are kept.
        self.count_sockets();
        let settle = || {
            self.store.batch(|engine, host| {
                engine.settle_migration(id, migration, &transferred, unix_ms(), host)
            })
        };
        while !settle() {
            smol::Timer::after(PAUSE_STEP).await;
        }
    }
}

/// A transfer that ended with nothing but an error.
fn failed(error: impl Into<String>) -> Transferred {
    Transferred {
        acknowledged: Vec::new(),
        outcome: Err(error.into()),
    }
}
