//! Replicas that come back late: the log on disk serves them what memory no longer
//! holds, a full sync is kept as what a replica's own log begins with, and nobody
//! is served what was lost.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use rustix::process::Signal;
use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{hold, offset, release, wait_in_sync, wait_link_up, wait_same_data};
use towline_tests::wait;
use towline_tests::workload::Workload;

const LOG: &str = "appendonlydir";

/// A primary whose memory holds hardly anything, with a log that holds `disk_size`.
fn primary(disk_size: &str) -> Server {
    Setup::new(Kind::Towline)
        .line("appendonly yes")
        .line("repl-backlog-size 16kb")
        .line(format!("repl-backlog-disk-size {disk_size}"))
        .line("repl-diskless-sync-delay 0")
        .line("auto-aof-rewrite-percentage 0")
        .start()
}

fn replica(kind: Kind, primary: &Server) -> Server {
    let replica = Setup::new(kind).replica_of(primary).start();
    wait_link_up(&replica);
    wait_in_sync(&[primary, &replica]);
    replica
}

/// Values of a kilobyte, `count` of them.
fn write(client: &mut Client, count: usize) {
    let value = "v".repeat(1000);
    for n in 0..count {
        client.call(&["SET", &format!("key{}", n % 500), &value]);
    }
}

fn rewrite(server: &Server) {
    server.ok("BGREWRITEAOF");
    wait::until("the rewrite is over", || {
        let info = server.info("persistence");
        info.number("aof_rewrite_in_progress") + info.number("aof_rewrite_scheduled") == 0
    });
}

/// Full syncs and deltas, partial resyncs, and how many of these began with the disk.
fn syncs(primary: &Server) -> [i64; 3] {
    let stats = primary.info("stats");
    let [full, delta, partial, from_disk] = [
        "sync_full",
        "sync_delta",
        "sync_partial_ok",
        "repl_resync_from_disk",
    ]
    .map(|name| stats.number(name));
    [full + delta, partial, from_disk]
}

fn log_files(server: &Server) -> Vec<String> {
    let entries = fs::read_dir(server.dir().join(LOG)).expect("there is a log");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with("incr.aof"))
        .collect();
    names.sort();
    names
}

fn comes_back_late(kind: Kind) {
    let primary = primary("10mb");
    Workload::new(1).run(&mut primary.client(), 500);
    let replica = replica(kind, &primary);
    hold(&replica, &primary);
    let begin = offset(&primary);
    write(&mut primary.client(), 1000);
    rewrite(&primary);
    write(&mut primary.client(), 1000);
    Workload::new(2).run(&mut primary.client(), 500);
    let missed = offset(&primary) - begin;
    release(&replica, &primary);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [1, 1, 1], "{kind}");
    // The figures come once a second.
    wait::until("what was sent is counted", || {
        primary.info("stats").number("repl_resync_sent_bytes") >= missed
    });
    let info = primary.info("stats");
    let sent = info.number("repl_resync_sent_bytes");
    assert_eq!(sent, info.number("repl_resync_missed_bytes"));
    assert!(sent < missed + 10_000, "{sent} for {missed}");
    // It follows the live stream now.
    Workload::new(3).run(&mut primary.client(), 200);
    wait_same_data(&[&primary, &replica]);
}

#[test]
fn towline_comes_back_late() {
    comes_back_late(Kind::Towline);
}

#[test]
fn redis_comes_back_late() {
    comes_back_late(Kind::Redis);
}

#[test]
fn valkey_comes_back_late() {
    comes_back_late(Kind::Valkey);
}

#[test]
fn the_size_says_how_late() {
    for (size, expected) in [("0", [2, 0, 0]), ("1mb", [2, 0, 0]), ("auto", [2, 0, 0])] {
        let primary = primary(size);
        let replica = replica(Kind::Towline, &primary);
        hold(&replica, &primary);
        write(&mut primary.client(), 2000);
        release(&replica, &primary);
        assert_eq!(syncs(&primary), expected, "{size}");
    }
    let primary = primary("0");
    let replica = replica(Kind::Towline, &primary);
    let active = |wanted: i64| {
        wait::until("the setting is followed", || {
            let info = primary.info("stats");
            info.number("repl_backlog_disk_active") == wanted
        });
    };
    active(0);
    primary.ok("CONFIG SET repl-backlog-disk-size 10mb");
    active(1);
    hold(&replica, &primary);
    write(&mut primary.client(), 2000);
    release(&replica, &primary);
    assert_eq!(syncs(&primary), [1, 1, 1]);
    let found = primary.ok("CONFIG GET repl-backlog-disk-size").texts();
    assert_eq!(found, ["repl-backlog-disk-size", "10mb"]);
}

#[test]
fn a_rewrite_keeps_files_until_they_are_too_old() {
    let primary = primary("1mb");
    let _replica = replica(Kind::Towline, &primary);
    write(&mut primary.client(), 300);
    rewrite(&primary);
    write(&mut primary.client(), 300);
    rewrite(&primary);
    let kept = log_files(&primary);
    assert_eq!(kept.len(), 3, "{kept:?}");
    let mut client = primary.client();
    wait::until("what is too old goes", || {
        write(&mut client, 100);
        log_files(&primary).len() == 1
    });
    assert_eq!(log_files(&primary)[..], kept[2..]);
}

