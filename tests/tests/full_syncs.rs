//! What INFO and the log tell an operator of full syncs: why each was made, what the
//! last one cost, how far replicas lag behind, and where they are served from.

use rustix::process::Signal;
use towline_tests::info::Info;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{wait_in_sync, wait_link_up};
use towline_tests::wait;

/// The causes that were counted, without those that were not.
fn causes(info: &Info, field: &str) -> Vec<String> {
    let counts = info.get(field).split(',');
    let counted = counts.filter(|count| !count.ends_with("=0"));
    counted.map(str::to_owned).collect()
}

fn served(primary: &Server) -> Vec<String> {
    causes(&primary.info("stats"), "sync_full_reasons")
}

fn received(replica: &Server) -> Vec<String> {
    causes(&replica.info("replication"), "master_sync_reasons")
}

/// A field of the first replica's line.
fn of_replica(primary: &Server, name: &str) -> String {
    let info = primary.info("replication");
    let fields = info.get("slave0").split(',');
    let value = fields
        .filter_map(|field| field.split_once('='))
        .find(|(field, _)| *field == name);
    value.expect("the field is there").1.to_owned()
}

fn follow(replica: &Server, primary: &Server) {
    replica.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_link_up(replica);
    wait_in_sync(&[primary, replica]);
}

/// The last full sync as both sides tell it: cause and bytes.
fn last(primary: &Server, replica: &Server) -> [(String, i64); 2] {
    let (stats, replication) = (primary.info("stats"), replica.info("replication"));
    let told = |info: &Info, prefix: &str| {
        let took_ms = info.number(&format!("{prefix}_last_duration_ms"));
        assert!(took_ms >= 0, "{took_ms}");
        let cause = info.get(&format!("{prefix}_last_reason")).to_owned();
        (cause, info.number(&format!("{prefix}_last_bytes")))
    };
    [told(&stats, "sync_full"), told(&replication, "master_sync")]
}

#[test]
fn both_sides_tell_why_and_what_it_cost() {
    let primary = Server::new(Kind::Towline);
    primary.ok(&format!("SET k {}", "x".repeat(1000)));
    assert_eq!(primary.info("stats").get("sync_full_last_reason"), "none");
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(served(&primary), ["first_contact=1"]);
    assert_eq!(received(&replica), ["first_contact=1"]);
    let [by_primary, by_replica] = last(&primary, &replica);
    assert_eq!(by_primary, by_replica);
    assert!(by_primary.1 > 1000, "{by_primary:?}");
    assert!(primary.log().contains("completed: "));
    assert!(replica.log().contains("reason: first_contact"));
    // Another primary has another history. Who has read nothing of its own yet counts as
    // one that has none.
    primary.ok("SET more 1");
    wait_in_sync(&[&primary, &replica]);
    let other = Server::new(Kind::Towline);
    other.ok("SET k v");
    let first = Setup::new(Kind::Towline).replica_of(&other).start();
    wait_in_sync(&[&other, &first]);
    follow(&replica, &other);
    assert_eq!(served(&other), ["first_contact=1", "other_history=1"]);
    assert_eq!(received(&replica), ["first_contact=1", "other_history=1"]);
    // Writes of its own are in no history.
    replica.ok("CONFIG SET replica-read-only no");
    replica.ok("SET own 1");
    other.ok("CLIENT KILL TYPE replica");
    wait::until("the replica got the dataset again", || {
        received(&replica).contains(&"own_dataset=1".to_owned())
    });
    wait_link_up(&replica);
    assert_eq!(last(&other, &replica)[1].0, "own_dataset");
}

#[test]
fn peers_without_towline_are_counted_as_well() {
    let primary = Server::new(Kind::Towline);
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(served(&primary), ["first_contact=1"]);
    let redis = Server::new(Kind::Redis);
    let replica = Setup::new(Kind::Towline).replica_of(&redis).start();
    wait_in_sync(&[&redis, &replica]);
    assert_eq!(received(&replica), ["first_contact=1"]);
}

