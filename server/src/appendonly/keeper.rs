//! Keeps the log: opens and closes it, and tells everybody how far it is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::Event;
use towline_core::config::{Fsync, Settings};
use towline_core::engine::Engine;
use towline_core::engine::append_only::LogState as EngineLogState;
use towline_core::engine::stream_log::SinkId;
use towline_core::offset::Offset;
use towline_core::seams::Runtime;
use towline_persist::journal::{
    self, FsyncPolicy, Journal, JournalError, JournalOptions, Lineage, LogState, Parts, Progress,
};
use towline_persist::storage::FsStorage;
use towline_replication::node::Node;

use super::tap::{Restarts, SharedLineage, Tap};
use crate::engine_lock::EngineLock;
use crate::saving::Saver;
use crate::smol_runtime::SmolRuntime;

/// What the log says of a rewrite that is given up.
const STOPPING: &str = "A rewrite of the AOF is on its way. Stopping it!";

/// How often one who stops a rewrite looks whether it has stopped.
const STOP_STEP: Duration = Duration::from_millis(5);

/// The log that is open.
struct Running {
    /// Tells it from those before.
    number: u64,
    journal: Journal,
    /// None before the stream goes to it.
    sink: Option<SinkId>,
    lineage: SharedLineage,
}

/// A handle on the log. Clones share it.
#[derive(Clone)]
pub struct LogKeeper(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: EngineLock,
    pub(super) node: Node,
    pub(super) saver: Saver,
    running: Mutex<Option<Running>>,
    /// How many logs were opened.
    opened: AtomicU64,
    /// Held while the log is opened, rewritten or closed.
    pub(super) changing: smol::lock::Mutex<()>,
    /// The dataset is another: rung under the engine's lock.
    pub(super) restarted: Arc<Event>,
    /// And did not come with a base for the log.
    pub(super) needs_base: Arc<AtomicBool>,
    /// A rewrite that is running is to be given up.
    pub(super) cancelled: Arc<AtomicBool>,
}

/// How a log is written under these settings.
pub(super) fn options(settings: &Settings) -> JournalOptions {
    JournalOptions {
        name: String::from_utf8_lossy(&settings.aof.name).into_owned(),
        policy: policy(settings, false),
        timestamps: settings.aof.timestamps,
        retained_bytes: settings.aof.retained_bytes,
        past_ms: settings.aof.past_ms,
    }
}

/// `appendfsync`, but for the time of a rewrite where `no-appendfsync-on-rewrite` says so.
fn policy(settings: &Settings, is_rewriting: bool) -> FsyncPolicy {
    if is_rewriting && settings.aof.no_fsync_on_rewrite {
        return FsyncPolicy::No;
    }
    match settings.aof.fsync {
        Fsync::Always => FsyncPolicy::Always,
        Fsync::Everysec => FsyncPolicy::Everysec,
        Fsync::No => FsyncPolicy::No,
    }
}

impl LogKeeper {
    /// A keeper of no log yet.
    #[must_use]
    pub fn new(store: EngineLock, node: Node, saver: Saver) -> Self {
        Self(Arc::new(Inner {
            store,
            node,
            saver,
            running: Mutex::default(),
            opened: AtomicU64::new(0),
            changing: smol::lock::Mutex::new(()),
            restarted: Arc::default(),
            needs_base: Arc::default(),
            cancelled: Arc::default(),
        }))
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // Only plain moves happen under the lock, so a poisoned one is still sound.
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal that is open.
    pub(super) fn journal(&self) -> Option<Journal> {
        self.running().as_ref().map(|log| log.journal.clone())
    }

    /// The log's directory, which is made if it is not there.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn directory(&self) -> Result<FsStorage, String> {
        let name = self.0.store.lock().server.config.aof.directory.clone();
        let root = self.0.saver.directory().root().to_owned();
        let path: PathBuf = root.join(String::from_utf8_lossy(&name).into_owned());
        std::fs::create_dir_all(&path).map_err(|error| {
            format!(
                "Can't open or create append-only dir {name:?}: {error}",
                name = path.display()
            )
        })?;
        FsStorage::open(path).map_err(|error| error.to_string())
    }

    /// A journal that goes on from nothing in the directory.
    pub(super) async fn fresh(&self) -> Result<Parts, String> {
        let storage = self.directory()?;
        let options = options(&self.0.store.lock().server.config);
        let parts = Journal::fresh(Arc::new(storage), options, Offset::ZERO).await;
        parts.map_err(|error| error.to_string())
    }

