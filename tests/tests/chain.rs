//! A chain of three servers with Towline in the middle: whatever is written to the
//! first arrives at the last, over links that break all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use towline_tests::chain::{BACKLOG, Chain, replica};
use towline_tests::proxy::Proxy;
use towline_tests::rng::Rng;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{wait_in_sync, wait_same_data};
use towline_tests::wait;
use towline_tests::workload::Workload;

fn assert_converges(chain: &Chain) {
    wait_same_data(&[&chain.first, &chain.middle, &chain.last]);
}

/// How many full syncs each link has seen.
fn full_syncs(chain: &Chain) -> [i64; 2] {
    [&chain.first, &chain.middle].map(|server| server.info("stats").number("sync_full"))
}

fn partial_syncs(chain: &Chain) -> [i64; 2] {
    [&chain.first, &chain.middle].map(|server| server.info("stats").number("sync_partial_ok"))
}

fn cuts() -> u32 {
    if std::env::var_os("TOWLINE_LONG").is_some() {
        200
    } else {
        25
    }
}

/// Writes to `server` until `stop`, at a pace that leaves time for the replicas.
fn write_until(stop: &AtomicBool, server: &Server, seed: u64) {
    let (mut client, mut workload) = (server.client(), Workload::new(seed));
    while !stop.load(Ordering::SeqCst) {
        workload.run(&mut client, 50);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Cuts one link or both, each time a random moment after both are up again.
fn cut_links(chain: &Chain, seed: u64) -> [i64; 2] {
    let mut rng = Rng::new(seed);
    let mut cut = [0; 2];
    for _ in 0..cuts() {
        wait::until("both links are up", || chain.links_are_up());
        thread::sleep(Duration::from_millis(rng.below(200)));
        let which = 1 + rng.below(3);
        if which & 1 != 0 {
            cut[0] += i64::from(chain.upper.cut() > 0);
        }
        if which & 2 != 0 {
            cut[1] += i64::from(chain.lower.cut() > 0);
        }
        // The replicas must have noticed before the next round looks at them.
        let noticed = || !chain.links_are_up() || partial_syncs(chain) >= cut;
        wait::until("the cut is seen", noticed);
    }
    wait::until("both links are up", || chain.links_are_up());
    cut
}

fn survives_cuts(first: Kind, last: Kind, seed: u64) {
    let chain = Chain::start([first, Kind::Towline, last], (seed, 5_000), "");
    assert_converges(&chain);
    let before = full_syncs(&chain);
    let stop = AtomicBool::new(false);
    let cut = thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&stop, &chain.first, seed + 1));
        let cut = cut_links(&chain, seed + 2);
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("the writer does not fail");
        cut
    });
    assert_converges(&chain);
    assert_eq!(
        full_syncs(&chain),
        before,
        "a full sync that the backlog could have avoided"
    );
    let partial = partial_syncs(&chain);
    assert!(
        partial[0] >= cut[0] && partial[1] >= cut[1],
        "{partial:?} resyncs, {cut:?} cuts"
    );
}

#[test]
fn redis_to_redis() {
    survives_cuts(Kind::Redis, Kind::Redis, 1);
}

#[test]
fn valkey_to_valkey() {
    survives_cuts(Kind::Valkey, Kind::Valkey, 2);
}

#[test]
fn redis_to_valkey() {
    survives_cuts(Kind::Redis, Kind::Valkey, 3);
}

#[test]
fn valkey_to_redis() {
    survives_cuts(Kind::Valkey, Kind::Redis, 4);
}

/// A node that wrote for itself before it joined holds none of that afterwards.
#[test]
fn a_middle_that_joins_at_runtime_takes_over_the_data() {
    let first = Server::new(Kind::Redis);
    let middle = Server::new(Kind::Towline);
    let last = Setup::new(Kind::Redis).replica_of(&middle).start();
    Workload::new(5).run(&mut middle.client(), 2_000);
    wait_in_sync(&[&middle, &last]);
    Workload::new(6).run(&mut first.client(), 2_000);
    middle.ok(&format!("REPLICAOF 127.0.0.1 {}", first.port()));
    wait_in_sync(&[&first, &middle, &last]);
    Workload::new(7).run(&mut first.client(), 2_000);
    wait_same_data(&[&first, &middle, &last]);
}

/// Five nodes of ours, each the next one's primary, with a proxy on each link.
struct Five {
    nodes: Vec<Server>,
    links: Vec<Proxy>,
}

impl Five {
    fn start(seed: u64) -> Self {
        let first = Setup::new(Kind::Towline).line(BACKLOG).start();
        Workload::new(seed).run(&mut first.client(), 5_000);
        let (mut nodes, mut links) = (vec![first], Vec::new());
        for _ in 1..5 {
            let link = Proxy::new(nodes[nodes.len() - 1].address());
            nodes.push(replica(Kind::Towline, link.port(), ""));
            links.push(link);
        }
        Self { nodes, links }
    }

    fn assert_converges(&self) {
        wait_same_data(&self.nodes.iter().collect::<Vec<_>>());
    }

    /// Partial resyncs and full syncs of each link, as its primary counts them.
    fn resyncs(&self) -> Vec<[i64; 2]> {
        let primaries = self.nodes[..self.links.len()].iter();
        let of = |primary: &Server| {
            let stats = primary.info("stats");
            ["sync_partial_ok", "sync_full"].map(|name| stats.number(name))
        };
        primaries.map(of).collect()
    }

    /// Cuts each link in turn, while the first node is written to.
    fn cut_links(&self, rounds: usize, seed: u64) {
        let (mut client, mut workload) = (self.nodes[0].client(), Workload::new(seed));
        for at in 0..rounds * self.links.len() {
            let link = at % self.links.len();
            let before = self.resyncs()[link][0];
            workload.run(&mut client, 200);
            assert!(self.links[link].cut() > 0, "the link was up");
            wait::until("the node is back", || {
                workload.run(&mut client, 50);
                self.resyncs()[link][0] > before
            });
        }
    }
}

#[test]
fn five_nodes_in_a_row_stay_equal_over_links_that_break() {
    let five = Five::start(8);
    five.assert_converges();
    five.cut_links(5, 9);
    five.assert_converges();
    for [partial, full] in five.resyncs() {
        assert!(partial >= 5, "{partial} partial resyncs");
        assert_eq!(full, 1, "a full sync that the backlog could have avoided");
    }
    let histories = five.nodes.iter().map(|node| {
        let info = node.info("replication");
        info.get("master_replid").to_owned()
    });
    let mut histories: Vec<_> = histories.collect();
    histories.dedup();
    assert_eq!(histories.len(), 1, "{histories:?}");
}

#[test]
fn the_primary_may_be_named_by_its_host_name() {
    let first = Server::new(Kind::Redis);
    let line = format!("slaveof localhost {}", first.port());
    let middle = Setup::new(Kind::Towline).line(line).start();
    first.ok("SET k v");
    wait_in_sync(&[&first, &middle]);
    assert_eq!(middle.info("replication").get("master_host"), "localhost");
    assert_eq!(middle.ok("GET k").text(), "v");
}
