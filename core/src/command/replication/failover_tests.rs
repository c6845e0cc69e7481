//! FAILOVER: what it refuses, and how it waits.

use crate::engine::replication::{Replica, ReplicaState};
use crate::seams::host::PrimaryAddress;
use crate::testing::{TestEngine, replica};

const NO_REPLICAS: &str = "-ERR FAILOVER requires connected replicas.";

fn add_replica(t: &mut TestEngine, port: u16, state: ReplicaState) {
    t.engine.server.replication.replicas.push(Replica {
        ip: "Host".to_owned(),
        port,
        state,
        ..replica(u64::from(port))
    });
}

/// Two replicas that follow the stream, of which none has the last write.
fn with_replicas() -> TestEngine {
    let mut t = TestEngine::new();
    add_replica(&mut t, 1, ReplicaState::Online);
    add_replica(&mut t, 2, ReplicaState::Online);
    t.run("set k 1");
    t
}

/// Replica `port` acknowledges everything.
fn acknowledge(t: &mut TestEngine, port: u16) {
    let end = t.engine.server.log.offset();
    let replica = t.engine.server.replication.replica_mut(port.into());
    replica.expect("it is attached").ack_offset = end;
    t.engine.step_failover(t.now_ms, &mut t.host);
}

fn state(t: &TestEngine) -> &'static str {
    t.engine.server.failover.name()
}

fn followed(t: &TestEngine) -> Option<PrimaryAddress> {
    let upstream = t.engine.server.replication.upstream.as_ref();
    upstream.map(|upstream| upstream.address.clone())
}

#[test]
fn wrong_words_are_refused_as_in_redis() {
    let mut t = TestEngine::new();
    for (words, error) in [
        ("abort", "-ERR No failover in progress."),
        ("abort to a 1", "-ERR syntax error"),
        ("to a x", "-ERR value is not an integer or out of range"),
        ("to a", "-ERR syntax error"),
        ("timeout 0", "-ERR FAILOVER timeout must be greater than 0"),
        ("timeout x", "-ERR value is not an integer or out of range"),
        ("timeout", "-ERR syntax error"),
        ("timeout 5 timeout 6", "-ERR syntax error"),
        ("force force", "-ERR syntax error"),
        ("bogus", "-ERR syntax error"),
        ("to a 1", NO_REPLICAS),
        ("", NO_REPLICAS),
    ] {
        assert_eq!(t.run(&format!("failover {words}")), error, "{words}");
    }
    add_replica(&mut t, 1, ReplicaState::SendBulk);
    let needs_both =
        "-ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    for (words, error) in [
        ("force", needs_both),
        ("timeout 100 force", needs_both),
        ("to host 1 force", needs_both),
        (
            "to host 2",
            "-ERR FAILOVER target HOST and PORT is not a replica.",
        ),
        (
            "to host 70000",
            "-ERR FAILOVER target HOST and PORT is not a replica.",
        ),
        ("to host 1", "-ERR FAILOVER target replica is not online."),
    ] {
        assert_eq!(t.run(&format!("failover {words}")), error, "{words}");
    }
    assert_eq!(state(&t), "no-failover");
}

#[test]
fn the_first_replica_that_has_everything_is_followed() {
    let mut t = with_replicas();
    assert_eq!(t.run("failover"), "+OK");
    assert_eq!(state(&t), "waiting-for-sync");
    let writer = t.connect();
    assert_eq!(t.run_as(writer, "set k 2"), "", "writers wait");
    assert_eq!(t.run("get k"), "$1 1", "readers do not");
    assert_eq!(t.run("failover"), "-ERR FAILOVER already in progress.");
    assert_eq!(
        t.run("replicaof a 1"),
        "-ERR REPLICAOF not allowed while failing over."
    );
    assert_eq!(
        t.run("psync ? -1"),
        "-NOMASTERLINK Can't SYNC while failing over"
    );
    acknowledge(&mut t, 2);
    assert_eq!(state(&t), "failover-in-progress");
    assert_eq!(followed(&t).map(|address| address.port), Some(2));
    assert!(t.engine.server.failover.asks_to_take_over());
    assert_eq!(t.output(writer), "", "they wait until the target answers");
    t.engine.finish_failover(t.now_ms, &mut t.host);
    assert_eq!(state(&t), "no-failover");
    assert!(t.output(writer).starts_with("-READONLY"));
}

