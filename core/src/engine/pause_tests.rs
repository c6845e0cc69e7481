//! CLIENT PAUSE: what waits, what does not, and in which order it goes on.

use super::client::ClientFlags;
use super::pause::{NO_END_MS, PauseMode, PauseReason};
use super::{ClientId, Flow};
use crate::testing::TestEngine;

const NOTHING: &str = "";

fn blocked(t: &mut TestEngine) -> String {
    let info = t.run("info clients");
    let field = info.split("blocked_clients:").nth(1).expect("a field");
    field.split(' ').next().expect("a value").to_owned()
}

fn postponed(t: &mut TestEngine, line: &str) -> ClientId {
    let id = t.connect();
    assert_eq!(t.run_as(id, line), NOTHING, "{line} waits");
    assert_eq!(t.engine.take_output(id, &mut Vec::new()), Flow::Blocked);
    id
}

#[test]
fn reads_go_on_and_writes_wait_in_order() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("client pause 1000 write"), "+OK");
    assert_eq!(t.run("get k"), "$-1");
    let first = postponed(&mut t, "append k 1");
    let second = postponed(&mut t, "append k 2");
    let publisher = postponed(&mut t, "publish news x");
    assert_eq!(blocked(&mut t), "3");
    assert!(t.run("client list").contains("flags=b db=0"));
    assert_eq!(t.run("client unblock 2"), ":0", "a pause is no wait");
    assert_eq!(t.run("client unpause"), "+OK");
    assert_eq!(t.engine.take_wakeups(), [first, second, publisher]);
    assert_eq!(
        [t.output(first), t.output(second), t.output(publisher)],
        [":1", ":2", ":0"]
    );
    assert_eq!(blocked(&mut t), "0");
    assert_eq!(t.stream(), "append k 1 | append k 2 | publish news x");
}

#[test]
fn a_pause_ends_at_its_time_and_not_before() {
    let mut t = TestEngine::new();
    t.run("client pause 1000 write");
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 1000));
    let id = postponed(&mut t, "set k 1");
    t.now_ms += 999;
    t.tick();
    assert_eq!(t.output(id), NOTHING);
    t.now_ms += 1;
    t.tick();
    assert_eq!(t.output(id), "+OK");
    assert_eq!(t.engine.next_deadline_ms(), None);
}

#[test]
fn who_comes_after_the_end_finds_the_postponed_done() {
    let mut t = TestEngine::new();
    t.run("client pause 1000");
    let id = postponed(&mut t, "set k 1");
    t.now_ms += 1000;
    assert_eq!(t.run("get k"), "$1 1");
    assert_eq!(t.output(id), "+OK");
}

#[test]
fn all_holds_reads_and_even_unpause() {
    let mut t = TestEngine::new();
    t.run("client pause 1000 all");
    let reader = postponed(&mut t, "get k");
    let unpauser = postponed(&mut t, "client unpause");
    t.now_ms += 1000;
    t.tick();
    assert_eq!(t.output(reader), "$-1");
    assert_eq!(t.output(unpauser), "+OK");
}

#[test]
fn a_second_pause_never_weakens_the_first() {
    let mut t = TestEngine::new();
    t.run("client pause 1000 write");
    t.run("client pause 10 write");
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 1000));
    t.run("multi");
    t.run("client pause 500 all");
    t.run("client pause 500 write");
    t.run("exec");
    let pauses = &t.engine.server.pauses;
    assert_eq!(pauses.mode(), Some(PauseMode::All));
    assert_eq!(pauses.next_end_ms(), Some(t.now_ms + 1000));
}

#[test]
fn reasons_are_apart() {
    let mut t = TestEngine::new();
    let pauses = &mut t.engine.server.pauses;
    pauses.begin(PauseReason::Shutdown, PauseMode::Writes, NO_END_MS);
    assert_eq!(t.engine.next_deadline_ms(), None);
    t.run("client pause 10 write");
    let id = postponed(&mut t, "set k 1");
    t.run("client unpause");
    assert_eq!(t.output(id), NOTHING);
    assert_eq!(blocked(&mut t), "1");
    t.engine.server.pauses.end(PauseReason::Shutdown);
    t.tick();
    assert_eq!(t.output(id), "+OK");
}

