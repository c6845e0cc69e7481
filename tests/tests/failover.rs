//! FAILOVER between Towline and its peers, in both roles: the replica takes over while
//! clients write, and nothing that was acknowledged is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, wait_in_sync, wait_same_data};
use towline_tests::wait::{until, until_equal};
use towline_tests::workload::Workload;

fn role(server: &Server) -> String {
    server.info("replication").get("role").to_owned()
}

fn state(server: &Server) -> String {
    let info = server.info("replication");
    info.get("master_failover_state").to_owned()
}

fn field(server: &Server, section: &str, name: &str) -> String {
    server.info(section).get(name).to_owned()
}

/// A primary and two replicas of it that are in sync.
fn group(primary: Kind, target: Kind, other: Kind) -> [Server; 3] {
    let primary = Server::new(primary);
    Workload::new(7).run(&mut primary.client(), 1_000);
    let replicas = [target, other].map(|kind| Setup::new(kind).replica_of(&primary).start());
    let [target, other] = replicas;
    wait_in_sync(&[&primary, &target, &other]);
    [primary, target, other]
}

/// Counts up on whichever server is the primary, until `stop`; how often that was
/// acknowledged.
fn count_up(servers: [&Server; 2], stop: &AtomicBool) -> i64 {
    let mut clients: [Client; 2] = servers.map(Server::client);
    let (mut at, mut acknowledged) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        match clients[at].call(&["INCR", "acknowledged"]) {
            Value::Int(_) => acknowledged += 1,
            refused => {
                let text = refused.to_string();
                assert!(text.contains("READONLY"), "{text}");
                at = 1 - at;
            }
        }
    }
    acknowledged
}

fn hands_over(from: &Server, to: &Server, command: &str) {
    from.ok(command);
    until_equal("the target is the primary", &"master".to_owned(), || {
        role(to)
    });
    until_equal("the link is up", &"up".to_owned(), || link_status(from));
    until_equal("it is over", &"no-failover".to_owned(), || state(from));
    let id = |server| field(server, "replication", "master_replid");
    assert_eq!(id(from), id(to), "they are in one history");
}

/// There and back again, with a third server that follows the first all along.
fn survives(primary: Kind, target: Kind) {
    let [first, second, third] = group(primary, target, Kind::Towline);
    let stop = AtomicBool::new(false);
    let before = third.info("stats").number("sync_full");
    let acknowledged = thread::scope(|scope| {
        let writer = scope.spawn(|| count_up([&first, &second], &stop));
        let named = format!("FAILOVER TO 127.0.0.1 {}", second.port());
        hands_over(&first, &second, &named);
        assert_eq!(
            field(&second, "stats", "sync_full"),
            "0",
            "a partial resync"
        );
        until_equal("the third came back", &"up".to_owned(), || {
            link_status(&third)
        });
        hands_over(&second, &first, "FAILOVER TIMEOUT 60000");
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("the writer does not fail")
    });
    assert!(acknowledged > 0);
    assert_eq!(
        first.ok("GET acknowledged").text(),
        acknowledged.to_string()
    );
    wait_same_data(&[&first, &second, &third]);
    assert_eq!(third.info("stats").number("sync_full"), before);
}

#[test]
fn towline_hands_over_to_redis_and_gets_it_back() {
    survives(Kind::Towline, Kind::Redis);
}

#[test]
fn valkey_hands_over_to_towline_and_gets_it_back() {
    survives(Kind::Valkey, Kind::Towline);
}

#[test]
fn towline_hands_over_to_towline_and_gets_it_back() {
    survives(Kind::Towline, Kind::Towline);
}

/// Waits until `client`, which has sent a write, is kept waiting by the failover.
fn begin_write(server: &Server) -> Client {
    let mut client = server.client();
    client.send(&["SET", "late", "1"]).expect("sent");
    until("the writer waits", || {
        server.info("clients").number("blocked_clients") == 1
    });
    client
}

#[test]
fn a_target_that_does_not_catch_up_is_waited_for_aborted_or_forced() {
    let [first, second, _third] = group(Kind::Towline, Kind::Redis, Kind::Towline);
    let named = format!("FAILOVER TO 127.0.0.1 {}", second.port());
    second.signal(Signal::STOP);
    first.ok("SET behind 1");
    first.ok(&named);
    assert_eq!(state(&first), "waiting-for-sync");
    let mut writer = begin_write(&first);
    first.ok("FAILOVER ABORT");
    assert_eq!(writer.read().expect("a reply").text(), "OK");
    first.ok(&format!("{named} TIMEOUT 50"));
    until_equal("the time is over", &"no-failover".to_owned(), || {
        state(&first)
    });
    assert_eq!(role(&first), "master");
    first.ok(&format!("{named} TIMEOUT 50 FORCE"));
    until_equal("it is forced", &"failover-in-progress".to_owned(), || {
        state(&first)
    });
    let refused = first.client().cmd("SET late 2").to_string();
    assert!(refused.contains("READONLY"), "{refused}");
    second.signal(Signal::CONT);
    until_equal("the target is the primary", &"master".to_owned(), || {
        role(&second)
    });
    wait_same_data(&[&second, &first]);
}

/// The configuration file that is written after a failover names the new roles.
#[test]
fn the_new_roles_are_rewritten_into_the_files() {
    let [first, mut second, _third] = group(Kind::Towline, Kind::Towline, Kind::Redis);
    hands_over(
        &first,
        &second,
        &format!("FAILOVER TO 127.0.0.1 {}", second.port()),
    );
    let named = format!("replicaof 127.0.0.1 {}", second.port());
    for (server, lines) in [(&first, 1), (&second, 0)] {
        server.ok("CONFIG REWRITE");
        let file = std::fs::read_to_string(server.config_file()).expect("it is there");
        let found = file.lines().filter(|line| line.contains("of 127.0.0.1"));
        let found: Vec<&str> = found.collect();
        assert_eq!(found.len(), lines, "{file}");
        assert!(found.iter().all(|line| **line == named), "{file}");
    }
    second.kill();
    second.start_again_with_own_file();
    assert_eq!(role(&second), "master");
    // It has lost everything. Named again, it is followed all the same.
    until_equal("it is refused", &Some("1".to_owned()), || {
        let info = first.info("replication");
        let refused = info.find("master_empty_dataset_refused");
        refused.map(str::to_owned)
    });
    first.ok(&format!("REPLICAOF 127.0.0.1 {}", second.port()));
    until_equal("the link is up", &"up".to_owned(), || link_status(&first));
}

#[test]
fn a_server_does_not_follow_itself() {
    let mut server = Server::new(Kind::Towline);
    let port = server.port();
    for host in ["127.0.0.1", "LocalHost"] {
        let told = server.client().cmd(&format!("REPLICAOF {host} {port}"));
        let text = told.to_string();
        assert!(text.contains("cannot follow itself"), "{text}");
    }
    assert_eq!(role(&server), "master");
    server.kill();
    let file = server.config_file();
    let mut lines = std::fs::read_to_string(&file).expect("it is there");
    lines.push_str(&format!("replicaof 127.0.0.1 {port}\n"));
    std::fs::write(&file, lines).expect("it can be written");
    let ended = std::process::Command::new(Kind::Towline.program())
        .arg(&file)
        .output()
        .expect("it starts");
    assert!(!ended.status.success());
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(told.contains("cannot follow itself"), "{told}");
}