#[test]
fn a_named_target_is_the_only_one() {
    let mut t = with_replicas();
    assert_eq!(t.run("failover to hOST 1 timeout 500"), "+OK");
    acknowledge(&mut t, 2);
    assert_eq!(state(&t), "waiting-for-sync");
    t.engine.server.ping_replicas();
    acknowledge(&mut t, 1);
    assert_eq!(followed(&t).map(|address| address.port), Some(1));
}

#[test]
fn the_time_ends_it_or_forces_it() {
    let mut t = with_replicas();
    assert_eq!(t.run("failover timeout 500"), "+OK");
    assert_eq!(t.engine.next_deadline_ms(), Some(t.now_ms + 500));
    let writer = t.connect();
    assert_eq!(t.run_as(writer, "set k 2"), "");
    t.now_ms += 500;
    t.expire_waits();
    assert_eq!((state(&t), followed(&t)), ("no-failover", None));
    assert_eq!(t.output(writer), "+OK", "it is a primary still");
    assert_eq!(t.run("failover to host 2 timeout 500 force"), "+OK");
    t.now_ms += 500;
    t.expire_waits();
    assert_eq!(state(&t), "failover-in-progress");
    assert_eq!(followed(&t).map(|address| address.port), Some(2));
}

#[test]
fn an_aborted_failover_leaves_a_primary() {
    let mut t = with_replicas();
    t.run("failover");
    let writer = t.connect();
    t.run_as(writer, "set k 2");
    assert_eq!(t.run("failover abort"), "+OK");
    assert_eq!(
        (state(&t), t.output(writer).as_str()),
        ("no-failover", "+OK")
    );
    let old = t.engine.server.replication.history.replid;
    t.run("failover");
    acknowledge(&mut t, 1);
    t.engine.failover_refused(false, t.now_ms, &mut t.host);
    assert_eq!((state(&t), followed(&t)), ("no-failover", None));
    assert_eq!(t.engine.server.replication.history.replid2, old);
}

/// The target took over, and the link broke before it could say so: this node must
/// not become a second primary.
#[test]
fn a_target_whose_answer_was_lost_is_followed() {
    let mut t = with_replicas();
    t.run("failover");
    acknowledge(&mut t, 1);
    t.engine.server.failover_unanswered();
    assert!(t.engine.server.failover.asks_to_take_over());
    t.engine.failover_refused(true, t.now_ms, &mut t.host);
    assert_eq!(state(&t), "failover-in-progress");
    assert!(!t.engine.server.failover.asks_to_take_over());
    assert_eq!(followed(&t).map(|address| address.port), Some(1));
    t.engine.finish_failover(t.now_ms, &mut t.host);
    assert_eq!(state(&t), "no-failover");
}

#[test]
fn only_a_replica_of_the_same_history_takes_over() {
    let mut t = TestEngine::new();
    let replid = t.engine.server.replication.history.replid;
    assert_eq!(
        t.run(&format!("psync {replid} 1 FAILOVER")),
        "-ERR PSYNC FAILOVER can't be sent to a master."
    );
    let address = PrimaryAddress {
        host: "a".to_owned(),
        port: 1,
    };
    t.engine.server.become_replica_of(address);
    assert_eq!(
        t.run("psync ? -1 failover"),
        "-ERR PSYNC FAILOVER replid must match my replid."
    );
    assert!(t.engine.server.replication.is_replica());
    t.run(&format!("psync {replid} 1 failover"));
    assert!(!t.engine.server.replication.is_replica());
    assert_eq!(t.engine.server.replication.history.replid2, replid);
}