#[test]
fn errors_come_at_once_and_a_transaction_waits_as_a_whole() {
    let mut t = TestEngine::new();
    let writer = t.connect();
    t.run_as(writer, "multi");
    t.run_as(writer, "set k 1");
    let reader = t.connect();
    t.run_as(reader, "multi");
    t.run_as(reader, "get k");
    t.run("client pause 1000 write");
    assert!(t.run("set k").starts_with("-ERR wrong number"));
    assert_eq!(t.run_as(reader, "exec"), "*1 $-1");
    assert_eq!(t.run_as(writer, "exec"), NOTHING);
    t.run("client unpause");
    assert_eq!(t.output(writer), "*1 +OK");
}

#[test]
fn a_pause_in_a_transaction_begins_behind_it() {
    let mut t = TestEngine::new();
    for line in ["multi", "set a 1", "client pause 1000 write", "set b 1"] {
        t.run(line);
    }
    assert_eq!(t.run("exec"), "*3 +OK +OK +OK");
    postponed(&mut t, "set c 1");
    assert_eq!(t.run("mget a b c"), "*3 $1 1 $1 1 $-1");
}

#[test]
fn nothing_expires_meanwhile() {
    let mut t = TestEngine::new();
    t.run("set k 1 px 10");
    t.run("client pause 1000 write");
    t.now_ms += 20;
    t.tick();
    assert_eq!(t.run("get k"), "$-1", "it is hidden");
    assert_eq!(t.engine.key_stats().expired_keys, 0);
    assert_eq!(t.run("dbsize"), ":1");
    t.run("client unpause");
    t.tick();
    assert_eq!(t.run("dbsize"), ":0");
}

#[test]
fn who_is_gone_or_killed_runs_nothing() {
    let mut t = TestEngine::new();
    t.run("client pause 1000 write");
    let gone = postponed(&mut t, "set k 1");
    let killed = postponed(&mut t, "set k 2");
    t.engine.disconnect(gone);
    t.run(&format!("client kill id {}", killed.id));
    t.run("client unpause");
    assert_eq!(t.run("exists k"), ":0");
}

#[test]
fn replies_that_are_to_be_left_out_still_are() {
    let mut t = TestEngine::new();
    let id = t.connect();
    t.run("client pause 1000 write");
    t.run_as(id, "client reply skip");
    t.run_as(id, "set k 1");
    t.run("client unpause");
    assert_eq!(t.output(id), NOTHING);
    assert_eq!(t.run_as(id, "get k"), "$1 1");
}

#[test]
fn the_stream_waits_and_is_offered_again() {
    let mut t = TestEngine::new();
    let primary = t.connect_as(ClientFlags::PRIMARY);
    t.run("client pause 1000 write");
    for _ in 0..2 {
        t.run_as(primary, "set k 1");
        let flow = t.engine.take_output(primary, &mut Vec::new());
        assert_eq!(flow, Flow::Blocked);
    }
    assert_eq!(blocked(&mut t), "1");
    t.run("client unpause");
    assert_eq!(t.run("exists k"), ":0", "whoever applies it holds it");
    t.run_as(primary, "set k 1");
    assert_eq!(t.run("exists k"), ":1");
}

#[test]
fn the_replicas_are_not_asked_meanwhile() {
    let mut t = TestEngine::new();
    t.run("client pause 1000 write");
    postponed(&mut t, "wait 1 0");
    assert_eq!(t.stream(), "");
    t.run("client unpause");
    assert_eq!(t.stream(), "REPLCONF GETACK *");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut t = TestEngine::new();
    for (line, reply) in [
        (
            "client pause x",
            "-ERR timeout is not an integer or out of range",
        ),
        ("client pause -1", "-ERR timeout is negative"),
        (
            "client pause 9223372036854775807",
            "-ERR timeout is out of range",
        ),
        (
            "client pause x y",
            "-ERR CLIENT PAUSE mode must be WRITE or ALL",
        ),
        ("client pause 0", "+OK"),
        ("client unpause", "+OK"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
}
