//! An engine for unit tests: commands in, replies and the stream out.

use std::sync::{Arc, Mutex};

use crate::config::Config;
use crate::engine::client::ClientFlags;
use crate::engine::replication::{Replica, ReplicaState, ServedFrom};
use crate::engine::stream_log::SinkId;
use crate::engine::{ClientId, Engine, EngineOptions, Peer};
use crate::keyspace::HashSeed;
use crate::offset::{Offset, ReplicationId};
use crate::seams::{LogSink, NoHost};
use crate::text::quote;

struct Capture(Arc<Mutex<Vec<u8>>>);

impl LogSink for Capture {
    fn append(&mut self, _start: Offset, bytes: &[u8]) {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
    }
}

/// A replica that follows the stream and has acknowledged nothing.
pub(crate) fn replica(id: u64) -> Replica {
    Replica {
        id,
        ip: "h".to_owned(),
        port: 1,
        state: ReplicaState::Online,
        served_from: ServedFrom::Memory,
        ack_offset: Offset::ZERO,
        fack_offset: None,
        sends_fack: false,
        ack_ms: 0,
        spoken: None,
    }
}

/// One engine with one client, at a moment that the test moves.
pub(crate) struct TestEngine {
    pub(crate) engine: Engine,
    pub(crate) id: ClientId,
    pub(crate) now_ms: i64,
    pub(crate) host: NoHost,
    stream: Arc<Mutex<Vec<u8>>>,
    sink: SinkId,
}

impl TestEngine {
    pub(crate) fn new() -> Self {
        let mut config = Config::new();
        let loaded = config.load(b"enable-debug-command", &[b"yes"]);
        loaded.expect("a directive and its value");
        let mut engine = Engine::new(EngineOptions {
            hash_seed: HashSeed::new(1, 2),
            rng_seed: 3,
            run_id: ReplicationId::from_random([1; 20]),
            replid: ReplicationId::from_random([2; 20]),
            now_ms: 1_000_000,
            config,
        });
        let stream = Arc::new(Mutex::new(Vec::new()));
        let sink = engine
            .server
            .log
            .add_sink(Box::new(Capture(Arc::clone(&stream))));
        let id = engine.connect(Peer::default(), 1_000_000);
        Self {
            engine,
            id,
            now_ms: 1_000_000,
            host: NoHost::default(),
            stream,
            sink,
        }
    }

    /// Lets nobody take the stream any more.
    pub(crate) fn stop_stream(&mut self) {
        self.engine.server.log.remove_sink(self.sink);
    }

    /// Adds another client.
    pub(crate) fn connect(&mut self) -> ClientId {
        self.engine.connect(Peer::default(), self.now_ms)
    }

    /// Adds a client that is the link to another server, as `role` says.
    pub(crate) fn connect_as(&mut self, role: ClientFlags) -> ClientId {
        let id = self.connect();
        let client = self.engine.server.clients.get_mut(id);
        let client = client.expect("it has just connected");
        client.flags.insert(role);
        client.authenticated = true;
        id
    }

    /// Adds a client that is listed as a replica, which has acknowledged nothing.
    pub(crate) fn follow(&mut self) -> u64 {
        let id = self.connect().id;
        let listed = Replica {
            ack_ms: self.now_ms,
            ..replica(id)
        };
        self.engine.server.replication.replicas.push(listed);
        id
    }

    /// Runs a line as if the primary's stream had brought it.
    pub(crate) fn apply(&mut self, line: &str) {
        let link = self.connect_as(ClientFlags::PRIMARY);
        self.run_as(link, line);
        self.engine.disconnect(link);
    }

    /// Runs a line, split as in redis-cli, and answers the raw reply.
    pub(crate) fn run_as(&mut self, id: ClientId, line: &str) -> String {
        let args = quote::split(line.as_bytes()).expect("a test's line is well quoted");
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        self.engine.begin_batch(&self.host);
        self.engine.execute(id, &args, self.now_ms, &mut self.host);
        self.engine.end_batch();
        self.output(id)
    }

    /// As `run_as`, for the first client.
    pub(crate) fn run(&mut self, line: &str) -> String {
        self.run_as(self.id, line)
    }

    /// What waits to be sent to a client, with `\r\n` shown as a blank.
    pub(crate) fn output(&mut self, id: ClientId) -> String {
        let mut out = Vec::new();
        self.engine.take_output(id, &mut out);
        let text = String::from_utf8_lossy(&out).replace("\r\n", " ");
        text.trim_end().to_owned()
    }

    /// The commands of the stream since the last call, arguments joined by
    /// blanks, commands by ` | `. SELECTs are left out.
    pub(crate) fn stream(&mut self) -> String {
        let bytes = std::mem::take(&mut *self.stream.lock().expect("not poisoned"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut commands: Vec<Vec<&str>> = Vec::new();
        for line in text.split("\r\n") {
            if line.starts_with('*') && line.len() > 1 {
                commands.push(Vec::new());
            } else if !line.starts_with('$') && !line.is_empty() {
                commands
                    .last_mut()
                    .expect("an array comes first")
                    .push(line);
            }
        }
        commands.retain(|command| command[0] != "SELECT");
        let joined: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
        joined.join(" | ")
    }

    /// Lets those give up whose time is over at the current moment.
    pub(crate) fn expire_waits(&mut self) {
        self.engine.expire_waits(self.now_ms, &mut self.host);
    }

    /// Lets the cron run at the current moment.
    pub(crate) fn tick(&mut self) {
        let more = self.engine.tick(self.now_ms, &mut self.host);
        assert_eq!(more, None, "a clock that stands still runs out of nothing");
    }
}
