//! Delta resync between nodes of our own: what has changed travels in the place of
//! everything, where the log no longer reaches back or the histories have parted.
//!
//! With `TOWLINE_LONG` in the environment the bytes are measured with a gigabyte in a
//! million keys, else with a few megabytes.

use rustix::process::Signal;
use towline_tests::proxy::Proxy;
use towline_tests::resp::Client;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{
    digest, hold, offset, release, wait_in_sync, wait_link_up, wait_same_data,
};
use towline_tests::wait;
use towline_tests::workload::Workload;

/// A save of one key takes this many microseconds: longer than any test waits.
const FOR_EVER: &str = "CONFIG SET rdb-key-save-delay 1000000000";
const AT_ONCE: &str = "CONFIG SET rdb-key-save-delay 0";

/// A node whose memory holds hardly any of the stream.
fn setup() -> Setup {
    Setup::new(Kind::Towline).line("repl-backlog-size 16kb")
}

fn replica_of(primary: &Server) -> Server {
    let replica = setup().replica_of(primary).start();
    wait_link_up(&replica);
    wait_in_sync(&[primary, &replica]);
    replica
}

/// Full syncs, partial resyncs and delta resyncs that a node has served.
fn syncs(primary: &Server) -> [i64; 3] {
    let stats = primary.info("stats");
    ["sync_full", "sync_partial_ok", "sync_delta"].map(|name| stats.number(name))
}

/// More of the stream than memory holds.
fn exceed_log(primary: &Server) {
    let value = "x".repeat(30_000);
    let mut client = primary.client();
    for _ in 0..2 {
        client.call(&["SET", "filler", &value]);
    }
}

/// Overwrites every `step`th of the keys that DEBUG POPULATE made, from `first` on.
fn overwrite(server: &Server, value: &str, keys: usize, (first, step): (usize, usize)) {
    let mut client = server.client();
    for key in (first..keys).step_by(step) {
        let reply = client.call(&["SET", &format!("key:{key}"), value]);
        assert_eq!(reply.text(), "OK");
    }
}

/// Keys, and the length of their values.
fn size() -> (usize, usize) {
    match std::env::var_os("TOWLINE_LONG") {
        Some(_) => (1_000_000, 1000),
        None => (20_000, 200),
    }
}

fn repl_output(primary: &Server) -> i64 {
    let stats = primary.info("stats");
    stats.number("total_net_repl_output_bytes")
}

/// What a primary has sent, once its figures, which come once a second, say so.
fn sent_since(primary: &Server, before: i64, at_least: i64) -> i64 {
    wait::until_some("what was sent is counted", || {
        let sent = repl_output(primary) - before;
        (sent >= at_least).then_some(sent)
    })
}

fn populated(keys: usize, value_bytes: usize) -> (Server, i64) {
    let primary = setup().start();
    primary.ok(&format!("DEBUG POPULATE {keys} key {value_bytes}"));
    (primary, (keys * value_bytes) as i64)
}

/// So much of what a full sync sent was sent in a delta at most.
#[expect(
    clippy::print_stderr,
    reason = "how many bytes travelled is what this is about"
)]
fn assert_share(what: &str, delta: i64, full: i64, held_usec: i64) {
    let percent = delta as f64 * 100.0 / full as f64;
    eprintln!(
        "{what}: {delta} bytes for {full}, {percent:.1} %; the replica's lock was held for {held_usec} us at most"
    );
    assert!(delta * 100 <= full * 15, "{percent:.1} %");
}

fn lock_held_usec(server: &Server) -> i64 {
    server.info("stats").number("lock_held_max_usec")
}

fn delta_bytes(primary: &Server) -> i64 {
    wait::until_some("the delta is counted", || {
        let bytes = primary.info("stats").number("sync_delta_bytes");
        (bytes > 0).then_some(bytes)
    })
}

#[test]
fn of_a_hundredth_that_changed_a_small_part_travels() {
    let (keys, value_bytes) = size();
    let (primary, least) = populated(keys, value_bytes);
    let replica = replica_of(&primary);
    let full = sent_since(&primary, 0, least);
    hold(&replica, &primary);
    let before = repl_output(&primary);
    overwrite(&primary, &"y".repeat(value_bytes), keys, (7, 100));
    release(&replica, &primary);
    let held_usec = lock_held_usec(&replica);
    assert_eq!(digest(&primary), digest(&replica));
    assert_eq!(syncs(&primary), [1, 0, 1]);
    let sent = sent_since(&primary, before, delta_bytes(&primary));
    assert_share("fell off the log", sent, full, held_usec);
}

