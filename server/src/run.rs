//! A server's life: configuration, dataset, listeners, service, and its end.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use smol::channel;
use smol::stream::StreamExt;
use towline_core::config::{Config, ProcessTitle, ShutdownFlags, Supervised};
use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::Storage;
use towline_core::seams::host::{OomScore, PrimaryAddress, ShutdownOptions};
use towline_persist::rdb::RdbPayload;
use towline_persist::storage::FsStorage;
use towline_replication::node::{Node, NodeParts};

use crate::appendonly::keeper::LogKeeper;
use crate::attach::attacher;
use crate::banner::banner;
use crate::conf::Loaded;
use crate::crash;
use crate::daemon::Parent;
use crate::disposal::Disposal;
use crate::engine_lock::EngineLock;
use crate::formats::Formats;
use crate::host::{Identity, ServerHost, unix_ms};
use crate::jobs::Jobs;
use crate::listen::{self, Acceptor, Listeners};
use crate::loading::{expect_dataset, load_at_start};
use crate::log::Logger;
use crate::memory;
use crate::migrate::Courier;
use crate::net::connection::Shared;
use crate::net::io_thread::IoThread;
use crate::process;
use crate::random::bytes;
use crate::relisten::Listening;
use crate::reload::reload;
use crate::saving::Saver;
use crate::smol_runtime::SmolRuntime;
use crate::snapshot_storage;
use crate::transport::TcpTransport;

fn new_engine(loaded: Loaded) -> Result<Engine, String> {
    let no_random = |error: std::io::Error| format!("the kernel has no random bytes: {error}");
    let number = || bytes().map(u64::from_le_bytes).map_err(no_random);
    let id = || bytes().map(ReplicationId::from_random).map_err(no_random);
    let mut engine = Engine::new(EngineOptions {
        hash_seed: HashSeed::new(number()?, number()?),
        rng_seed: number()?,
        run_id: id()?,
        replid: id()?,
        now_ms: unix_ms(),
        config: loaded.config,
    });
    engine.server.value_codec = Some(Arc::new(RdbPayload));
    for (from, to) in &loaded.renames {
        let (from, to) = (String::from_utf8_lossy(from), String::from_utf8_lossy(to));
        if !engine.server.table.rename(&from, &to) {
            return Err(format!("Target command name already exists: {to}"));
        }
    }
    Ok(engine)
}

/// Makes `dir` the working directory, as relative names are relative to it.
fn enter_directory(config: &mut Config) -> Result<PathBuf, String> {
    let dir = String::from_utf8_lossy(&config.dir).into_owned();
    let refused = |error: std::io::Error| format!("Can't chdir to '{dir}': {error}");
    if !dir.is_empty() {
        std::env::set_current_dir(&dir).map_err(refused)?;
    }
    let whole = std::env::current_dir().map_err(refused)?;
    config.follow("dir", whole.to_string_lossy().as_bytes());
    Ok(whole)
}

/// Where a Redis that has become a daemon writes its process id unless it is told.
const DAEMON_PIDFILE: &str = "/var/run/redis.pid";

/// How the process was started.
#[derive(Debug)]
pub struct Launch {
    /// The name that the program was started by.
    pub program: String,
    /// The configuration file, with its whole path; empty without one.
    pub config_file: String,
    /// Who waits until this process, as a daemon, listens.
    pub parent: Option<Parent>,
}

/// What a server is made of before it serves.
struct Parts {
    logger: Logger,
    listeners: Listeners,
    storage: FsStorage,
    identity: Identity,
}

fn prepare(config: &mut Config, program: String, config_file: String) -> Result<Parts, String> {
    let directory = enter_directory(config)?;
    let logger =
        Logger::open(config).map_err(|error| format!("Can't open the log file: {error}"))?;
    crash::follow(config);
    crash::report_panics(logger.clone());
    if config.always_show_logo {
        logger.raw(&banner(config.port, std::process::id()));
    }
    if config.process.disable_thp
        && let Err(error) = process::disable_huge_pages()
    {
        logger.warning(&format!("Failed to disable THP: {error}"));
    }
    let listeners = listen::bind(config).inspect_err(|error| logger.warning(error))?;
    let storage = FsStorage::open(directory).map_err(|error| error.to_string())?;
    Ok(Parts {
        identity: Identity::of(config, program, config_file),
        logger,
        listeners,
        storage,
    })
}

