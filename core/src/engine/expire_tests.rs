//! Turns of active expiry, by a clock that goes on a little at each look.

use std::cell::Cell;

use super::*;
use crate::config::RewriteEntry;
use crate::engine::client::{ClientFlags, ClientId};
use crate::keyspace::Keyspace;
use crate::seams::NoHost;
use crate::seams::host::{Job, PrimaryAddress, ProcessFacts, ReloadOptions};
use crate::testing::TestEngine;

/// Each look at the clock finds it this much later.
const STEP_NS: u64 = 60_000;

#[derive(Default)]
struct Passing {
    now_ns: Cell<u64>,
    nobody: NoHost,
}

impl Host for Passing {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns.set(self.now_ns.get() + STEP_NS);
        self.now_ns.get()
    }

    fn facts(&self) -> ProcessFacts {
        self.nobody.facts()
    }

    fn start(&mut self, job: Job) -> Result<(), String> {
        self.nobody.start(job)
    }

    fn rewrite_config(&mut self, entries: &[RewriteEntry]) -> Result<(), String> {
        self.nobody.rewrite_config(entries)
    }

    fn sleep_us(&mut self, micros: u64) {
        self.nobody.sleep_us(micros);
    }

    fn reload(&mut self, engine: &mut Engine, options: ReloadOptions) -> Result<(), String> {
        self.nobody.reload(engine, options)
    }

    fn log(&mut self, line: &str) {
        self.nobody.log(line);
    }
}

/// Every database with `keys` keys and a hash of `fields` fields, all of them
/// expired a moment later.
fn full_of_expired(keys: usize, fields: usize) -> TestEngine {
    let mut t = TestEngine::new();
    for db in 0..t.engine.keyspace.databases() {
        t.run(&format!("select {db}"));
        for key in 0..keys {
            t.run(&format!("set {key} v px 5"));
        }
        for field in 0..fields {
            t.run(&format!("hsetex h px 5 fields 1 {field} v"));
        }
    }
    t.now_ms += 10;
    t
}

fn left(t: &TestEngine) -> Vec<usize> {
    let dbs = t.engine.keyspace.dbs().iter();
    let due = |db: &crate::keyspace::Db| db.len() + db.hashes_with_expiring_fields();
    dbs.map(due).collect()
}

#[test]
fn a_turn_ends_soon_however_many_databases_have_something() {
    let mut t = full_of_expired(200, 100);
    let mut host = Passing::default();
    let before = left(&t).iter().sum::<usize>();
    let rest = t.engine.expire_turn(t.now_ms, &mut host);
    let after = left(&t).iter().sum::<usize>();
    assert!(
        before - after <= 5 * KEYS_PER_LOOK,
        "one turn, not one a database"
    );
    let took = host.now_ns.get();
    assert!(took <= TURN_NS + 3 * STEP_NS, "{took} ns");
    let rest = rest.expect("more is left").as_nanos();
    assert!((u128::from(TURN_NS) * 3..u128::from(took) * 3).contains(&rest));
    assert_eq!(t.engine.server.stats.expired_time_cap_reached, 1);
}

#[test]
fn turns_go_on_until_nothing_is_left_and_starve_no_database() {
    let mut t = full_of_expired(200, 100);
    let full = left(&t);
    let mut host = Passing::default();
    let databases = full.len();
    assert!(
        t.engine.tick(t.now_ms, &mut host).is_some(),
        "a tick is a turn"
    );
    for _ in 0..databases {
        assert!(t.engine.expire_turn(t.now_ms, &mut host).is_some());
    }
    let after = left(&t);
    let untouched = full
        .iter()
        .zip(&after)
        .filter(|(full, after)| full == after);
    assert_eq!(untouched.count(), 0, "each had its turn: {after:?}");
    let mut turns = 0;
    while t.engine.expire_turn(t.now_ms, &mut host).is_some() {
        turns += 1;
        assert!(turns < 10_000, "it must end");
    }
    assert_eq!(left(&t), vec![0; databases]);
    assert_eq!(t.engine.key_stats.expired_fields, 100 * databases as u64);
}