/// A replica behind a proxy, which is cut, and what was sent to it.
fn parted(keys: usize, value_bytes: usize) -> (Server, Server, i64) {
    let (old, least) = populated(keys, value_bytes);
    let proxy = Proxy::new(old.address());
    let line = format!("replicaof 127.0.0.1 {}", proxy.port());
    let new = setup().line(line).start();
    wait_link_up(&new);
    let full = sent_since(&old, 0, least);
    old.ok("SET both have-it");
    wait_in_sync(&[&old, &new]);
    drop(proxy);
    (old, new, full)
}

/// The old primary follows the new one, where a part of its writes never was.
fn follow(old: &Server, new: &Server) {
    old.ok(&format!("REPLICAOF 127.0.0.1 {}", new.port()));
    wait_link_up(old);
    wait_in_sync(&[new, old]);
}

#[test]
fn an_old_primary_that_was_ahead_loses_that_and_gets_little() {
    let (keys, value_bytes) = size();
    let (old, new, full) = parted(keys, value_bytes);
    overwrite(&old, &"o".repeat(value_bytes), keys, (7, 200));
    let common = offset(&new);
    new.ok("REPLICAOF NO ONE");
    overwrite(&new, &"n".repeat(value_bytes), keys, (107, 200));
    assert!(offset(&old) > common);
    old.ok("CONFIG RESETSTAT");
    follow(&old, &new);
    let held_usec = lock_held_usec(&old);
    assert_eq!(digest(&new), digest(&old));
    assert_eq!(syncs(&new), [0, 0, 1]);
    let sent = sent_since(&new, 0, delta_bytes(&new));
    assert_share("was ahead", sent, full, held_usec);
    // It follows the live stream now.
    overwrite(&new, "live", keys, (50, 1000));
    wait_in_sync(&[&new, &old]);
    assert_eq!(digest(&new), digest(&old));
    assert_eq!(syncs(&new), [0, 0, 1]);
}

/// Runs lines, none of which may fail.
fn lines(client: &mut Client, lines: &[&str]) {
    for line in lines {
        client.ok(line);
    }
}

fn fill_collections(client: &mut Client) {
    for n in 0..3000 {
        lines(
            client,
            &[
                &format!("HSET hash field:{n} {n}"),
                &format!("ZADD zset {n} member:{n}"),
                &format!("RPUSH list item:{n}"),
                &format!("SADD set member:{n}"),
                &format!("XADD stream {}-1 field {n}", n + 1),
            ],
        );
    }
}

/// Everything that a client may do to what both have, and to what one of them has.
const OF_THE_OLD: [&str; 15] = [
    "SELECT 3",
    "DEL a",
    "EXPIRE b 10000",
    "SET new-here 1",
    "SELECT 6",
    "DEL gone for good",
    "SELECT 9",
    "SET only-here 1 EX 10000",
    "SELECT 0",
    "HDEL hash field:5",
    "ZREM zset member:7",
    "LPOP list",
    "DEL set key:77 key:78",
    "PEXPIRE key:79 1",
    "RENAME key:81 key:82",
];
const OF_THE_NEW: [&str; 12] = [
    "SELECT 3",
    "DEL c",
    "PEXPIRE d 10000000",
    "RENAME e f",
    "SELECT 0",
    "HSET hash field:9 other",
    "XADD stream * field last",
    "XREADGROUP GROUP group consumer COUNT 3 STREAMS stream >",
    "DEL key:99",
    "PEXPIRE key:80 1",
    "SELECT 11",
    "SET only-there 1",
];

#[test]
fn whatever_either_side_did_the_new_primary_is_right() {
    let (old, new, _) = parted(5000, 20);
    // There is a link again, so that both can be given more before they part.
    follow(&new, &old);
    let mut client = old.client();
    fill_collections(&mut client);
    lines(
        &mut client,
        &[
            "XGROUP CREATE stream group 0",
            "SELECT 3",
            "MSET a 1 b 2 c 3 d 4 e 5",
            "SELECT 6",
            "MSET gone 1 for 2 good 3",
        ],
    );
    wait_in_sync(&[&old, &new]);
    new.ok("REPLICAOF NO ONE");
    exceed_log(&old);
    lines(&mut client, &OF_THE_OLD);
    lines(&mut new.client(), &OF_THE_NEW);
    follow(&old, &new);
    wait_same_data(&[&new, &old]);
    assert_eq!(syncs(&new), [0, 0, 1]);
    let mut client = old.client();
    lines(&mut client, &["SELECT 3"]);
    assert_eq!(client.ok("TTL b").int(), -1);
    assert_eq!(client.ok("GET a").text(), "1");
    assert_eq!(client.ok("EXISTS c new-here").int(), 0);
    lines(&mut client, &["SELECT 9"]);
    assert_eq!(client.ok("DBSIZE").int(), 0);
    Workload::new(4).run(&mut new.client(), 500);
    wait_same_data(&[&new, &old]);
}

