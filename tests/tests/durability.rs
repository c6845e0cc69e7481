//! `durability`: replies wait until a write is as durable as its client asked for, with
//! Towline, Redis and Valkey as replicas, and say so where nobody can tell.

use std::fs::{self, File};
use std::io::Write;

use rustix::process::Signal;
use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::wait_in_sync;
use towline_tests::wait;

/// Longer than any test may take.
const LONG: &str = "timeout=600000";

fn pair(replica: Kind) -> (Server, Server) {
    let primary = Server::new(Kind::Towline);
    let replica = Setup::new(replica).replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    (primary, replica)
}

fn asking(server: &Server, parts: &str) -> Client {
    let mut client = server.client();
    client.ok(&format!("CLIENT DURABILITY {parts}"));
    client
}

fn send(client: &mut Client, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    client.send(&words).expect("a server that listens");
}

fn read(client: &mut Client) -> Value {
    client.read().expect("the connection stays")
}

/// Waits until the replies of so many clients wait.
fn held(server: &Server, clients: i64) {
    wait::until("the replies wait", || {
        server.info("clients").number("durability_waiting_clients") == clients
    });
}

fn assert_unknown(reply: &Value) {
    let Value::Error(text) = reply else {
        panic!("no error: {reply}");
    };
    assert!(
        text.starts_with("DURABILITYUNKNOWN The write happened"),
        "{text}"
    );
}

fn assert_refused(reply: &Value) {
    let Value::Error(text) = reply else {
        panic!("no error: {reply}");
    };
    assert!(
        text.starts_with("NODURABILITY The write did not happen"),
        "{text}"
    );
}

/// The replies of a pipeline stay in order behind the one that waits, other clients are
/// not held up, and the replica has applied what a reply tells of.
fn replies_wait_for_the_replica(kind: Kind) {
    let (primary, replica) = pair(kind);
    let mut client = asking(&primary, &format!("replicas=1 {LONG}"));
    let mut other = primary.client();
    replica.signal(Signal::STOP);
    for line in ["GET a", "SET a 1", "GET a", "INCR a", "PING"] {
        send(&mut client, line);
    }
    assert_eq!(read(&mut client), Value::Null, "{kind}: a read passes");
    held(&primary, 1);
    wait::until("all of the pipeline has run", || {
        other.ok("GET a").text() == "2"
    });
    assert_eq!(other.ok("SET other 1").text(), "OK");
    replica.signal(Signal::CONT);
    assert_eq!(read(&mut client).text(), "OK");
    assert_eq!(read(&mut client).text(), "1");
    assert_eq!(read(&mut client).int(), 2);
    assert_eq!(replica.ok("GET a").text(), "2", "{kind} has applied it");
    assert_eq!(read(&mut client).text(), "PONG");
    held(&primary, 0);
    for i in 0..50 {
        client.ok(&format!("SET key:{i} {i}"));
        let seen = replica.ok(&format!("GET key:{i}")).text();
        assert_eq!(seen, i.to_string(), "{kind} has applied it");
    }
}

#[test]
fn replies_wait_for_towline() {
    replies_wait_for_the_replica(Kind::Towline);
}

#[test]
fn replies_wait_for_redis() {
    replies_wait_for_the_replica(Kind::Redis);
}

#[test]
fn replies_wait_for_valkey() {
    replies_wait_for_the_replica(Kind::Valkey);
}

#[test]
fn a_replica_that_is_silent_makes_the_durability_unknown() {
    let (primary, replica) = pair(Kind::Redis);
    let mut client = asking(&primary, "replicas=1 timeout=50");
    replica.signal(Signal::STOP);
    assert_unknown(&client.cmd("SET a 1"));
    assert_eq!(client.ok("GET a").text(), "1", "the write happened");
    for line in ["MULTI", "SET b 1", "INCR b"] {
        client.ok(line);
    }
    assert_unknown(&client.cmd("EXEC"));
    assert_eq!(client.ok("GET b").text(), "2");
    assert_eq!(
        primary.info("stats").number("durability_unknown_replies"),
        2
    );
    replica.signal(Signal::CONT);
    wait_in_sync(&[&primary, &replica]);
    assert_eq!(client.ok("SET a 2").text(), "OK");
    assert_eq!(replica.ok("GET a").text(), "2");
    // WAIT keeps its meaning: it counts, and is no error.
    replica.signal(Signal::STOP);
    let mut plain = primary.client();
    plain.ok("SET a 3");
    assert_eq!(plain.ok("WAIT 1 50").int(), 0);
    replica.signal(Signal::CONT);
}

