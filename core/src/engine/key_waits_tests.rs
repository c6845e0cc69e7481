//! Clients that wait for keys: who is served, in which order, and who gives up.

use super::{ClientId, Flow};
use crate::seams::host::PrimaryAddress;
use crate::testing::TestEngine;

const NOTHING: &str = "";

fn waiters<const N: usize>(t: &mut TestEngine, lines: [&str; N]) -> [ClientId; N] {
    lines.map(|line| {
        let id = t.connect();
        assert_eq!(t.run_as(id, line), NOTHING, "{line} waits");
        assert_eq!(t.engine.take_output(id, &mut Vec::new()), Flow::Blocked);
        id
    })
}

#[test]
fn who_came_first_is_served_first() {
    let mut t = TestEngine::new();
    let [a, b, c] = waiters(&mut t, ["blpop l 0", "brpop k l 0", "blpop l 0"]);
    assert_eq!(t.run("rpush l 1 2"), ":2");
    assert_eq!(t.output(a), "*2 $1 l $1 1");
    assert_eq!(t.output(b), "*2 $1 l $1 2");
    assert_eq!(t.output(c), NOTHING);
    assert_eq!(t.stream(), "rpush l 1 2 | LPOP l | RPOP l");
    assert_eq!(t.engine.take_wakeups(), [a, b]);
    assert_eq!(t.run("exists l"), ":0");
}

#[test]
fn what_is_there_is_answered_at_once() {
    let mut t = TestEngine::new();
    t.run("rpush l 1 2 3 4 5");
    t.run("zadd z 1 a 2 b 3 c");
    assert_eq!(t.run("blpop none l 0"), "*2 $1 l $1 1");
    assert_eq!(t.run("blmove l m right left 0"), "$1 5");
    assert_eq!(t.run("brpoplpush l m 0"), "$1 4");
    assert_eq!(t.run("blmpop 0 2 n l left count 9"), "*2 $1 l *2 $1 2 $1 3");
    assert_eq!(t.run("bzpopmin z 0"), "*3 $1 z $1 a $1 1");
    assert_eq!(t.run("bzpopmax z 0"), "*3 $1 z $1 c $1 3");
    assert_eq!(t.run("bzmpop 0 1 z min"), "*2 $1 z *1 *2 $1 b $1 2");
}

#[test]
fn a_moved_element_serves_who_waits_for_it() {
    let mut t = TestEngine::new();
    let [mover, popper] = waiters(&mut t, ["blmove a b left right 0", "blpop b 0"]);
    t.stream();
    assert_eq!(t.run("rpush a x"), ":1");
    assert_eq!(t.output(mover), "$1 x");
    assert_eq!(t.output(popper), "*2 $1 b $1 x");
    assert_eq!(t.stream(), "rpush a x | LMOVE a b left right | LPOP b");
}

#[test]
fn only_a_value_of_the_type_ends_a_wait() {
    let mut t = TestEngine::new();
    let [list, zset] = waiters(&mut t, ["blpop k 0", "bzpopmin k 0"]);
    t.run("set k v");
    t.run("del k");
    assert_eq!(
        (t.output(list), t.output(zset)),
        (String::new(), String::new())
    );
    t.run("zadd k 1 a");
    assert_eq!(t.output(zset), "*3 $1 k $1 a $1 1");
    assert_eq!(t.output(list), NOTHING);
    t.run("rpush k 1");
    assert_eq!(t.output(list), "*2 $1 k $1 1");
}

#[test]
fn every_way_to_a_key_serves_it() {
    let mut t = TestEngine::new();
    for line in ["rename m l", "swapdb 0 3", "copy m l"] {
        t.run("flushall");
        let [waiter] = waiters(&mut t, ["blpop l 0"]);
        t.run("rpush m 1");
        t.run("select 3");
        t.run("rpush l 1");
        t.run("select 0");
        let copied = t.run(line);
        if !copied.starts_with("-ERR unknown command") {
            assert_eq!(t.output(waiter), "*2 $1 l $1 1", "{line}");
        }
        t.engine.disconnect(waiter);
    }
    let [waiter] = waiters(&mut t, ["blpop l 0"]);
    t.run("select 9");
    t.run("rpush l 1");
    assert_eq!(t.output(waiter), NOTHING, "another database");
    assert_eq!(t.run("move l 0"), ":1");
    assert_eq!(t.output(waiter), "*2 $1 l $1 1");
}

#[test]
fn a_transaction_serves_once_it_is_over_and_never_waits() {
    let mut t = TestEngine::new();
    let [waiter] = waiters(&mut t, ["blpop l 0"]);
    for line in [
        "multi",
        "rpush l 1",
        "lpop l",
        "rpush l 2",
        "blpop none 0",
        "blmove n m left left 0",
    ] {
        t.run(line);
    }
    assert_eq!(t.run("exec"), "*5 :1 $1 1 :1 *-1 $-1");
    assert_eq!(t.output(waiter), "*2 $1 l $1 2");
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let mut t = TestEngine::new();
    let [half, ever] = waiters(&mut t, ["blmove l m left left 0.5", "blpop l 0"]);
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 500));
    t.now_ms += 499;
    t.expire_waits();
    assert_eq!(t.output(half), NOTHING);
    t.now_ms += 1;
    t.expire_waits();
    assert_eq!(t.output(half), "*-1");
    assert_eq!(t.output(ever), NOTHING);
    assert_eq!(t.engine.next_deadline_ms(), None);
    t.run("rpush l 1");
    assert_eq!(t.output(ever), "*2 $1 l $1 1", "who gave up takes nothing");
}

