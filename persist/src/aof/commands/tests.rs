use std::sync::Arc;

use towline_core::seams::snapshot::Access;
use towline_core::value::stream::{Idempotence, Stream};
use towline_core::value::{EncodingLimits, List, Value, list::Side};

use super::*;

const BUDGET_BYTES: usize = 1000;
const PIECES_MIN: usize = 100;

fn encoder() -> CommandEncoder {
    let meta = SnapshotMeta {
        created_ms: 1_700_000_000_999,
        ..SnapshotMeta::default()
    };
    CommandEncoder::new(&meta, true)
}

fn entry(key: &str, value: Value) -> SnapshotEntry {
    SnapshotEntry {
        key: key.as_bytes().to_vec(),
        value,
        expire_ms: Some(1_800_000_000_000),
        access: Access::Unknown,
    }
}

#[test]
fn a_large_entry_comes_in_pieces_of_the_budget() {
    let texts: Vec<String> = (0..5000).map(|at| format!("element {at:040}")).collect();
    let elements: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    let mut list = List::new();
    list.push(Side::Right, &elements, &EncodingLimits::default());
    let entry = entry("l", Value::List(Box::new(list)));
    let mut whole = Vec::new();
    let encoded = encoder().entry(&entry.view(), &mut whole);
    encoded.expect("commands say it");

    let (mut pieces, mut out) = (Vec::new(), Vec::new());
    let (mut encoder, mut part) = (encoder(), encoder().part());
    part.begin_large(entry).expect("commands say it");
    while part.resume(BUDGET_BYTES) {
        encoder.append(part.finish(), &mut out);
        assert!(out.len() < 2 * BUDGET_BYTES, "{}", out.len());
        pieces.push(std::mem::take(&mut out));
    }
    encoder.append(part.finish(), &mut out);
    pieces.push(out);
    assert!(pieces.len() > PIECES_MIN, "{}", pieces.len());
    assert_eq!(pieces.concat(), whole);
    let tail = b"$9\r\nPEXPIREAT\r\n$1\r\nl\r\n$13\r\n1800000000000\r\n";
    assert!(whole.starts_with(b"*66\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n"));
    assert!(whole.ends_with(tail));
}

#[test]
fn a_file_says_when_and_what() {
    let (mut encoder, mut out) = (encoder(), Vec::new());
    encoder.begin(&mut out);
    encoder.function(b"#!lua name=l", &mut out);
    encoder.select_db(11, 1, 1, &mut out);
    let mut entry = entry("k", Value::Int(-5));
    entry.expire_ms = None;
    let encoded = encoder.entry(&entry.view(), &mut out);
    encoded.expect("commands say it");
    encoder.finish(&mut out);
    let expected = "#TS:1700000000\r\n\
        *3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$12\r\n#!lua name=l\r\n\
        *2\r\n$6\r\nSELECT\r\n$2\r\n11\r\n\
        *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n-5\r\n";
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn what_no_command_says_is_refused_by_name() {
    let mut stream = Stream::new();
    stream.idempotence = Some(Arc::new(Idempotence::default()));
    let entry = entry("s", Value::Stream(Box::new(stream)));
    let mut out = Vec::new();
    let refused = encoder().entry(&entry.view(), &mut out);
    assert_eq!(refused.expect_err("it has no command").key, b"s");
    assert!(encoder().part().begin_large(entry).is_err());
    assert!(out.is_empty());
}
