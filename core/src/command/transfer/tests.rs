//! DUMP and RESTORE through an engine whose payloads are as simple as can be. The
//! real ones are tested beside their codec and against real servers.

use std::sync::Arc;

use crate::seams::ValueCodec;
use crate::seams::snapshot::{DecodeOptions, EncodeError, EntryView};
use crate::seams::value_codec::{PayloadError, PayloadOptions};
use crate::testing::TestEngine;
use crate::value::{Value, ValueRef};

/// Strings are their own payload, behind an equals sign.
struct Plain;

impl ValueCodec for Plain {
    fn encode(
        &self,
        entry: &EntryView<'_>,
        _options: PayloadOptions,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let ValueRef::Str(bytes) = entry.value else {
            return Err(EncodeError {
                key: entry.key.to_vec(),
                what: "anything but strings",
                format: "plain",
            });
        };
        out.push(b'=');
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn decode(&self, payload: &[u8], _options: DecodeOptions) -> Result<Value, PayloadError> {
        match payload {
            [b'=', bytes @ ..] => Ok(Value::Str(bytes.to_vec())),
            [] => Err(PayloadError::Empty),
            _ => Err(PayloadError::Envelope),
        }
    }
}

fn engine() -> TestEngine {
    let mut t = TestEngine::new();
    t.engine.server.value_codec = Some(Arc::new(Plain));
    t
}

#[test]
fn a_value_survives_its_payload() {
    let mut t = engine();
    t.run("set k ahoy");
    assert_eq!(t.run("dump k"), "$5 =ahoy");
    assert_eq!(t.run("dump nope"), "$-1");
    t.run("rpush l a");
    assert_eq!(
        t.run("dump l"),
        "-ERR key 'l': plain cannot hold anything but strings"
    );
    t.stream();
    assert_eq!(t.run("restore j 0 =ahoy"), "+OK");
    assert_eq!(t.run("get j"), "$4 ahoy");
    assert_eq!(t.run("ttl j"), ":-1");
    assert_eq!(t.stream(), "restore j 0 =ahoy");
}

#[test]
fn expiries_enter_the_stream_as_moments() {
    let mut t = engine();
    assert_eq!(t.run("restore k 5000 =a idletime 30"), "+OK");
    assert_eq!(t.run("pttl k"), ":5000");
    assert_eq!(t.run("restore k 1001000 =b replace absttl"), "+OK");
    assert_eq!(t.run("pttl k"), ":1000");
    assert_eq!(
        t.stream(),
        "restore k 1005000 =a idletime 30 ABSTTL | restore k 1001000 =b replace absttl"
    );
}

#[test]
fn what_has_expired_already_only_removes_the_old() {
    let mut t = engine();
    t.run("set k v");
    t.stream();
    assert_eq!(t.run("restore k 1 =a absttl replace"), "+OK");
    assert_eq!(t.run("restore j 1 =a absttl"), "+OK");
    assert_eq!(t.run("exists k j"), ":0");
    assert_eq!(t.stream(), "DEL k");
}

#[test]
fn the_access_time_can_be_given() {
    let mut t = engine();
    assert_eq!(t.run("restore k 0 =a idletime 500"), "+OK");
    assert_eq!(t.run("object idletime k"), ":500");
    assert_eq!(t.run("restore j 0 =a freq 7"), "+OK");
    assert_eq!(t.run("object idletime j"), ":0");
}

#[test]
fn the_frequency_is_kept_under_a_policy_that_counts() {
    let mut t = engine();
    let not_counted = t.run("object freq nope");
    assert_eq!(not_counted, "$-1");
    assert_eq!(t.run("config set maxmemory-policy allkeys-lfu"), "+OK");
    t.run("config set lfu-decay-time 0");
    assert_eq!(t.run("restore k 0 =a freq 100"), "+OK");
    assert_eq!(t.run("object freq k"), ":100");
    assert_eq!(t.run("restore j 0 =a idletime 500"), "+OK");
    assert_eq!(t.run("object freq j"), ":5");
    t.run("rename k l");
    assert_eq!(t.run("object freq l"), ":100");
    t.run("config set lfu-log-factor 0");
    for line in [
        "get l",
        "append l x",
        "set l y",
        "set l 1",
        "incr l",
        "setrange l 0 z",
    ] {
        t.run(line);
    }
    let text = t.run("object freq l");
    let counter: i64 = text[1..].parse().expect("a number");
    assert!((106..=112).contains(&counter), "{text}");
    t.run("client no-touch on");
    t.run("get l");
    assert_eq!(t.run("object freq l"), text);
    let idle = t.run("object idletime l");
    assert!(
        idle.starts_with("-ERR An LFU maxmemory policy is selected"),
        "{idle}"
    );
    t.run("config set maxmemory-policy noeviction");
    let idle = t.run("object idletime l");
    assert!(idle.starts_with(':'), "{idle}");
    let frequency = t.run("object freq l");
    assert!(
        frequency.starts_with("-ERR An LFU maxmemory policy is not"),
        "{frequency}"
    );
}

#[test]
fn refusals_come_in_redis_order() {
    let mut t = engine();
    t.run("set k v");
    for (line, error) in [
        ("restore k x junk foo", "ERR syntax error"),
        ("restore k 0 =a idletime 1 freq 1", "ERR syntax error"),
        ("restore k 0 =a idletime", "ERR syntax error"),
        (
            "restore k 0 =a idletime -1",
            "ERR Invalid IDLETIME value, must be >= 0",
        ),
        (
            "restore k 0 =a freq 256",
            "ERR Invalid FREQ value, must be >= 0 and <= 255",
        ),
        (
            "restore k x junk",
            "BUSYKEY Target key name already exists.",
        ),
        (
            "restore k x junk replace",
            "ERR value is not an integer or out of range",
        ),
        (
            "restore k -1 junk replace",
            "ERR Invalid TTL value, must be >= 0",
        ),
        (
            "restore k 0 junk replace",
            "ERR DUMP payload version or checksum are wrong",
        ),
        ("restore k 0 '' replace", "ERR Bad data format"),
    ] {
        assert_eq!(t.run(line), format!("-{error}"), "{line}");
    }
    assert_eq!(t.run("get k"), "$1 v");
    let mut bare = TestEngine::new();
    bare.run("set k v");
    let none = "-ERR this embedded engine has no format for values";
    assert_eq!(bare.run("dump k"), none);
    assert_eq!(bare.run("restore j 0 =a"), none);
}