#[test]
fn a_second_wait_keeps_place_and_deadline() {
    let mut t = TestEngine::new();
    let [first, second] = waiters(&mut t, ["bzpopmin z 1", "bzpopmin z 0"]);
    t.now_ms += 400;
    // In one unit the set comes and goes: both are tried in vain.
    for line in ["multi", "zadd z 1 a", "zrem z a", "exec"] {
        t.run(line);
    }
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 600));
    t.run("zadd z 1 a");
    assert_eq!(t.output(first), "*3 $1 z $1 a $1 1");
    assert_eq!(t.output(second), NOTHING);
}

#[test]
fn others_can_end_a_wait() {
    let mut t = TestEngine::new();
    let [a, b, gone] = waiters(&mut t, ["blpop l 0", "blpop l 0", "blpop l 0"]);
    t.engine.disconnect(gone);
    assert_eq!(t.run(&format!("client unblock {}", a.id)), ":1");
    assert_eq!(t.output(a), "*-1");
    assert_eq!(t.run(&format!("client unblock {} error", b.id)), ":1");
    assert_eq!(
        t.output(b),
        "-UNBLOCKED client unblocked via CLIENT UNBLOCK"
    );
    let stats = &t.engine.server.stats;
    assert_eq!((stats.error_replies, stats.errors["UNBLOCKED"]), (1, 1));
    assert_eq!(t.run(&format!("client unblock {}", b.id)), ":0");
    assert!(t.engine.server.key_waits.is_empty());
    let [c] = waiters(&mut t, ["blpop l 0"]);
    let address = PrimaryAddress {
        host: "a".to_owned(),
        port: 1,
    };
    t.engine.server.become_replica_of(address);
    assert!(
        t.output(c)
            .starts_with("-UNBLOCKED force unblock from blocking operation")
    );
}

#[test]
fn a_wait_counts_once() {
    let mut t = TestEngine::new();
    let [waiter] = waiters(&mut t, ["blpop l 0"]);
    let calls = |t: &mut TestEngine| {
        let index = t.engine.server.table.index_of("blpop").expect("a row");
        t.engine.server.command_stats[index].calls
    };
    assert_eq!(calls(&mut t), 0);
    assert!(t.run("info clients").contains("blocked_clients:1"));
    assert!(t.run("info clients").contains("total_blocking_keys:1"));
    t.run("rpush l 1");
    t.output(waiter);
    assert_eq!(calls(&mut t), 1);
    assert!(t.run("info clients").contains("blocked_clients:0"));
}

#[test]
fn timeouts_are_checked() {
    let mut t = TestEngine::new();
    let cases = [
        ("blpop l x", "-ERR timeout is not a float or out of range"),
        ("blpop l -1", "-ERR timeout is negative"),
        ("blpop l 1e400", "-ERR timeout is out of range"),
        ("blpop l inf", "-ERR timeout is out of range"),
        ("blpop l 9223372036854775", "-ERR timeout is out of range"),
        ("blmpop -1 1 l left", "-ERR timeout is negative"),
        ("blmpop 1 0 l left", "-ERR numkeys should be greater than 0"),
        ("blmpop 1 1 l up", "-ERR syntax error"),
        ("blmove a b up left x", "-ERR syntax error"),
        (
            "bzmpop 1 1 a min count x",
            "-ERR count should be greater than 0",
        ),
    ];
    for (line, reply) in cases {
        assert_eq!(t.run(line), reply, "{line}");
    }
    t.run("set s v");
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(t.run("blpop none s 0"), wrong_type);
    assert_eq!(t.run("bzpopmin s 0"), wrong_type);
}

#[test]
fn a_key_that_has_expired_serves_nobody() {
    let mut t = TestEngine::new();
    t.run("debug set-active-expire 0");
    t.run("select 1");
    t.run("rpush k hello");
    t.run("pexpire k 100");
    t.now_ms += 101;
    let [waiter] = waiters(&mut t, ["blpop k 0"]);
    t.stream();
    t.run("swapdb 0 1");
    assert_eq!(t.output(waiter), NOTHING);
    assert_eq!(t.stream(), "swapdb 0 1");
    t.run("select 0");
    assert_eq!(t.run("exists k"), ":0");
    assert_eq!(t.stream(), "DEL k");
    t.run("rpush k again");
    assert_eq!(t.output(waiter), "*2 $1 k $5 again");
}

#[test]
fn a_key_that_expires_while_its_command_runs_serves_nobody() {
    let mut t = TestEngine::new();
    t.run("debug set-active-expire 0");
    let [waiter] = waiters(&mut t, ["blpop k 0"]);
    for line in ["multi", "rpush k hello", "pexpire k 100", "debug sleep 0.2"] {
        t.run(line);
    }
    t.stream();
    t.run("exec");
    assert_eq!(t.output(waiter), NOTHING);
    let stream = t.stream();
    assert!(stream.ends_with("| EXEC"), "{stream}");
    t.now_ms += 200;
    assert_eq!(t.run("exists k"), ":0");
    assert_eq!(t.stream(), "DEL k");
}
