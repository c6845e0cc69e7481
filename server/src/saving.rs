//! SAVE, BGSAVE and save points: the dataset into its file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use towline_core::engine::Engine;
use towline_core::seams::snapshot::{SnapshotMeta, SnapshotPosition};
use towline_core::seams::{Host, Storage};
use towline_core::version::REDIS_VERSION;
use towline_persist::rdb::RdbVersion;
use towline_persist::save::{SaveError, SaveJob, Watcher};
use towline_persist::storage::FsStorage;

use crate::background;
use crate::engine_lock::EngineLock;
use crate::formats::codec_for_file;
use crate::host::{ServerHost, unix_ms};
use crate::progress::ProgressLines;
use crate::smol_runtime::rest;

/// A save point that failed is tried again after so many seconds.
const RETRY_S: i64 = 5;

/// How often one who stops a save looks whether it has stopped.
const STOP_STEP: Duration = Duration::from_millis(5);

/// Saves the dataset. Clones share the directory and the wish to cancel.
#[derive(Clone)]
pub struct Saver {
    store: EngineLock,
    directory: Arc<Mutex<FsStorage>>,
    /// Where snapshots are kept, where that is not the directory.
    snapshots: Option<Arc<dyn Storage>>,
    cancelled: Arc<AtomicBool>,
    /// Held while a save runs: they share a file.
    running: Arc<smol::lock::Mutex<()>>,
}

/// Keeps the engine's figures of the save.
struct Progress {
    host: ServerHost,
    cancelled: Arc<AtomicBool>,
    keys_total: u64,
    lines: ProgressLines,
}

impl Watcher for Progress {
    fn frozen(&mut self, engine: &mut Engine, keys_total: u64) -> SnapshotMeta {
        self.keys_total = keys_total;
        engine.server.persistence.save_began(unix_ms(), keys_total);
        meta(engine, &self.host)
    }

    fn progress(&mut self, engine: &mut Engine, keys: u64) -> bool {
        if let Some(saving) = &mut engine.server.persistence.saving {
            saving.keys_processed = keys;
        }
        self.lines.tell(keys, self.keys_total);
        !self.cancelled.load(Ordering::SeqCst)
    }

    fn rest(&self, duration: Duration) -> BoxFuture<'static, ()> {
        rest(duration)
    }

    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        background::encode(work);
    }
}

/// What a snapshot of this instant says of itself.
#[must_use]
pub fn meta(engine: &mut Engine, host: &ServerHost) -> SnapshotMeta {
    engine.server.log.flush();
    let log = &engine.server.log;
    // What was never in the stream must not be taken for a part of it later; nor has
    // anybody a part in a stream that nobody has taken.
    let position = engine.server.continues_from().filter(|_| log.is_active());
    SnapshotMeta {
        redis_version: REDIS_VERSION.to_owned(),
        created_ms: u64::try_from(unix_ms()).unwrap_or(0),
        used_memory_bytes: host.allocated_bytes(),
        position: position.map(|(replid, offset)| SnapshotPosition {
            replid,
            offset,
            stream_db: log.selected_db().and_then(|db| u32::try_from(db).ok()),
        }),
        hash_seed: Some(*engine.keyspace.seed()),
        aof_base: false,
    }
}

