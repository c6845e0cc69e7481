//! The engine behind its lock.
//!
//! The lock is taken once per batch of commands, never once per command: its
//! order is the order of the stream, and one thread costs no more than it would
//! without it.

use std::sync::{Arc, Mutex, MutexGuard};

use towline_core::engine::Engine;
use towline_core::seams::{Host, Store};

use crate::host::ServerHost;
use crate::net::wakers::Wakers;

/// A handle on the engine, its process and the connections to wake. Clones share them.
#[derive(Clone)]
pub struct EngineLock {
    engine: Arc<Mutex<Engine>>,
    /// How connections are woken.
    pub wakers: Arc<Wakers>,
    /// The process.
    pub host: ServerHost,
}

impl EngineLock {
    /// A handle on `engine`.
    #[must_use]
    pub fn new(engine: Engine, host: ServerHost) -> Self {
        Self {
            engine: Arc::new(Mutex::new(engine)),
            wakers: Arc::default(),
            host,
        }
    }

    /// The engine, for what is no batch of commands: connecting, collecting output.
    pub fn lock(&self) -> MutexGuard<'_, Engine> {
        let held = self.engine.lock();
        held.expect("no thread panicked while it held the engine")
    }

    /// Runs one batch: the stream's bytes reach the sinks before the lock is
    /// given up; afterwards connections are woken, garbage is dropped and jobs start.
    pub fn batch<T>(&self, run: impl FnOnce(&mut Engine, &mut ServerHost) -> T) -> T {
        let mut host = self.host.clone();
        let mut engine = self.lock();
        engine.begin_batch(&host);
        let began_ns = engine.server.clock_ns();
        let result = run(&mut engine, &mut host);
        engine.end_batch();
        let woken = engine.take_wakeups();
        let garbage = engine.take_garbage();
        let held_ns = host.monotonic_ns().saturating_sub(began_ns);
        engine.server.stats.note_lock_held(held_ns);
        drop(engine);
        self.wakers.ring(&woken);
        host.dispose(garbage);
        host.announce_jobs();
        result
    }
}

impl Store for EngineLock {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        self.batch(|engine, host| work(engine, host));
    }
}