#[test]
fn a_change_of_role_makes_the_durability_unknown_at_once() {
    let (primary, replica) = pair(Kind::Towline);
    let mut client = asking(&primary, &format!("replicas=1 {LONG}"));
    replica.signal(Signal::STOP);
    send(&mut client, "SET a 1");
    held(&primary, 1);
    let other = Server::new(Kind::Towline);
    primary.ok(&format!("REPLICAOF 127.0.0.1 {}", other.port()));
    assert_unknown(&read(&mut client));
    replica.signal(Signal::CONT);
}

#[test]
fn fsynced_is_refused_with_a_peer_that_does_not_tell() {
    let (primary, replica) = pair(Kind::Redis);
    let mut client = asking(&primary, "replicas=1 at=fsynced");
    assert_refused(&client.cmd("SET a 1"));
    assert_eq!(client.ok("GET a"), Value::Null);
    wait_in_sync(&[&primary, &replica]);
    assert_refused(&client.cmd("SET a 1"));
    assert_eq!(primary.info("stats").number("durability_refused_writes"), 2);
    // Two replicas are asked for, and one of the two tells.
    let telling = Setup::new(Kind::Towline).line("appendonly yes");
    let telling = telling.replica_of(&primary).start();
    wait_in_sync(&[&primary, &telling]);
    let mut client = asking(&primary, &format!("replicas=1 at=fsynced {LONG}"));
    wait::until("the replica has told what is durable with it", || {
        !client.cmd("SET a 1").is_error()
    });
    let mut client = asking(&primary, "replicas=2 at=fsynced");
    assert_refused(&client.cmd("SET a 1"));
}

/// What the reply tells of is there after the replica was killed.
fn fsynced_by(kind: Kind) {
    let primary = Server::new(Kind::Towline);
    let replica = Setup::new(kind).line("appendonly yes");
    let mut replica = replica.replica_of(&primary).start();
    wait_in_sync(&[&primary, &replica]);
    let mut client = asking(&primary, &format!("replicas=1 at=fsynced {LONG}"));
    wait::until("the replica has told what is durable with it", || {
        !client.cmd("SET a 1").is_error()
    });
    client.ok("SET b 1");
    replica.kill();
    let mut client = asking(&primary, "replicas=1 at=fsynced");
    wait::until("the link is gone", || {
        primary.info("replication").number("connected_slaves") == 0
    });
    assert_refused(&client.cmd("SET b 2"));
    drop(primary);
    replica.start_again();
    assert_eq!(replica.ok("MGET a b").texts(), ["1", "1"], "{kind}");
}

#[test]
fn what_towline_tells_is_on_its_disk() {
    fsynced_by(Kind::Towline);
}

#[test]
fn what_valkey_tells_is_on_its_disk() {
    fsynced_by(Kind::Valkey);
}

#[test]
fn a_connection_has_its_writes_synced_whatever_appendfsync_says() {
    for policy in ["always", "everysec", "no"] {
        let setup = Setup::new(Kind::Towline).line("appendonly yes");
        let mut server = setup.line(format!("appendfsync {policy}")).start();
        let mut client = asking(&server, &format!("local=fsync {LONG}"));
        for i in 0..20 {
            client.ok(&format!("RPUSH list {i}"));
        }
        // WAITAOF sees what was synced, and asks for nothing.
        assert_eq!(client.ok("WAITAOF 1 0 1").items()[0].int(), 1, "{policy}");
        server.crash_and_restart();
        assert_eq!(server.ok("LLEN list").int(), 20, "{policy}");
    }
}

#[test]
fn without_a_log_nothing_is_fsynced() {
    let server = Server::new(Kind::Towline);
    let mut client = asking(&server, &format!("local=fsync {LONG}"));
    assert_refused(&client.cmd("SET a 1"));
    server.ok("CONFIG SET appendonly yes");
    client.ok("SET a 1");
    server.ok("CONFIG SET appendonly no");
    assert_refused(&client.cmd("SET a 2"));
    assert_eq!(client.ok("GET a").text(), "1");
}

