//! The dataset from the log, when the server starts.

use std::sync::Arc;
use std::time::Instant;
use std::{fmt, fs};

use futures::future::BoxFuture;
use towline_core::engine::append_only::LogState;
use towline_core::engine::novelty::is_about_expiring_fields;
use towline_core::engine::pacing::delay_load;
use towline_core::keyspace::Keyspace;
use towline_core::keyspace::dataset::Dataset;
use towline_core::offset::Offset;
use towline_core::seams::snapshot::{DecodeError, Progress};
use towline_core::seams::{Host, SnapshotCodec, Storage, StorageError};
use towline_persist::journal::{
    Found, Journal, JournalError, Lineage, Origin, Recovered, ReplayError, ReplaySink, TornTail,
    adopt_single_file, inspect, replay_file,
};
use towline_persist::load::format_of;
use towline_persist::storage::FsStorage;

use super::apply::{Applied, LogClient};
use super::keeper::{LogKeeper, options};
use crate::engine_lock::EngineLock;
use crate::host::{ServerHost, unix_ms};
use crate::loading::{decode_options, file_formats, note_left_out, note_progress, note_skips};
use crate::progress::ProgressLines;
use crate::smol_runtime::rest;

/// How much of a base is read at once.
const READ_BYTES: usize = 1 << 20;
/// How much of it tells its format.
const HEAD_BYTES: usize = 64;

