//! The engine inside a program of its own: no socket, no file, no thread.
//!
//! Commands go in as arguments and replies come out as RESP. The embedder
//! brings the time and the randomness, so the run is the same each time.

use std::sync::{Arc, Mutex};

use towline_core::config::Config;
use towline_core::engine::{ClientId, Engine, EngineOptions, Peer};
use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::{LogSink, NoHost};

/// Keeps the stream of writes, as a log or a replica would get it.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<u8>>>);

impl LogSink for Writes {
    fn append(&mut self, _start: Offset, bytes: &[u8]) {
        let mut kept = self.0.lock().expect("no holder panics");
        kept.extend_from_slice(bytes);
    }
}

struct Embedded {
    engine: Engine,
    client: ClientId,
    host: NoHost,
    now_ms: i64,
}

impl Embedded {
    fn new(writes: Writes) -> Self {
        let mut engine = Engine::new(EngineOptions {
            hash_seed: HashSeed::new(1, 2),
            rng_seed: 3,
            run_id: ReplicationId::from_random([4; 20]),
            replid: ReplicationId::from_random([5; 20]),
            now_ms: 0,
            config: Config::new(),
        });
        engine.server.log.add_sink(Box::new(writes));
        let client = engine.connect(Peer::default(), 0);
        Self {
            engine,
            client,
            host: NoHost::default(),
            now_ms: 0,
        }
    }

    /// Runs one command and answers its reply.
    fn run(&mut self, args: &[&str]) -> String {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.engine.begin_batch(&self.host);
        self.engine
            .execute(self.client, &args, self.now_ms, &mut self.host);
        self.engine.end_batch();
        let mut reply = Vec::new();
        self.engine.take_output(self.client, &mut reply);
        String::from_utf8_lossy(&reply).into_owned()
    }
}

fn main() {
    let writes = Writes::default();
    let mut embedded = Embedded::new(writes.clone());
    assert_eq!(
        embedded.run(&["SET", "greeting", "ahoy", "PX", "500"]),
        "+OK\r\n"
    );
    assert_eq!(embedded.run(&["GET", "greeting"]), "$4\r\nahoy\r\n");
    assert_eq!(embedded.run(&["HSET", "boat", "line", "taut"]), ":1\r\n");

    // Half a second passes because the embedder says so.
    embedded.now_ms += 500;
    assert_eq!(embedded.run(&["GET", "greeting"]), "$-1\r\n");

    let stream = writes.0.lock().expect("no holder panics");
    let stream = String::from_utf8_lossy(&stream);
    assert!(
        stream.contains("PXAT\r\n$3\r\n500"),
        "expiries travel as moments"
    );
    assert!(
        stream.ends_with("$3\r\nDEL\r\n$8\r\ngreeting\r\n"),
        "and as deletes"
    );
}