/// Appends a byte to the log that the server does not know of: its file is not what it
/// was, and nothing more of it can be trusted.
fn spoil_the_log(server: &Server) {
    let directory = server.dir().join("appendonlydir");
    let files = fs::read_dir(&directory).expect("there is a log");
    let mut files = files.map(|file| file.expect("it can be listed").path());
    let increment = files.find(|path| path.to_string_lossy().ends_with(".incr.aof"));
    let increment = increment.expect("there is an increment");
    let mut file = File::options()
        .append(true)
        .open(increment)
        .expect("it is ours");
    file.write_all(b"x").expect("there is room");
}

#[test]
fn a_log_that_fails_makes_the_durability_unknown_at_once() {
    for policy in ["always", "everysec", "no"] {
        let setup = Setup::new(Kind::Towline).line("appendonly yes");
        let server = setup.line(format!("appendfsync {policy}")).start();
        let mut client = asking(&server, &format!("local=fsync {LONG}"));
        client.ok("SET a 1");
        spoil_the_log(&server);
        assert_unknown(&client.cmd("SET a 2"));
        assert_eq!(client.ok("GET a").text(), "2", "the write happened");
        let refused = client.cmd("SET a 3").to_string();
        assert!(refused.contains("MISCONF"), "{policy}: {refused}");
        server.ok("BGREWRITEAOF");
        wait::until("writes are taken again", || {
            !client.cmd("SET a 4").is_error()
        });
    }
}

#[test]
fn the_server_has_a_setting_that_is_kept() {
    let canonical = "local=fsync replicas=1 at=applied timeout=70";
    let setup = Setup::new(Kind::Towline).line("appendonly yes");
    let mut server = setup
        .line("durability replicas=1 local=fsync timeout=70")
        .start();
    let setting = |server: &Server| server.ok("CONFIG GET durability").items()[1].text();
    assert_eq!(setting(&server), canonical);
    assert_eq!(server.ok("CLIENT DURABILITY").text(), canonical);
    assert_unknown(&server.client().cmd("SET a 1"));
    let refused = server
        .client()
        .call(&["CONFIG", "SET", "durability", "replicas=many"]);
    assert!(refused.is_error(), "{refused}");
    assert_eq!(setting(&server), canonical);
    let set = server
        .client()
        .call(&["CONFIG", "SET", "durability", "local=fsync timeout=1000"]);
    assert_eq!(set.text(), "OK");
    server.ok("SET a 2");
    server.ok("CONFIG REWRITE");
    server.signal(Signal::TERM);
    server.wait_exit();
    server.start_again_with_own_file();
    let kept = "local=fsync replicas=0 at=applied timeout=1000";
    assert_eq!(setting(&server), kept);
    let mut client = server.client();
    client.ok("CLIENT DURABILITY replicas=1 timeout=60");
    assert_unknown(&client.cmd("SET a 3"));
    client.ok("RESET");
    assert_eq!(client.ok("CLIENT DURABILITY").text(), kept);
    client.ok("SET a 4");
}

#[test]
fn migrate_waits_for_the_replica_as_well() {
    let (primary, replica) = pair(Kind::Towline);
    let target = Server::new(Kind::Redis);
    let mut client = primary.client();
    client.ok("SET moved 1");
    client.ok(&format!("CLIENT DURABILITY replicas=1 {LONG}"));
    wait_in_sync(&[&primary, &replica]);
    replica.signal(Signal::STOP);
    send(
        &mut client,
        &format!("MIGRATE 127.0.0.1 {} moved 0 5000", target.port()),
    );
    held(&primary, 1);
    assert_eq!(primary.ok("EXISTS moved").int(), 0);
    replica.signal(Signal::CONT);
    assert_eq!(read(&mut client).text(), "OK");
    assert_eq!(replica.ok("EXISTS moved").int(), 0, "it has applied it");
}

#[test]
fn one_who_leaves_gets_what_waits() {
    let (primary, replica) = pair(Kind::Towline);
    let mut client = asking(&primary, &format!("replicas=1 {LONG}"));
    replica.signal(Signal::STOP);
    send(&mut client, "SET a 1");
    send(&mut client, "QUIT");
    held(&primary, 1);
    replica.signal(Signal::CONT);
    assert_eq!(read(&mut client).text(), "OK");
    assert_eq!(read(&mut client).text(), "OK");
    client.read().expect_err("it is closed");
}
