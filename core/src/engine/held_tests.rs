//! Replies that wait until writes are durable: what they wait for, in which order they
//! leave, and what is said where nobody can tell.

use super::append_only::LogState;
use super::{ClientId, Flow};
use crate::config::SetRules;
use crate::offset::Offset;
use crate::seams::host::PrimaryAddress;
use crate::testing::TestEngine;

const UNKNOWN: &str = "-DURABILITYUNKNOWN The write happened, and its durability is unknown: \
                       what was asked for was not confirmed.";

/// The end of what the first client has written; what asks replicas to acknowledge is
/// behind it.
fn end(t: &TestEngine) -> Offset {
    end_of(t, t.id)
}

fn end_of(t: &TestEngine, id: ClientId) -> Offset {
    let client = t.engine.server.clients.get(id);
    client.expect("it is connected").write_offset
}

/// What a replica's REPLCONF ACK does, with FACK or without.
fn ack(t: &mut TestEngine, replica: u64, applied: Offset, fsynced: Option<Offset>) {
    let entry = t.engine.server.replication.replica_mut(replica);
    let entry = entry.expect("it follows");
    entry.ack_offset = applied;
    entry.fack_offset = fsynced.or(entry.fack_offset);
    entry.sends_fack = fsynced.is_some();
    t.engine.check_waits();
}

fn take(t: &mut TestEngine) -> Flow {
    t.engine.take_output(t.id, &mut Vec::new())
}

fn info(t: &mut TestEngine, section: &str, name: &str) -> String {
    let asker = t.connect();
    let text = t.run_as(asker, &format!("info {section}"));
    t.engine.disconnect(asker);
    let field = text.split(' ').find_map(|line| line.strip_prefix(name));
    field.expect("the field is there").to_owned()
}

#[test]
fn a_reply_waits_for_the_replica_and_others_do_not() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    assert_eq!(t.run("client durability replicas=1"), "+OK");
    assert_eq!(t.run("get k"), "$-1", "a read passes");
    assert_eq!(t.run("set k v"), "");
    let written = end(&t);
    let other = t.connect();
    assert_eq!(t.run_as(other, "get k"), "$1 v", "it is seen earlier");
    assert_eq!(t.run_as(other, "set other v"), "+OK");
    assert_eq!(info(&mut t, "clients", "durability_waiting_clients:"), "1");
    ack(&mut t, replica, Offset(written.0 - 1), None);
    assert_eq!(t.output(t.id), "", "it has not applied all of it");
    t.engine.take_wakeups();
    ack(&mut t, replica, written, None);
    assert_eq!(t.engine.take_wakeups(), [t.id]);
    assert_eq!(t.output(t.id), "+OK");
    assert_eq!(info(&mut t, "clients", "durability_waiting_clients:"), "0");
    assert_eq!(info(&mut t, "stats", "durability_unknown_replies:"), "0");
}

#[test]
fn replicas_are_asked_to_acknowledge() {
    let mut t = TestEngine::new();
    t.follow();
    t.run("client durability replicas=1");
    t.run("set k v");
    assert_eq!(t.stream(), "set k v | REPLCONF GETACK *");
    t.run("client durability default");
    t.run("set k v");
    assert_eq!(t.stream(), "set k v");
}

#[test]
fn each_reply_of_a_pipeline_waits_for_its_own_offset_and_all_keep_their_order() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1");
    let mut offsets = Vec::new();
    for line in ["get a", "set a 1", "get a", "incr a", "ping"] {
        let out = t.run(line);
        assert_eq!(
            out,
            if line == "get a" && offsets.is_empty() {
                "$-1"
            } else {
                ""
            }
        );
        offsets.push(end(&t));
    }
    ack(&mut t, replica, offsets[2], None);
    assert_eq!(t.output(t.id), "+OK $1 1");
    assert_eq!(t.run("get a"), "", "behind what still waits");
    ack(&mut t, replica, offsets[3], None);
    assert_eq!(t.output(t.id), ":2 +PONG $1 2");
}

#[test]
fn what_changed_nothing_has_nothing_to_wait_for() {
    let mut t = TestEngine::new();
    t.follow();
    t.run("set k v");
    t.run("set gone v px 1");
    t.now_ms += 1;
    t.run("client durability replicas=1");
    for (line, reply) in [
        ("setnx k v", ":0"),
        ("del nosuch", ":0"),
        ("get gone", "$-1"),
        ("publish c m", ":0"),
        ("incr k", "-ERR value is not an integer or out of range"),
    ] {
        assert_eq!(t.run(line), reply, "{line}");
    }
    assert!(t.stream().contains("DEL gone"), "a read let a key expire");
}