/// Each of the two has been both, and what a delta brought counts as its own.
#[test]
fn roles_change_again_and_again() {
    let (old, new, _) = parted(5000, 20);
    let mut pair = [&old, &new];
    for round in 1..5 {
        let [primary, promoted] = pair;
        promoted.ok("REPLICAOF NO ONE");
        for server in pair {
            exceed_log(server);
            server.ok(&format!("SET key:{round} of-{}", server.port()));
            server.ok(&format!(
                "DEL key:{}",
                100 * round + usize::from(server.port()) % 100
            ));
        }
        follow(primary, promoted);
        wait_same_data(&[promoted, primary]);
        pair.reverse();
    }
    assert_eq!(syncs(&old), [1, 0, 2]);
    assert_eq!(syncs(&new), [0, 0, 2]);
}

/// A pair whose replica missed `missed` and more than memory holds; how it came back.
fn missed(missed: &[&str]) -> [i64; 3] {
    let primary = setup().start();
    let mut client = primary.client();
    for db in 0..4 {
        client.ok(&format!("SELECT {db}"));
        client.ok(&format!("DEBUG POPULATE {} of-db-{db}", 1000 + db));
    }
    let replica = replica_of(&primary);
    primary.ok("SET both have-it");
    wait_in_sync(&[&primary, &replica]);
    hold(&replica, &primary);
    lines(&mut client, &["SELECT 0"]);
    lines(&mut client, missed);
    exceed_log(&primary);
    release(&replica, &primary);
    wait_same_data(&[&primary, &replica]);
    syncs(&primary)
}

#[test]
fn a_database_that_was_flushed_or_swapped_travels_whole() {
    assert_eq!(missed(&["SELECT 1", "FLUSHDB", "SET a b"]), [1, 0, 1]);
    assert_eq!(missed(&["SWAPDB 1 2"]), [1, 0, 1]);
    assert_eq!(missed(&["SWAPDB 1 8", "SELECT 1", "SET a b"]), [1, 0, 1]);
}

#[test]
fn where_all_is_new_there_is_a_full_sync() {
    assert_eq!(missed(&["FLUSHALL", "DEBUG POPULATE 500 key"]), [2, 0, 0]);
    assert_eq!(missed(&["SWAPDB 0 1", "SWAPDB 2 3"]), [2, 0, 0]);
}

#[test]
fn tables_that_are_ordered_differently_need_a_full_sync() {
    let primary = setup().start();
    primary.ok("DEBUG POPULATE 1000");
    let between = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait_link_up(&between);
    // A Redis passes on the history, and knows nothing of seeds.
    let replica = setup().replica_of(&between).start();
    wait_link_up(&replica);
    primary.ok("SET both have-it");
    wait_in_sync(&[&primary, &between, &replica]);
    drop(between);
    exceed_log(&primary);
    replica.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_link_up(&replica);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [2, 0, 0]);
    assert!(primary.log().contains("the hash seeds differ"));
    // Now they are equal.
    hold(&replica, &primary);
    exceed_log(&primary);
    release(&replica, &primary);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [2, 0, 1]);
}

#[test]
fn replicas_of_a_replica_follow_by_deltas_too() {
    let first = setup().start();
    first.ok("DEBUG POPULATE 3000");
    let second = replica_of(&first);
    let third = replica_of(&second);
    first.ok("SET all have-it");
    wait_in_sync(&[&first, &second, &third]);
    hold(&second, &first);
    exceed_log(&first);
    first.ok("DEL key:5");
    release(&second, &first);
    wait_same_data(&[&first, &second, &third]);
    assert_eq!(syncs(&first), [1, 0, 1]);
    assert_eq!(syncs(&second), [1, 0, 1]);
    // The second is promoted, and the first goes on: the third follows all along.
    second.ok("REPLICAOF NO ONE");
    exceed_log(&first);
    first.ok("SET key:7 lost");
    second.ok("SET key:8 kept");
    follow(&first, &second);
    wait_same_data(&[&second, &first, &third]);
    assert_eq!(first.ok("GET key:8").text(), "kept");
    assert_eq!(syncs(&second), [1, 1, 2]);
}

