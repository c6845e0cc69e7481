//! The engine behind its lock.
//!
//! The lock is taken once per batch of commands, never once per command: its
//! order is the order of the stream, and one thread costs no more than it would
//! without it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use event_listener::{Event, EventListener};
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
    /// When the next of those who wait gives up.
    pub deadline: Arc<Deadline>,
}

/// The moment for which a timer is set, and how its task learns of an earlier one.
pub struct Deadline {
    armed_ms: AtomicI64,
    earlier: Event,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            armed_ms: AtomicI64::new(i64::MAX),
            earlier: Event::new(),
        }
    }
}

impl Deadline {
    /// Ends once a batch has brought a deadline before the armed one.
    pub fn listen(&self) -> EventListener {
        self.earlier.listen()
    }

    /// The next deadline, for which the caller sets its timer.
    pub fn arm(&self, engine: &Engine) -> Option<i64> {
        let next = engine.next_deadline_ms();
        self.armed_ms
            .store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
        next
    }

    /// Looked at after each batch, under the lock.
    fn note(&self, engine: &Engine) {
        let earlier = |next: i64| next < self.armed_ms.load(Ordering::SeqCst);
        if engine.next_deadline_ms().is_some_and(earlier) {
            self.earlier.notify(usize::MAX);
        }
    }
}

impl EngineLock {
    /// A handle on `engine`.
    #[must_use]
    pub fn new(engine: Engine, host: ServerHost) -> Self {
        Self {
            engine: Arc::new(Mutex::new(engine)),
            wakers: Arc::default(),
            deadline: Arc::default(),
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
        self.deadline.note(&engine);
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
