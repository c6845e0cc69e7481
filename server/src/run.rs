//! A server's life: configuration, dataset, listeners, service, and its end.

use std::sync::Arc;
use std::time::Duration;

use towline_core::config::Config;
use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::HashSeed;
use towline_core::offset::ReplicationId;

use crate::banner::banner;
use crate::engine_lock::EngineLock;
use crate::host::{Identity, ServerHost, unix_ms};
use crate::listen::{self, Acceptor};
use crate::log::Logger;
use crate::memory;
use crate::net::connection::Shared;
use crate::net::io_thread::IoThread;

/// Random bytes from the kernel; the only source of randomness of the whole server.
fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(count) if count == N => Ok(bytes),
        Ok(_) => Err("the kernel gave too few random bytes".to_owned()),
        Err(error) => Err(format!("the kernel gave no random bytes: {error}")),
    }
}

fn new_engine(config: Config) -> Result<Engine, String> {
    let number = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    Ok(Engine::new(EngineOptions {
        hash_seed: HashSeed::new(number(random()?), number(random()?)),
        rng_seed: number(random()?),
        run_id: ReplicationId::from_random(random()?),
        replid: ReplicationId::from_random(random()?),
        now_ms: unix_ms(),
        config,
    }))
}

/// Runs a server until it is told to stop.
///
/// # Errors
/// A text for the operator: why it could not start.
pub fn run(config: Config, config_file: String) -> Result<(), String> {
    let logger = Logger::open(&String::from_utf8_lossy(&config.logfile), config.loglevel)
        .map_err(|error| format!("Can't open the log file: {error}"))?;
    let listeners = listen::bind(&config).inspect_err(|error| logger.warning(error))?;
    let (port, threads, hz) = (config.port, config.io_threads, config.hz);
    if config.always_show_logo {
        logger.raw(&banner(port, std::process::id()));
    }
    let identity = Identity::of(&config, config_file);
    let unix_path = String::from_utf8_lossy(&config.unixsocket).into_owned();
    let (host, _jobs) = ServerHost::new(
        identity,
        logger.clone(),
        Box::new(|_| Err("ERR not yet".to_owned())),
    );
    let store = EngineLock::new(new_engine(config)?, host);
    logger.notice("Server initialized");
    let shared = Arc::new(Shared {
        store: store.clone(),
        attach: Box::new(drop),
    });
    let threads: Result<Vec<_>, _> = (0..threads)
        .map(|index| IoThread::start(format!("io-{index}"), Arc::clone(&shared)))
        .collect();
    let threads = threads.map_err(|error| format!("Can't start I/O threads: {error}"))?;
    let acceptor = Arc::new(Acceptor::new(threads, shared));
    for listener in listeners.tcp {
        smol::spawn(Arc::clone(&acceptor).serve_tcp(listener)).detach();
    }
    if let Some(listener) = listeners.unix {
        smol::spawn(Arc::clone(&acceptor).serve_unix(listener, unix_path)).detach();
    }
    logger.notice("Ready to accept connections tcp");
    smol::block_on(async {
        loop {
            smol::Timer::after(Duration::from_millis(1000 / u64::from(hz.max(1)))).await;
            store.batch(|engine, host| engine.tick(unix_ms(), host));
            memory::note_peak();
        }
    })
}