#[test]
fn the_old_state_is_served_until_the_new_one_is_whole() {
    let primary = setup().start();
    primary.ok("DEBUG POPULATE 2000");
    let replica = replica_of(&primary);
    primary.ok("SET key:1 old");
    wait_in_sync(&[&primary, &replica]);
    let old = digest(&replica);
    hold(&replica, &primary);
    exceed_log(&primary);
    lines(&mut primary.client(), &["SET key:1 new", "DEL key:2"]);
    primary.ok(FOR_EVER);
    replica.signal(Signal::CONT);
    wait::until("the delta is on its way", || {
        replica
            .info("replication")
            .number("master_sync_in_progress")
            == 1
    });
    // The stream goes on beside it, with what the walk has and has not come to.
    Workload::new(8).run(&mut primary.client(), 500);
    lines(&mut primary.client(), &["SELECT 0", "SET key:1 newer"]);
    assert_eq!(replica.ok("GET key:1").text(), "old");
    assert_eq!(digest(&replica), old);
    assert_eq!(syncs(&primary), [1, 0, 1]);
    primary.ok(AT_ONCE);
    wait_link_up(&replica);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(replica.ok("GET key:1").text(), "newer");
    assert_eq!(syncs(&primary), [1, 0, 1]);
}

/// The replica's log holds all that the replica does.
fn wait_logged(replica: &Server) {
    wait::until("the replica's log has it all", || {
        let info = replica.info("persistence");
        info.number("aof_rewrite_in_progress") + info.number("aof_pending_bio_fsync") == 0
    });
}

/// A primary, and a replica with a log that has missed more than memory holds.
fn logged_and_held() -> (Server, Server) {
    let primary = setup().start();
    primary.ok("DEBUG POPULATE 2000");
    let replica = setup()
        .line("appendonly yes")
        .line("auto-aof-rewrite-percentage 0")
        .replica_of(&primary)
        .start();
    wait_link_up(&replica);
    primary.ok("SET key:1 old");
    wait_in_sync(&[&primary, &replica]);
    wait_logged(&replica);
    replica.ok(FOR_EVER);
    hold(&replica, &primary);
    exceed_log(&primary);
    lines(&mut primary.client(), &["SET key:1 new", "DEL key:2"]);
    (primary, replica)
}

/// Kills the replica and starts it again, while nobody answers it; what it shows is its
/// own.
fn digest_after_kill(primary: &Server, replica: &mut Server) -> String {
    replica.kill();
    primary.signal(Signal::STOP);
    replica.start_again();
    let shown = digest(replica);
    primary.signal(Signal::CONT);
    shown
}

/// The delta comes again, and now it stays.
fn comes_and_stays(primary: &Server, replica: &mut Server) {
    wait_same_data(&[primary, replica]);
    Workload::new(2).run(&mut primary.client(), 200);
    wait_same_data(&[primary, replica]);
    wait_logged(replica);
    let new = digest(replica);
    assert_eq!(digest_after_kill(primary, replica), new);
    wait_same_data(&[primary, replica]);
    assert_eq!(primary.info("stats").number("sync_full"), 1);
}

/// Lets a replica that was held go on; answers what it holds while a delta comes.
fn digest_on_the_way(replica: &Server) -> String {
    replica.signal(Signal::CONT);
    wait::until("the delta is on its way", || {
        let info = replica.info("replication");
        info.number("master_sync_in_progress") == 1
    });
    digest(replica)
}

#[test]
fn killed_while_a_delta_is_on_its_way_the_replica_has_its_old_state() {
    let (primary, mut replica) = logged_and_held();
    primary.ok(FOR_EVER);
    let old = digest_on_the_way(&replica);
    assert_eq!(digest_after_kill(&primary, &mut replica), old);
    assert_eq!(replica.ok("GET key:1").text(), "old");
    primary.ok(AT_ONCE);
    comes_and_stays(&primary, &mut replica);
}

#[test]
fn killed_before_its_log_has_a_delta_the_replica_has_its_old_state() {
    let (primary, mut replica) = logged_and_held();
    primary.ok(FOR_EVER);
    let old = digest_on_the_way(&replica);
    primary.ok(AT_ONCE);
    wait_link_up(&replica);
    assert_eq!(replica.ok("GET key:1").text(), "new");
    // A key of its new base takes for ever.
    let info = replica.info("persistence");
    assert_eq!(info.number("aof_rewrite_in_progress"), 1);
    assert_eq!(digest_after_kill(&primary, &mut replica), old);
    comes_and_stays(&primary, &mut replica);
}

#[test]
fn nodes_that_were_restarted_know_what_they_changed() {
    let logged = || {
        setup()
            .line("appendonly yes")
            .line("repl-backlog-disk-size 0")
    };
    let mut primary = logged().start();
    overwrite(&primary, "value", 3000, (0, 1));
    let mut replica = logged().replica_of(&primary).start();
    wait_link_up(&replica);
    primary.ok("SET both have-it");
    wait_in_sync(&[&primary, &replica]);
    hold(&replica, &primary);
    exceed_log(&primary);
    primary.ok("DEL key:5");
    // A primary that is not killed keeps its history.
    primary.restart();
    replica.signal(Signal::CONT);
    replica.restart();
    wait_link_up(&replica);
    wait_same_data(&[&primary, &replica]);
    assert_eq!(syncs(&primary), [0, 0, 1]);
}
