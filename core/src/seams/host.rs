//! What the engine asks of the process it lives in.
//!
//! Most commands need nothing but the keyspace. The few that concern the process
//! (SAVE, SHUTDOWN, CONFIG REWRITE, REPLICAOF, PSYNC …) go through this seam, so
//! that a handler still opens no file and owns no socket.

use crate::config::{
    LogLevel, OomScoreMode, OomScoreSettings, ProcessTitle, RewriteEntry, Settings,
};
use std::fmt;
use std::path::PathBuf;

use crate::engine::migration::Migration;
use crate::engine::shutdown::ShutdownTicket;
use crate::engine::{ClientId, Engine};
use crate::offset::{Offset, ReplicationId};

/// What REPLICAOF asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryAddress {
    /// A name or an address.
    pub host: String,
    /// A port.
    pub port: u16,
}

impl fmt::Display for PrimaryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What a replica asks for with PSYNC or SYNC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The history and the offset it can continue, if any; none asks for everything.
    pub continuing: Option<(ReplicationId, Offset)>,
    /// True for PSYNC; SYNC gets a bulk transfer without a line before it.
    pub psync: bool,
}

/// How SHUTDOWN is to proceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// SAVE or NOSAVE; none follows the save points.
    pub save: Option<bool>,
    /// Do not wait for replicas.
    pub now: bool,
    /// Go on whatever fails.
    pub force: bool,
}

/// What [`Job::Reconfigure`] names where no directive is meant: DEBUG AOF-FLUSH-SLEEP.
pub const LOG_WRITE_DELAY: &str = "aof-flush-sleep";

/// How DEBUG RELOAD is to proceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadOptions {
    /// Read back what is there now; else the snapshot that was saved last (NOSAVE).
    pub save: bool,
    /// Only what is read stays; else it comes to what is there (NOFLUSH).
    pub flush: bool,
    /// A key that is read replaces the one that is there; else that is an error (MERGE).
    pub merge: bool,
}

impl Default for ReloadOptions {
    fn default() -> Self {
        Self {
            save: true,
            flush: true,
            merge: false,
        }
    }
}

/// Work that takes longer than a command may, and is started here and done elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// SAVE: the client waits and is answered by `Engine::answer`.
    Save(ClientId),
    /// FLUSHALL with save points: a save that is running is given up, and the
    /// dataset as it is now takes the place of the one that was saved before. The
    /// client, if any, waits and is answered by `Engine::answer`, however it went.
    SaveFlushed(Option<ClientId>),
    /// BGSAVE, and a full save that a save point asks for.
    BackgroundSave,
    /// DEBUG LOADAOF: the dataset is read from the log anew; the client waits and is
    /// answered by `Engine::answer`.
    LoadLog(ClientId),
    /// BGREWRITEAOF: the log on disk begins anew with a snapshot.
    RewriteLog,
    /// CLIENT KILL closed links between nodes: let them end at once.
    CloseLinks,
    /// `propagation-error-behavior`: end the process with this error.
    Halt(String),
    /// BGSAVE CANCEL.
    CancelSave,
    /// SHUTDOWN: `Server::shutdown_step` tells when to go on, and who waits for it
    /// is told only if it fails.
    Shutdown(ShutdownTicket, ShutdownOptions),
    /// REPLICAOF: follow this primary, or nobody.
    Follow(Option<PrimaryAddress>),
    /// MIGRATE: the client waits. `Engine::begin_migration` and what follows it tell
    /// what to send and take the end.
    Migrate(Box<Migration>),
    /// CONFIG SET port or bind: accept clients there, and nowhere else over TCP. A
    /// host does this at once, so that it can refuse; it then goes on as before.
    Listen(ListenAddresses),
    /// CONFIG SET appendonly: whether the log's directory takes files. Like `Listen` it
    /// is done at once.
    TryLogDirectory(PathBuf),
    /// CONFIG SET oom-score-adj, or a change of role. Like `Listen` it is done at once.
    AdjustOomScore(OomScore),
    /// CONFIG SET proc-title-template. Like `Listen` it is done at once.
    SetTitle(ProcessTitle),
    /// DEBUG SEGFAULT and its like. A host that does it does not come back.
    Crash(Crash),
    /// A directive changed that the process acts on.
    Reconfigure(&'static str),
}

/// How the process is to end against all rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// By a panic, which names the command that asked for it.
    Panic(&'static str),
    /// By SIGSEGV.
    Fault,
}

/// How readily the system is to end this process when memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomScore {
    /// As readily as it was started.
    AsStarted,
    /// By so much more than that.
    Above(i32),
    /// With this score.
    Exactly(i32),
}

impl OomScore {
    /// What the directives say for a node of this role.
    #[must_use]
    pub fn of(settings: &Settings, is_replica: bool) -> Self {
        let OomScoreSettings {
            mode,
            primary,
            replica,
        } = settings.oom_score;
        let score = if is_replica { replica } else { primary };
        match mode {
            OomScoreMode::No => Self::AsStarted,
            OomScoreMode::Relative => Self::Above(score),
            OomScoreMode::Absolute => Self::Exactly(score),
        }
    }
}

