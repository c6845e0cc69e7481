//! `rdb-version`: which version SAVE and DUMP write.

use std::fs;

use towline_tests::resp::{Client, Value};
use towline_tests::server::{Kind, Server};

fn magic(server: &Server) -> String {
    let bytes = fs::read(server.dir().join("dump.rdb")).expect("it was saved");
    String::from_utf8_lossy(&bytes[..9]).into_owned()
}

/// The version behind a payload, or the error.
fn dumped(client: &mut Client, key: &str) -> Result<u16, String> {
    match client.call(&["DUMP", key]) {
        Value::Bulk(payload) => {
            let at = payload.len() - 10;
            Ok(u16::from_le_bytes([payload[at], payload[at + 1]]))
        }
        other => Err(other.to_string()),
    }
}

#[test]
fn save_and_dump_write_the_version_that_is_asked_for() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    client.ok("SADD k a b c");
    for (version, head) in [
        ("11", "REDIS0011"),
        ("12", "REDIS0012"),
        ("13", "REDIS0013"),
        ("80", "VALKEY080"),
        ("10", "REDIS0010"),
        ("auto", "REDIS0010"),
    ] {
        client.ok(&format!("CONFIG SET rdb-version {version}"));
        client.ok("SAVE");
        assert_eq!(magic(&server), head);
        assert_eq!(dumped(&mut client, "k"), Ok(version.parse().unwrap_or(10)));
    }
    assert!(client.cmd("CONFIG SET rdb-version 9").is_error());
}

#[test]
fn what_a_version_cannot_hold_is_an_error_with_the_key() {
    let server = Server::new(Kind::Towline);
    let mut client = server.client();
    client.ok("HSETEX hash EX 1000 FIELDS 1 f v");
    client.ok("SAVE");
    assert_eq!(magic(&server), "VALKEY080");
    assert_eq!(dumped(&mut client, "hash"), Ok(80));
    client.ok("CONFIG SET rdb-version 11");
    let why = "key 'hash': RDB 11 cannot hold fields that expire";
    let refused = dumped(&mut client, "hash").expect_err("it has no place there");
    assert!(refused.contains(why), "{refused}");
    let refused = client.cmd("SAVE").to_string();
    assert!(refused.contains(why), "{refused}");
    client.ok("CONFIG SET rdb-version 12");
    client.ok("SAVE");
    assert_eq!(magic(&server), "REDIS0012");
    assert_eq!(dumped(&mut client, "hash"), Ok(12));
}
