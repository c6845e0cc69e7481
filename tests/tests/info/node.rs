//! A node without a process: an engine, one client, and facts that a test chooses.

use towline_core::config::{Config, RewriteEntry};
use towline_core::engine::replication::{
    BacklogFacts, LinkState, Replica, ReplicaState, ServedFrom, Upstream,
};
use towline_core::engine::{ClientId, Engine, EngineOptions, Peer};
use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::host::{Job, PrimaryAddress, ProcessFacts, ReloadOptions};
use towline_core::seams::{Host, LogSink};
use towline_tests::info::Info;

pub(crate) const START_MS: i64 = 1_795_445_753_000;

/// A process of which every fact can be chosen.
#[derive(Default)]
pub(crate) struct TestHost {
    pub(crate) facts: ProcessFacts,
    clock_ns: std::cell::Cell<u64>,
}

impl Host for TestHost {
    /// Each look at the clock takes a tenth of a millisecond.
    fn monotonic_ns(&self) -> u64 {
        self.clock_ns.set(self.clock_ns.get() + 100_000);
        self.clock_ns.get()
    }

    fn facts(&self) -> ProcessFacts {
        self.facts.clone()
    }

    fn start(&mut self, _job: Job) -> Result<(), String> {
        Ok(())
    }

    fn rewrite_config(&mut self, _entries: &[RewriteEntry]) -> Result<(), String> {
        Ok(())
    }

    fn sleep_us(&mut self, _micros: u64) {}

    fn reload(&mut self, _engine: &mut Engine, _options: ReloadOptions) -> Result<(), String> {
        Ok(())
    }

    fn log(&mut self, _line: &str) {}
}

/// A backlog that only tells what it would hold.
pub(crate) struct Backlog;

impl LogSink for Backlog {
    fn append(&mut self, _start: Offset, _bytes: &[u8]) {}

    fn archive_start(&self) -> Option<Offset> {
        Some(Offset(10))
    }

    fn backlog(&self) -> Option<BacklogFacts> {
        Some(BacklogFacts {
            active: true,
            size_bytes: 1 << 20,
            first_byte_offset: 1,
            history_bytes: 50,
            memory_bytes: 20_508,
        })
    }
}

pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) host: TestHost,
    pub(crate) client: ClientId,
    pub(crate) now_ms: i64,
}

impl Node {
    pub(crate) fn new(run: u8, config: Config) -> Node {
        let mut engine = Engine::new(EngineOptions {
            hash_seed: HashSeed::new(1, 2),
            rng_seed: 3,
            run_id: ReplicationId::from_random([run; 20]),
            replid: ReplicationId::from_random([run + 1; 20]),
            now_ms: START_MS,
            config,
        });
        let client = engine.connect(Peer::default(), START_MS);
        Node {
            engine,
            host: TestHost::default(),
            client,
            now_ms: START_MS,
        }
    }

    pub(crate) fn run(&mut self, line: &str) -> String {
        self.run_as(self.client, line)
    }

    pub(crate) fn run_as(&mut self, client: ClientId, line: &str) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.engine.begin_batch(&self.host);
        self.engine
            .execute(client, &args, self.now_ms, &mut self.host);
        self.engine.end_batch();
        let mut out = Vec::new();
        self.engine.take_output(client, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    pub(crate) fn info(&mut self, sections: &str) -> Info {
        let reply = self.run(format!("INFO {sections}").trim());
        Info::parse(reply.split_once("\r\n").expect("a bulk string").1)
    }
}

pub(crate) fn primary() -> Node {
    let mut node = Node::new(1, Config::new());
    node.engine.server.log.add_sink(Box::new(Backlog));
    node.engine.server.replication.replicas.push(Replica {
        id: 77,
        ip: "127.0.0.1".into(),
        port: 21_082,
        state: ReplicaState::Online,
        served_from: ServedFrom::Memory,
        ack_offset: Offset(50),
        fack_offset: None,
        sends_fack: false,
        ack_ms: START_MS,
        spoken: None,
    });
    node
}

pub(crate) fn replica() -> Node {
    let mut node = Node::new(3, Config::new());
    let address = PrimaryAddress {
        host: "127.0.0.1".into(),
        port: 21_081,
    };
    let mut upstream = Upstream::new(address);
    upstream.state = LinkState::Connected;
    node.engine.server.replication.upstream = Some(upstream);
    node
}

/// What the workload of the reference did, as far as sections depend on it.
pub(crate) fn work(node: &mut Node) {
    node.host.facts.listeners = vec!["name=tcp,bind=*,bind=-::*,port=21081".into()];
    node.run("GET nosuch");
    node.run("NOSUCH");
    let reply = node.run("SET k v");
    assert!(
        reply.starts_with("+OK") || reply.starts_with("-READONLY"),
        "{reply}"
    );
}