impl LogKeeper {
    /// Loads what the log holds and goes on from there; without one, begins one with the
    /// dataset empty, as Redis does. The dataset is then as the log says: nothing was
    /// published, acknowledged, or expired by the clock. A replica whose log is damaged
    /// puts it aside and gets everything from its primary again.
    ///
    /// # Errors
    /// A text for the operator; no file was touched and the server must not start.
    pub async fn load_at_start(&self, as_replica: bool) -> Result<(), String> {
        let storage = self.directory()?;
        let name = options(&self.0.store.lock().server.config).name;
        self.adopt_single_file(&storage, &name).await?;
        let found = match inspect(&storage, &name).await {
            Ok(None) => return self.open_anew().await,
            Ok(Some(found)) => found,
            Err(error @ JournalError::Manifest { .. }) if as_replica => {
                return self.begin_without(&error.to_string()).await;
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let (recovered, novelty) = match self.load(&self.0.store, &storage, &found).await {
            Ok(loaded) => loaded,
            Err(LoadError::Damaged(what)) if as_replica => return self.begin_without(&what).await,
            Err(error) => return Err(exiting(&error.to_string())),
        };
        let keys = self.0.store.lock().keyspace.len() as u64;
        self.0.store.lock().server.persistence.loaded_keys = keys;
        self.check_tail(&recovered)?;
        if recovered.foreign {
            let text = "The append only file was written to by another program since this server left it, if it ever did: it is taken over under a new replication id";
            self.0.store.host.logger().notice(text);
        }
        let cut = cut_base(&storage, &found, &recovered).await;
        cut.map_err(|error| fatal(&error.to_string()))?;
        let origin = self.choose_history(&recovered, as_replica);
        let options = options(&self.0.store.lock().server.config);
        let now_ms = u64::try_from(unix_ms()).unwrap_or(0);
        let lineage = origin.lineage.clone();
        let unknown = recovered.unread_end().max(novelty);
        let storage = Arc::new(storage);
        let parts = Journal::resume(storage, options, found, &recovered, origin, now_ms).await;
        let parts = parts.map_err(|error| fatal(&error.to_string()))?;
        let journal = self.start(parts);
        self.0.store.batch(|engine, _| {
            self.attach(engine, lineage);
            engine.server.log.note_novelty(unknown);
            engine.set_log_state(LogState::On);
        });
        self.note_base().await;
        self.publish(&journal.progress());
        Ok(())
    }

    /// Puts a damaged log aside, where nothing removes it, and begins another without a
    /// dataset. Nothing is served before the primary has sent one.
    async fn begin_without(&self, damage: &str) -> Result<(), String> {
        let directory = self.directory()?.root().to_owned();
        let mut aside = directory.clone().into_os_string();
        aside.push(format!(".damaged-{}", unix_ms()));
        let refused = |error: std::io::Error| fatal(&format!("{damage}; {aside:?}: {error}"));
        fs::rename(&directory, &aside).map_err(refused)?;
        self.0.store.batch(|engine, _| {
            let space = &engine.keyspace;
            let nothing = Keyspace::new(space.databases(), *space.seed());
            engine.install_dataset(nothing);
            engine.server.replication.dataset_lost = true;
        });
        self.0.store.host.logger().warning(&format!(
            "{damage}. This replica gets its dataset from its primary again and serves nothing before that; the damaged log was put aside as {aside:?}"
        ));
        self.open_anew().await
    }

    /// A log of a single file stands in the server's own directory. It is moved to
    /// where logs in parts are, unless there is one.
    async fn adopt_single_file(&self, storage: &FsStorage, name: &str) -> Result<(), String> {
        let (old, new) = (
            self.0.saver.directory().root().join(name),
            storage.root().join(name),
        );
        let wanted = match inspect(storage, name).await {
            Ok(None) => true,
            // Redis writes the manifest first; it may have got no further.
            Err(JournalError::Storage(StorageError::NotFound { name: missing })) => missing == name,
            _ => false,
        };
        if wanted && !new.exists() && old.exists() {
            fs::rename(&old, &new)
                .map_err(|error| fatal(&format!("{}: {error}", old.display())))?;
        }
        let adopted = adopt_single_file(storage, name).await;
        if adopted.map_err(|error| fatal(&error.to_string()))? {
            let text = format!(
                "The append only file {name} was moved into its directory, as the base of a log in parts"
            );
            self.0.store.host.logger().notice(&text);
        }
        Ok(())
    }

    /// Loads what was found into an engine, which need not be the one that serves. What
    /// was recovered, and the position behind the beginning of the last command about
    /// fields that expire.
    pub(super) async fn load(
        &self,
        store: &EngineLock,
        storage: &FsStorage,
        found: &Found,
    ) -> Result<(Recovered, Offset), LoadError> {
        let began = Instant::now();
        let total = found.total_bytes;
        let mut replayer = Replayer::new(store, &self.0.store, total);
        let mut torn = None;
        if let Some(base) = &found.base {
            torn = load_base(store, storage, base, &mut replayer).await?;
        }
        if let Some(torn) = torn.as_ref().filter(|_| !found.increments.is_empty()) {
            let what = "it ends inside of a command";
            return Err(LoadError::Damaged(failed(&format!(
                "{}: {what}",
                torn.file
            ))));
        }
        replayer.novelty = Offset::ZERO;
        replayer.is_stream = true;
        replayer.read_bytes = total - found.increments.iter().map(|file| file.bytes).sum::<u64>();
        let recovered = found.replay(storage, &mut replayer).await;
        let novelty = replayer.novelty;
        replayer.close();
        let mut recovered = recovered?;
        recovered.torn = recovered.torn.or(torn);
        store.lock().server.persistence.changes = 0;
        let seconds = began.elapsed().as_secs_f64();
        let text = format!("DB loaded from append only file: {seconds:.3} seconds");
        store.host.logger().notice(&text);
        Ok((recovered, novelty))
    }

    /// What a crash tore is cut off, where that is allowed.
    fn check_tail(&self, recovered: &Recovered) -> Result<(), String> {
        let Some(torn) = &recovered.torn else {
            return Ok(());
        };
        let file = &torn.file;
        if !self.0.store.lock().server.config.aof.load_truncated {
            return Err(format!(
                "Unexpected end of file reading the append only file {file}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            ));
        }
        self.0.store.host.logger().warning(&format!(
            "AOF {file} loaded anyway because aof-load-truncated is enabled. Truncating the AOF {file} at offset {}: the {} bytes behind it are of no whole command",
            torn.whole_bytes, torn.torn_bytes
        ));
        Ok(())
    }

    /// The history that the stream goes on in. A primary that does not know that nobody
    /// is beyond the end of its log begins one of its own there.
    fn choose_history(&self, recovered: &Recovered, as_replica: bool) -> Origin {
        let lineage = self.0.store.batch(|engine, _| {
            let known = recovered.lineage.clone().filter(|_| !recovered.foreign);
            match known {
                Some(lineage) if as_replica || recovered.clean => lineage,
                Some(lineage) => {
                    let new = engine.server.draw_replication_id();
                    lineage.continued(new, recovered.end)
                }
                None => Lineage::new(engine.server.draw_replication_id()),
            }
        });
        let origin = Origin {
            lineage,
            offset: recovered.end,
            stream_db: recovered.stream_db,
        };
        let db = origin.stream_db.map(|db| db as usize);
        self.0.node.restore_log(
            origin.lineage.history(),
            origin.offset,
            db,
            recovered.since(),
        );
        origin
    }

    /// Notes how long the log is after a rewrite, or as it was found.
    pub(super) async fn note_base(&self) {
        let name = options(&self.0.store.lock().server.config).name;
        let Ok(storage) = self.directory() else {
            return;
        };
        // The figures steer rewrites and INFO, and nothing else.
        let Ok(Some(found)) = inspect(&storage, &name).await else {
            return;
        };
        let increments: u64 = found.increments.iter().map(|file| file.bytes).sum();
        let log = &mut self.0.store.lock().server.append_only;
        log.base_bytes = found.total_bytes - increments;
        log.size_bytes = found.total_bytes;
        log.rewritten_bytes = found.total_bytes;
    }
}

fn fatal(what: &str) -> String {
    exiting(&failed(what))
}

fn unreadable(error: &JournalError) -> String {
    match error {
        JournalError::Storage(StorageError::NotFound { name }) => exiting(&format!(
            "Fatal error: can't open the append log file {name} for reading: No such file or directory"
        )),
        other => fatal(&other.to_string()),
    }
}

fn exiting(why: &str) -> String {
    format!("{why}. Exiting; no file was touched.")
}

fn failed(what: &str) -> String {
    format!("Fatal error loading the AOF: {what}")
}

/// Why a log was not loaded.
#[derive(Debug)]
pub(super) enum LoadError {
    /// It could not be read.
    Unreadable(String),
    /// It is not what was written.
    Damaged(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreadable(text) | Self::Damaged(text)) = self;
        f.write_str(text)
    }
}

impl From<ReplayError> for LoadError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Storage(error) => Self::Unreadable(failed(&error.to_string())),
            ReplayError::Damage(damage) => Self::Damaged(format!(
                "Bad file format reading the append only file {damage}: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>"
            )),
        }
    }
}

