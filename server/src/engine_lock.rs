//! The engine behind its lock.
//!
//! The lock is taken once per batch of commands, never once per command: its
//! order is the order of the stream, and one thread costs no more than it would
//! without it. Every hold is measured, whoever holds it.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use event_listener::{Event, EventListener};
use rustix::time::{ClockId, clock_gettime};
use towline_core::engine::Engine;
use towline_core::seams::{Host, Store};

use crate::appendonly::gate::DurableGate;
use crate::host::ServerHost;
use crate::net::wakers::Wakers;

/// How often a driver's work lets those go first who wait for the lock already.
const TURNS_GIVEN: usize = 200;

/// A handle on the engine, its process and the connections to wake. Clones share them.
#[derive(Clone)]
pub struct EngineLock {
    engine: Arc<Mutex<Engine>>,
    /// How many threads wait for the engine.
    waiting: Arc<AtomicUsize>,
    /// How connections are woken.
    pub wakers: Arc<Wakers>,
    /// The process.
    pub host: ServerHost,
    /// When the next of those who wait gives up.
    pub deadline: Arc<Deadline>,
    /// What keeps replies back until the disk has what they promise.
    pub durable: Arc<DurableGate>,
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

/// The engine while its lock is held.
pub struct Held<'a> {
    // Dropped after `drop` has run, which therefore still may write to it.
    engine: MutexGuard<'a, Engine>,
    host: &'a ServerHost,
    since_ns: u64,
    cpu_since_ns: Option<u64>,
}

impl Deref for Held<'_> {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let held_ns = self.host.monotonic_ns().saturating_sub(self.since_ns);
        let cpu = self
            .cpu_since_ns
            .map(|since| thread_cpu_ns().saturating_sub(since));
        self.engine.server.stats.note_lock_held(held_ns, cpu);
    }
}

/// Processor time of this thread.
fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

impl EngineLock {
    /// A handle on `engine`.
    #[must_use]
    pub fn new(engine: Engine, host: ServerHost) -> Self {
        Self {
            engine: Arc::new(Mutex::new(engine)),
            waiting: Arc::default(),
            wakers: Arc::default(),
            deadline: Arc::default(),
            durable: Arc::default(),
            host,
        }
    }

    /// The engine, for what is no batch of commands: connecting, collecting output.
    pub fn lock(&self) -> Held<'_> {
        let engine = match self.engine.try_lock() {
            Err(TryLockError::WouldBlock) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let engine = self.engine.lock();
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                engine
            }
            Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
            Ok(engine) => Ok(engine),
        };
        let engine = engine.expect("no thread panicked while it held the engine");
        Held {
            since_ns: self.host.monotonic_ns(),
            // The processor's clock is a system call, which a batch of one
            // command would notice; it is asked where a walk competes for the lock,
            // and where large values are being dropped.
            cpu_since_ns: (engine.keyspace.is_frozen() || self.host.is_disposing())
                .then(thread_cpu_ns),
            host: &self.host,
            engine,
        }
    }

    /// Runs one batch: the stream's bytes reach the sinks before the lock is
    /// given up; afterwards connections are woken, garbage is dropped, jobs
    /// start and the log's lines are written.
    pub fn batch<T>(&self, run: impl FnOnce(&mut Engine, &mut ServerHost) -> T) -> T {
        let mut host = self.host.clone();
        let mut engine = self.lock();
        engine.begin_batch(&host);
        let result = run(&mut engine, &mut host);
        engine.end_batch();
        self.deadline.note(&engine);
        let woken = engine.take_wakeups();
        let garbage = engine.take_garbage();
        drop(engine);
        self.wakers.ring(&woken);
        host.dispose(garbage);
        host.announce_jobs();
        host.write_log();
        result
    }

    /// Lets those go first who wait for the lock already. It is not fair by
    /// itself: a walk that comes back for its next slice at once would find it
    /// free again before the thread that waits has woken up.
    fn give_way(&self) {
        for _ in 0..TURNS_GIVEN {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }
}

impl Store for EngineLock {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        self.give_way();
        self.batch(|engine, host| work(engine, host));
    }
}
