//! A rewrite: a snapshot becomes the log's base, and what comes after goes on in a
//! new increment.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::BoxFuture;
use towline_core::engine::Engine;
use towline_core::engine::append_only::{AppendOnly, LogState};
use towline_core::seams::snapshot::SnapshotMeta;
use towline_core::seams::{SnapshotEncoder, SnapshotWriter};
use towline_persist::aof::CommandEncoder;
use towline_persist::journal::{CutId, Journal, JournalError, Lineage};
use towline_persist::rdb::RdbVersion;
use towline_persist::save::{MakeEncoder, SaveError, Watcher, write_snapshot};

use super::keeper::{LogKeeper, spawn};
use super::tap::origin;
use crate::background;
use crate::formats::codec_for_file;
use crate::host::{ServerHost, unix_ms};
use crate::progress::ProgressLines;
use crate::saving::meta;
use crate::smol_runtime::rest;

/// After so many failures in a row a rewrite that is due rests for a while.
const FAILURES_AT_ONCE: u64 = 3;
/// The longest such rest, minutes.
const REST_MAX_MINUTES: i64 = 60;

/// Why a rewrite failed.
#[derive(Debug)]
pub(super) enum RewriteError {
    /// The directory cannot be used.
    Directory(String),
    /// The base could not be written.
    Save(SaveError),
    /// The files could not be changed.
    Journal(JournalError),
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(text) => f.write_str(text),
            Self::Save(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl From<SaveError> for RewriteError {
    fn from(error: SaveError) -> Self {
        Self::Save(error)
    }
}

impl From<JournalError> for RewriteError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl RewriteError {
    const fn was_unwanted(&self) -> bool {
        matches!(
            self,
            Self::Save(SaveError::Cancelled) | Self::Journal(JournalError::Superseded)
        )
    }
}

/// Changes files at the instant of the freeze.
struct Cutter<'a> {
    keeper: &'a LogKeeper,
    journal: &'a Journal,
    host: ServerHost,
    /// The stream goes to this log, or is to go to it from the freeze on.
    follows: bool,
    cut: Option<CutId>,
    keys_total: u64,
    lines: ProgressLines,
}

impl Watcher for Cutter<'_> {
    fn frozen(&mut self, engine: &mut Engine, keys_total: u64) -> SnapshotMeta {
        self.keys_total = keys_total;
        engine.server.log.flush();
        let known = self.keeper.lineage().filter(|_| self.follows);
        let is_new = known.is_none();
        if is_new && self.follows {
            begin_history(engine);
        }
        let server = &engine.server;
        let place = server.log.place(server.replication.history);
        let lineage = known.unwrap_or_else(|| Lineage::from(place.history));
        let origin = origin(lineage.clone(), place);
        self.cut = Some(match is_new {
            true => self.journal.begin_anew(origin),
            false => self.journal.cut(origin),
        });
        if is_new && self.follows {
            self.keeper.attach(engine, lineage);
        }
        SnapshotMeta {
            aof_base: true,
            ..meta(engine, &self.host)
        }
    }

    fn progress(&mut self, _engine: &mut Engine, keys: u64) -> bool {
        self.lines.tell(keys, self.keys_total);
        !self.keeper.0.cancelled.load(Ordering::SeqCst)
    }

    fn rest(&self, duration: Duration) -> BoxFuture<'static, ()> {
        rest(duration)
    }

    fn beside(&self, work: Box<dyn FnOnce() + Send>) {
        background::encode(work);
    }
}

/// What was never in a stream makes no part of the history that begins with the log.
fn begin_history(engine: &mut Engine) {
    let server = &mut engine.server;
    if server.replication.diverged && !server.replication.is_replica() {
        server.begin_history();
    }
}

impl LogKeeper {
    /// BGREWRITEAOF: in the background. The engine shows it already.
    pub fn spawn_rewrite(&self) {
        let keeper = self.clone();
        let logger = self.0.store.host.logger();
        logger.notice("Background append only file rewriting started");
        smol::spawn(async move {
            let _one = keeper.0.changing.lock().await;
            let _in_the_log = keeper.rewrite().await;
        })
        .detach();
    }

    /// Opens a log that begins with the dataset as it is now.
    ///
    /// # Errors
    /// A text for the operator, where there is no log; or where there is one that is
    /// to be given its base later.
    pub(super) async fn open_anew(&self) -> Result<(), String> {
        let parts = self.fresh().await?;
        self.start(parts);
        self.0.store.batch(|engine, _| {
            engine.set_log_state(LogState::Starting);
            engine.server.append_only.rewrite_began(unix_ms());
        });
        self.rewrite().await.map_err(|error| error.to_string())
    }

    /// Rewrites the log, and tells INFO and the operator how it went. Where there is no
    /// log, one of a snapshot alone is left behind.
    pub(super) async fn rewrite(&self) -> Result<(), RewriteError> {
        self.0.cancelled.store(false, Ordering::SeqCst);
        self.reconfigure();
        let rewritten = self.rewrite_files().await;
        let ok = match &rewritten {
            Ok(()) => Some(true),
            Err(error) if error.was_unwanted() => None,
            Err(_) => Some(false),
        };
        self.0.store.batch(|engine, _| {
            let log = &mut engine.server.append_only;
            log.rewrite_ended(unix_ms(), ok);
            // A log without its base is none after a restart.
            log.rewrite_scheduled |= ok != Some(true) && log.state == LogState::Starting;
        });
        self.reconfigure();
        let logger = self.0.store.host.logger();
        match &rewritten {
            Ok(()) => logger.notice("Background AOF rewrite finished successfully"),
            Err(error) => logger.warning(&format!("Background AOF rewrite failed: {error}")),
        }
        rewritten
    }

