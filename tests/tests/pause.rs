//! CLIENT PAUSE and SHUTDOWN over real connections and links.

use rustix::process::Signal;
use towline_tests::resp::{Client, encode};
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_in_sync;
use towline_tests::wait::until;

fn blocked(server: &Server) -> i64 {
    server.info("clients").number("blocked_clients")
}

fn send(client: &mut Client, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    client.send(&words).expect("the connection is there");
}

/// What clients are told whose commands, of every kind and in pieces, met a pause.
fn replies(kind: Kind) -> Vec<String> {
    let server = Server::new(kind);
    server.ok("CLIENT PAUSE 100000 WRITE");
    let mut inline = server.client();
    inline
        .send_raw(b"set a 'x y'\r\nget a\r\n*1\r\n$4\r\nPING\r\n")
        .expect("sent");
    until("the writer waits", || blocked(&server) == 1);
    let mut pieces = server.client();
    let get = encode(&["GET", "b"]);
    let whole = [encode(&["APPEND", "b", "1"]), get.clone(), get].concat();
    let (first, second) = whole.split_at(whole.len() - 5);
    pieces.send_raw(first).expect("sent");
    until("the second waits", || blocked(&server) == 2);
    server.ok("CLIENT UNPAUSE");
    pieces.send_raw(second).expect("sent");
    let mut told = Vec::new();
    for client in [&mut inline, &mut pieces] {
        told.extend([(); 3].map(|()| format!("{:?}", client.read().expect("a reply"))));
    }
    told
}

#[test]
fn what_was_sent_behind_a_postponed_command_is_not_lost() {
    assert_eq!(replies(Kind::Towline), replies(Kind::Redis));
}

#[test]
fn a_paused_replica_keeps_its_primarys_stream_for_later() {
    let primary = Server::new(Kind::Towline);
    let replica = Setup::new(Kind::Towline).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    // The stream has selected its database.
    primary.ok("SET before 1");
    wait_in_sync(&[&primary, &replica]);
    replica.ok("CLIENT PAUSE 100000 WRITE");
    let applied = replica.info("replication").number("slave_repl_offset");
    primary.ok("SET k 1");
    until("the write has reached the replica", || {
        let info = replica.info("replication");
        info.number("slave_read_repl_offset") > info.number("slave_repl_offset")
    });
    assert_eq!(
        replica.info("replication").number("slave_repl_offset"),
        applied
    );
    assert_eq!(replica.ok("EXISTS k").int(), 0);
    replica.ok("CLIENT UNPAUSE");
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(replica.ok("EXISTS k").int(), 1);
}

#[test]
fn a_shutdown_pauses_writers_while_it_waits_and_can_be_aborted() {
    let mut primary = Setup::new(Kind::Towline)
        .line("shutdown-timeout 100")
        .start();
    let replica = Setup::new(Kind::Redis).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    replica.signal(Signal::STOP);
    primary.ok("SET k 1");
    let (mut first, mut writer) = (primary.client(), primary.client());
    send(&mut first, "SHUTDOWN");
    until("the shutdown waits", || blocked(&primary) == 1);
    send(&mut writer, "SET k 2");
    until("the writer waits", || blocked(&primary) == 2);
    let left_ms = primary.info("server").number("shutdown_in_milliseconds");
    assert!((1..=100_000).contains(&left_ms), "{left_ms}");
    primary.ok("SHUTDOWN ABORT");
    let failed = format!("{:?}", first.read().expect("a reply"));
    assert!(failed.contains("Errors trying to SHUTDOWN"), "{failed}");
    writer.read().expect("the write has run");
    assert!(primary.log().contains("Shutdown manually aborted."));
    send(&mut first, "SHUTDOWN NOSAVE");
    until("the shutdown waits", || blocked(&primary) == 1);
    replica.signal(Signal::CONT);
    assert!(primary.wait_exit().success());
    let log = primary.log();
    assert!(
        log.contains("1 of 1 replicas are in sync when shutting down."),
        "{log}"
    );
    assert_eq!(replica.ok("GET k").text(), "2");
}
