//! What a program brings to a node, as small as it can be: a runtime (smol), a
//! lock around the engine, a host, and links in memory. Shared by the tests and
//! the example.
#![allow(unreachable_pub, dead_code, reason = "each user takes a part of it")]

pub mod network;
pub mod pipe;

use async_trait::async_trait;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use towline_core::config::{Config, RewriteEntry};
use towline_core::engine::client::ReplicaOptions;
use towline_core::engine::dialect::Dialect;
use towline_core::engine::{ClientId, Engine, EngineOptions, Peer};
use towline_core::keyspace::HashSeed;
use towline_core::offset::ReplicationId;
use towline_core::seams::host::{Job, ProcessFacts, ReloadOptions};
use towline_core::seams::{Host, ReplicationTransport, Runtime, SnapshotCodec, Store};
use towline_persist::rdb::RdbCodec;
use towline_persist::storage::MemoryStorage;
use towline_replication::{Node, NodeParts, SnapshotFormats};

/// smol as the runtime.
pub struct SmolRuntime {
    started: Instant,
    random: Mutex<u64>,
}

impl SmolRuntime {
    pub fn new(seed: u64) -> Self {
        Self {
            started: Instant::now(),
            random: Mutex::new(seed),
        }
    }
}

#[async_trait]
impl Runtime for SmolRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        smol::spawn(task).detach();
    }

    async fn sleep(&self, duration: Duration) {
        smol::Timer::after(duration).await;
    }

    fn monotonic_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn unix_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("it is after 1970").as_millis() as u64
    }

    /// Good enough for a test: ids only have to differ.
    fn fill_random(&self, out: &mut [u8]) {
        let mut state = self.random.lock().unwrap();
        for byte in out {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (*state >> 56) as u8;
        }
    }
}

/// A host that logs into memory and knows one kind of job.
#[derive(Default)]
pub struct MemoryHost {
    role_changed: bool,
    log: Arc<Mutex<Vec<String>>>,
}

impl Host for MemoryHost {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn facts(&self) -> ProcessFacts {
        ProcessFacts::default()
    }

    fn start(&mut self, job: Job) -> Result<(), String> {
        match job {
            Job::Follow(_) => self.role_changed = true,
            Job::Reconfigure(_) | Job::Listen(_) => {}
            other => return Err(format!("ERR there is nobody here to do {other:?}")),
        }
        Ok(())
    }

    fn rewrite_config(&mut self, _entries: &[RewriteEntry]) -> Result<(), String> {
        Err("ERR The server is running without a config file".to_owned())
    }

    fn sleep_us(&mut self, _micros: u64) {}

    fn reload(&mut self, _engine: &mut Engine, _options: ReloadOptions) -> Result<(), String> {
        Err("ERR there is nothing to reload from".to_owned())
    }

    fn log(&mut self, line: &str) {
        self.log.lock().unwrap().push(line.to_owned());
    }
}

/// The engine behind a lock.
pub struct MutexStore {
    engine: Mutex<(Engine, MemoryHost)>,
    node: OnceLock<Node>,
    batches: AtomicU64,
}

impl Store for MutexStore {
    fn run(&self, work: &mut dyn FnMut(&mut Engine, &mut dyn Host)) {
        let mut locked = self.engine.lock().unwrap();
        let (engine, host) = &mut *locked;
        engine.begin_batch(host);
        work(engine, host);
        engine.end_batch();
        drop(engine.take_garbage());
        let role_changed = std::mem::take(&mut host.role_changed);
        drop(locked);
        self.batches.fetch_add(1, Ordering::Relaxed);
        if role_changed && let Some(node) = self.node.get() {
            node.follow_role();
        }
    }
}

/// RDB for everybody.
pub struct RdbOnly(Vec<Arc<dyn SnapshotCodec>>);

impl RdbOnly {
    pub fn new() -> Self {
        Self(vec![Arc::new(RdbCodec::default())])
    }
}

impl SnapshotFormats for RdbOnly {
    fn for_replica(&self, _replica: &ReplicaOptions) -> Arc<dyn SnapshotCodec> {
        Arc::clone(&self.0[0])
    }

    fn for_dialect(&self, _dialect: Dialect, _lossy: bool) -> Arc<dyn SnapshotCodec> {
        Arc::new(RdbCodec::default())
    }

