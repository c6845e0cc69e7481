//! Damaged files are refused: no panic, no endless loop, and no memory that the
//! bytes at hand do not justify. What is accepted all the same is well formed,
//! which is shown by writing it and reading that.

mod support;

use support::random::Random;
use support::{FIXTURES, describe, fixture, load, options};
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{DecodeFault, DecodeOptions};
use towline_persist::contents::{Contents, Database};
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;

/// More than any of these files needs, far less than any of the sizes that
/// damage makes them claim.
const MAX_MEMORY_BYTES: u64 = 256 << 20;
/// Keys of this size are damaged most: nearly each of their bytes means something.
const SMALL_FILE_BYTES: usize = 1500;

/// Changes a few bytes, or moves, drops or doubles a run of them.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(8)).min(bytes.len());
        match random.below(6) {
            0 => bytes[at] = [0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xfe, 0xff][random.below(8)],
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.below(256) as u8,
            3 => drop(bytes.drain(at..end.min(bytes.len() - 1).max(at))),
            4 => bytes.extend_from_within(at..end),
            _ => bytes[at..end].reverse(),
        }
    }
}

fn unchecked() -> DecodeOptions {
    DecodeOptions {
        verify_checksum: false,
        ..options()
    }
}

fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line
        .expect("the kernel tells")
        .trim()
        .trim_end_matches(" kB");
    kilobytes.parse::<u64>().expect("a number") * 1024
}

/// Reads damaged bytes; if that works, what came out survives a round trip.
fn try_read(codec: &dyn SnapshotCodec, bytes: &[u8]) {
    let Ok(contents) = Contents::read(codec, unchecked(), bytes) else {
        return;
    };
    let again = contents.write(&TowlineCodec).expect("it holds everything");
    let back = Contents::read(&TowlineCodec, options(), &again).expect("it was just written");
    assert_eq!(describe(&back), describe(&contents));
}

/// One small file per key, in every version that can hold it.
fn small_files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for name in ["redis-8.6", "valkey-9.1"] {
        let contents = load(name);
        let entries = contents.databases.values().flat_map(Database::values);
        for entry in entries {
            let mut one = Contents::default();
            let database = one.databases.entry(0).or_default();
            database.insert(entry.key.clone(), entry.clone());
            for version in [RdbVersion::V10, RdbVersion::V13, RdbVersion::Valkey80] {
                let codec = RdbCodec::new(RdbOptions {
                    version,
                    ..RdbOptions::default()
                });
                files.extend(one.write(&codec).ok());
            }
        }
    }
    files.retain(|file| file.len() < SMALL_FILE_BYTES);
    assert!(files.len() > 60, "{}", files.len());
    files
}

#[test]
fn damaged_values_are_refused_or_whole() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for file in small_files() {
        for _ in 0..300 {
            let mut bytes = file.clone();
            damage(&mut random, &mut bytes);
            try_read(&RdbCodec::default(), &bytes);
        }
    }
    assert!(peak_memory_bytes() < MAX_MEMORY_BYTES);
}

#[test]
fn damaged_files_are_refused_or_whole() {
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    for name in FIXTURES {
        let file = fixture(name, "rdb");
        let native = load(name)
            .write(&TowlineCodec)
            .expect("it holds everything");
        for _ in 0..40 {
            let mut bytes = file.clone();
            damage(&mut random, &mut bytes);
            try_read(&RdbCodec::default(), &bytes);
            let mut bytes = native.clone();
            damage(&mut random, &mut bytes);
            try_read(&TowlineCodec, &bytes);
        }
    }
    assert!(peak_memory_bytes() < MAX_MEMORY_BYTES);
}

#[test]
fn truncated_files_are_called_truncated() {
    let mut random = Random(7);
    for name in FIXTURES {
        let file = fixture(name, "rdb");
        let cuts = (0..200).chain((0..60).map(|_| random.below(file.len())));
        for cut in cuts {
            let read = Contents::read(&RdbCodec::default(), options(), &file[..cut]);
            let error = read.expect_err("it is cut short");
            assert_eq!(error.fault, DecodeFault::Truncated, "{name} cut at {cut}");
            assert!(error.offset <= cut as u64);
        }
    }
}

#[test]
fn claims_without_bytes_cost_nothing() {
    let head = b"REDIS0011\xfe\x00";
    let huge = b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff";
    let most = b"\x80\x1f\xff\xff\xff";
    for kind in [0, 1, 2, 4, 5, 10, 11, 16, 17, 18, 20, 21] {
        for claim in [&huge[..], &most[..]] {
            let bytes = [&head[..], &[kind, 1, b'k'], claim, b"\x01a"].concat();
            let read = Contents::read(&RdbCodec::default(), options(), &bytes);
            read.expect_err("almost all of it is missing");
        }
    }
    // A few compressed bytes that claim to be 512 MB.
    let bytes = [&head[..], b"\x00\x01k\xc3\x05", most, b"abcde"].concat();
    let error = Contents::read(&RdbCodec::default(), options(), &bytes);
    let error = error.expect_err("five bytes cannot expand that far");
    assert!(matches!(error.fault, DecodeFault::Corrupt(_)), "{error}");
    assert!(peak_memory_bytes() < MAX_MEMORY_BYTES);
}