    async fn rewrite_files(&self) -> Result<(), RewriteError> {
        if let Some(journal) = self.journal() {
            return self.rewrite_journal(&journal, true).await;
        }
        let parts = self.fresh().await.map_err(RewriteError::Directory)?;
        let journal = spawn(parts);
        self.rewrite_journal(&journal, false).await?;
        Ok(journal.stop(false).await?)
    }

    /// As commands, or a snapshot in the version that `rdb-version` names or the oldest
    /// that holds the dataset.
    async fn rewrite_journal(&self, journal: &Journal, follows: bool) -> Result<(), RewriteError> {
        let (pinned, aof) = {
            let config = &self.0.store.lock().server.config;
            (config.payload.version, config.aof.clone())
        };
        if !aof.snapshot_base {
            let encoder = move |meta: &SnapshotMeta| -> Box<dyn SnapshotEncoder> {
                Box::new(CommandEncoder::new(meta, aof.timestamps))
            };
            return self.rewrite_with(journal, follows, &encoder, "aof").await;
        }
        if let Some(version) = pinned.and_then(RdbVersion::of_number) {
            return self.rewrite_as(journal, follows, version).await;
        }
        match self.rewrite_as(journal, follows, RdbVersion::V10).await {
            Err(RewriteError::Save(SaveError::Encode(_))) => {
                self.rewrite_as(journal, follows, RdbVersion::Valkey80)
                    .await
            }
            rewritten => rewritten,
        }
    }

    async fn rewrite_as(
        &self,
        journal: &Journal,
        follows: bool,
        version: RdbVersion,
    ) -> Result<(), RewriteError> {
        let (codec, extension) = {
            let engine = self.0.store.lock();
            let config = &engine.server.config;
            let name = String::from_utf8_lossy(&config.dbfilename).into_owned();
            let extension = match name.ends_with(".towline") {
                true => "towline",
                false => "rdb",
            };
            (codec_for_file(&name, config, version), extension)
        };
        let encoder = |meta: &SnapshotMeta| codec.encoder(meta);
        self.rewrite_with(journal, follows, &encoder, extension)
            .await
    }

    async fn rewrite_with(
        &self,
        journal: &Journal,
        follows: bool,
        encoder: MakeEncoder<'_>,
        extension: &str,
    ) -> Result<(), RewriteError> {
        let base = journal.new_base(extension).await;
        let mut base = base.map_err(JournalError::from)?;
        let mut cutter = Cutter {
            keeper: self,
            journal,
            host: self.0.store.host.clone(),
            follows,
            cut: None,
            keys_total: 0,
            lines: ProgressLines::begin("Rewriting the AOF", &self.0.store.host),
        };
        write_snapshot(&self.0.store, encoder, &mut base, &mut cutter).await?;
        let cut = cutter.cut.expect("a snapshot that was written was frozen");
        let committed = journal.commit_rewrite(cut, base.file()).await;
        if committed.is_err() {
            // The error that made it useless is the one to tell.
            let _ = base.abort().await;
        }
        self.note_base().await;
        Ok(committed?)
    }

    /// Starts a rewrite that was put off, or that the log's growth asks for.
    pub(super) fn start_due_rewrite(&self) {
        let due = self.0.store.batch(|engine, host| {
            let server = &mut engine.server;
            let busy = server.persistence.saving.is_some()
                || server.persistence.loading.is_some()
                || server.append_only.rewriting_since_ms.is_some();
            let now_ms = unix_ms();
            let log = &mut server.append_only;
            if busy || rests(log, now_ms) {
                return false;
            }
            let (percentage, min_bytes) = (
                server.config.aof.rewrite_percentage,
                server.config.aof.rewrite_min_bytes,
            );
            let outgrown = log.state == LogState::On && log.has_outgrown(percentage, min_bytes);
            if outgrown && !log.rewrite_scheduled {
                let base = log.rewritten_bytes.max(1);
                let growth = u128::from(log.size_bytes) * 100 / u128::from(base) - 100;
                let text = format!("Starting automatic rewriting of AOF on {growth}% growth");
                host.logger().notice(&text);
            }
            let due = outgrown || log.rewrite_scheduled;
            if due {
                log.rewrite_began(now_ms);
            }
            due
        });
        if due {
            self.spawn_rewrite();
        }
    }

    /// Lets the log that another dataset has left without a base have one.
    pub async fn follow_restarts(self) {
        loop {
            self.0.restarted.listen().await;
            self.0.cancelled.store(true, Ordering::SeqCst);
            let freed = self.0.store.durable.restart();
            self.0.store.wakers.ring(&freed);
            let _one = self.0.changing.lock().await;
            let needs_base = self.0.needs_base.swap(false, Ordering::SeqCst);
            if needs_base && self.journal().is_some() {
                self.0.store.batch(|engine, _| {
                    engine.set_log_state(LogState::Starting);
                    engine.server.append_only.rewrite_began(unix_ms());
                });
                // What it could not do is in the log, and tried again.
                let _told = self.rewrite().await;
            }
        }
    }
}

/// Whether what failed several times is to be left alone for a while.
fn rests(log: &AppendOnly, now_ms: i64) -> bool {
    let Some(beyond) = log.rewrite_failures.checked_sub(FAILURES_AT_ONCE) else {
        return false;
    };
    let minutes = 1_i64.checked_shl(u32::try_from(beyond).unwrap_or(u32::MAX));
    let minutes = minutes.map_or(REST_MAX_MINUTES, |minutes| {
        minutes.clamp(1, REST_MAX_MINUTES)
    });
    now_ms < log.last_rewrite_try_ms + minutes * 60_000
}
