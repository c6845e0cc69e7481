//! Files that the real servers wrote load to what the servers say they hold,
//! and survive being written again in every version that can hold them.

mod support;

use support::{FIXTURES, assert_same, describe, expected, fixture, load, normalise, options};
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{DecodeFault, Progress};
use towline_persist::contents::Contents;
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;

const VERSIONS: [RdbVersion; 5] = [
    RdbVersion::V10,
    RdbVersion::V11,
    RdbVersion::V12,
    RdbVersion::V13,
    RdbVersion::Valkey80,
];

fn codec(version: RdbVersion) -> RdbCodec {
    RdbCodec::new(RdbOptions {
        version,
        ..RdbOptions::default()
    })
}

fn has_field_expiries(name: &str) -> bool {
    matches!(name, "redis-8.0" | "redis-8.6" | "valkey-9.1")
}

#[test]
fn every_fixture_holds_what_its_server_said() {
    for name in FIXTURES {
        let contents = load(name);
        assert_same(&describe(&contents), &normalise(expected(name)), name);
        assert_eq!(contents.functions.len(), 1, "{name}");
        assert!(contents.functions[0].starts_with(b"#!lua name=fixture"));
        assert!(contents.empty_keys.is_empty());
    }
}

#[test]
fn every_fixture_survives_every_version_that_can_hold_it() {
    for name in FIXTURES {
        let contents = load(name);
        for version in VERSIONS {
            let written = contents.write(&codec(version));
            if has_field_expiries(name) && !version.holds_field_expiries() {
                let error = written.expect_err("field expiries have no place there");
                assert!(error.key.starts_with(b"hash:field-ttl"), "{error}");
                continue;
            }
            let bytes = written.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(bytes.starts_with(version.magic()));
            let back = Contents::read(&RdbCodec::default(), options(), &bytes)
                .unwrap_or_else(|error| panic!("{name} as {}: {error}", version.name()));
            let of = format!("{name} as {}", version.name());
            assert_same(&describe(&back), &describe(&contents), &of);
            assert_eq!(back.functions, contents.functions, "{of}");
        }
    }
}

#[test]
fn every_fixture_survives_the_native_snapshot() {
    for name in FIXTURES {
        let contents = load(name);
        let bytes = contents.write(&TowlineCodec).expect("it holds everything");
        let back = Contents::read(&TowlineCodec, options(), &bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(&describe(&back), &describe(&contents), name);
        assert_eq!(back.functions, contents.functions);
        assert_eq!(back.meta, contents.meta);
    }
}

#[test]
fn chunks_of_any_size_give_the_same() {
    let bytes = fixture("redis-8.6", "rdb");
    let whole = describe(&load("redis-8.6"));
    for size in [1, 2, 3, 7, 100, 4096, 65_537] {
        let mut decoder = RdbCodec::default().decoder(options());
        let mut contents = Contents::default();
        let mut last = Progress::More;
        for chunk in bytes.chunks(size) {
            assert_eq!(last, Progress::More);
            last = decoder.feed(chunk, &mut contents).expect("it is valid");
        }
        let end = bytes.len() % size;
        let consumed = if end == 0 { size } else { end };
        assert_eq!(last, Progress::Complete { consumed });
        assert_same(&describe(&contents), &whole, &format!("chunks of {size}"));
    }
}

#[test]
fn bytes_after_the_end_are_left_over() {
    let mut bytes = fixture("valkey-9.1", "rdb");
    let length = bytes.len();
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut decoder = RdbCodec::default().decoder(options());
    let progress = decoder.feed(&bytes, &mut Contents::default());
    assert_eq!(progress, Ok(Progress::Complete { consumed: length }));
}

#[test]
fn a_wrong_checksum_is_named_and_a_missing_one_is_none() {
    let mut bytes = fixture("redis-7.2", "rdb");
    let at = bytes.len() - 8;
    bytes[at] ^= 1;
    let error =
        Contents::read(&RdbCodec::default(), options(), &bytes).expect_err("the checksum is wrong");
    assert!(
        matches!(error.fault, DecodeFault::Checksum { .. }),
        "{error}"
    );
    bytes[at..].fill(0);
    Contents::read(&RdbCodec::default(), options(), &bytes).expect("none was computed");
}