#[test]
fn a_timeout_says_that_the_write_happened_and_only_its_own_reply_is_lost() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1 timeout=100");
    assert_eq!(t.run("set k v"), "");
    t.now_ms += 60;
    assert_eq!(t.run("set l v"), "");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 40));
    t.now_ms += 39;
    t.expire_waits();
    assert_eq!(t.output(t.id), "");
    t.now_ms += 1;
    t.expire_waits();
    assert_eq!(t.output(t.id), UNKNOWN);
    let other = t.connect();
    assert_eq!(t.run_as(other, "get k"), "$1 v");
    let written = end(&t);
    ack(&mut t, replica, written, None);
    assert_eq!(t.output(t.id), "+OK +PONG");
    assert_eq!(t.engine.next_deadline_ms(), None);
    assert_eq!(info(&mut t, "stats", "durability_unknown_replies:"), "1");
    assert_eq!(
        info(&mut t, "errorstats", "errorstat_DURABILITYUNKNOWN:"),
        "count=1"
    );
}

#[test]
fn many_that_fail_at_once_stay_in_order() {
    let mut t = TestEngine::new();
    t.follow();
    t.run("client durability replicas=1 timeout=10");
    for _ in 0..3 {
        assert_eq!(t.run("incr n"), "");
        assert_eq!(t.run("echo between"), "");
    }
    t.now_ms += 10;
    t.expire_waits();
    let each = format!("{UNKNOWN} $7 between");
    assert_eq!(t.output(t.id), [each.as_str(); 3].join(" "));
}

#[test]
fn the_log_on_disk_is_waited_for_and_has_to_be_there() {
    let mut t = TestEngine::new();
    t.run("client durability local=fsync");
    let refused = "-NODURABILITY The write did not happen: local=fsync was asked for, and \
                   appendonly is off.";
    assert_eq!(t.run("set k v"), refused);
    assert_eq!(t.run("get k"), "$-1");
    assert_eq!(info(&mut t, "stats", "durability_refused_writes:"), "1");
    t.engine.set_log_state(LogState::On);
    assert_eq!(t.run("set k v"), "");
    let written = end(&t);
    t.engine.set_durable(Offset(written.0 - 1));
    assert_eq!(t.output(t.id), "");
    t.engine.set_durable(written);
    assert_eq!(t.output(t.id), "+OK");
    assert_eq!(t.run("set k w"), "");
    t.engine.set_log_state(LogState::Off);
    assert_eq!(t.output(t.id), UNKNOWN, "nobody will sync it");
}

#[test]
fn a_failed_fsync_is_told_at_once() {
    let mut t = TestEngine::new();
    t.engine.set_log_state(LogState::On);
    t.run("client durability local=fsync timeout=60000");
    t.run("set a v");
    let durable = end(&t);
    t.run("set b v");
    t.engine.set_durable(durable);
    t.engine.set_fsync_failed(true);
    assert_eq!(t.output(t.id), format!("+OK {UNKNOWN}"));
}

#[test]
fn what_is_fsynced_elsewhere_needs_peers_that_tell_it() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1 at=fsynced");
    let refused = "-NODURABILITY The write did not happen: at=fsynced was asked for, and too \
                   few replicas tell what they have fsynced.";
    assert_eq!(t.run("set k v"), refused);
    ack(&mut t, replica, Offset::ZERO, Some(Offset::ZERO));
    assert_eq!(t.run("set k v"), "");
    let written = end(&t);
    ack(&mut t, replica, written, Some(Offset::ZERO));
    assert_eq!(t.output(t.id), "", "applied is not enough");
    ack(&mut t, replica, written, Some(written));
    assert_eq!(t.output(t.id), "+OK");
    ack(&mut t, replica, written, None);
    assert_eq!(t.run("set k v"), refused, "it switched its log off");
}

#[test]
fn a_demotion_is_told_at_once_whoever_asks_for_it() {
    for own in [true, false] {
        let mut t = TestEngine::new();
        let replica = t.follow();
        t.run("client durability replicas=1 timeout=60000");
        assert_eq!(t.run("set k v"), "");
        let by = if own { t.id } else { t.connect() };
        // There is no host that would dial; the role has changed by then.
        let mut told = t.run_as(by, "replicaof other 1");
        if !own {
            told = t.output(t.id);
        }
        assert!(told.starts_with(UNKNOWN), "{told}");
        ack(&mut t, replica, Offset(1 << 40), None);
        assert_eq!(t.output(t.id), "");
    }
}

#[test]
fn an_offset_of_another_role_confirms_nothing() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1 timeout=60000");
    t.run("set k v");
    let server = &mut t.engine.server;
    let address = PrimaryAddress {
        host: "a".to_owned(),
        port: 1,
    };
    assert!(server.become_replica_of(address) && server.become_primary());
    ack(&mut t, replica, Offset(1 << 40), None);
    assert_eq!(t.output(t.id), UNKNOWN);
}

#[test]
fn exec_waits_as_a_whole_under_the_setting_it_came_with() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1");
    for line in ["multi", "set a 1", "client durability default", "set b 2"] {
        assert_ne!(t.run(line), "", "{line}");
    }
    assert_eq!(t.run("exec"), "");
    let written = end(&t);
    ack(&mut t, replica, Offset(written.0 - 1), None);
    assert_eq!(t.output(t.id), "");
    ack(&mut t, replica, written, None);
    assert_eq!(t.output(t.id), "*3 +OK +OK +OK");
    assert_eq!(t.run("set a 1"), "+OK");
}

