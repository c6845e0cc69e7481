//! What modules of other servers keep in a file: named and refused, or left out where
//! that is asked for, with the rest of the file whole.

mod support;

use support::{fixture, options};
use towline_core::seams::snapshot::{DecodeError, DecodeFault, DecodeOptions, Foreign};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;

fn skipping() -> DecodeOptions {
    DecodeOptions {
        skip_unknown: true,
        ..options()
    }
}

fn read(options: DecodeOptions, bytes: &[u8]) -> Result<Contents, DecodeError> {
    Contents::read(&RdbCodec::default(), options, bytes)
}

/// A file without a checksum: a head of nine bytes, and what stands in database 0.
fn file(head: &[u8], body: &[&[u8]]) -> Vec<u8> {
    [head, b"\xfe\x00", &body.concat(), b"\xff", &[0; 8]].concat()
}

fn keys(contents: &Contents) -> Vec<&[u8]> {
    let databases = contents.databases.values();
    databases
        .flat_map(|entries| entries.keys().map(Vec::as_slice))
        .collect()
}

fn foreign(error: &DecodeError) -> &Foreign {
    match &error.fault {
        DecodeFault::Foreign(what) => what,
        other => panic!("{other:?}"),
    }
}

const ID: &[u8] = b"\x81\x85\xe9\x65\xa2\xdc\xbc\x9e\x01";
const VALUE: &[u8] = b"\x01\x05\x00";
const PLAIN: &[u8] = b"\x00\x01p\x01v";

#[test]
fn data_of_modules_is_refused_by_its_name_and_place() {
    let bytes = fixture("modules", "rdb");
    let error = read(options(), &bytes).expect_err("it was not asked for");
    assert_eq!(*foreign(&error), Foreign::ModuleAux("auxiliary".to_owned()));
    let text = error.to_string();
    assert_eq!(text, "data of the module 'auxiliary' at offset 37");
}

#[test]
fn data_of_modules_is_left_out_where_that_is_asked_for() {
    let contents = read(skipping(), &fixture("modules", "rdb")).expect("the rest is whole");
    assert_eq!(keys(&contents), [&b"after"[..], b"before"]);
    let after = &contents.databases[&0][&b"after"[..]];
    assert_eq!(after.expire_ms, Some(4_000_000_000_000));
    let aux = || Foreign::ModuleAux("auxiliary".to_owned());
    let value = |name: &str| Foreign::ModuleValue(name.to_owned());
    let skipped: Vec<_> = contents.skipped.iter().map(foreign).cloned().collect();
    assert_eq!(
        skipped,
        [aux(), value("vectorset"), value("ReJSON-RL"), aux()]
    );
    let keys: Vec<_> = contents.skipped.iter().map(|s| s.key.as_deref()).collect();
    assert_eq!(keys, [None, Some(&b"vectors"[..]), Some(b"document"), None]);
    assert!(contents.skipped.is_sorted_by_key(|skipped| skipped.offset));
}

#[test]
fn the_checksum_is_compared_all_the_same() {
    let mut bytes = fixture("modules", "rdb");
    let at = 5000;
    assert_eq!(bytes[at], b'x', "within a string of a module");
    bytes[at] ^= 1;
    let error = read(skipping(), &bytes).expect_err("a bit is wrong");
    assert!(matches!(error.fault, DecodeFault::Checksum { .. }));
}

#[test]
fn a_file_of_modules_cut_anywhere_is_truncated() {
    let bytes = fixture("modules", "rdb");
    for cut in 0..bytes.len() {
        let error = read(skipping(), &bytes[..cut]).expect_err("it is cut short");
        assert_eq!(error.fault, DecodeFault::Truncated, "cut at {cut}");
        assert!(error.offset <= cut as u64);
    }
}

#[test]
fn metadata_of_a_key_is_left_out_and_its_value_is_not() {
    // "KMT1", version 2, flags 1.
    let class = b"\x11\xf5\xc4\x28";
    let metadata = [&b"\xf3\x01"[..], class, b"\x05\x04text\x00"].concat();
    let key = [&b"\xf9\x07"[..], &metadata, PLAIN].concat();
    let bytes = file(b"REDIS0013", &[&key]);
    let error = read(options(), &bytes).expect_err("it was not asked for");
    let text = error.to_string();
    assert!(
        text.starts_with("metadata of the module class 'KMT1'"),
        "{text}"
    );
    let contents = read(skipping(), &bytes).expect("the rest is whole");
    assert_eq!(keys(&contents), [b"p"]);
    assert_eq!(contents.skipped.len(), 1);
    let many = [&b"\xf3\x08"[..], PLAIN].concat();
    let error = read(skipping(), &file(b"REDIS0013", &[&many])).expect_err("at most seven");
    assert!(matches!(error.fault, DecodeFault::Corrupt(_)), "{error}");
}

#[test]
fn a_newer_version_is_tried_where_that_is_asked_for() {
    for head in [b"REDIS0014", b"VALKEY081"] {
        let bytes = file(head, &[b"\x07\x01m", ID, VALUE, PLAIN]);
        let error = read(options(), &bytes).expect_err("it is newer");
        assert!(matches!(error.fault, DecodeFault::UnsupportedVersion(_)));
        let contents = read(skipping(), &bytes).expect("all of it is known");
        assert_eq!(keys(&contents), [b"p"]);
        assert_eq!(contents.skipped.len(), 1);
    }
    // What does not tell its length is refused in any case.
    for (code, offset) in [(242, 12), (99, 12), (6, 12), (246, 12)] {
        let bytes = file(b"REDIS0014", &[&[code], b"\x01k", PLAIN]);
        let error = read(skipping(), &bytes).expect_err("nobody knows its length");
        assert_eq!(error.fault, DecodeFault::UnknownRecord(code));
        assert_eq!(error.offset, offset, "behind its code");
    }
    for head in [b"REDIS0000", b"VALKEY011"] {
        let error = read(skipping(), &file(head, &[PLAIN])).expect_err("there is no such one");
        assert!(matches!(error.fault, DecodeFault::UnsupportedVersion(_)));
    }
}

#[test]
fn a_kind_of_value_that_no_module_writes_is_damage() {
    let bytes = file(b"REDIS0011", &[b"\x07\x01m", ID, b"\x06\x00", PLAIN]);
    let error = read(skipping(), &bytes).expect_err("there are five kinds");
    assert!(matches!(error.fault, DecodeFault::Corrupt(_)), "{error}");
    assert_eq!(error.key.as_deref(), Some(&b"m"[..]));
}
