//! What is said before a delta, and whole nodes that part and are made equal again.

mod support;

use smol::block_on;
use std::sync::Arc;
use support::network::Network;
use support::{TestNode, eventually};
use towline_core::engine::replication::{LinkState, ReplicaState};
use towline_core::engine::rng::Rng;
use towline_core::engine::stats::Stats;
use towline_core::keyspace::delta::coding::encode;
use towline_core::keyspace::delta::{DbRanges, HashRanges};
use towline_core::offset::{History, Offset, ReplicationId};
use towline_replication::delta::{Answer, Offer, Place, Refusal, refuse, report};
use towline_replication::primary::{
    CloseReason, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent,
};
use towline_replication::replica::{
    HandshakeConfig, LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts,
};
use towline_replication::wire::command;

fn id(seed: u8) -> ReplicationId {
    ReplicationId::from_random([seed; 20])
}

fn offer() -> Offer {
    Offer {
        place: Place {
            history: History::new(id(1)),
            offset: Offset(900),
        },
        seed: 5,
    }
}

fn offering() -> PrimarySession {
    let caps = ReplicaCaps {
        psync: true,
        ..ReplicaCaps::default()
    };
    PrimarySession::offering(caps, PrimaryConfig::default(), &offer(), 0)
}

/// Ranges that take more than one command.
fn many_ranges() -> Vec<DbRanges> {
    let width = 1 << 40;
    let run = |at: u64| (at * 5 * width, at * 5 * width + width - 1);
    vec![DbRanges {
        db: 3,
        keys: 7,
        ranges: HashRanges::from_runs((0..10_000).map(run).collect()),
    }]
}

#[test]
fn a_primary_hears_what_is_newer_at_its_replica_in_any_pieces() {
    let ranges = many_ranges();
    let mut bytes = Vec::new();
    encode(&ranges, &mut bytes);
    let said = report(Offset(700), &bytes);
    assert!(said.len() > 2 * 8192);
    for piece in [1, 7, 1000, said.len()] {
        let mut session = offering();
        assert_eq!(session.take_output(), offer().line());
        assert_eq!(session.replica_state(), ReplicaState::WaitBgsave);
        let mut events = Vec::new();
        for piece in said.chunks(piece) {
            assert_eq!(session.take_answer(), None);
            session.receive(piece, 1, &mut events);
        }
        assert_eq!(events, [SessionEvent::Answered]);
        let (common, ranges) = (Offset(700), ranges.clone());
        let answer = Answer::Ranges { common, ranges };
        assert_eq!(session.take_answer(), Some(answer));
        assert_eq!(session.take_answer(), None);
        session.delta_started(id(2), Offset(950), Offset(700), 2);
        let line = format!("+DELTARESYNC {} 950 700\r\n", id(2));
        assert_eq!(session.take_output(), line.into_bytes());
        assert_eq!(session.acked(), Offset(950));
    }
}

#[test]
fn a_replica_that_refuses_gets_everything() {
    let mut session = offering();
    let mut events = Vec::new();
    session.take_output();
    // An acknowledgement before anything was sent means nothing.
    session.receive(b"REPLCONF ACK 800\r\n\n", 1, &mut events);
    session.receive(&refuse(&Refusal::OtherSeed), 1, &mut events);
    assert_eq!(events, [SessionEvent::Answered]);
    let why = Refusal::OtherSeed.to_string();
    assert_eq!(session.take_answer(), Some(Answer::Refused(why)));
    session.snapshot_started(id(2), Offset(950), 2);
    let line = format!("+FULLRESYNC {} 950\r\n", id(2));
    assert_eq!(session.take_output(), line.into_bytes());
}

#[test]
fn an_answer_that_is_none_ends_the_link() {
    let from = |offset: &[u8]| command(&[b"REPLCONF", b"delta-from", offset]);
    let endless = command(&[b"REPLCONF", b"delta-ranges", &[0; 8000]]).repeat(600);
    let protocol = SessionEvent::Close(CloseReason::Protocol);
    for said in [
        report(Offset(5), b"\x01"),
        [report(Offset(5), b"\x00"), from(b"5")].concat()[..1].repeat(20_000),
        from(b"-1"),
        from(b"5"),
        endless,
    ] {
        let (mut session, mut events) = (offering(), Vec::new());
        session.receive(&said, 1, &mut events);
        assert_eq!(events, [protocol]);
    }
    let mut silent = offering();
    assert_eq!(silent.tick(2_000, 0), None);
    assert!(silent.take_output().ends_with(b"\n"), "a sign of life");
    let timeout = Some(SessionEvent::Close(CloseReason::AckTimeout));
    assert_eq!(silent.tick(70_000, 0), timeout);
}

