//! Whole nodes with their drivers, over links in memory that break.

mod support;

use smol::block_on;
use std::sync::Arc;
use std::time::Duration;
use support::network::Network;
use support::{TestNode, eventually};
use towline_core::engine::replication::LinkState;
use towline_core::engine::rng::Rng;
use towline_core::engine::stats::Stats;
use towline_core::seams::Storage;

const AT_ONCE: (&str, &str) = ("repl-diskless-sync-delay", "0");

/// A node of this name in the network.
fn node(network: &Network, name: &str, seed: u64, config: &[(&str, &str)]) -> TestNode {
    let node = TestNode::new(seed, Arc::new(network.clone()), config);
    network.add(name, &node.node);
    node
}

fn stats(node: &TestNode) -> Stats {
    node.with(|engine, _| engine.server.stats.clone())
}

fn link(node: &TestNode) -> LinkState {
    node.with(|engine, _| {
        let upstream = engine.server.replication.upstream.as_ref();
        upstream.expect("it follows a primary").state
    })
}

fn follow(node: &TestNode, primary: &str) {
    assert!(
        node.run(&format!("REPLICAOF {primary} 1"))
            .starts_with("+OK")
    );
}

async fn equal(primary: &TestNode, replica: &TestNode) {
    eventually(
        "the replica is equal to its primary",
        &[primary, replica],
        || {
            link(replica) == LinkState::Connected
                && primary.offset() == replica.offset()
                && primary.replid() == replica.replid()
                && primary.content() == replica.content()
        },
    )
    .await;
}

