//! Links that are cut at any byte, of the handshake, of the snapshot and of the stream,
//! between a node of ours and a real server on either side: the replica never differs
//! from its primary once they are in sync, and whoever holds the dataset never gets it
//! again.
//!
//! With `TOWLINE_LONG` in the environment 16 pairs have 10,000 cuts together, else 4 pairs
//! have 100. Each pair's choices follow from its seed; a failure names pair, seed and cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use towline_tests::proxy::{Passage, Proxy};
use towline_tests::resp::Client;
use towline_tests::rng::Rng;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, offset, wait_same_digest};
use towline_tests::wait::{self, PATIENCE};
use towline_tests::workload::Workload;

/// About what both sides say before the snapshot or the stream.
const HANDSHAKE_BYTES: u64 = 500;
/// How far into the stream the last cuts fall.
const STREAM_BYTES: u64 = 60_000;
/// The servers are compared after so many cuts.
const CUTS_BETWEEN_CHECKS: u64 = 25;

/// Who follows whom.
const PAIRS: [[Kind; 2]; 4] = [
    [Kind::Towline, Kind::Redis],
    [Kind::Redis, Kind::Towline],
    [Kind::Towline, Kind::Valkey],
    [Kind::Valkey, Kind::Towline],
];

/// How the primary and the replica of a pair are set up, so that snapshots and the
/// stream take each of their ways: through memory and through files. Either holds all
/// that is written while a link is down, so no full sync is ever due for that.
const VARIANTS: [[&[&str]; 2]; 4] = [
    [&["repl-backlog-size 256mb"], &[]],
    [&["repl-backlog-size 256mb"], &["repl-diskless-load swapdb"]],
    [
        &["repl-backlog-size 256mb", "repl-diskless-sync no"],
        &["appendonly yes"],
    ],
    [
        &["repl-backlog-size 256mb", "appendonly yes"],
        &["repl-diskless-load on-empty-db"],
    ],
];

/// A node of ours holds it on disk in the place of memory.
const LOG_ON_DISK: [&str; 3] = [
    "appendonly yes",
    "repl-backlog-size 16kb",
    "repl-backlog-disk-size 256mb",
];

/// How many cuts fell where.
#[derive(Debug, Default, Clone, Copy)]
struct Places {
    handshake: u64,
    snapshot: u64,
    stream: u64,
}

impl Places {
    fn sum(self) -> u64 {
        self.handshake + self.snapshot + self.stream
    }

    fn plus(self, other: Self) -> Self {
        Self {
            handshake: self.handshake + other.handshake,
            snapshot: self.snapshot + other.snapshot,
            stream: self.stream + other.stream,
        }
    }
}

/// Where a pair is, told when it fails, which ends the others as well.
struct Trail<'a> {
    pair: String,
    seed: u64,
    cuts: u64,
    limit_bytes: u64,
    failed: &'a AtomicBool,
}

impl Drop for Trail<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test says where it was")]
    fn drop(&mut self) {
        if thread::panicking() {
            self.failed.store(true, Ordering::SeqCst);
            let (cut, limit) = (self.cuts + 1, self.limit_bytes);
            let (pair, seed) = (&self.pair, self.seed);
            eprintln!("-- failed: {pair}, seed {seed}, cut {cut} after {limit} bytes");
        }
    }
}

/// What both sides say between two connections.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// The replica holds the dataset of its primary's history.
    has_data: bool,
    full_syncs: i64,
    partial_syncs: i64,
}

/// A primary, its replica, and the proxy between them.
struct Pair<'a> {
    primary: Server,
    proxy: Proxy,
    replica: Server,
    client: Client,
    workload: Workload,
    rng: Rng,
    /// Connections that the proxy was told to let through.
    passes: u64,
    /// How long a handshake and a snapshot were together.
    whole_bytes: u64,
    places: Places,
    trail: Trail<'a>,
}

impl<'a> Pair<'a> {
    fn start(number: usize, failed: &'a AtomicBool) -> Self {
        let (kinds, variant) = (PAIRS[number % 4], VARIANTS[number / 4 % 4]);
        let seed = number as u64 + 1;
        let mut of_primary = variant[0].to_vec();
        if kinds[0] == Kind::Towline && of_primary.contains(&"appendonly yes") {
            of_primary = LOG_ON_DISK.to_vec();
        }
        let primary = server(kinds[0], &of_primary, None);
        let mut client = primary.client();
        let mut workload = match kinds.contains(&Kind::Valkey) {
            true => Workload::whole_scores(seed),
            false => Workload::new(seed),
        };
        workload.run(&mut client, 2_000);
        let proxy = Proxy::gated(primary.address());
        let replica = server(kinds[1], variant[1], Some(&proxy));
        let trail = Trail {
            pair: format!("pair {number}, {} to {}", kinds[0], kinds[1]),
            seed,
            cuts: 0,
            limit_bytes: 0,
            failed,
        };
        Self {
            primary,
            proxy,
            replica,
            client,
            workload,
            rng: Rng::new(seed + 1000),
            passes: 0,
            whole_bytes: 0,
            places: Places::default(),
            trail,
        }
    }

    fn run(mut self, cuts: u64) -> Places {
        self.check();
        while self.places.sum() < cuts && !self.trail.failed.load(Ordering::SeqCst) {
            self.cut_once();
            if self.places.sum().is_multiple_of(CUTS_BETWEEN_CHECKS) {
                self.check();
            }
        }
        self.check();
        self.places
    }