#[test]
fn a_replica_beyond_the_backlog_is_told_apart_and_lags_until_it_is_there() {
    let setup = Setup::new(Kind::Towline).line("repl-backlog-size 16kb");
    let primary = setup.start();
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    wait::until("it has acknowledged everything", || {
        of_replica(&primary, "lag_bytes") == "0"
    });
    assert_eq!(of_replica(&primary, "lag_ms"), "0");
    assert_eq!(of_replica(&primary, "served_from"), "memory");
    replica.signal(Signal::STOP);
    let value = "x".repeat(10_000);
    for i in 0..10 {
        primary.ok(&format!("SET key:{i} {value}"));
    }
    let lag_bytes: i64 = of_replica(&primary, "lag_bytes").parse().expect("a number");
    assert!(lag_bytes > 100_000, "{lag_bytes}");
    wait::until("what it lacks grows old", || {
        of_replica(&primary, "lag_ms")
            .parse::<i64>()
            .expect("a number")
            > 200
    });
    primary.ok("CLIENT KILL TYPE replica");
    wait::until("the link is cut", || {
        primary.info("replication").number("connected_slaves") == 0
    });
    // What the sockets held it will still read; this it has not. Nothing is left that a
    // delta could spare.
    primary.ok("FLUSHALL");
    for i in 0..10 {
        primary.ok(&format!("SET key:{i} {value}"));
    }
    replica.signal(Signal::CONT);
    wait::until("the replica got the dataset again", || {
        received(&replica).contains(&"beyond_backlog=1".to_owned())
    });
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(served(&primary), ["first_contact=1", "beyond_backlog=1"]);
    assert_eq!(primary.info("stats").number("sync_full"), 2);
}

#[test]
fn a_replica_is_served_from_a_snapshot_first() {
    let setup = Setup::new(Kind::Towline).line("rdb-key-save-delay 20000");
    let primary = setup.start();
    for i in 0..100 {
        primary.ok(&format!("SET key:{i} v"));
    }
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    wait::until("the snapshot is on its way", || {
        primary.info("replication").number("connected_slaves") == 1
    });
    assert_eq!(of_replica(&primary, "served_from"), "snapshot");
    primary.ok("CONFIG SET rdb-key-save-delay 0");
    wait_in_sync(&[&primary, &replica]);
    wait::until("it follows the stream", || {
        of_replica(&primary, "served_from") == "memory"
    });
}

/// What waits in the spool of a full sync is on disk, where no buffer's limit counts: over
/// a slow link the default ones would end each attempt.
#[test]
fn a_slow_full_sync_is_not_ended_for_what_is_written_meanwhile() {
    let setup = Setup::new(Kind::Towline).line("rdb-key-save-delay 20000");
    let primary = setup
        .line("repl-backlog-size 16kb")
        .line("client-output-buffer-limit replica 300kb 100kb 1")
        .start();
    for i in 0..1000 {
        primary.ok(&format!("SET key:{i} v"));
    }
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait::until("the snapshot is on its way", || {
        let info = primary.info("replication");
        info.number("connected_slaves") == 1 && of_replica(&primary, "state") == "send_bulk"
    });
    let value = "x".repeat(100_000);
    for i in 0..20 {
        primary.ok(&format!("SET large:{i} {value}"));
    }
    wait::until("it was looked at a few times", || {
        let lag_ms: i64 = of_replica(&primary, "lag_ms").parse().expect("a number");
        lag_ms > 3500
    });
    primary.ok("CONFIG SET rdb-key-save-delay 0");
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(served(&primary), ["first_contact=1"]);
}

#[test]
fn a_replica_that_comes_back_late_is_served_from_disk() {
    let setup = Setup::new(Kind::Towline).line("appendonly yes");
    let primary = setup
        .line("repl-backlog-size 16kb")
        .line("repl-backlog-disk-size 100mb")
        .start();
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    replica.signal(Signal::STOP);
    let mut client = primary.client();
    let value = "x".repeat(100_000);
    // More than the sockets between them take, and than is held in memory.
    for i in 0..400 {
        client.ok(&format!("SET key:{} {value}", i % 10));
    }
    wait::until("it is sent to the disk", || {
        of_replica(&primary, "served_from") == "disk"
    });
    replica.signal(Signal::CONT);
    wait_in_sync(&[&primary, &replica]);
    wait::until("memory has what comes next", || {
        client.ok("SET key:0 v");
        of_replica(&primary, "served_from") == "memory"
    });
    assert_eq!(served(&primary), ["first_contact=1"]);
}