#[test]
fn a_replica_that_does_not_read_costs_no_memory() {
    let primary = primary("500mb");
    let replica = replica(Kind::Redis, &primary);
    write(&mut primary.client(), 2000);
    wait_in_sync(&[&primary, &replica]);
    let before = primary.info("memory").number("used_memory");
    replica.signal(Signal::STOP);
    write(&mut primary.client(), 60_000);
    // What waits for a slow disk takes memory as well, until it is written.
    wait::until("nothing is held for the replica", || {
        primary.info("memory").number("used_memory") - before < 20_000_000
    });
    release(&replica, &primary);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [1, 0, 0], "its link has lasted");
}

#[test]
fn a_killed_primary_serves_from_its_log() {
    for kind in [Kind::Towline, Kind::Redis] {
        let mut primary = primary("10mb");
        let replica = replica(kind, &primary);
        hold(&replica, &primary);
        write(&mut primary.client(), 300);
        if kind == Kind::Towline {
            // What a rewrite has put aside is not read at the start, so nobody knows
            // whether it has fields that expire.
            rewrite(&primary);
        }
        write(&mut primary.client(), 300);
        let history = primary.info("replication").get("master_replid").to_owned();
        primary.crash_and_restart();
        let info = primary.info("replication");
        assert_ne!(info.get("master_replid"), history);
        assert_eq!(info.get("master_replid2"), history);
        write(&mut primary.client(), 300);
        release(&replica, &primary);
        wait_same_data(&[&primary, &replica]);
        assert_eq!(syncs(&primary), [0, 1, 1], "{kind}");
    }
}

/// The increment that is written to.
fn last_increment(server: &Server) -> PathBuf {
    let names = log_files(server);
    let last = names.last().expect("a log has an increment");
    server.dir().join(LOG).join(last)
}

#[test]
fn who_has_seen_more_than_was_recovered_begins_anew() {
    let mut primary = primary("10mb");
    primary.ok("CONFIG SET appendfsync no");
    let replica = replica(Kind::Towline, &primary);
    write(&mut primary.client(), 100);
    wait_in_sync(&[&primary, &replica]);
    let seen = offset(&replica);
    replica.signal(Signal::STOP);
    primary.kill();
    // As if the machine had lost power: what was not synced is gone.
    let path = last_increment(&primary);
    let file = OpenOptions::new().write(true).open(&path);
    let file = file.expect("it is ours");
    let length = file.metadata().expect("it is a file").len();
    file.set_len(length - 5000).expect("it is cut");
    primary.start_again();
    let recovered = primary.info("replication").number("second_repl_offset");
    assert!(recovered < seen, "{recovered} of {seen}");
    // The new history goes beyond what the replica has seen of the old one.
    write(&mut primary.client(), 100);
    release(&replica, &primary);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [1, 0, 0]);
}

fn keeps_what_it_got(kind: Kind, load: &str) {
    let primary = Setup::new(kind)
        .line("repl-diskless-sync-delay 0")
        .line("repl-backlog-size 10mb")
        .start();
    Workload::new(5).run(&mut primary.client(), 2000);
    let mut replica = Setup::new(Kind::Towline)
        .line("appendonly yes")
        .line(format!("repl-diskless-load {load}"))
        .start();
    replica.ok("SET of its-own");
    let rewrites = replica.info("persistence").number("aof_rewrites");
    replica.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_link_up(&replica);
    Workload::new(6).run(&mut primary.client(), 500);
    wait_in_sync(&[&primary, &replica]);
    wait::until("what was written is durable", || {
        let info = replica.info("persistence");
        info.number("aof_pending_bio_fsync") + info.number("aof_rewrite_in_progress") == 0
    });
    let info = replica.info("persistence");
    assert_eq!(
        info.number("aof_rewrites"),
        rewrites,
        "it was written twice"
    );
    wait::until("nothing temporary is left", || {
        let left = fs::read_dir(replica.dir().join(LOG)).expect("there is a log");
        let mut names = left.map(|entry| entry.expect("it can be listed").file_name());
        !names.any(|name| name.to_string_lossy().starts_with("temp-"))
    });
    let full = primary.info("stats").number("sync_full");
    // It is to be a replica when it starts again.
    replica.ok("CONFIG REWRITE");
    replica.kill();
    Workload::new(7).run(&mut primary.client(), 500);
    replica.start_again_with_own_file();
    wait_link_up(&replica);
    wait_same_data(&[&primary, &replica]);
    let stats = primary.info("stats");
    assert_eq!(stats.number("sync_full"), full, "{kind} {load}");
}

#[test]
fn a_full_sync_is_what_the_replicas_log_begins_with() {
    for kind in [Kind::Towline, Kind::Redis, Kind::Valkey] {
        for load in ["disabled", "swapdb"] {
            keeps_what_it_got(kind, load);
        }
    }
}

#[test]
fn what_is_written_after_a_replica_was_killed_is_not_sent_to_it() {
    for kind in [Kind::Redis, Kind::Towline] {
        let primary = primary("0");
        let replica = replica(kind, &primary);
        primary.ok("SET before 1");
        wait_in_sync(&[&primary, &replica]);
        // The full sync or delta that follows lasts longer than this test.
        primary.ok("CONFIG SET rdb-key-save-delay 1000000000");
        let mut client = primary.client();
        client.ok("MULTI");
        client.ok("CLIENT KILL TYPE replica");
        write(&mut client, 100);
        client.ok("EXEC");
        wait::until("the replica comes back for what it lacks", || {
            syncs(&primary)[0] == 2
        });
        assert_eq!(replica.ok("DBSIZE").int(), 1, "{kind}");
    }
}
