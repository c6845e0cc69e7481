//! The types that only old servers wrote, in files put together by hand: what
//! they hold, and that damage in them is refused.

mod support;

use serde_json::json;
use support::{describe, options};
use towline_core::packed::listpack::{Entry, Listpack};
use towline_core::seams::snapshot::{DecodeError, DecodeFault};
use towline_core::value::Value;
use towline_core::value::stream::{Stream, StreamId};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;

/// A file of version 6 with one key, `k`, whose type and body are given.
fn file(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"REDIS0006\xfe\x00".to_vec();
    bytes.extend_from_slice(&[kind, 1, b'k']);
    bytes.extend_from_slice(body);
    bytes.push(0xff);
    bytes.extend_from_slice(&[0; 8]);
    bytes
}

fn read(kind: u8, body: &[u8]) -> Result<Contents, DecodeError> {
    Contents::read(&RdbCodec::default(), options(), &file(kind, body))
}

/// The description of the one key's value.
fn value(kind: u8, body: &[u8]) -> serde_json::Value {
    let contents = read(kind, body).unwrap_or_else(|error| panic!("type {kind}: {error}"));
    describe(&contents)["0"][0]["value"].clone()
}

fn fault(kind: u8, body: &[u8]) -> DecodeFault {
    let error = read(kind, body).expect_err("it has no value");
    assert_eq!(error.key.as_deref(), Some(&b"k"[..]));
    error.fault
}

/// A string of RDB, not compressed.
fn string(text: &[u8]) -> Vec<u8> {
    assert!(text.len() < 1 << 14);
    let mut out = (text.len() as u16 | 0x4000).to_be_bytes().to_vec();
    out.extend_from_slice(text);
    out
}

/// A ziplist of short texts.
fn ziplist(texts: &[&str]) -> Vec<u8> {
    let (mut entries, mut tail, mut previous) = (Vec::new(), 10, 0);
    for text in texts {
        tail = 10 + entries.len();
        entries.extend_from_slice(&[previous, text.len() as u8]);
        entries.extend_from_slice(text.as_bytes());
        previous = text.len() as u8 + 2;
    }
    let mut out = (entries.len() as u32 + 11).to_le_bytes().to_vec();
    out.extend_from_slice(&(tail as u32).to_le_bytes());
    out.extend_from_slice(&(texts.len() as u16).to_le_bytes());
    out.extend_from_slice(&entries);
    out.push(0xff);
    out
}

#[test]
fn strings_in_a_row_make_every_collection() {
    assert_eq!(value(1, b"\x02\x01a\xc0\x07"), json!(["61", "37"]));
    assert_eq!(value(2, b"\x02\x01b\x01a"), json!(["61", "62"]));
    assert_eq!(value(4, b"\x01\x01f\x01v"), json!([["66", "76"]]));
    assert_eq!(
        value(3, b"\x03\x01a\x031.5\x01b\xfe\x01c\xff"),
        json!([["63", "-inf"], ["61", "1.5"], ["62", "inf"]])
    );
}

#[test]
fn ziplists_and_zipmaps_make_every_collection() {
    let list = json!(["61", "3432"]);
    assert_eq!(value(10, &string(&ziplist(&["a", "42"]))), list);
    let nodes = [
        &[2][..],
        &string(&ziplist(&["a"])),
        &string(&ziplist(&["42"])),
    ]
    .concat();
    assert_eq!(value(14, &nodes), list);
    assert_eq!(
        value(12, &string(&ziplist(&["m", "1", "n", "2.5"]))),
        json!([["6d", "1.0"], ["6e", "2.5"]])
    );
    assert_eq!(
        value(13, &string(&ziplist(&["f", "v"]))),
        json!([["66", "76"]])
    );
    let zipmap = b"\x01\x01f\x01\x00v\xff";
    assert_eq!(value(9, &string(zipmap)), json!([["66", "76"]]));
    let ints = b"\x02\0\0\0\x02\0\0\0\xff\xff\x05\0";
    assert_eq!(value(11, &string(ints)), json!(["2d31", "35"]));
}

