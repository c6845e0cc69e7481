//! Transactions through the engine: replies, failures, and the stream.

use crate::seams::host::PrimaryAddress;
use crate::testing::TestEngine;

#[test]
fn commands_run_together_and_enter_the_stream_as_one_unit() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("multi"), "+OK");
    assert_eq!(t.run("set a 1"), "+QUEUED");
    assert_eq!(t.run("get a"), "+QUEUED");
    assert_eq!(t.run("lpush a x"), "+QUEUED");
    assert_eq!(t.run("set b 2 ex 10"), "+QUEUED");
    assert_eq!(
        t.run("exec"),
        "*4 +OK $1 1 -WRONGTYPE Operation against a key holding the wrong kind of value +OK"
    );
    assert_eq!(t.stream(), "MULTI | set a 1 | SET b 2 PXAT 1010000 | EXEC");
    t.run("multi");
    t.run("get a");
    t.run("set c 3");
    assert_eq!(t.run("exec"), "*2 $1 1 +OK");
    assert_eq!(t.stream(), "set c 3", "one effect goes bare");
    t.run("multi");
    assert_eq!(t.run("exec"), "*0");
    assert_eq!(t.stream(), "");
}

#[test]
fn misuse_is_refused_and_errors_while_queueing_abort() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("exec"), "-ERR EXEC without MULTI");
    assert_eq!(t.run("discard"), "-ERR DISCARD without MULTI");
    t.run("multi");
    assert_eq!(t.run("multi"), "-ERR MULTI calls can not be nested");
    assert_eq!(t.run("watch a"), "-ERR WATCH inside MULTI is not allowed");
    t.run("set a 1");
    assert_eq!(t.run("exec"), "*1 +OK", "neither aborts the transaction");
    t.run("multi");
    assert!(t.run("nope").starts_with("-ERR unknown command"));
    t.run("set a 2");
    assert_eq!(
        t.run("exec"),
        "-EXECABORT Transaction discarded because of previous errors."
    );
    t.run("multi");
    t.run("set a 3");
    assert_eq!(t.run("discard"), "+OK");
    assert_eq!(t.run("get a"), "$1 1");
}

#[test]
fn a_watched_key_that_changes_fails_the_transaction() {
    let mut t = TestEngine::new();
    let other = t.connect();
    let mut attempt = |before: &str, by_other: &str, now: i64| {
        t.run_as(other, before);
        t.run("watch k");
        t.now_ms += now;
        t.run_as(other, by_other);
        t.run("multi");
        t.run("get k");
        let reply = t.run("exec");
        t.run("set k 1");
        reply
    };
    assert_eq!(attempt("set k 1", "set k 2", 0), "*-1");
    assert_eq!(attempt("set k 1", "get k", 0), "*1 $1 1");
    assert_eq!(attempt("set k 1", "set l 2", 0), "*1 $1 1");
    assert_eq!(attempt("set k 1", "setnx k 2", 0), "*1 $1 1");
    assert_eq!(attempt("getdel k", "set k 2", 0), "*-1");
    assert_eq!(attempt("set k 1 px 5", "get l", 10), "*-1", "it expired");
    assert_eq!(
        attempt("set k 1 px 5", "get k", 10),
        "*-1",
        "and was removed"
    );
}

#[test]
fn a_key_that_had_expired_when_watched_may_go() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run("set k 1 px 5");
    t.now_ms += 10;
    t.run("watch k");
    t.run_as(other, "get k");
    t.run("multi");
    assert_eq!(t.run("exec"), "*0");
    t.run("set k 1 px 5");
    t.now_ms += 10;
    t.run("watch k");
    t.run_as(other, "set k 2");
    t.run("multi");
    assert_eq!(t.run("exec"), "*-1", "but it may not come back");
    t.run("set k 1 px 5");
    t.run("watch k");
    t.now_ms += 10;
    t.tick();
    t.run("multi");
    assert_eq!(t.run("exec"), "*-1", "active expiry is a change too");
}

#[test]
fn unwatch_and_exec_forget_the_keys() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run("watch k");
    t.run_as(other, "set k 2");
    t.run("unwatch");
    t.run("multi");
    assert_eq!(t.run("exec"), "*0");
    t.run_as(other, "set k 3");
    t.run("multi");
    assert_eq!(t.run("exec"), "*0");
}

#[test]
fn a_change_inside_a_transaction_fails_another() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run("watch k");
    t.run_as(other, "multi");
    t.run_as(other, "set k 1");
    t.run_as(other, "get k");
    t.run_as(other, "exec");
    t.run("multi");
    assert_eq!(t.run("exec"), "*-1");
}

#[test]
fn a_command_that_changed_nothing_fails_nobody_though_its_neighbour_did() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run("set k 1");
    t.run("watch k");
    t.run_as(other, "multi");
    t.run_as(other, "incrby k x");
    t.run_as(other, "set l 1");
    t.run_as(other, "exec");
    t.run("multi");
    assert_eq!(t.run("exec"), "*0");
}

#[test]
fn a_queue_that_a_stale_replica_may_not_run_is_refused_at_exec() {
    let mut t = TestEngine::new();
    t.run("multi");
    t.run("get k");
    let other = t.connect();
    t.run_as(other, "config set replica-serve-stale-data no");
    let followed = t.engine.server.become_replica_of(PrimaryAddress {
        host: "nowhere".to_owned(),
        port: 1,
    });
    assert!(followed);
    assert_eq!(
        t.run("exec"),
        "-EXECABORT Transaction discarded because of: MASTERDOWN Link with MASTER is down and \
         replica-serve-stale-data is set to 'no'."
    );
    t.run("multi");
    t.run("config get maxmemory");
    assert_eq!(t.run("exec"), "*1 *2 $9 maxmemory $1 0");
}