/// A replica that has asked to continue.
fn asking(takes_delta: bool) -> ReplicaSession {
    let config = HandshakeConfig {
        takes_delta,
        ..HandshakeConfig::default()
    };
    let timeouts = ReplicaTimeouts::default();
    let mut session = ReplicaSession::new(config, timeouts, Some((id(1), Offset(700))), 0);
    let mut input: &[u8] = b"+PONG\r\n+OK\r\n+OK\r\n";
    assert_eq!(session.next_event(&mut input), None);
    let said = session.take_output();
    let capa = b"towline-delta";
    let is_said = said.windows(capa.len()).any(|word| word == capa);
    assert_eq!(is_said, takes_delta);
    session
}

fn next(session: &mut ReplicaSession, line: &[u8]) -> Option<ReplicaEvent<'static>> {
    let mut input = line;
    match session.next_event(&mut input) {
        None => None,
        Some(ReplicaEvent::DeltaOffer(offer)) => Some(ReplicaEvent::DeltaOffer(offer)),
        Some(ReplicaEvent::Delta { position }) => Some(ReplicaEvent::Delta { position }),
        Some(ReplicaEvent::FullSync { position }) => Some(ReplicaEvent::FullSync { position }),
        Some(ReplicaEvent::Close(error)) => Some(ReplicaEvent::Close(error)),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_replica_takes_what_it_asked_for_and_nothing_else() {
    let resync = |offset: u64, common: u64| {
        format!("+DELTARESYNC {} {offset} {common}\r\n", id(2)).into_bytes()
    };
    let offered = || {
        let mut session = asking(true);
        let event = next(&mut session, &offer().line());
        assert_eq!(event, Some(ReplicaEvent::DeltaOffer(offer())));
        session
    };
    let mut session = offered();
    session.ask_delta(Offset(600), b"\0");
    assert_eq!(session.take_output(), report(Offset(600), b"\0"));
    let position = (id(2), Offset(950));
    let event = next(&mut session, &resync(950, 600));
    assert_eq!(event, Some(ReplicaEvent::Delta { position }));
    assert_eq!(session.read_offset(), Offset(950));
    let mut session = offered();
    session.refuse_delta(Refusal::OtherSeed);
    let full = format!("+FULLRESYNC {} 950\r\n", id(2)).into_bytes();
    let event = next(&mut session, &full);
    let position = Some(position);
    assert_eq!(event, Some(ReplicaEvent::FullSync { position }));
    let is_refused = |session: &mut ReplicaSession, line: &[u8]| {
        let event = next(session, line);
        let protocol = Some(ReplicaEvent::Close(LinkError::Protocol(String::new())));
        assert_eq!(
            event.as_ref().map(std::mem::discriminant),
            protocol.as_ref().map(std::mem::discriminant),
            "{event:?}"
        );
    };
    for (offset, common) in [(950, 601), (599, 600)] {
        let mut session = offered();
        session.ask_delta(Offset(600), b"\0");
        is_refused(&mut session, &resync(offset, common));
    }
    is_refused(&mut asking(true), &resync(950, 600));
    is_refused(&mut asking(true), b"+DELTA nonsense\r\n");
    // Who did not say that it takes one is not offered any, and asks for everything.
    let event = next(&mut asking(false), &offer().line());
    assert_eq!(event, Some(ReplicaEvent::FullSync { position: None }));
}

const CONFIG: [(&str, &str); 2] = [
    ("repl-diskless-sync-delay", "0"),
    ("repl-backlog-size", "16kb"),
];

fn node(network: &Network, name: &str) -> TestNode {
    let seed = u64::from(name.as_bytes()[0]);
    let node = TestNode::new(seed, Arc::new(network.clone()), &CONFIG);
    network.add(name, &node.node);
    node
}

fn stats(node: &TestNode) -> Stats {
    node.with(|engine, _| engine.server.stats.clone())
}

fn ok(node: &TestNode, line: &str) {
    let reply = node.run(line);
    assert!(!reply.starts_with('-'), "{line}: {reply}");
}

async fn equal(primary: &TestNode, replica: &TestNode) {
    let is_up = || {
        replica.with(|engine, _| {
            let upstream = engine.server.replication.upstream.as_ref();
            upstream.is_some_and(|upstream| upstream.state == LinkState::Connected)
        })
    };
    let what = "the replica is equal to its primary";
    eventually(what, &[primary, replica], || {
        is_up()
            && primary.offset() == replica.offset()
            && primary.replid() == replica.replid()
            && primary.content() == replica.content()
    })
    .await;
}

fn write(node: &TestNode, random: &mut Rng) {
    let (key, value) = (random.below(800), random.below(1 << 20));
    ok(node, &format!("SELECT {}", key % 4));
    let line = match random.below(100) {
        0 => "SWAPDB 0 1".to_owned(),
        1 => "FLUSHDB".to_owned(),
        2..10 => format!("DEL string:{key}"),
        10..20 => format!("RPUSH list:{key} {value}"),
        20..30 => format!("HSET hash:{key} field:{} {value}", value % 50),
        30..40 => format!("PEXPIRE string:{key} {}", 10_000_000 + value),
        40..45 => format!("SET string:{key} {}", "x".repeat(value % 9000)),
        _ => format!("SET string:{key} {value}"),
    };
    ok(node, &line);
}

/// One writes on while the other does not hear it; then the other is promoted, and
/// both write; then the first follows.
#[test]
fn nodes_that_part_again_and_again_are_equal_again_and_again() {
    block_on(async {
        let network = Network::default();
        let (a, b) = (node(&network, "a"), node(&network, "b"));
        let third = node(&network, "c");
        let mut random = Rng::new(11);
        for _ in 0..2000 {
            write(&a, &mut random);
        }
        ok(&b, "REPLICAOF a 1");
        equal(&a, &b).await;
        let mut pair = [(&a, "a"), (&b, "b")];
        ok(&third, "REPLICAOF b 1");
        equal(&b, &third).await;
        for round in 0..12 {
            let [(primary, name), (replica, other)] = pair;
            ok(replica, "REPLICAOF nowhere 1");
            let count = 1 + random.below(300);
            (0..count).for_each(|_| write(primary, &mut random));
            if round % 3 == 0 {
                ok(replica, &format!("REPLICAOF {name} 1"));
                equal(primary, replica).await;
                continue;
            }
            ok(replica, "REPLICAOF NO ONE");
            (0..random.below(300)).for_each(|_| write(replica, &mut random));
            ok(primary, &format!("REPLICAOF {other} 1"));
            equal(replica, primary).await;
            equal(&b, &third).await;
            pair.reverse();
        }
        let served = |node| stats(node).sync_delta;
        assert!(served(&a) + served(&b) > 4, "{} {}", served(&a), served(&b));
        let nodes = [&a, &b, &third];
        let errors = nodes.map(|node| stats(node).unexpected_error_replies);
        assert_eq!(errors, [0; 3]);
    });
}

/// Nothing that is broken on the way is taken, and nothing keeps it from coming again.
#[test]
fn a_delta_that_is_cut_anywhere_comes_again() {
    block_on(async {
        let network = Network::default();
        let (a, b) = (node(&network, "a"), node(&network, "b"));
        let mut random = Rng::new(5);
        for _ in 0..500 {
            write(&a, &mut random);
        }
        ok(&b, "REPLICAOF a 1");
        equal(&a, &b).await;
        ok(&b, "REPLICAOF nowhere 1");
        for _ in 0..400 {
            write(&a, &mut random);
        }
        let before = b.content();
        for bytes in [200, 300, 1_000, 5_000] {
            network.break_after("a", Some(bytes));
            ok(&b, "REPLICAOF a 1");
            let dials = network.dials();
            eventually("two attempts", &[&a, &b], || network.dials() > dials + 2).await;
            assert_eq!(b.content(), before, "cut after {bytes} bytes");
            ok(&b, "REPLICAOF nowhere 1");
        }
        network.break_after("a", None);
        ok(&b, "REPLICAOF a 1");
        equal(&a, &b).await;
        assert_eq!(stats(&a).sync_full, 1);
    });
}

/// Changes that no stream has are found before anything is applied.
#[test]
fn datasets_that_were_not_equal_get_a_full_sync() {
    block_on(async {
        let network = Network::default();
        let (a, b) = (node(&network, "a"), node(&network, "b"));
        ok(&a, "SET k 1");
        ok(&b, "REPLICAOF a 1");
        equal(&a, &b).await;
        // As if memory had flipped, before the last offset that both will have.
        b.with(|engine, _| drop(engine.keyspace.remove(0, b"k")));
        ok(&a, "SET other 1");
        let what = "the replica has the same stream";
        eventually(what, &[&a, &b], || a.offset() == b.offset()).await;
        ok(&b, "REPLICAOF nowhere 1");
        for _ in 0..20 {
            ok(&a, &format!("SET filler {}", "x".repeat(9000)));
        }
        ok(&b, "REPLICAOF a 1");
        equal(&a, &b).await;
        assert_eq!((stats(&a).sync_full, stats(&a).sync_delta), (2, 1));
        let said = b.log().join("\n");
        assert!(
            said.contains("would have 2 keys, and the primary's has 3"),
            "{said}"
        );
    });
}