impl Saver {
    /// A saver into `snapshots`, and without into `directory`.
    #[must_use]
    pub fn new(
        store: EngineLock,
        directory: FsStorage,
        snapshots: Option<Arc<dyn Storage>>,
    ) -> Self {
        Self {
            store,
            directory: Arc::new(Mutex::new(directory)),
            snapshots,
            cancelled: Arc::default(),
            running: Arc::default(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> FsStorage {
        let directory = self
            .directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        directory.clone()
    }

    /// Where snapshots are kept.
    #[must_use]
    pub fn storage(&self) -> Arc<dyn Storage> {
        let elsewhere = self.snapshots.clone();
        elsewhere.unwrap_or_else(|| Arc::new(self.directory().on(background::write)))
    }

    /// Saves from now on into another directory.
    pub fn set_directory(&self, directory: FsStorage) {
        *self
            .directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = directory;
    }

    /// Gives up a save that is running; one that waits for it goes on.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    /// Gives up a save that is running, and waits until it has.
    pub async fn stop(&self) {
        while self.store.lock().server.persistence.saving.is_some() {
            self.cancel();
            smol::Timer::after(STOP_STEP).await;
        }
    }

    /// Saves, and tells the log and INFO how it went.
    ///
    /// # Errors
    /// Why there is no new snapshot.
    pub async fn save(&self) -> Result<(), SaveError> {
        let may_write = self.store.lock().server.persistence.last_save_ok;
        // One that is given up has to be gone before the wish is taken back.
        drop(self.running.lock().await);
        self.cancelled.store(false, Ordering::SeqCst);
        let saved = self.save_once().await;
        if saved.is_err() {
            // Who asked for it is told; only a save in the background that fails
            // unseen keeps writers off.
            self.store.lock().server.persistence.last_save_ok = may_write;
        }
        saved
    }

    async fn save_once(&self) -> Result<(), SaveError> {
        let running = self.running.lock().await;
        let saved = self.save_in_some_version().await;
        let again = self.store.batch(|engine, _| {
            let persistence = &mut engine.server.persistence;
            match &saved {
                Err(SaveError::Cancelled) => persistence.save_cancelled(),
                _ => persistence.save_ended(unix_ms(), saved.is_ok()),
            }
            std::mem::take(&mut persistence.save_scheduled)
        });
        drop(running);
        let logger = self.store.host.logger();
        match &saved {
            Ok(()) => logger.notice("DB saved on disk"),
            Err(SaveError::Cancelled) => logger.notice("Saving the DB was given up"),
            Err(error) => logger.warning(&format!("Error saving the DB: {error}")),
        }
        if again {
            self.spawn();
        }
        saved
    }

    /// The version that `rdb-version` names, or the oldest that holds the dataset:
    /// field expiries need a newer one.
    async fn save_in_some_version(&self) -> Result<(), SaveError> {
        let pinned = self.store.lock().server.config.payload.version;
        if let Some(version) = pinned.and_then(RdbVersion::of_number) {
            return self.save_as(version).await;
        }
        match self.save_as(RdbVersion::V10).await {
            Err(SaveError::Encode(_)) => self.save_as(RdbVersion::Valkey80).await,
            saved => saved,
        }
    }

    async fn save_as(&self, version: RdbVersion) -> Result<(), SaveError> {
        let (codec, name) = {
            let engine = self.store.lock();
            let config = &engine.server.config;
            let name = String::from_utf8_lossy(&config.dbfilename).into_owned();
            (codec_for_file(&name, config, version), name)
        };
        let storage = self.storage();
        let job = SaveJob {
            store: &self.store,
            storage: &*storage,
            codec: &*codec,
            name: &name,
            temporary: &format!("temp-{}.rdb", std::process::id()),
        };
        let mut progress = Progress {
            host: self.store.host.clone(),
            cancelled: Arc::clone(&self.cancelled),
            keys_total: 0,
            lines: ProgressLines::begin("Saving the DB", &self.store.host),
        };
        job.run(&mut progress).await
    }

    /// Saves in the background. The engine shows it from this moment on, so that
    /// no second one starts before the freeze.
    pub fn spawn(&self) {
        let begun = self.store.batch(|engine, _| {
            let idle = engine.server.persistence.saving.is_none();
            if idle {
                let keys = engine.keyspace.len() as u64;
                engine.server.persistence.save_began(unix_ms(), keys);
            }
            idle
        });
        if begun {
            self.spawn_begun();
        }
    }

    /// The same, where the engine shows it already. It can be cancelled from here on.
    pub fn spawn_begun(&self) {
        self.cancelled.store(false, Ordering::SeqCst);
        let saver = self.clone();
        self.store.host.logger().notice("Background saving started");
        smol::spawn(async move {
            // `save` has told the log and INFO already.
            if saver.save_once().await.is_ok() {
                let logger = saver.store.host.logger();
                logger.notice("Background saving terminated with success");
            }
        })
        .detach();
    }

    /// Starts a save where a save point asks for one.
    pub fn look(&self) {
        let due = {
            let engine = self.store.lock();
            let persistence = &engine.server.persistence;
            let now_s = unix_ms() / 1000;
            let may_try = persistence.last_save_ok || now_s - persistence.last_try_s > RETRY_S;
            let asks = |point: &&towline_core::config::SavePoint| {
                persistence.changes >= point.changes
                    && now_s - persistence.last_save_s > i64::try_from(point.seconds).unwrap_or(0)
            };
            let point = engine.server.config.save.iter().find(asks).copied();
            point.filter(|_| persistence.saving.is_none() && may_try)
        };
        if let Some(point) = due {
            let text = format!(
                "{} changes in {} seconds. Saving...",
                point.changes, point.seconds
            );
            self.store.host.logger().notice(&text);
            self.spawn();
        }
    }
}
