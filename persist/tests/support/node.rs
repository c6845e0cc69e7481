//! An engine behind a lock, with nothing else of a server.

#![allow(dead_code, reason = "each test uses its part")]

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard};

use towline_core::config::{Config, RewriteEntry};
use towline_core::engine::{Engine, EngineOptions};
use towline_core::keyspace::HashSeed;
use towline_core::offset::ReplicationId;
use towline_core::seams::host::{Job, ProcessFacts, ReloadOptions};
use towline_core::seams::snapshot::SnapshotMeta;
use towline_core::seams::{Host, NoHost, Store};
use towline_persist::save::Watcher;

/// The engine of a test.
pub(crate) struct Node(Mutex<Engine>);

impl Node {
    /// An engine without keys.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Engine::new(EngineOptions {
            hash_seed: HashSeed::new(1, 2),
            rng_seed: 3,
            run_id: ReplicationId::from_random([1; 20]),
            replid: ReplicationId::from_random([2; 20]),
            now_ms: 1_000_000,
            config: Config::new(),
        })))
    }

    /// The engine.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().expect("no thread panicked with it")
    }
}

impl Store for Node {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        let (mut engine, mut host) = (self.lock(), Ticking::default());
        engine.begin_batch(&host);
        work(&mut engine, &mut host);
        engine.end_batch();
    }
}

/// A host whose clock goes on with each look, so that a slice of a walk ends after as
/// many of them on every machine.
#[derive(Default)]
struct Ticking(Cell<u64>);

impl Host for Ticking {
    fn monotonic_ns(&self) -> u64 {
        self.0.set(self.0.get() + 20_000);
        self.0.get()
    }

    fn facts(&self) -> ProcessFacts {
        ProcessFacts::default()
    }

    fn start(&mut self, job: Job) -> Result<(), String> {
        NoHost::default().start(job)
    }

    fn rewrite_config(&mut self, entries: &[RewriteEntry]) -> Result<(), String> {
        NoHost::default().rewrite_config(entries)
    }

    fn sleep_us(&mut self, micros: u64) {
        self.0.set(self.0.get() + micros * 1000);
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), String> {
        NoHost::default().reload(engine, options)
    }

    fn log(&mut self, _line: &str) {}
}

/// Writes between the slices of a save, and gives up after some of them.
pub(crate) struct Meddler<F> {
    pub(crate) slices_left: usize,
    pub(crate) meddle: F,
}

impl<F: FnMut(&mut Engine) + Send> Watcher for Meddler<F> {
    fn frozen(&mut self, engine: &mut Engine, _keys_total: u64) -> SnapshotMeta {
        SnapshotMeta {
            hash_seed: Some(*engine.keyspace.seed()),
            ..SnapshotMeta::default()
        }
    }

    fn progress(&mut self, engine: &mut Engine, _keys: u64) -> bool {
        (self.meddle)(engine);
        self.slices_left = self.slices_left.saturating_sub(1);
        self.slices_left > 0
    }
}