/// Where snapshots are kept, where that is not in files.
fn snapshot_storage(config: &Config) -> Result<Option<Arc<dyn Storage>>, String> {
    let place = String::from_utf8_lossy(&config.snapshot_storage).into_owned();
    let opened = smol::block_on(snapshot_storage::open(&place));
    opened.map_err(|error| format!("Can't use snapshot-storage {place}: {error}"))
}

/// Runs a server until it is told to stop.
///
/// # Errors
/// A text for the operator: why it could not start.
pub fn run(mut loaded: Loaded, launch: Launch) -> Result<(), String> {
    let parts = prepare(&mut loaded.config, launch.program, launch.config_file)?;
    let logger = parts.logger.clone();
    let snapshots = snapshot_storage(&loaded.config).inspect_err(|error| logger.warning(error))?;
    note_supervision(&parts.identity, loaded.config.supervised, &logger);
    let disposal = Disposal::start().map_err(|error| format!("Can't start a thread: {error}"))?;
    let (host, bell) = ServerHost::new(parts.identity, parts.logger, Box::new(reload), disposal);
    let store = EngineLock::new(new_engine(loaded)?, host);
    log_ignored(&store);
    let title = ProcessTitle::of(&store.lock().server.config);
    if let Some(title) = title {
        // Why there is none is in the log; a server without one is a server all the same.
        let _told = store.host.set_title(&title);
    }
    store.host.tell_supervisor("STATUS=Loading the dataset\n");
    let pidfile = write_pid(&store, launch.parent.is_some());
    logger.notice("Server initialized");
    let node = Node::new(NodeParts {
        store: Arc::new(store.clone()),
        runtime: Arc::new(SmolRuntime::default()),
        transport: Arc::new(TcpTransport(store.clone())),
        storage: Arc::new(parts.storage.clone()),
        formats: Arc::new(Formats::default()),
    });
    expect_dataset(&store);
    serve_clients(&store, &node, parts.listeners)?;
    if let Some(parent) = launch.parent
        && let Err(error) = parent.tell_ready()
    {
        logger.warning(&format!("Who started the daemon is gone: {error}"));
    }
    let (ended, end) = channel::bounded(1);
    let (courier, queue) = channel::unbounded();
    smol::spawn(Courier::new(store.clone(), queue).serve()).detach();
    let saver = Saver::new(store.clone(), parts.storage, snapshots);
    let jobs = Jobs {
        keeper: LogKeeper::new(store.clone(), node.clone(), saver.clone()),
        saver,
        courier,
        node,
        ended,
        store: store.clone(),
    };
    let outcome = smol::block_on(live(&store, &jobs, bell, end));
    if let Err(error) = &outcome {
        logger.warning(error);
    }
    store.host.tell_supervisor("STOPPING=1\n");
    clean_up(&store, pidfile);
    outcome
}

/// From the dataset's loading to the end.
async fn live(
    store: &EngineLock,
    jobs: &Jobs,
    bell: channel::Receiver<()>,
    end: channel::Receiver<Result<(), String>>,
) -> Result<(), String> {
    smol::spawn(obey_signals(jobs.clone())).detach();
    if let Some(outcome) = load_unless_ended(store, jobs, &bell, &end).await? {
        return outcome;
    }
    adjust_oom_score(store);
    follow_configured(store, jobs)?;
    store.lock().server.persistence.loading = None;
    let logger = store.host.logger();
    logger.notice("Ready to accept connections tcp");
    store
        .host
        .tell_supervisor("STATUS=Ready to accept connections\nREADY=1\n");
    smol::spawn(jobs.clone().serve(bell)).detach();
    smol::spawn(tick(store.clone(), jobs.clone())).detach();
    smol::spawn(jobs.keeper.clone().follow_restarts()).detach();
    smol::spawn(expire_waits(store.clone())).detach();
    // The sender lives in `jobs`; an error would mean that it is gone.
    let ended = end.recv().await;
    ended.map_err(|error| error.to_string())?
}

/// Loads the dataset, unless the server is to end before; answers how, then.
async fn load_unless_ended(
    store: &EngineLock,
    jobs: &Jobs,
    bell: &channel::Receiver<()>,
    end: &channel::Receiver<Result<(), String>>,
) -> Result<Option<Result<(), String>>, String> {
    let loading = pin!(load(store, jobs));
    let serving = pin!(jobs.serve_loading(bell));
    let ended = pin!(end.recv());
    match select(loading, select(serving, ended)).await {
        Either::Left((loaded, _)) => loaded.map(|()| None),
        Either::Right((Either::Left((never, _)), _)) => match never {},
        Either::Right((Either::Right((ended, _)), _)) => {
            ended.map(Some).map_err(|error| error.to_string())
        }
    }
}