#[test]
fn effort_is_a_share_of_the_processor() {
    let percent = |effort| {
        let turn = Duration::from_micros(100);
        let whole = turn + rest_after(turn, effort);
        100.0 * turn.as_secs_f64() / whole.as_secs_f64()
    };
    for (effort, share) in [(1, 25.0), (2, 27.0), (10, 43.0)] {
        assert!(
            (percent(effort) - share).abs() < 0.1,
            "{effort}: {}",
            percent(effort)
        );
    }
}

/// A writable replica, and a client that brings its primary's stream.
fn writable_replica() -> (TestEngine, ClientId) {
    let mut t = TestEngine::new();
    t.run("config set replica-read-only no");
    let primary = t.connect_as(ClientFlags::PRIMARY);
    t.engine.server.become_replica_of(PrimaryAddress {
        host: "a".to_owned(),
        port: 1,
    });
    (t, primary)
}

fn tracked(t: &mut TestEngine) -> usize {
    let info = t.run("info stats");
    let field = info.split("slave_expires_tracked_keys:").nth(1);
    let value = field.and_then(|rest| rest.split_whitespace().next());
    value.expect("a field").parse().expect("a number")
}

#[test]
fn a_replica_expires_what_its_own_clients_made_expire_and_nothing_else() {
    let (mut t, primary) = writable_replica();
    for line in ["set p v px 5", "set taken v"] {
        t.run_as(primary, line);
    }
    for line in [
        "set own v px 5",
        "set number 1 px 5",
        "rpush list a",
        "pexpire list 5",
        "setex later 100 v",
        "pexpire taken 5",
    ] {
        t.run(line);
    }
    assert_eq!(tracked(&mut t), 5);
    t.now_ms += 10;
    t.tick();
    assert_eq!(
        t.engine.keyspace.len(),
        2,
        "the primary's key, and the one for later"
    );
    assert!(t.engine.keyspace.find(0, b"p").is_some());
    assert_eq!((tracked(&mut t), t.engine.key_stats.expired_keys), (1, 4));
    assert_eq!(t.stream(), "", "none of it is in the stream");
}

#[test]
fn what_is_no_longer_a_replicas_own_waits_for_the_stream() {
    let (mut t, primary) = writable_replica();
    for key in ["persisted", "removed", "replaced", "renamed", "swapped"] {
        t.run(&format!("set {key} v px 5"));
    }
    t.run("persist persisted");
    t.run("del removed");
    t.run_as(primary, "set replaced w px 5");
    t.run("rename renamed name");
    assert_eq!(tracked(&mut t), 2);
    t.run("swapdb 0 1");
    assert_eq!(tracked(&mut t), 2);
    t.now_ms += 10;
    t.tick();
    assert_eq!(t.engine.keyspace.db(1).len(), 2);
    assert!(t.engine.keyspace.find(1, b"replaced").is_some());
    for (line, left) in [("flushdb", 1), ("flushall", 0)] {
        t.run("select 2");
        t.run("set k v ex 9");
        t.run("select 3");
        t.run("set k v ex 9");
        t.run(line);
        assert_eq!(tracked(&mut t), left, "{line}");
    }
}

#[test]
fn a_full_sync_leaves_nothing_of_a_replicas_own() {
    let (mut t, _) = writable_replica();
    t.run("set own v px 5");
    let seed = *t.engine.keyspace.seed();
    let databases = t.engine.keyspace.databases();
    t.engine
        .keyspace
        .replace_content(Keyspace::new(databases, seed));
    assert_eq!(tracked(&mut t), 0);
}