/// Where clients are accepted over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddresses {
    /// The addresses, as `bind` has them.
    pub bind: Vec<String>,
    /// The port of all of them; 0 for nowhere.
    pub port: u16,
    /// `tcp-backlog`.
    pub backlog: u32,
}

impl ListenAddresses {
    /// Those that the directives name.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        Self {
            bind: settings.bind.iter().map(text).collect(),
            port: settings.port,
            backlog: settings.tcp_backlog,
        }
    }
}

/// Facts of the process that INFO shows.
#[derive(Clone, Debug, Default)]
pub struct ProcessFacts {
    /// Process id.
    pub pid: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Bytes that the allocator has handed out.
    pub allocated_bytes: u64,
    /// The most bytes that were handed out at once.
    pub peak_allocated_bytes: u64,
    /// Bytes that were handed out when the server was ready.
    pub startup_allocated_bytes: u64,
    /// Bytes the allocator holds from the system.
    pub allocator_active_bytes: u64,
    /// Memory of the machine, bytes.
    pub total_memory_bytes: u64,
    /// Processor time of the process, microseconds in the kernel.
    pub cpu_sys_usec: u64,
    /// Processor time of the process, microseconds outside the kernel.
    pub cpu_user_usec: u64,
    /// The same of the main thread, in the kernel.
    pub main_cpu_sys_usec: u64,
    /// The same of the main thread, outside the kernel.
    pub main_cpu_user_usec: u64,
    /// Path of the running program.
    pub executable: String,
    /// The service manager that is told of the server's state.
    pub supervised: Option<&'static str>,
    /// Path of the configuration file, empty without one.
    pub config_file: String,
    /// Kernel name and release, as uname prints them.
    pub os: String,
    /// Name of the allocator.
    pub allocator: &'static str,
    /// The listeners, each as INFO shows it after `listenerN:`.
    pub listeners: Vec<String>,
    /// Objects that are yet to be freed off the engine's path.
    pub lazyfree_pending_objects: u64,
    /// True where more than one I/O thread is running.
    pub io_threads_active: bool,
}

/// The process around the engine. An embedder that has no files and no
/// listeners uses [`NoHost`], which refuses what needs them.
///
/// # Obligations of an implementation
///
/// * It is called under the engine's lock. `start` only notes the job; whoever
///   drives the engine does it after the batch.
/// * `monotonic_ns` never goes back.
pub trait Host {
    /// Nanoseconds since some moment, for durations.
    fn monotonic_ns(&self) -> u64;

    /// The wall clock, microseconds since 1970, for TIME; none without a clock that
    /// is finer than the moments that the engine is handed.
    fn unix_us(&self) -> Option<i64> {
        None
    }

    /// Facts for INFO.
    fn facts(&self) -> ProcessFacts;

    /// One of the facts by itself, for who needs no other: most have to be asked
    /// of the operating system.
    fn allocated_bytes(&self) -> u64 {
        self.facts().allocated_bytes
    }

    /// Starts a job.
    ///
    /// # Errors
    /// The text of the error reply, code included, where this host does no such job.
    fn start(&mut self, job: Job) -> Result<(), String>;

    /// Writes the configuration back to its file (CONFIG REWRITE).
    ///
    /// # Errors
    /// The text of the error reply, code included.
    fn rewrite_config(&mut self, entries: &[RewriteEntry]) -> Result<(), String>;

    /// Lets everything wait (DEBUG SLEEP).
    fn sleep_us(&mut self, micros: u64);

    /// Writes the dataset to memory in the process's snapshot format and reads it
    /// back (DEBUG RELOAD), or does of that what the options say.
    ///
    /// # Errors
    /// The text of the error reply, code included.
    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), String>;

    /// Writes a line to the log (DEBUG LOG, and what the engine has to say).
    fn log(&mut self, line: &str);

    /// The same, where `loglevel` lets lines of this level through. One that tells no
    /// levels apart logs them all.
    fn log_at(&mut self, _level: LogLevel, line: &str) {
        self.log(line);
    }
}

/// A host without a process: for embedding and for tests.
#[derive(Clone, Debug, Default)]
pub struct NoHost {
    /// What `monotonic_ns` answers; the caller moves it.
    pub now_ns: u64,
}

const NO_HOST: &str = "ERR this embedded engine has no host for that";

impl Host for NoHost {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns
    }

    fn facts(&self) -> ProcessFacts {
        ProcessFacts::default()
    }

    /// There is no process that a directive could concern; all else is refused.
    fn start(&mut self, job: Job) -> Result<(), String> {
        match job {
            Job::Reconfigure(_)
            | Job::Listen(_)
            | Job::TryLogDirectory(_)
            | Job::SetTitle(_)
            | Job::AdjustOomScore(_) => Ok(()),
            _ => Err(NO_HOST.to_owned()),
        }
    }

    fn rewrite_config(&mut self, _entries: &[RewriteEntry]) -> Result<(), String> {
        Err("ERR The server is running without a config file".to_owned())
    }

    fn sleep_us(&mut self, micros: u64) {
        self.now_ns += micros * 1000;
    }

    fn reload(&mut self, _engine: &mut Engine, _options: ReloadOptions) -> Result<(), String> {
        Err(NO_HOST.to_owned())
    }

    fn log(&mut self, _line: &str) {}
}