/// The score of a primary or of a replica, whichever the server begins as.
fn adjust_oom_score(store: &EngineLock) {
    let score = {
        let config = &store.lock().server.config;
        OomScore::of(config, config.replicaof.is_some())
    };
    if let Err(reason) = store.host.adjust_oom_score(score) {
        store.host.logger().warning(&reason);
    }
}

/// Loads the log where there is to be one, and the last snapshot else.
async fn load(store: &EngineLock, jobs: &Jobs) -> Result<(), String> {
    let (as_replica, logs) = {
        let config = &store.lock().server.config;
        (config.replicaof.is_some(), config.aof.enabled)
    };
    if logs {
        return jobs.keeper.load_at_start(as_replica).await;
    }
    let storage = jobs.saver.storage();
    load_at_start(store, &jobs.node, &*storage, as_replica).await
}

fn follow_configured(store: &EngineLock, jobs: &Jobs) -> Result<(), String> {
    let following = store.batch(|engine, host| {
        let Some(address) = engine.server.config.replicaof.clone() else {
            return Ok(false);
        };
        let address = PrimaryAddress {
            host: String::from_utf8_lossy(&address.host).into_owned(),
            port: address.port,
        };
        if engine.server.names_itself(&address, host) {
            return Err("replicaof names this very server, which cannot follow itself".to_owned());
        }
        if !engine.server.become_replica_of(address) {
            return Ok(false);
        }
        // A snapshot with a position is what was here when the link was last up.
        let is_return = engine.server.log.offset() != Offset::ZERO;
        if let Some(upstream) = &mut engine.server.replication.upstream {
            upstream.accepts_empty = !is_return;
        }
        Ok(true)
    })?;
    if following {
        store.host.logger().set_replica(true);
        jobs.node.follow_role();
    }
    Ok(())
}

fn serve_clients(store: &EngineLock, node: &Node, listeners: Listeners) -> Result<(), String> {
    let (threads, path) = {
        let config = &store.lock().server.config;
        let path = String::from_utf8_lossy(&config.unixsocket.path).into_owned();
        (config.io_threads, path)
    };
    let shared = Arc::new(Shared {
        store: store.clone(),
        attach: attacher(store.clone(), node.clone()),
    });
    let start = |index| IoThread::start(format!("io-{index}"), Arc::clone(&shared));
    let threads: Result<Vec<_>, _> = (0..threads).map(start).collect();
    let threads = threads.map_err(|error| format!("Can't start I/O threads: {error}"))?;
    let acceptor = Arc::new(Acceptor::new(threads, shared));
    let listening = Listening::start(Arc::clone(&acceptor), listeners.tcp);
    let listening = listening.map_err(|error| format!("Can't accept clients: {error}"))?;
    store.host.listen_with(listening);
    if let Some(listener) = listeners.unix {
        smol::spawn(acceptor.serve_unix(listener, path)).detach();
    }
    Ok(())
}

async fn tick(store: EngineLock, jobs: Jobs) {
    loop {
        let hz = store.lock().server.config.hz.clamp(1, 500);
        let next = Instant::now() + Duration::from_millis(1000 / u64::from(hz));
        smol::Timer::at(next).await;
        let expires_on = store.batch(|engine, host| engine.tick(unix_ms(), host));
        memory::note_peak();
        if !store.lock().server.cron_paused {
            jobs.saver.look();
        }
        jobs.keeper.look();
        if let Some(rest) = expires_on {
            expire(
                &store,
                rest,
                next + Duration::from_millis(1000 / u64::from(hz)),
            )
            .await;
        }
    }
}

/// Goes on with what has expired, a turn at a time, for as long as there is more
/// and no tick is due.
async fn expire(store: &EngineLock, mut rest: Duration, until: Instant) {
    while Instant::now() + rest < until {
        smol::Timer::after(rest).await;
        let more = store.batch(|engine, host| engine.expire_turn(unix_ms(), host));
        let Some(next) = more else {
            return;
        };
        rest = next;
    }
}

