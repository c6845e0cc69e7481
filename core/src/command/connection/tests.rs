//! Connections through the engine.

use crate::engine::Flow;
use crate::testing::TestEngine;

#[test]
fn ping_echo_and_select() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("ping"), "+PONG");
    assert_eq!(t.run("ping hey"), "$3 hey");
    assert_eq!(t.run("echo hey"), "$3 hey");
    assert_eq!(t.run("select 3"), "+OK");
    t.run("set k v");
    assert_eq!(t.run("select 16"), "-ERR DB index is out of range");
    assert_eq!(t.run("select x"), "-ERR invalid DB index");
    assert_eq!(t.run("select 0"), "+OK");
    assert_eq!(t.run("get k"), "$-1");
}

#[test]
fn a_password_keeps_strangers_out() {
    let mut t = TestEngine::new();
    let loaded = t.engine.server.config.load(b"requirepass", &[b"Sid@123"]);
    loaded.expect("a directive and its value");
    // Who was let in before the password was set stays in.
    assert_eq!(t.run("get k"), "$-1");
    t.id = t.connect();
    assert_eq!(t.run("get k"), "-NOAUTH Authentication required.");
    assert_eq!(
        t.run("auth wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled."
    );
    assert_eq!(t.run("auth default Sid@123"), "+OK");
    assert_eq!(t.run("get k"), "$-1");
    let other = t.connect();
    assert!(t.run_as(other, "hello 3").starts_with("-NOAUTH HELLO must"));
    let reply = t.run_as(other, "hello 3 auth default Sid@123 setname me");
    assert!(reply.starts_with("%7 $6 server"), "{reply}");
    assert_eq!(t.run_as(other, "client getname"), "$2 me");
}

#[test]
fn clients_are_listed_and_killed() {
    let mut t = TestEngine::new();
    let other = t.connect();
    t.run_as(other, "client setname victim");
    let list = t.run("client list");
    assert!(list.contains("name=victim"), "{list}");
    assert_eq!(t.run("client kill type normal"), ":1");
    assert_eq!(t.engine.take_wakeups(), [other]);
    assert_eq!(t.engine.take_output(other, &mut Vec::new()), Flow::Close);
    assert_eq!(t.run("client kill 1.2.3.4:5"), "-ERR No such client");
    assert_eq!(
        t.run("client kill id 0"),
        "-ERR client-id should be greater than 0"
    );
    assert_eq!(t.run("client kill nonsense 1 2"), "-ERR syntax error");
}

#[test]
fn replies_can_be_turned_off() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("client reply skip"), "");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.run("ping"), "+PONG");
    assert_eq!(t.run("client reply off"), "");
    assert_eq!(t.run("ping"), "");
    assert_eq!(t.run("client reply on"), "+OK");
}

#[test]
fn reset_makes_the_connection_new() {
    let mut t = TestEngine::new();
    t.run("hello 3");
    t.run("select 2");
    t.run("multi");
    assert_eq!(t.run("reset"), "+RESET");
    assert_eq!(t.run("get k"), "$-1");
    assert!(t.run("client list").contains(" db=0 "));
}