    fn readable(&self) -> &[Arc<dyn SnapshotCodec>] {
        &self.0
    }
}

/// A node, and a client of it.
#[derive(Clone)]
pub struct TestNode {
    pub node: Node,
    pub store: Arc<MutexStore>,
    pub storage: MemoryStorage,
    client: ClientId,
    log: Arc<Mutex<Vec<String>>>,
}

impl TestNode {
    pub fn new(
        seed: u64,
        transport: Arc<dyn ReplicationTransport>,
        config: &[(&str, &str)],
    ) -> Self {
        Self::on(Arc::new(SmolRuntime::new(seed)), seed, transport, config)
    }

    /// A node on another runtime.
    pub fn on(
        runtime: Arc<dyn Runtime>,
        seed: u64,
        transport: Arc<dyn ReplicationTransport>,
        config: &[(&str, &str)],
    ) -> Self {
        let host = MemoryHost::default();
        let log = Arc::clone(&host.log);
        let mut engine = Engine::new(options(seed, config));
        let client = engine.connect(Peer::default(), 0);
        let store = Arc::new(MutexStore {
            engine: Mutex::new((engine, host)),
            node: OnceLock::new(),
            batches: AtomicU64::new(0),
        });
        let storage = MemoryStorage::new();
        let shared: Arc<dyn Store> = Arc::<MutexStore>::clone(&store);
        let node = Node::new(NodeParts {
            store: shared,
            runtime,
            transport,
            storage: Arc::new(storage.clone()),
            formats: Arc::new(RdbOnly::new()),
        });
        assert!(store.node.set(node.clone()).is_ok());
        Self {
            node,
            store,
            storage,
            client,
            log,
        }
    }

    pub fn with<R>(&self, work: impl FnOnce(&mut Engine, &mut dyn Host) -> R) -> R {
        let store: &dyn Store = &*self.store;
        store.with(work)
    }

    /// Runs a command of blank-separated words and answers the raw reply.
    pub fn run(&self, line: &str) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.with(|engine, host| {
            engine.execute(self.client, &args, now.as_millis() as i64, host);
            let mut reply = Vec::new();
            engine.take_output(self.client, &mut reply);
            String::from_utf8_lossy(&reply).into_owned()
        })
    }

    /// Every key with its value, in all databases.
    pub fn content(&self) -> BTreeMap<String, String> {
        self.with(|engine, _| {
            let mut all = BTreeMap::new();
            for (number, db) in engine.keyspace.dbs().iter().enumerate() {
                db.table().for_each(&mut |_, entry| {
                    let key = format!("{number} {}", entry.key().escape_ascii());
                    let value = format!("{:?} {:?}", entry.value(), entry.expire_ms());
                    assert!(all.insert(key, value).is_none());
                });
            }
            all
        })
    }

    /// What the node had to say.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn offset(&self) -> u64 {
        self.with(|engine, _| engine.server.log.offset().0)
    }

    pub fn replid(&self) -> ReplicationId {
        self.with(|engine, _| engine.server.replication.history.replid)
    }
}

fn options(seed: u64, config: &[(&str, &str)]) -> EngineOptions {
    let mut directives = Config::new();
    for (name, value) in config {
        let loaded = directives.load(name.as_bytes(), &[value.as_bytes()]);
        loaded.expect("a directive and its value");
    }
    EngineOptions {
        hash_seed: HashSeed::new(seed, seed + 1),
        rng_seed: seed,
        run_id: ReplicationId::from_random([seed as u8; 20]),
        replid: ReplicationId::from_random([seed as u8 + 100; 20]),
        now_ms: 0,
        config: directives,
    }
}

/// Waits until `test` holds, at most half a minute; else shows what the nodes had to say.
pub async fn eventually(what: &str, nodes: &[&TestNode], test: impl Fn() -> bool) {
    let began = Instant::now();
    while !test() {
        let logs: Vec<_> = nodes.iter().map(|node| node.log()).collect();
        let in_time = began.elapsed() < Duration::from_secs(30);
        assert!(in_time, "{what} did not come about: {logs:#?}");
        smol::Timer::after(Duration::from_millis(5)).await;
    }
}