/// Answers clients whose wait (BLPOP, WAIT …) is over, to the millisecond.
async fn expire_waits(store: EngineLock) {
    loop {
        let earlier = store.deadline.listen();
        let next = store.deadline.arm(&store.lock());
        let Some(at_ms) = next else {
            earlier.await;
            continue;
        };
        let left_ms = u64::try_from(at_ms - unix_ms()).unwrap_or(0);
        let timer = smol::Timer::after(Duration::from_millis(left_ms));
        futures::future::select(timer, earlier).await;
        let now_ms = unix_ms();
        if at_ms <= now_ms {
            store.batch(|engine, host| engine.expire_waits(now_ms, host));
        }
    }
}

/// SIGTERM and SIGINT end the server as `shutdown-on-sig…` says; a second SIGINT at once.
/// A file that may not grow (RLIMIT_FSIZE) fails its writes, and ends nothing. SIGABRT
/// ends the server with a report.
async fn obey_signals(jobs: Jobs) {
    use async_signal::{Signal, Signals};
    let watched = [Signal::Term, Signal::Int, Signal::Xfsz, Signal::Abort];
    let mut signals = match Signals::new(watched) {
        Ok(signals) => signals,
        Err(error) => {
            let text = format!("Can't wait for signals: {error}");
            return jobs.store.host.logger().warning(&text);
        }
    };
    while let Some(Ok(signal)) = signals.next().await {
        match signal {
            Signal::Xfsz => continue,
            Signal::Abort => crash::aborted(jobs.store.host.logger()),
            _ => {}
        }
        let (name, flags) = {
            let config = &jobs.store.lock().server.config;
            match signal {
                Signal::Int => ("SIGINT", config.shutdown.on_sigint),
                _ => ("SIGTERM", config.shutdown.on_sigterm),
            }
        };
        let logger = jobs.store.host.logger();
        logger.warning(&format!("Received {name} scheduling shutdown..."));
        let options = signal_options(flags);
        jobs.signalled(options, signal == Signal::Int);
    }
}

fn signal_options(flags: ShutdownFlags) -> ShutdownOptions {
    let save = if flags.contains(ShutdownFlags::SAVE) {
        Some(true)
    } else if flags.contains(ShutdownFlags::NOSAVE) {
        Some(false)
    } else {
        None
    };
    ShutdownOptions {
        save,
        now: flags.contains(ShutdownFlags::NOW),
        force: flags.contains(ShutdownFlags::FORCE),
    }
}

fn log_ignored(store: &EngineLock) {
    for name in store.lock().server.config.without_effect() {
        let text = format!("{name} is accepted and has no effect here");
        store.host.logger().notice(&text);
    }
}

/// Says what became of `supervised`.
fn note_supervision(identity: &Identity, wanted: Supervised, logger: &Logger) {
    match (&identity.supervisor, wanted) {
        (Some(_), _) => logger.warning(
            "Supervised by systemd: set TimeoutStartSec and TimeoutStopSec of the unit to \
             what loading and saving the dataset may take",
        ),
        (None, Supervised::Systemd) => {
            logger.warning("systemd was to be told of this server, and NOTIFY_SOCKET is not set");
        }
        (None, _) => {}
    }
}

/// Writes the process id and answers where, if anywhere. A server that cannot is a
/// server all the same.
fn write_pid(store: &EngineLock, daemon: bool) -> Option<PathBuf> {
    let path = store.lock().server.config.process.pidfile.clone();
    let path = match path.is_empty() {
        true if daemon => PathBuf::from(DAEMON_PIDFILE),
        true => return None,
        false => PathBuf::from(OsString::from_vec(path)),
    };
    match std::fs::write(&path, format!("{}\n", std::process::id())) {
        Ok(()) => Some(path),
        Err(error) => {
            let text = format!("Can't write the pid file {}: {error}", path.display());
            store.host.logger().warning(&text);
            None
        }
    }
}

/// Removes what would mislead the next start. It may be gone already.
fn clean_up(store: &EngineLock, pidfile: Option<PathBuf>) {
    // Who sees its connection end, and comes again, is not to be accepted by a process
    // that ends.
    store.host.stop_listening();
    let socket = store.lock().server.config.unixsocket.path.clone();
    let socket = (!socket.is_empty()).then(|| PathBuf::from(OsString::from_vec(socket)));
    for path in [pidfile, socket].into_iter().flatten() {
        let _ = std::fs::remove_file(path);
    }
}