impl LoadError {
    fn unreadable(file: &str, error: &StorageError) -> Self {
        Self::Unreadable(failed(&format!("{file}: {error}")))
    }

    fn damaged(file: &str, what: &dyn fmt::Display) -> Self {
        Self::Damaged(failed(&format!("{file}: {what}")))
    }
}

/// Loads a base of either kind: a snapshot, perhaps with commands behind it, or
/// commands alone.
async fn load_base(
    store: &EngineLock,
    storage: &FsStorage,
    name: &str,
    replayer: &mut Replayer,
) -> Result<Option<TornTail>, LoadError> {
    let unreadable = |error| LoadError::unreadable(name, &error);
    let head = storage.read(name, 0, HEAD_BYTES).await;
    let head = head.map_err(unreadable)?;
    let formats = file_formats();
    let mut end = 0;
    let mut torn = None;
    if let Some(codec) = format_of(&head, &formats) {
        end = load_snapshot(store, storage, name, codec).await?;
    }
    if end < storage.len(name).await.map_err(unreadable)? {
        torn = replay_file(storage, name, end, replayer).await?.torn;
    }
    Ok(torn)
}

/// Cuts what a crash tore off a base that nothing follows, as a log in a single file is.
async fn cut_base(
    storage: &FsStorage,
    found: &Found,
    recovered: &Recovered,
) -> Result<(), StorageError> {
    let torn = recovered.torn.as_ref();
    if let Some(torn) = torn.filter(|torn| found.base.as_ref() == Some(&torn.file)) {
        storage.truncate(&torn.file, torn.whole_bytes).await?;
        storage.sync(&torn.file).await?;
    }
    Ok(())
}

