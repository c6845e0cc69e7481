//! The journal: the log on disk that is the replication stream.
//!
//! ```text
//! engine ─ LogSink ─► queue ─► JournalWriter ─► Storage::append ─► written
//!                                    │           (always) sync ─► durable
//!                              JournalSyncer ─► sync, once a second
//! ```
//! What stands in a directory is [`aof`](crate::aof)'s layout, with a
//! [side file](side_file) beside each increment.
//!
//! # How a server uses it
//!
//! *Start.* [`inspect`] tells what the directory holds; load the base as it
//! says, then [`Found::replay`] the increments. [`Journal::resume`] goes on
//! from there. Without a log, [`Journal::fresh`] and a rewrite: `cut`, base,
//! `commit_rewrite`; until that is through, `attached` is false and a restart
//! finds what was there before.
//!
//! *Run.* Add [`Journal::sink`] to the engine's log and spawn [`run`] and
//! [`run_syncer`]. [`Journal::progress`] tells what is written and durable;
//! take a [listener](Journal::listen) before looking at it, then wait.
//!
//! *Rewrite* (BGREWRITEAOF). [`Journal::new_base`] gives the writer for the
//! snapshot; call [`Journal::cut`] under the engine's lock at the instant of
//! the freeze, after the engine's log was flushed; once the writer has
//! finished, [`Journal::commit_rewrite`]. A rewrite that is given up needs no
//! word here: abort the writer, and the increment stays one like any other.
//!
//! *Another history* at the same offset (promotion, a new name by the
//! primary): [`Journal::cut`] under the engine's lock, before anything is
//! written under the new name.
//!
//! *Another dataset* (full sync): write it with [`Journal::new_base`], and at
//! the swap, under the engine's lock, [`Journal::replace`]. Progress then
//! counts the new stream, from its start.
//!
//! *Stop.* [`Journal::stop`]; `drained` says that all replicas have it all,
//! which is the proof that lets a primary keep its history.
//!
//! # Failures
//!
//! A failed write keeps the file as it was; what waits is kept and tried again
//! each second ([`LogState::WriteFailed`]). A failed sync poisons the log: what
//! comes is dropped, and only a rewrite, whose base and files are new, makes it
//! good again ([`LogState::Poisoned`]). In both states writes of clients are to
//! be refused.

mod adopt;
mod archive;
mod base_note;
mod change;
mod found;
mod framer;
mod lineage;
mod log_reader;
mod naming;
mod open_file;
mod past;
mod points;
mod progress;
mod replay;
mod retained;
mod retention;
mod rewrite;
mod scan;
mod shared;
pub mod side_file;
mod sink;
mod start;
mod tasks;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_listener::EventListener;
use futures::channel::oneshot;
use towline_core::seams::{Storage, StorageError};

pub use adopt::adopt_single_file;
pub use found::{Found, FoundIncrement, inspect};
pub use lineage::{Ancestor, Lineage, MAX_ANCESTORS, Origin};
pub use past::{Known, Moment, MomentError, Past, Way};
pub use progress::{LogState, Progress};
pub use replay::{Damage, Recovered, ReplayError, ReplaySink, TornTail, replay_file};
pub use rewrite::{BaseFile, BaseWriter, CutId};
pub use shared::FsyncPolicy;
pub use sink::JournalSink;
pub use start::Parts;
pub use tasks::{JournalSyncer, run, run_syncer};
pub use writer::{JournalWriter, Turn};

use shared::{Request, Shared};

/// How a journal is to be kept.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// `appendfilename`: what its files' names start with.
    pub name: String,
    /// `appendfsync`.
    pub policy: FsyncPolicy,
    /// `aof-timestamp-enabled`.
    pub timestamps: bool,
    /// How much of the stream is served to replicas, in bytes; zero for nothing. See [`Journal::retain`].
    pub retained_bytes: u64,
    /// How long the past can be restored, in milliseconds; zero for not at all. See
    /// [`Journal::keep_past`].
    pub past_ms: u64,
}