fn write(primary: &TestNode, random: &mut Rng) {
    let (key, value) = (random.below(500), random.below(1 << 30));
    if random.below(8) == 0 {
        // A cut inside it must neither lose nor double any part.
        let lines = [
            "MULTI".into(),
            format!("INCR counter:{key}"),
            format!("SELECT {}", key % 3),
            format!("RPUSH list:{key} {value}"),
            "EXEC".into(),
        ];
        for line in lines {
            let reply = primary.run(&line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        return;
    }
    let line = match random.below(6) {
        0 => format!("SELECT {}", key % 3),
        1 => format!("RPUSH list:{key} {value}"),
        2 => format!("HSET hash:{key} field:{} {value}", value % 50),
        3 => format!("APPEND string:{key} {value}"),
        4 => format!("SET big:{key} {}", "x".repeat(value % 5000)),
        _ => format!("SET string:{key} {value}"),
    };
    let reply = primary.run(&line);
    assert!(!reply.starts_with('-'), "{line}: {reply}");
}

#[test]
fn replicas_that_ask_together_share_one_snapshot() {
    block_on(async {
        let network = Network::default();
        let primary = node(&network, "p", 1, &[("repl-diskless-sync-delay", "1")]);
        for at in 0..3000 {
            primary.run(&format!("SET key:{at} {at}"));
        }
        let replicas: Vec<_> = (2..12).map(|seed| node(&network, "r", seed, &[])).collect();
        for replica in &replicas {
            follow(replica, "p");
        }
        for replica in &replicas {
            equal(&primary, replica).await;
        }
        let stats = stats(&primary);
        assert_eq!((stats.sync_full, stats.sync_snapshots), (10, 1));
        let files = primary.storage.list().await.unwrap();
        assert!(files.is_empty(), "{files:?}");
    });
}

#[test]
fn links_that_break_under_load_never_cost_a_full_sync() {
    for diskless in ["yes", "no"] {
        block_on(async {
            let network = Network::default();
            let config = [
                AT_ONCE,
                ("repl-diskless-sync", diskless),
                ("repl-backlog-size", "64mb"),
            ];
            let primary = node(&network, "p", 1, &config);
            let replica = node(&network, "r", 2, &config);
            let chained = node(&network, "c", 3, &config);
            follow(&replica, "p");
            equal(&primary, &replica).await;
            follow(&chained, "r");
            let mut random = Rng::new(7);
            for cut in 0..25 {
                for _ in 0..random.below(200) {
                    write(&primary, &mut random);
                }
                // The first syncs come whole, or the cuts could not be counted.
                if cut == 0 {
                    equal(&primary, &chained).await;
                }
                network.cut(if random.below(2) == 0 { "p" } else { "r" });
                smol::Timer::after(Duration::from_millis(random.below(40) as u64)).await;
            }
            equal(&primary, &replica).await;
            equal(&primary, &chained).await;
            assert_eq!(
                (stats(&primary).sync_full, stats(&replica).sync_full),
                (1, 1)
            );
            assert!(stats(&primary).sync_partial_ok > 0);
            assert_eq!(stats(&chained).unexpected_error_replies, 0);
        });
    }
}

#[test]
fn a_promoted_replica_is_followed_without_a_full_sync() {
    block_on(async {
        let network = Network::default();
        let [a, b, c] = ["a", "b", "c"]
            .map(|name| node(&network, name, u64::from(name.as_bytes()[0]), &[AT_ONCE]));
        a.run("SET k 1");
        follow(&b, "a");
        equal(&a, &b).await;
        follow(&c, "b");
        equal(&b, &c).await;
        a.run("SET k 2");
        equal(&a, &c).await;
        let old = a.replid();
        assert_eq!(b.run("REPLICAOF NO ONE"), "+OK\r\n");
        b.run("SET k 3");
        follow(&a, "b");
        equal(&b, &a).await;
        equal(&b, &c).await;
        assert_ne!(b.replid(), old);
        let replid2 = c.with(|engine, _| engine.server.replication.history.replid2);
        assert_eq!(replid2, old);
        assert_eq!(
            (stats(&a).sync_full, stats(&b).sync_full),
            (1, 1),
            "{:?}",
            b.log()
        );
        assert_eq!(stats(&b).sync_partial_ok, 2);
    });
}

#[test]
fn a_primary_that_wrote_on_alone_is_not_continued() {
    block_on(async {
        let network = Network::default();
        let [a, b] =
            ["a", "b"].map(|name| node(&network, name, u64::from(name.as_bytes()[0]), &[AT_ONCE]));
        a.run("SET k 1");
        follow(&b, "a");
        equal(&a, &b).await;
        b.run("REPLICAOF NO ONE");
        a.run("SET only:a 1");
        b.run("SET only:b 1");
        follow(&a, "b");
        equal(&b, &a).await;
        let stats = stats(&b);
        assert_eq!(
            (stats.sync_full, stats.sync_delta, stats.sync_partial_ok),
            (0, 1, 0),
            "what a wrote alone is in no history of b's"
        );
        assert!(b.content().contains_key("0 only:b"));
        assert!(!a.content().contains_key("0 only:a"));
    });
}

#[test]
fn the_old_dataset_is_served_until_the_new_one_is_whole() {
    for way in ["disabled", "on-empty-db", "swapdb", "flush-before-load"] {
        block_on(serves_the_old_until_the_new_is_whole(way));
    }
}

async fn serves_the_old_until_the_new_is_whole(diskless_load: &str) {
    let network = Network::default();
    let config = [AT_ONCE];
    let [first, second] =
        ["a", "b"].map(|name| node(&network, name, u64::from(name.as_bytes()[0]), &config));
    let replica = node(&network, "r", 9, &[("repl-diskless-load", diskless_load)]);
    first.run("SET old 1");
    for at in 0..5000 {
        second.run(&format!("SET new:{at} {at}"));
    }
    follow(&replica, "a");
    equal(&first, &replica).await;
    network.break_after("b", Some(20_000));
    follow(&replica, "b");
    let dials = network.dials();
    eventually("two attempts", &[&second, &replica], || {
        network.dials() > dials + 2
    })
    .await;
    assert_eq!(replica.content(), first.content());
    assert!(replica.run("GET old").contains('1'));
    network.break_after("b", None);
    equal(&second, &replica).await;
    // However a link ended, it left no file behind.
    while !replica.storage.list().await.expect("in memory").is_empty() {
        smol::Timer::after(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_slow_replica_costs_a_file_and_no_other_replica_time() {
    block_on(async {
        let network = Network::default();
        let config = [AT_ONCE, ("repl-backlog-size", "16kb")];
        let primary = node(&network, "p", 1, &config);
        let mut random = Rng::new(5);
        let mut value = || -> String {
            // Nothing that a snapshot could compress.
            (0..20_000)
                .map(|_| char::from(b'!' + random.below(90) as u8))
                .collect()
        };
        for at in 0..1000 {
            primary.run(&format!("SET key:{at} {}", value()));
        }
        let slow = node(&network, "r", 2, &[]);
        // Its link takes what fits into the pipe, and no more.
        network.stall("p", true);
        follow(&slow, "p");
        eventually("the walk has made a file", &[&primary], || {
            !block_on(primary.storage.list()).unwrap().is_empty()
        })
        .await;
        for at in 0..500 {
            primary.run(&format!("SET key:{at} {}", value()));
        }
        network.stall("p", false);
        equal(&primary, &slow).await;
        eventually("the files are gone", &[&primary], || {
            block_on(primary.storage.list()).unwrap().is_empty()
        })
        .await;
        assert_eq!(stats(&primary).sync_snapshots, 1);
    });
}

#[test]
fn an_acknowledgement_that_is_asked_for_comes_at_once() {
    block_on(async {
        let network = Network::default();
        let primary = node(&network, "p", 1, &[AT_ONCE]);
        let replica = node(&network, "r", 2, &[]);
        follow(&replica, "p");
        equal(&primary, &replica).await;
        let acked = || primary.with(|engine, _| engine.server.replication.replicas[0].ack_offset.0);
        for at in 0..10 {
            primary.run(&format!("SET k {at}"));
            let wanted = primary.offset();
            primary.with(|engine, _| engine.server.replication.getack_wanted = true);
            eventually("the acknowledgement", &[&primary, &replica], || {
                acked() >= wanted
            })
            .await;
            assert_eq!(acked(), wanted, "the bytes of the question do not count");
        }
    });
}

#[test]
fn a_replica_that_wrote_for_itself_starts_over() {
    block_on(async {
        let network = Network::default();
        let primary = node(&network, "p", 1, &[AT_ONCE]);
        let replica = node(&network, "r", 2, &[("replica-read-only", "no")]);
        primary.run("SET k 1");
        follow(&replica, "p");
        equal(&primary, &replica).await;
        assert_eq!(replica.run("SET own 1"), "+OK\r\n");
        network.cut("p");
        equal(&primary, &replica).await;
        assert_eq!(stats(&primary).sync_full, 2);
    });
}

/// CLIENT KILL TYPE master: what comes after it must not count as applied.
#[test]
fn a_killed_link_is_made_anew_and_skips_nothing() {
    block_on(async {
        let network = Network::default();
        let primary = node(&network, "p", 1, &[AT_ONCE]);
        let replica = node(&network, "r", 2, &[]);
        follow(&replica, "p");
        equal(&primary, &replica).await;
        for at in 0..3 {
            assert_eq!(replica.run("CLIENT KILL TYPE master"), ":1\r\n");
            primary.run(&format!("INCRBY k {at}"));
            eventually("the link is made anew", &[&primary, &replica], || {
                stats(&primary).sync_partial_ok > at
            })
            .await;
            equal(&primary, &replica).await;
        }
        // Nothing has to come for the kill to be noticed.
        replica.run("CLIENT KILL TYPE master");
        eventually("the link is made anew", &[&primary, &replica], || {
            stats(&primary).sync_partial_ok > 3
        })
        .await;
    });
}

/// Two nodes that can each be the other's primary, the second a replica of the first.
async fn pair(network: &Network) -> [TestNode; 2] {
    let nodes = [("p", 1), ("r", 2)].map(|(name, seed)| {
        node(
            network,
            name,
            seed,
            &[AT_ONCE, ("replica-announce-ip", name)],
        )
    });
    follow(&nodes[1], "p");
    equal(&nodes[0], &nodes[1]).await;
    nodes
}

fn failover(node: &TestNode) -> &'static str {
    node.with(|engine, _| engine.server.failover.name())
}

fn is_primary(node: &TestNode) -> bool {
    node.with(|engine, _| !engine.server.replication.is_replica())
}

#[test]
fn a_replica_takes_over_and_hands_back() {
    block_on(async {
        let network = Network::default();
        let [first, second] = pair(&network).await;
        for (from, to) in [(&first, &second), (&second, &first)] {
            from.run("INCR k");
            assert_eq!(from.run("FAILOVER"), "+OK\r\n");
            eventually("it is handed over", &[from, to], || {
                is_primary(to) && !is_primary(from) && failover(from) == "no-failover"
            })
            .await;
            assert!(from.run("INCR k").starts_with("-READONLY"));
            to.run("INCR k");
            equal(to, from).await;
        }
        let full = |node: &TestNode| stats(node).sync_full;
        assert_eq!((full(&first), full(&second)), (1, 0));
    });
}

/// The target has become the primary, and the link breaks before it can say so. A
/// node that took itself for the primary then would be a second one.
#[test]
fn a_lost_answer_makes_no_second_primary() {
    block_on(async {
        let network = Network::default();
        let [first, second] = pair(&network).await;
        // PONG, four OKs and INFO, and no more than the beginning of the answer to PSYNC.
        let info_bytes = second.run("INFO server").len();
        network.break_after("r", Some(30 + info_bytes));
        first.run("FAILOVER");
        eventually("the target takes over", &[&first, &second], || {
            is_primary(&second)
        })
        .await;
        assert_eq!(failover(&first), "failover-in-progress");
        network.break_after("r", None);
        second.run("SET k 1");
        eventually("the old primary follows", &[&first, &second], || {
            failover(&first) == "no-failover"
        })
        .await;
        equal(&second, &first).await;
        assert_eq!(stats(&second).sync_full, 0);
    });
}

/// One that is a primary by the time it is asked refuses, and everything is as it was.
#[test]
fn a_target_that_refuses_leaves_the_primary_one() {
    block_on(async {
        let network = Network::default();
        let [first, second] = pair(&network).await;
        network.stall("p", true);
        first.run("SET k 1");
        let port = first.with(|engine, _| engine.server.replication.replicas[0].port);
        let forced = format!("FAILOVER TO r {port} TIMEOUT 1 FORCE");
        assert_eq!(first.run(&forced), "+OK\r\n");
        second.run("REPLICAOF NO ONE");
        eventually("it is forced, and refused", &[&first, &second], || {
            // Time passes for an engine with what it is called for.
            first.run("PING");
            failover(&first) == "no-failover"
        })
        .await;
        assert!(is_primary(&first) && is_primary(&second));
        let told = "Failover target rejected psync request";
        assert!(first.log().iter().any(|line| line.contains(told)));
        assert_eq!(first.run("SET k 1"), "+OK\r\n");
    });
}

/// Three nodes in a row whose first is told to follow the last: nobody would write.
#[test]
fn a_cycle_is_told_and_left_as_soon_as_one_is_promoted() {
    block_on(async {
        let network = Network::default();
        let nodes: Vec<TestNode> = [("a", 1), ("b", 2), ("c", 3)]
            .map(|(name, seed)| node(&network, name, seed, &[AT_ONCE]))
            .into();
        follow(&nodes[1], "a");
        equal(&nodes[0], &nodes[1]).await;
        follow(&nodes[2], "b");
        equal(&nodes[1], &nodes[2]).await;
        follow(&nodes[0], "c");
        let all: Vec<&TestNode> = nodes.iter().collect();
        eventually("the cycle is told", &all, || {
            nodes[0].log().iter().any(|line| line.contains("a cycle"))
        })
        .await;
        assert_ne!(link(&nodes[0]), LinkState::Connected);
        assert_eq!(nodes[2].run("REPLICAOF NO ONE"), "+OK\r\n");
        assert_eq!(nodes[2].run("SET k 1"), "+OK\r\n");
        equal(&nodes[2], &nodes[0]).await;
        equal(&nodes[0], &nodes[1]).await;
        assert_eq!(stats(&nodes[2]).sync_full, 0);
    });
}

/// A primary that lost everything does not empty its replica, unless it is told to.
#[test]
fn an_empty_primary_is_followed_only_when_it_is_named_again() {
    block_on(async {
        let network = Network::default();
        let primary = node(&network, "p", 1, &[AT_ONCE]);
        let replica = node(&network, "r", 2, &[]);
        primary.run("SET k 1");
        follow(&replica, "p");
        equal(&primary, &replica).await;
        let empty = node(&network, "p", 3, &[AT_ONCE]);
        network.cut("p");
        let refused = || {
            replica.with(|engine, _| {
                let upstream = engine.server.replication.upstream.as_ref();
                upstream.is_some_and(|upstream| upstream.refused_empty)
            })
        };
        eventually("it is refused", &[&empty, &replica], refused).await;
        assert_eq!(replica.run("GET k"), "$1\r\n1\r\n");
        let info = replica.run("INFO replication");
        assert!(
            info.contains("master_empty_dataset_refused:1\r\n"),
            "{info}"
        );
        let told = "To accept it: REPLICAOF p 1";
        assert!(replica.log().iter().any(|line| line.contains(told)));
        follow(&replica, "p");
        equal(&empty, &replica).await;
        assert!(!refused());
        // From now on the histories are related: what the primary empties is empty.
        empty.run("SET k 2");
        equal(&empty, &replica).await;
        empty.run("FLUSHALL");
        equal(&empty, &replica).await;
    });
}
