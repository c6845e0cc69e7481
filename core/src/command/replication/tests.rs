//! The handshake's commands, and changes of role.

use crate::engine::client::ReplicaOptions;
use crate::offset::Offset;
use crate::testing::TestEngine;

#[test]
fn replconf_is_remembered() {
    let mut t = TestEngine::new();
    let line = "replconf listening-port 6380 ip-address 10.0.0.1 capa eof capa psync2 capa towline-delta version 9.1.2";
    assert_eq!(t.run(line), "+OK");
    let client = t.engine.server.clients.get(t.id).expect("it is connected");
    let expected = ReplicaOptions {
        listening_port: 6380,
        announced_ip: Some("10.0.0.1".to_owned()),
        capa_eof: true,
        capa_psync2: true,
        capa_delta: true,
        version: Some(0x0009_0102),
        ..ReplicaOptions::default()
    };
    assert_eq!(client.replica, expected);
    assert_eq!(
        t.run("replconf nonsense 1"),
        "-ERR Unrecognized REPLCONF option: nonsense"
    );
    assert_eq!(t.run("replconf ack 5"), "");
    assert_eq!(t.run("replconf capa"), "-ERR syntax error");
}

#[test]
fn psync_hands_the_connection_over() {
    let mut t = TestEngine::new();
    let replid = t.engine.server.replication.history.replid;
    assert_eq!(t.run(&format!("psync {replid} 101")), "");
    let client = t.engine.server.clients.get(t.id).expect("it is connected");
    let request = client.sync_request.as_ref().expect("it asked");
    assert_eq!(request.continuing, Some((replid, Offset(100))));
    let other = t.connect();
    t.run_as(other, "psync ? -1");
    let client = t.engine.server.clients.get(other).expect("it is connected");
    assert_eq!(
        client.sync_request.as_ref().map(|r| r.continuing),
        Some(None)
    );
}

#[test]
fn wrong_primaries_are_refused() {
    let mut t = TestEngine::new();
    assert_eq!(t.run("replicaof localhost x"), "-ERR Invalid master port");
    assert_eq!(
        t.run("replicaof localhost 70000"),
        "-ERR Invalid master port"
    );
    assert_eq!(t.run("replicaof no one"), "+OK");
}