/// A server in import-mode, and the client that imports; `k`, `l`, `h` and `s` have
/// expired, `f` has a field that has.
fn importing() -> (TestEngine, ClientId) {
    let mut t = TestEngine::new();
    assert_eq!(
        t.run("client import-source on"),
        "-ERR Server is not in import mode"
    );
    t.run("config set import-mode yes");
    let source = t.connect();
    assert_eq!(t.run_as(source, "client import-source on"), "+OK");
    for line in [
        "set k v px 5",
        "rpush l 1 2",
        "pexpire l 5",
        "hset h a 1",
        "pexpire h 5",
        "sadd s 1",
        "pexpire s 5",
        "hset f a 1 b 2",
        "hpexpire f 5 fields 1 a",
    ] {
        t.run_as(source, line);
    }
    t.now_ms += 10;
    t.stream();
    (t, source)
}

#[test]
fn what_is_imported_expires_where_it_comes_from() {
    let (mut t, source) = importing();
    t.tick();
    for (line, reply) in [
        ("get k", "$-1"),
        ("exists k l h s", ":0"),
        ("hgetall f", "*2 $1 b $1 2"),
        ("rename k other", "-ERR no such key"),
        ("randomkey", "$1 f"),
        ("dbsize", ":5"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
    for (line, reply) in [
        ("get k", "$1 v"),
        ("ttl k", ":0"),
        ("lpop l", "$1 1"),
        ("hgetall f", "*4 $1 a $1 1 $1 b $1 2"),
        ("persist s", ":1"),
    ] {
        assert_eq!(t.run_as(source, line), reply, "{line}");
    }
    assert_eq!(t.stream(), "lpop l | persist s");
    assert_eq!(t.run("smembers s"), "*1 $1 1");
    // What has passed already is kept as well.
    assert_eq!(t.run("set past v pxat 1"), "+OK");
    assert_eq!(t.run("expire s -1"), ":1");
    assert_eq!(t.run("dbsize"), ":6");
    t.run("config set import-mode no");
    assert_eq!(t.run_as(source, "get k"), "$-1");
    t.tick();
    assert_eq!(t.run("keys *"), "*1 $1 f");
}

#[test]
fn a_write_beside_an_import_finds_nothing_that_has_expired() {
    let (mut t, _) = importing();
    for (line, reply, stream) in [
        ("append k x", ":1", "multi | del k | append k x | exec"),
        ("rpush l 3", ":1", "multi | del l | rpush l 3 | exec"),
        ("hset h z 1", ":1", "multi | del h | hset h z 1 | exec"),
        ("set s v nx", "+OK", "multi | del s | set s v nx | exec"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
        assert_eq!(t.stream().to_lowercase(), stream, "{line}");
    }
    assert_eq!(t.run("hgetall h"), "*2 $1 z $1 1");
    assert_eq!(t.run("ttl k"), ":-1");
}

#[test]
fn a_replica_leaves_import_mode_alone() {
    let (mut t, source) = importing();
    t.run("replicaof a 1");
    assert_eq!(t.run_as(source, "get k"), "$-1");
    assert_eq!(t.run_as(source, "reset"), "+RESET");
    t.run("replicaof no one");
    assert_eq!(t.run_as(source, "get k"), "$-1");
}

#[test]
fn what_had_expired_before_it_was_read_is_no_expiry_of_this_time() {
    let mut t = TestEngine::new();
    for key in 0..40 {
        t.run(&format!("set {key} v px 10"));
    }
    t.run("set stays v");
    t.run("select 3");
    t.run("set other v px 10");
    t.now_ms += 11;
    t.stream();
    let mut removed = 0;
    while let more @ 1.. = t.engine.expire_loaded(t.now_ms) {
        removed += more;
    }
    assert_eq!(removed, 41);
    assert!(t.run("info keyspace").contains("db0:keys=1,"));
    assert!(t.run("info stats").contains("expired_keys:0 "));
    assert_eq!(t.stream().matches("DEL").count(), 41);
}