    /// Lets a journal that was opened do its work. The stream goes to it once it is
    /// attached.
    pub(super) fn start(&self, parts: Parts) -> Journal {
        let journal = spawn(parts);
        let number = self.0.opened.fetch_add(1, Ordering::Relaxed);
        self.0.node.set_archive(Some(Arc::new(journal.clone())));
        *self.running() = Some(Running {
            number,
            journal: journal.clone(),
            sink: None,
            lineage: SharedLineage::default(),
        });
        smol::spawn(self.clone().watch(number, journal.clone())).detach();
        journal
    }

    /// From here on the stream goes to the journal. Called under the engine's lock.
    pub(super) fn attach(&self, engine: &mut Engine, lineage: Lineage) {
        engine.server.log.flush();
        if let Some(running) = &mut *self.running() {
            running.lineage.set(lineage);
            let tap = Tap::new(
                running.journal.clone(),
                running.lineage.clone(),
                Restarts {
                    rung: Arc::clone(&self.0.restarted),
                    needs_base: Arc::clone(&self.0.needs_base),
                },
            );
            running.sink = Some(engine.server.log.add_sink(Box::new(tap)));
        }
    }

    /// The history of the log, if the stream goes to it.
    pub(super) fn lineage(&self) -> Option<Lineage> {
        let running = self.running();
        let attached = running.as_ref().filter(|running| running.sink.is_some());
        attached.map(|running| running.lineage.get())
    }

    /// Closes the log, if it is open.
    async fn close(&self) -> Result<(), JournalError> {
        let Some(Running { journal, sink, .. }) = self.running().take() else {
            return Ok(());
        };
        if let Some(sink) = sink {
            self.0
                .store
                .batch(|engine, _| engine.server.log.remove_sink(sink));
        }
        self.0.node.set_archive(None);
        // What comes from here on is in no log, so nothing proves anything.
        let stopped = journal.stop(false).await;
        self.0.node.logged_to(None);
        let freed = self.0.store.durable.open_to(None);
        self.0.store.wakers.ring(&freed);
        stopped
    }

    /// The log's last words before the process ends: it takes nothing more, and
    /// nobody is told of what it has not taken.
    ///
    /// # Errors
    /// Where not all of it could be written.
    pub async fn finish(&self, drained: bool) -> Result<(), JournalError> {
        let _one = self.0.changing.lock().await;
        match self.journal() {
            Some(journal) => journal.stop(drained).await,
            None => Ok(()),
        }
    }

    /// Gives up a rewrite that is running, and waits until it has.
    pub async fn stop_rewrite(&self) {
        if self.is_rewriting() {
            self.0.store.host.logger().warning(STOPPING);
        }
        while self.is_rewriting() {
            self.0.cancelled.store(true, Ordering::SeqCst);
            smol::Timer::after(STOP_STEP).await;
        }
    }

    /// Whether a rewrite is running, or about to.
    pub fn is_rewriting(&self) -> bool {
        let engine = self.0.store.lock();
        engine.server.append_only.rewriting_since_ms.is_some()
    }

    /// Passes on how far the log is, until it is closed.
    async fn watch(self, number: u64, journal: Journal) {
        let mut last = None;
        loop {
            let changed = journal.listen();
            let progress = journal.progress();
            let running = self.running().as_ref().map(|running| running.number);
            if progress.stopped || running != Some(number) {
                return;
            }
            self.0.node.logged_to(Some(progress.written));
            let facts = (progress.durable, progress.attached, progress.state.clone());
            if last.as_ref() != Some(&facts) {
                let had_base = matches!(&last, Some((Some(_), ..)));
                last = Some(facts);
                self.publish(&progress);
                if progress.durable.is_some() && !had_base {
                    self.note_base().await;
                }
            }
            changed.await;
        }
    }

    /// Tells the engine and those who wait for the disk.
    pub(super) fn publish(&self, progress: &Progress) {
        self.0.node.logged_to(Some(progress.written));
        let wait_for_disk = self.0.store.batch(|engine, host| {
            if let Some(line) = note_state(engine, &progress.state) {
                host.logger().warning(&line);
            }
            note_sizes(engine, progress);
            let log = &mut engine.server.append_only;
            if progress.attached && log.state == EngineLogState::Starting {
                engine.set_log_state(EngineLogState::On);
            }
            if let Some(durable) = progress.durable {
                engine.set_durable(durable);
            }
            let failed = matches!(progress.state, LogState::Poisoned(_));
            if engine.server.append_only.fsync_failed != failed {
                engine.set_fsync_failed(failed);
            }
            progress.attached && engine.server.config.aof.fsync == Fsync::Always
        });
        let gate = &self.0.store.durable;
        let freed = match (&progress.state, wait_for_disk) {
            (_, false) => gate.open_to(None),
            (LogState::Poisoned(_), true) => gate.fail(),
            (_, true) => gate.open_to(Some(progress.durable.unwrap_or(Offset::ZERO))),
        };
        self.0.store.wakers.ring(&freed);
    }