/// Why a journal did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// The storage failed.
    Storage(StorageError),
    /// An earlier sync failed; its words.
    Poisoned(String),
    /// The dataset was replaced since, so that the base is of no use.
    Superseded,
    /// The manifest is none; its file, and what is wrong with it.
    Manifest {
        /// The manifest.
        file: String,
        /// The parser's words.
        what: String,
    },
    /// The writing task is gone.
    Stopped,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Poisoned(message) => f.write_str(message),
            Self::Superseded => f.write_str("the dataset was replaced meanwhile"),
            Self::Manifest { file, what } => write!(f, "{file}: {what}"),
            Self::Stopped => f.write_str("the log is closed"),
        }
    }
}

impl std::error::Error for JournalError {}

impl From<StorageError> for JournalError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// A handle to the log that is being written. Clones share it.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    storage: Arc<dyn Storage>,
    name: Arc<str>,
    bases: Arc<AtomicU64>,
}

impl Journal {
    /// What takes the stream. There is one taker at a time.
    #[must_use]
    pub fn sink(&self) -> JournalSink {
        JournalSink::new(Arc::clone(&self.shared))
    }

    /// How far the log is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.shared.state().progress.clone()
    }

    /// Notified when the progress is another.
    #[must_use]
    pub fn listen(&self) -> EventListener {
        self.shared.listen()
    }

    /// Changes `appendfsync`.
    pub fn set_policy(&self, policy: FsyncPolicy) {
        self.shared.state().policy = policy;
        self.shared.wake();
    }

    /// Changes `aof-timestamp-enabled`.
    pub fn set_timestamps(&self, enabled: bool) {
        self.shared.state().timestamps = enabled;
    }

    /// Lets what is queued wait for so long before it is written (DEBUG
    /// AOF-FLUSH-SLEEP): a slow disk, to test with.
    pub fn set_write_delay(&self, delay: Duration) {
        self.shared.state().write_delay = delay;
    }

    /// Makes the log go on in another file from here. Called under the engine's
    /// lock, once the engine's log is flushed; it returns at once.
    ///
    /// # Panics
    /// Where the stream is not at `origin.offset`.
    pub fn cut(&self, origin: Origin) -> CutId {
        let cut = self.shared.state().push_cut(origin);
        self.shared.wake();
        cut
    }

    /// Makes the log begin anew at `origin`, wherever the stream was before: a new log,
    /// or another dataset. Nothing of it counts before the commit of a base whose
    /// snapshot was frozen there or later; until then a restart finds what the
    /// directory holds now. Called under the engine's lock; it returns at once.
    pub fn begin_anew(&self, origin: Origin) -> CutId {
        let cut = self.shared.state().push_restart(origin, None);
        self.shared.wake();
        cut
    }

    /// Makes `base` and what follows it the whole log: the dataset was
    /// replaced, and the stream is now at `origin.offset`. Called under the
    /// engine's lock, before anything of the new stream is written; it returns
    /// at once. `durable` is `None` until the replacement is.
    pub fn replace(&self, base: BaseFile, origin: Origin) -> CutId {
        let cut = self.shared.state().push_restart(origin, Some(base));
        self.shared.wake();
        cut
    }

    /// A file for a snapshot that is to become a base. Its format is told by
    /// `extension`: `rdb`, `towline`, or `aof` for commands.
    ///
    /// # Errors
    /// Where the storage makes no file.
    pub async fn new_base(&self, extension: &str) -> Result<BaseWriter, StorageError> {
        let number = self.bases.fetch_add(1, Ordering::Relaxed);
        BaseWriter::create(Arc::clone(&self.storage), &self.name, number, extension).await
    }

    /// Makes `base`, which holds the dataset as it was at `cut`, the log's
    /// start; what it replaces is removed.
    ///
    /// # Errors
    /// Where the log goes on from its old base. The new one is to be aborted.
    pub async fn commit_rewrite(&self, cut: CutId, base: BaseFile) -> Result<(), JournalError> {
        self.ask(|done| Request::Commit { cut, base, done }).await
    }

    /// Writes and syncs everything, and closes the log. `drained` says that
    /// nobody is owed anything: neither a client a reply, nor a replica bytes.
    ///
    /// # Errors
    /// Where not everything could be written. The log is then not closed.
    pub async fn stop(&self, drained: bool) -> Result<(), JournalError> {
        self.ask(|done| Request::Stop { drained, done }).await
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), JournalError>>) -> Request,
    ) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if state.progress.stopped {
                return Err(JournalError::Stopped);
            }
            state.requests.push_back(request(done));
        }
        self.shared.wake();
        answer.await.unwrap_or(Err(JournalError::Stopped))
    }
}
