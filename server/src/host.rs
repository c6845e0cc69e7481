//! The process around the engine: clock, facts, and the queue of jobs that
//! commands start and the server's main task does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use towline_core::config::{Config, LogLevel, ProcessTitle, RewriteEntry};
use towline_core::engine::Engine;
use towline_core::keyspace::Garbage;
use towline_core::seams::Host;
use towline_core::seams::host::{Job, ListenAddresses, OomScore, ProcessFacts, ReloadOptions};

use crate::appendonly::usable::try_directory;
use crate::crash::crash;
use crate::disposal::Disposal;
use crate::log::Logger;
use crate::oom_score::OomScoreFile;
use crate::relisten::Listening;
use crate::supervisor::Supervisor;
use crate::{admin, memory, process, title};

/// Milliseconds since 1970.
#[must_use]
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Microseconds since 1970.
fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name that the program was started by.
    pub program: String,
    /// The configuration file, with its whole path; empty without one.
    pub config_file: String,
    /// The path of the unix socket, if there is one.
    pub unix_socket: String,
    /// Where the server starts to listen.
    pub tcp: ListenAddresses,
    /// Number of I/O threads.
    pub io_threads: usize,
    /// The service manager, if there is one.
    pub supervisor: Option<Supervisor>,
}

impl Identity {
    /// That of a server with this configuration.
    #[must_use]
    pub fn of(config: &Config, program: String, config_file: String) -> Self {
        Self {
            program,
            config_file,
            unix_socket: String::from_utf8_lossy(&config.unixsocket.path).into_owned(),
            tcp: ListenAddresses::of(config),
            io_threads: config.io_threads,
            supervisor: Supervisor::find(config.supervised),
        }
    }
}

/// Where clients come from over TCP.
struct Tcp {
    addresses: ListenAddresses,
    /// None before the server serves.
    listening: Option<Listening>,
}

struct Inner {
    started: Instant,
    /// What was in use before there was a dataset.
    startup_allocated_bytes: u64,
    identity: Identity,
    tcp: Mutex<Tcp>,
    oom_score: Mutex<OomScoreFile>,
    logger: Logger,
    jobs: Mutex<Vec<Job>>,
    announced: AtomicBool,
    /// Lines for the log, written once the engine's lock is given up.
    lines: Mutex<Vec<(LogLevel, String)>>,
    bell: smol::channel::Sender<()>,
    reload: Reload,
    disposal: Disposal,
}

/// Writes the dataset out and reads it back, for DEBUG RELOAD.
pub type Reload = Box<dyn Fn(&mut Engine, ReloadOptions) -> Result<(), String> + Send + Sync>;

/// See the module's comment. Clones share the process.
#[derive(Clone)]
pub struct ServerHost(Arc<Inner>);

impl ServerHost {
    /// A host, and the end at which the main task is told of jobs.
    #[must_use]
    pub fn new(
        identity: Identity,
        logger: Logger,
        reload: Reload,
        disposal: Disposal,
    ) -> (Self, smol::channel::Receiver<()>) {
        let (bell, receiver) = smol::channel::bounded(1);
        let inner = Inner {
            started: Instant::now(),
            startup_allocated_bytes: memory::allocated_bytes(),
            tcp: Mutex::new(Tcp {
                addresses: identity.tcp.clone(),
                listening: None,
            }),
            identity,
            oom_score: Mutex::default(),
            logger,
            jobs: Mutex::default(),
            announced: AtomicBool::new(false),
            lines: Mutex::default(),
            bell,
            reload,
            disposal,
        };
        (Self(Arc::new(inner)), receiver)
    }

    /// The log.
    #[must_use]
    pub fn logger(&self) -> &Logger {
        &self.0.logger
    }

    fn tcp(&self) -> MutexGuard<'_, Tcp> {
        self.0.tcp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the listeners that CONFIG SET changes from now on.
    pub fn listen_with(&self, listening: Listening) {
        self.tcp().listening = Some(listening);
    }

    /// Nobody is accepted any more.
    pub fn stop_listening(&self) {
        self.tcp().listening = None;
    }

    fn listen(&self, addresses: ListenAddresses) -> Result<(), String> {
        let mut tcp = self.tcp();
        if tcp.addresses == addresses {
            return Ok(());
        }
        let listening = tcp
            .listening
            .as_mut()
            .ok_or("The server does not listen yet")?;
        listening.change(&addresses, &self.0.logger)?;
        tcp.addresses = addresses;
        Ok(())
    }

    /// Sets the score by which the system chooses whom to end for want of memory.
    ///
    /// # Errors
    /// A line for the log.
    pub fn adjust_oom_score(&self, score: OomScore) -> Result<(), String> {
        let file = self.0.oom_score.lock();
        file.unwrap_or_else(PoisonError::into_inner).adjust(score)
    }