    /// Takes over what CONFIG SET changed of how the log is written.
    pub fn reconfigure(&self) {
        let Some(journal) = self.journal() else {
            return;
        };
        {
            let engine = self.0.store.lock();
            let is_rewriting = engine.server.append_only.rewriting_since_ms.is_some();
            journal.set_policy(policy(&engine.server.config, is_rewriting));
            journal.set_timestamps(engine.server.config.aof.timestamps);
            let delay = Duration::from_micros(engine.server.append_only.write_delay_us);
            journal.set_write_delay(delay);
            self.keep_what_is_wanted(&engine, &journal);
        }
        self.publish(&journal.progress());
    }

    /// Says how much of the log is there for replicas, and for restoring the past.
    /// Files that it no longer needs are kept for those who may come back: where
    /// replicas are, or were until repl-backlog-ttl, however short their stay, and
    /// where this node may be promoted.
    fn keep_what_is_wanted(&self, engine: &Engine, journal: &Journal) {
        journal.retain(engine.server.config.aof.retained_bytes);
        journal.keep_past(engine.server.config.aof.past_ms);
        let (replication, stats) = (&engine.server.replication, &engine.server.stats);
        let has_backlog = self.0.node.backlog().is_some();
        let had_replicas = has_backlog && stats.sync_full + stats.sync_partial_ok > 0;
        if replication.is_replica() || !replication.replicas.is_empty() || had_replicas {
            journal.keep_history(true);
        } else if !has_backlog {
            journal.keep_history(false);
        }
    }

    /// Opens or closes the log, as `appendonly` says now.
    pub async fn follow_directive(self) {
        // A rewrite that is running is of no use in either case. The one that begins
        // with CONFIG SET appendonly yes is still to come.
        if self.journal().is_some() && self.is_rewriting() {
            self.0.store.host.logger().notice(STOPPING);
        }
        self.0.cancelled.store(true, Ordering::SeqCst);
        let _one = self.0.changing.lock().await;
        let wanted = self.0.store.lock().server.config.aof.enabled;
        let outcome = match (wanted, self.journal()) {
            (true, Some(_)) => Ok(()),
            (true, None) => self.open_anew().await,
            (false, _) => self.close().await.map_err(|error| error.to_string()),
        };
        if let Err(error) = outcome {
            let text = format!("Unable to turn the AOF on or off: {error}");
            self.0.store.host.logger().warning(&text);
        }
        if self.journal().is_none() {
            self.0.store.batch(|engine, _| {
                let log = &mut engine.server.append_only;
                log.rewriting_since_ms = None;
                log.failure = None;
                engine.set_log_state(EngineLogState::Off);
            });
        }
    }

    /// Keeps INFO's figures, and starts a rewrite that is due. Called at each tick.
    pub fn look(&self) {
        if let Some(journal) = self.journal() {
            let progress = journal.progress();
            let mut engine = self.0.store.lock();
            note_sizes(&mut engine, &progress);
            self.keep_what_is_wanted(&engine, &journal);
        }
        self.start_due_rewrite();
    }
}

/// Lets the tasks of a journal run.
pub(super) fn spawn(parts: Parts) -> Journal {
    let runtime: Arc<dyn Runtime> = Arc::new(SmolRuntime::default());
    smol::spawn(journal::run(parts.writer, Arc::clone(&runtime))).detach();
    smol::spawn(journal::run_syncer(parts.syncer, runtime)).detach();
    parts.journal
}

/// Notes whether the log takes writes, and answers a line about a change.
fn note_state(engine: &mut Engine, state: &LogState) -> Option<String> {
    let failure = match state {
        LogState::Good => None,
        LogState::WriteFailed(text) | LogState::Poisoned(text) => Some(text.to_string()),
    };
    let log = &mut engine.server.append_only;
    if log.failure == failure {
        return None;
    }
    let line = match (&failure, state) {
        (None, _) => "AOF write error looks solved, I can write again.".to_owned(),
        (Some(text), LogState::Poisoned(_)) => format!(
            "Error fsyncing the AOF file: {text}. Nothing more is written to it, and no writes are taken until BGREWRITEAOF has made a new one."
        ),
        (Some(text), _) => format!("Error writing to the AOF file: {text}"),
    };
    log.failure = failure;
    Some(line)
}

fn note_sizes(engine: &mut Engine, progress: &Progress) {
    let log = &mut engine.server.append_only;
    log.size_bytes = log.base_bytes + progress.increments_bytes;
    log.queued_bytes = progress.queued_bytes as u64;
    log.syncs_pending = progress.attached && progress.durable < Some(progress.written);
}