#[test]
fn a_refused_write_ends_its_transaction() {
    let mut t = TestEngine::new();
    t.run("client durability local=fsync");
    t.run("multi");
    assert!(t.run("set a 1").starts_with("-NODURABILITY"));
    assert!(t.run("exec").starts_with("-EXECABORT"));
    assert_eq!(t.run("exists a"), ":0");
}

#[test]
fn one_who_waited_for_a_key_waits_under_its_own_setting() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    let popper = t.connect();
    t.run_as(popper, "client durability replicas=1");
    assert_eq!(t.run_as(popper, "blpop list 0"), "");
    assert_eq!(t.run("rpush list x"), ":1", "who pushes has not asked");
    assert_eq!(t.output(popper), "", "the pop is a write");
    let written = end_of(&t, popper);
    ack(&mut t, replica, written, None);
    assert_eq!(t.output(popper), "*2 $4 list $1 x");
}

#[test]
fn the_server_has_a_setting_and_a_connection_may_have_its_own() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    let default = "$47 local=memory replicas=0 at=applied timeout=5000";
    assert_eq!(t.run("client durability"), default);
    let set = t.engine.server.config.set(
        &[b"durability", b"replicas=1 timeout=300"],
        SetRules::default(),
    );
    set.expect("a good value");
    let servers = "$46 local=memory replicas=1 at=applied timeout=300";
    assert_eq!(t.run("client durability"), servers);
    assert_eq!(t.run("set k v"), "");
    let written = end(&t);
    ack(&mut t, replica, written, None);
    assert_eq!(t.output(t.id), "+OK");
    assert_eq!(t.run("client durability local=memory"), "+OK");
    assert_eq!(
        t.run("client durability"),
        default,
        "the rest has its default"
    );
    assert_eq!(t.run("set k v"), "+OK");
    assert!(
        t.run("client durability local=disk")
            .starts_with("-ERR argument")
    );
    assert_eq!(t.run("client durability"), default, "nothing has changed");
    assert_eq!(t.run("client durability DEFAULT"), "+OK");
    assert_eq!(t.run("client durability"), servers);
    t.run("client durability replicas=2");
    assert_eq!(t.run("reset"), "+RESET");
    assert_eq!(t.run("client durability"), servers);
}

#[test]
fn the_stream_of_our_primary_waits_for_nothing() {
    let mut t = TestEngine::new();
    let set = t.engine.server.config.set(
        &[b"durability", b"local=fsync replicas=1"],
        SetRules::default(),
    );
    set.expect("a good value");
    t.apply("set k v");
    assert_eq!(t.run("get k"), "$1 v");
}

#[test]
fn a_client_that_leaves_gets_what_waits_first() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1");
    t.run("set k v");
    t.run("quit");
    assert_eq!(take(&mut t), Flow::Blocked);
    let written = end(&t);
    ack(&mut t, replica, written, None);
    let mut out = Vec::new();
    assert_eq!(t.engine.take_output(t.id, &mut out), Flow::Close);
    assert_eq!(out, b"+OK\r\n+OK\r\n");
}

#[test]
fn a_client_that_is_gone_is_waited_for_no_longer() {
    let mut t = TestEngine::new();
    t.follow();
    let gone = t.connect();
    t.run_as(gone, "client durability replicas=1");
    t.run_as(gone, "set k v");
    t.engine.disconnect(gone);
    assert_eq!(t.engine.next_deadline_ms(), None);
    t.now_ms += 10_000;
    t.expire_waits();
    assert_eq!(info(&mut t, "clients", "durability_waiting_clients:"), "0");
}

#[test]
fn so_much_waits_and_no_more() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    let line: [&[u8]; 3] = [b"set", b"k", b"v"];
    t.run("client durability replicas=1");
    let mut ran = 0;
    while t.engine.execute(t.id, &line, t.now_ms, &mut t.host) == Flow::Continue {
        ran += 1;
        assert!(ran < 10_000, "its client is never stopped");
    }
    assert_eq!(take(&mut t), Flow::Blocked);
    let written = end(&t);
    ack(&mut t, replica, written, None);
    assert_eq!(take(&mut t), Flow::Continue);
    t.run("set large v");
    let large = format!("setrange large {} x", 1 << 20);
    assert_eq!(t.run(&large), "");
    assert_eq!(t.run("get large"), "");
    assert_eq!(take(&mut t), Flow::Blocked, "a large reply stands behind");
}

#[test]
fn a_silent_client_waits_for_nothing() {
    let mut t = TestEngine::new();
    t.follow();
    t.run("client durability replicas=1");
    t.run("client reply skip");
    assert_eq!(t.run("set k v"), "");
    assert_eq!(t.run("ping"), "+PONG");
}

#[test]
fn wait_is_what_it_was() {
    let mut t = TestEngine::new();
    let replica = t.follow();
    t.run("client durability replicas=1");
    assert_eq!(t.run("set k v"), "");
    assert_eq!(t.run("wait 1 0"), "");
    let written = end(&t);
    ack(&mut t, replica, written, None);
    assert_eq!(t.output(t.id), "+OK :1");
}