    /// Lets a connection through for a random number of bytes, while the primary is
    /// written to.
    fn cut_once(&mut self) {
        let before = self.look();
        if before.has_data && self.rng.below(8) == 0 {
            return self.replica_goes_its_own_way();
        }
        self.workload.run(&mut self.client, 20);
        let limit_bytes = self.limit_bytes(before.has_data);
        let passage = self.pass(limit_bytes);
        let begin = Instant::now();
        while !passage.is_over() {
            assert!(begin.elapsed() < PATIENCE, "{limit_bytes} never pass");
            self.workload.run(&mut self.client, 20);
            thread::sleep(Duration::from_millis(3));
        }
        self.proxy.cut();
        let after = self.look_after(before);
        if passage.was_cut() {
            self.count(before, after);
        }
    }

    /// A random place: in the handshake, in the snapshot where there will be one, or in
    /// the stream.
    fn limit_bytes(&mut self, has_data: bool) -> u64 {
        let (begin, length) = match (has_data, self.rng.below(3)) {
            (_, 0) => (0, HANDSHAKE_BYTES),
            (true, _) => (0, HANDSHAKE_BYTES + STREAM_BYTES),
            (false, 1) => (0, self.whole_bytes),
            (false, _) => (self.whole_bytes, STREAM_BYTES),
        };
        begin + 1 + self.rng.below(length)
    }

    /// A write of its own takes the replica out of its primary's history, so that it
    /// needs the dataset again.
    fn replica_goes_its_own_way(&mut self) {
        self.replica.ok("REPLICAOF NO ONE");
        self.replica.ok("SET own 1");
        self.follow("127.0.0.1");
    }

    fn follow(&self, host: &str) {
        let port = self.proxy.port();
        self.replica.ok(&format!("REPLICAOF {host} {port}"));
    }

    fn pass(&mut self, limit_bytes: u64) -> Arc<Passage> {
        self.wait_dialled();
        self.trail.limit_bytes = limit_bytes;
        self.passes += 1;
        self.proxy.pass(limit_bytes)
    }

    /// Waits until a connection waits at the gate: the replica is done with the last one.
    /// A node of ours waits longer from failure to failure, for seconds. Told to follow
    /// its primary by another name it tries at once, which it mostly is.
    fn wait_dialled(&mut self) {
        let has_dialled = |pair: &Self| pair.proxy.accepted() > pair.passes;
        let is_ours = self.replica.kind() == Kind::Towline;
        if is_ours && !has_dialled(self) && self.rng.below(8) != 0 {
            let host = ["127.0.0.1", "localhost"][usize::from(self.passes.is_multiple_of(2))];
            self.follow(host);
        }
        wait::until("the replica dials", || has_dialled(self));
    }

    fn look(&mut self) -> Look {
        self.wait_dialled();
        let history = |server: &Server| server.info("replication").get("master_replid").to_owned();
        let stats = self.primary.info("stats");
        Look {
            has_data: history(&self.primary) == history(&self.replica),
            full_syncs: stats.number("sync_full"),
            partial_syncs: stats.number("sync_partial_ok"),
        }
    }

    /// Looks again, and sees that nobody got what it had.
    fn look_after(&mut self, before: Look) -> Look {
        let after = self.look();
        if before.has_data {
            let (then, now) = (before.full_syncs, after.full_syncs);
            assert_eq!(now, then, "a full sync that was not due");
            assert!(after.has_data, "the replica has forgotten its history");
        }
        after
    }

    fn count(&mut self, before: Look, after: Look) {
        self.trail.cuts += 1;
        let has_come = after.has_data && !before.has_data;
        if has_come || after.partial_syncs > before.partial_syncs {
            self.places.stream += 1;
        } else if after.full_syncs > before.full_syncs {
            self.places.snapshot += 1;
        } else {
            self.places.handshake += 1;
        }
    }

    /// Lets a connection last until both are in sync, and compares them.
    fn check(&mut self) {
        let before = self.look();
        let passed_bytes = loop {
            let passage = self.pass(u64::MAX);
            wait::until("the replica is in sync, or its link over", || {
                passage.is_over() || self.is_in_sync()
            });
            if !passage.is_over() {
                break passage.passed_bytes();
            }
            // It was a connection that the replica had given up.
        };
        if !before.has_data {
            self.whole_bytes = passed_bytes;
        }
        wait_same_digest(&self.primary, &self.replica);
        self.proxy.cut();
        let after = self.look_after(before);
        assert!(after.has_data, "it was in sync");
    }

    fn is_in_sync(&self) -> bool {
        link_status(&self.replica) == "up" && offset(&self.replica) == offset(&self.primary)
    }
}

fn server(kind: Kind, lines: &[&str], primary: Option<&Proxy>) -> Server {
    let mut setup = Setup::new(kind);
    for line in lines {
        setup = setup.line(*line);
    }
    if let Some(primary) = primary {
        setup = setup.line(format!("slaveof 127.0.0.1 {}", primary.port()));
    }
    setup.start()
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures of a run that passes")]
fn a_cut_at_any_byte_costs_neither_data_nor_a_full_sync() {
    let (pairs, cuts_of_each) = match std::env::var_os("TOWLINE_LONG") {
        Some(_) => (16, 625),
        None => (4, 25),
    };
    let failed = AtomicBool::new(false);
    let places = thread::scope(|scope| {
        let failed = &failed;
        let run = move |number| Pair::start(number, failed).run(cuts_of_each);
        let running: Vec<_> = (0..pairs)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        let join = |pair: thread::ScopedJoinHandle<'_, Places>| {
            pair.join().expect("what the pair's thread said")
        };
        running
            .into_iter()
            .map(join)
            .fold(Places::default(), Places::plus)
    });
    println!("{} cuts: {places:?}", places.sum());
    assert_eq!(places.sum(), pairs as u64 * cuts_of_each);
    assert!(places.handshake.min(places.snapshot).min(places.stream) > 0);
}
