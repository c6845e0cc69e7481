//! The harness itself, against the peers: if these fail, no other result counts.

use towline_tests::proxy::Proxy;
use towline_tests::resp::Value;
use towline_tests::server::{Kind, Server, Setup};
use towline_tests::sync::{link_status, wait_in_sync, wait_same_data};
use towline_tests::wait;

#[test]
fn the_peers_are_the_versions_that_the_tables_describe() {
    let redis = Server::new(Kind::Redis).info("server");
    assert_eq!(redis.get("redis_version"), "7.0.15");
    let valkey = Server::new(Kind::Valkey).info("server");
    assert!(valkey.get("valkey_version").starts_with("9.1."));
}

#[test]
fn the_client_reads_every_kind_of_reply() {
    let server = Server::new(Kind::Redis);
    let mut client = server.client();
    client.ok("HELLO 3");
    client.ok("ZADD z 1.5 a");
    assert_eq!(client.cmd("ZSCORE z a"), Value::Double("1.5".into()));
    assert_eq!(client.cmd("GET missing"), Value::Null);
    assert!(matches!(
        client.cmd("DEBUG PROTOCOL true"),
        Value::Bool(true)
    ));
    assert!(matches!(client.cmd("DEBUG PROTOCOL set"), Value::Set(items) if items.len() == 3));
    assert!(matches!(client.cmd("DEBUG PROTOCOL map"), Value::Map(pairs) if pairs.len() == 3));
    assert!(matches!(
        client.cmd("DEBUG PROTOCOL bignum"),
        Value::BigNumber(_)
    ));
    assert!(matches!(
        client.cmd("DEBUG PROTOCOL verbatim"),
        Value::Verbatim(..)
    ));
    assert!(client.cmd("NOSUCHCOMMAND").is_error());
}

#[test]
fn a_restarted_server_keeps_what_it_saved_and_a_killed_one_does_not() {
    let mut server = Server::new(Kind::Redis);
    server.ok("SET saved yes");
    server.ok("SAVE");
    server.ok("SET unsaved yes");
    server.crash_and_restart();
    assert_eq!(server.ok("GET saved").text(), "yes");
    assert_eq!(server.ok("GET unsaved"), Value::Null);
    server.restart_with(|setup| setup.line("databases 3"));
    assert!(server.client().cmd("SELECT 3").is_error());
}

#[test]
fn a_cut_link_comes_back_through_the_proxy() {
    let primary = Server::new(Kind::Valkey);
    let proxy = Proxy::new(primary.address());
    let line = format!("replicaof 127.0.0.1 {}", proxy.port());
    let replica = Setup::new(Kind::Valkey).line(line).start();
    primary.ok("SET k v");
    wait_in_sync(&[&primary, &replica]);
    let before = proxy.accepted();
    assert_eq!(proxy.cut(), 1);
    wait::until("the replica has connected again", || {
        proxy.accepted() > before
    });
    primary.ok("SET k2 v2");
    wait_same_data(&[&primary, &replica]);
    assert_eq!(link_status(&replica), "up");
}

#[test]
fn a_password_is_used_by_the_clients_of_the_harness() {
    let server = Setup::new(Kind::Valkey).password("Sid@123").start();
    assert_eq!(server.ok("PING").text(), "PONG");
    assert_eq!(
        server.cli(&["-a", "Sid@123", "--no-auth-warning", "PING"]),
        "PONG"
    );
}