#[test]
fn contradictions_are_refused_with_the_key() {
    for (kind, body) in [
        (2, b"\x02\x01a\x01a".to_vec()),
        (4, b"\x02\x01f\x01v\x01f\x01w".to_vec()),
        (3, b"\x01\x01a\xfd".to_vec()),
        (3, b"\x01\x01a\x02xx".to_vec()),
        (
            5,
            b"\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0".to_vec(),
        ),
        (12, string(&ziplist(&["m", "one"]))),
        (12, string(&ziplist(&["m"]))),
        (12, string(&ziplist(&["m", "2", "n", "1"]))),
        (13, string(&ziplist(&["f", "v", "f", "w"]))),
        (13, string(&ziplist(&["f"]))),
        (11, string(b"\x02\0\0\0\x02\0\0\0\x05\0\x05\0")),
        (11, string(b"\x03\0\0\0\x01\0\0\0\x05\0\0")),
        (17, string(Listpack::from_iter([Entry::Int(1)]).as_bytes())),
        (18, b"\x01\x03\x01a".to_vec()),
    ] {
        let fault = fault(kind, &body);
        assert!(
            matches!(fault, DecodeFault::Corrupt(_)),
            "type {kind}: {fault:?}"
        );
    }
}

#[test]
fn empty_collections_are_left_out() {
    let empty = string(Listpack::new().as_bytes());
    for (kind, body) in [
        (1, vec![0]),
        (2, vec![0]),
        (4, vec![0]),
        (5, vec![0]),
        (10, string(&ziplist(&[]))),
        (11, string(b"\x02\0\0\0\0\0\0\0")),
        (13, string(&ziplist(&[]))),
        (17, empty.clone()),
        (18, [&[1, 2][..], &empty].concat()),
        (20, empty.clone()),
    ] {
        let contents = read(kind, &body).unwrap_or_else(|error| panic!("type {kind}: {error}"));
        assert_eq!(contents.empty_keys, [b"k"], "type {kind}");
        assert!(contents.databases.is_empty(), "type {kind}");
    }
}

#[test]
fn values_that_nothing_here_understands_are_refused() {
    let id = b"\x81\x85\xe9\x65\xa2\xdc\xbc\x9e\x01";
    assert!(matches!(fault(7, id), DecodeFault::Foreign(_)));
    for kind in [6, 8, 22, 23, 27, 99, 242] {
        let error = read(kind, &[0; 16]).expect_err("there is no such type");
        assert_eq!(error.fault, DecodeFault::UnknownRecord(kind));
        assert_eq!(error.offset, 12, "behind the type byte");
    }
}

#[test]
fn seconds_of_old_files_become_milliseconds() {
    let bytes = b"REDIS0002\xfe\x00\xfd\x10\x0e\x00\x00\x00\x01k\x01v\xff";
    let contents = Contents::read(&RdbCodec::default(), options(), bytes);
    let contents = contents.expect("version 2 has no checksum");
    assert_eq!(contents.databases[&0][&b"k"[..]].expire_ms, Some(3_600_000));
}

/// A stream of two entries as Redis 5 wrote it, with a group that has read one.
fn stream_of_redis_5() -> Vec<u8> {
    let words = "2 0 1 f 0 2 0 0 v 4 2 1 0 w 4";
    let pack: Listpack = words
        .split(' ')
        .map(|w| Entry::from(w.as_bytes()))
        .collect();
    let id = StreamId::new(5, 0).to_bytes();
    [
        &[1, 16][..],
        &id,
        &string(pack.as_bytes()),
        &[2, 6, 0, 1],
        b"\x01g\x05\x00",
        &[1],
        &id,
        &1000_i64.to_le_bytes(),
        &[3],
        b"\x01\x01c",
        &2000_i64.to_le_bytes(),
        &[1],
        &id,
    ]
    .concat()
}

fn stream(body: &[u8]) -> Stream {
    let mut contents = read(15, body).expect("the stream is valid");
    let database = contents.databases.get_mut(&0).expect("it has a key");
    match database.remove(&b"k"[..]).map(|entry| entry.value) {
        Some(Value::Stream(stream)) => *stream,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_of_redis_5_gets_the_counters_it_lacks() {
    let stream = stream(&stream_of_redis_5());
    let ids: Vec<_> = stream.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(ids, ["5-0", "6-0"]);
    assert_eq!(stream.first_id, StreamId::new(5, 0));
    assert_eq!(stream.entries_added, 2);
    let group = &stream.groups()[&b"g"[..]];
    assert_eq!(group.entries_read, Some(1));
    let consumer = &group.consumers()[&b"c"[..]];
    assert_eq!((consumer.seen_ms, consumer.active_ms), (2000, 2000));
    assert_eq!(
        group.pending().first().expect("one is pending").deliveries,
        3
    );
}

#[test]
fn every_prefix_of_a_stream_waits_for_the_rest() {
    let bytes = file(15, &stream_of_redis_5());
    for cut in 0..bytes.len() - 8 {
        let error = Contents::read(&RdbCodec::default(), options(), &bytes[..cut])
            .expect_err("it is cut short");
        assert_eq!(error.fault, DecodeFault::Truncated, "cut at {cut}");
    }
}