    /// Gives the process a title.
    ///
    /// # Errors
    /// The text of an error reply; why is in the log.
    pub fn set_title(&self, title: &ProcessTitle) -> Result<(), String> {
        let Identity {
            program,
            config_file,
            ..
        } = &self.0.identity;
        title::show(&title.text(program, config_file)).map_err(|error| {
            let line = format!("The title of the process can't be set: {error}");
            self.0.logger.warning(&line);
            "failed to set process title".to_owned()
        })
    }

    /// The listeners, as INFO shows them.
    fn listeners(&self) -> Vec<String> {
        let mut listeners = Vec::new();
        let tcp = self.tcp();
        let ListenAddresses { bind, port, .. } = &tcp.addresses;
        if *port != 0 {
            let binds: String = bind.iter().map(|bind| format!("bind={bind},")).collect();
            listeners.push(format!("name=tcp,{binds}port={port}"));
        }
        let path = &self.0.identity.unix_socket;
        if !path.is_empty() {
            listeners.push(format!("name=unix,bind={path}"));
        }
        listeners
    }

    /// Tells the service manager, where there is one, how the server is.
    pub fn tell_supervisor(&self, state: &str) {
        if let Some(supervisor) = &self.0.identity.supervisor
            && let Err(error) = supervisor.tell(state)
        {
            let text = format!("The service manager could not be told: {error}");
            self.0.logger.warning(&text);
        }
    }

    /// Tells the main task of jobs that were started since the last call.
    pub fn announce_jobs(&self) {
        if self.0.announced.load(Ordering::Relaxed)
            && self.0.announced.swap(false, Ordering::SeqCst)
        {
            // A full channel has told it already.
            let _ = self.0.bell.try_send(());
        }
    }

    /// Writes the lines that were logged since the last call.
    pub fn write_log(&self) {
        let lines =
            std::mem::take(&mut *self.0.lines.lock().unwrap_or_else(PoisonError::into_inner));
        for (level, line) in lines {
            self.0.logger.at(level, &line);
        }
    }

    /// The jobs started since the last call.
    #[must_use]
    pub fn take_jobs(&self) -> Vec<Job> {
        std::mem::take(&mut *self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The shutdowns among the jobs started since the last call; the others stay.
    #[must_use]
    pub fn take_shutdowns(&self) -> Vec<Job> {
        let mut jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shutdown = |job: &mut Job| matches!(job, Job::Shutdown(..));
        jobs.extract_if(.., is_shutdown).collect()
    }

    /// True while something dear to drop is being dropped.
    #[must_use]
    pub fn is_disposing(&self) -> bool {
        self.0.disposal.pending() > 0
    }

    /// Drops what is dear to drop on a thread that delays nobody.
    pub fn dispose(&self, garbage: Vec<Garbage>) {
        self.0.disposal.dispose(garbage);
    }
}

impl Host for ServerHost {
    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn unix_us(&self) -> Option<i64> {
        Some(unix_us())
    }

    fn facts(&self) -> ProcessFacts {
        let identity = &self.0.identity;
        ProcessFacts {
            supervised: identity.supervisor.as_ref().map(Supervisor::name),
            config_file: identity.config_file.clone(),
            listeners: self.listeners(),
            io_threads_active: identity.io_threads > 1,
            startup_allocated_bytes: self.0.startup_allocated_bytes,
            lazyfree_pending_objects: self.0.disposal.pending(),
            ..process::facts()
        }
    }

    fn allocated_bytes(&self) -> u64 {
        memory::allocated_bytes()
    }

    fn start(&mut self, job: Job) -> Result<(), String> {
        let job = match job {
            Job::Listen(addresses) => return self.listen(addresses),
            Job::TryLogDirectory(path) => return try_directory(&path),
            Job::AdjustOomScore(score) => return self.adjust_oom_score(score),
            Job::SetTitle(title) => return self.set_title(&title),
            Job::Crash(how) => crash(&self.0.logger, how),
            later => later,
        };
        self.0
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(job);
        self.0.announced.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn rewrite_config(&mut self, entries: &[RewriteEntry]) -> Result<(), String> {
        admin::rewrite_config(&self.0.identity.config_file, entries)
    }

    fn sleep_us(&mut self, micros: u64) {
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), String> {
        (self.0.reload)(engine, options)
    }

    fn log(&mut self, line: &str) {
        self.log_at(LogLevel::Warning, line);
    }

    fn log_at(&mut self, level: LogLevel, line: &str) {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, line.to_owned()));
    }
}
