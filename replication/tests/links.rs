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
        assert_eq!(
            stats(&b).sync_full,
            1,
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
