//! DEBUG LOADAOF: the dataset is read from the log anew.
//!
//! It is read beside the present one, by an engine of its own that knows no clients and
//! no stream, and takes its place where the log was read to the end of the stream. What
//! the log says is then what was there, so the history, its offset and the replicas go
//! on as they are. Other clients are refused meanwhile, as while a server starts.

use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::Keyspace;
use towline_core::offset::Offset;
use towline_persist::journal::{Journal, LogState, inspect};

use super::keeper::{LogKeeper, options};
use crate::engine_lock::EngineLock;
use crate::host::unix_ms;
use crate::loading::expect_dataset;

/// So often it is read again where the stream went on meanwhile (a primary pings its
/// replicas, or the link of a replica brought something).
const TRIES: usize = 5;

impl LogKeeper {
    /// Puts what the log holds in the place of the dataset.
    ///
    /// # Errors
    /// A text for the client; the dataset is then as it was.
    pub async fn load_anew(&self) -> Result<(), String> {
        let _one = self.0.changing.lock().await;
        expect_dataset(&self.0.store);
        let loaded = self.read_until_whole().await;
        self.0
            .store
            .batch(|engine, _| engine.server.persistence.loading = None);
        loaded
    }

    async fn read_until_whole(&self) -> Result<(), String> {
        for _ in 0..TRIES {
            let end = self.written_end().await?;
            let dataset = self.read_dataset().await?;
            if self.install(dataset, end) {
                let logger = self.0.store.host.logger();
                logger.notice("Append Only File loaded by DEBUG LOADAOF");
                return Ok(());
            }
        }
        Err("the stream did not rest".to_owned())
    }

    /// Where the stream ends, all of which the log then has; none without a log.
    async fn written_end(&self) -> Result<Option<Offset>, String> {
        let Some(journal) = self.journal() else {
            return Ok(None);
        };
        let end = self.0.store.batch(|engine, _| {
            engine.server.log.flush();
            engine.server.log.offset()
        });
        wait_written(&journal, end).await?;
        Ok(Some(end))
    }

    async fn read_dataset(&self) -> Result<Keyspace, String> {
        let storage = self.directory()?;
        let name = options(&self.0.store.lock().server.config).name;
        let found = inspect(&storage, &name).await;
        let found = found.map_err(|error| error.to_string())?;
        let found = found.ok_or("there is no log in the directory")?;
        let beside = EngineLock::new(beside(&self.0.store), self.0.store.host.clone());
        expect_dataset(&beside);
        let loaded = self.load(&beside, &storage, &found).await;
        let (recovered, _) = loaded.map_err(|error| error.to_string())?;
        let cuts = self.0.store.lock().server.config.aof.load_truncated;
        if let Some(torn) = recovered.torn.filter(|_| !cuts) {
            return Err(format!("{} ends inside of a command", torn.file));
        }
        Ok(beside.batch(|engine, _| {
            let nothing = Keyspace::new(1, *engine.keyspace.seed());
            std::mem::replace(&mut engine.keyspace, nothing)
        }))
    }

    /// False where the dataset is no longer what was read.
    fn install(&self, dataset: Keyspace, end: Option<Offset>) -> bool {
        self.0.store.batch(|engine, _| {
            engine.server.log.flush();
            if end.is_some_and(|end| end != engine.server.log.offset()) {
                return false;
            }
            engine.install_dataset(dataset);
            let server = &mut engine.server;
            server.persistence.changes = 0;
            // What is in no stream replicas cannot have.
            server.replication.diverged |= end.is_none();
            true
        })
    }
}

/// Waits until the log has what lies before `end`.
async fn wait_written(journal: &Journal, end: Offset) -> Result<(), String> {
    loop {
        let changed = journal.listen();
        let progress = journal.progress();
        match progress.state {
            LogState::WriteFailed(text) | LogState::Poisoned(text) => return Err(text.to_string()),
            LogState::Good if progress.stopped => return Err("the log is closed".to_owned()),
            LogState::Good if !progress.attached => {
                return Err("the log has no base yet".to_owned());
            }
            LogState::Good if progress.written >= end => return Ok(()),
            LogState::Good => changed.await,
        }
    }
}

/// An engine that reads commands as the one that serves does, and has nothing else of it.
fn beside(store: &EngineLock) -> Engine {
    let mut engine = store.lock();
    let replid = engine.server.draw_replication_id();
    let mut beside = Engine::new(EngineOptions {
        hash_seed: *engine.keyspace.seed(),
        rng_seed: engine.server.rng.next_u64(),
        run_id: replid,
        replid,
        now_ms: unix_ms(),
        config: engine.server.config.clone(),
    });
    beside.server.value_codec = engine.server.value_codec.clone();
    beside.server.table = engine.server.table.clone();
    beside
}