/// Loads the snapshot that a file starts with, and answers where it ends.
async fn load_snapshot(
    store: &EngineLock,
    storage: &FsStorage,
    name: &str,
    codec: &dyn SnapshotCodec,
) -> Result<u64, LoadError> {
    let damaged = |error: DecodeError| LoadError::damaged(name, &error);
    let (options, databases) = {
        let engine = store.lock();
        (decode_options(&engine), engine.keyspace.databases())
    };
    let mut dataset = Dataset::new(databases, options.hash_seed);
    let mut decoder = codec.decoder(options);
    let (mut at, mut keys) = (0, 0);
    loop {
        let chunk = storage.read(name, at, READ_BYTES).await;
        let chunk = chunk.map_err(|error| LoadError::unreadable(name, &error))?;
        if chunk.is_empty() {
            decoder.finish().map_err(damaged)?;
            return Err(LoadError::damaged(name, &"it ends too early"));
        }
        let fed = decoder.feed(&chunk, &mut dataset);
        if let Progress::Complete { consumed } = fed.map_err(damaged)? {
            note_left_out(store, dataset.left_out());
            note_skips(store, dataset.skips());
            store.batch(|engine, _| engine.install_dataset(dataset.into_keyspace()));
            return Ok(at + consumed as u64);
        }
        at += chunk.len() as u64;
        let before = std::mem::replace(&mut keys, dataset.keys());
        delay_load(store, keys - before, &rest).await;
    }
}

/// Runs the commands of a log, and shows how far it is.
struct Replayer {
    store: EngineLock,
    /// Who shows how far it is.
    shown: EngineLock,
    host: ServerHost,
    client: LogClient,
    start_s: i64,
    lines: ProgressLines,
    total_bytes: u64,
    /// Read of other files before.
    read_bytes: u64,
    /// Behind the beginning of the last command about fields that expire.
    novelty: Offset,
    /// The commands are the stream's, and their offsets are its. Those of a base are not.
    is_stream: bool,
    /// Commands run since the last pause.
    commands: u64,
}

impl Replayer {
    fn new(store: &EngineLock, shown: &EngineLock, total_bytes: u64) -> Self {
        let client = store.batch(|engine, _| LogClient::connect(engine));
        Self {
            store: store.clone(),
            shown: shown.clone(),
            host: store.host.clone(),
            client,
            start_s: unix_ms() / 1000,
            lines: ProgressLines::begin("Loading the AOF", &store.host),
            total_bytes,
            read_bytes: 0,
            novelty: Offset::ZERO,
            is_stream: false,
            commands: 0,
        }
    }

    /// A transaction that was not complete is forgotten.
    fn close(self) {
        self.store.batch(|engine, _| self.client.close(engine));
    }
}

impl ReplaySink for Replayer {
    fn command(&mut self, offset: Offset, args: &[&[u8]]) -> Result<(), String> {
        self.commands += 1;
        if is_about_expiring_fields(args[0]) {
            self.novelty = offset.advance(1);
        }
        let mut engine = self.store.lock();
        if self.is_stream {
            // What was changed after an offset is known after a restart as well.
            engine.keyspace.begin_unit(offset.advance(1).0);
        }
        let applied = self.client.apply(&mut engine, &mut self.host, args)?;
        if applied == Applied::Failed {
            let name = args[0].escape_ascii();
            let text = format!("== CRITICAL == A command of the AOF failed: '{name}'");
            self.host.log(&text);
        }
        Ok(())
    }

    fn progress(&mut self, read_bytes: u64, _total_bytes: u64) {
        let read = self.read_bytes + read_bytes;
        note_progress(&self.shown, self.start_s, read, self.total_bytes);
        self.lines.tell(read, self.total_bytes);
        // What the commands threw away is dropped now and then.
        self.store.batch(|_, _| ());
    }

    fn pause(&mut self) -> BoxFuture<'_, ()> {
        let commands = std::mem::take(&mut self.commands);
        Box::pin(delay_load(&self.shown, commands, &rest))
    }
}
