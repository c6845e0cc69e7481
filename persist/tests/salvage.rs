//! What is whole in a damaged native snapshot is read, and what is not is told.

mod support;

use std::collections::BTreeSet;

use support::random::Random;
use support::{assert_same, describe, load, options};
use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::{Access, SnapshotEntry, SnapshotMeta, SnapshotPosition};
use towline_core::value::Value;
use towline_persist::contents::Contents;
use towline_persist::towline::{Salvage, Salvaged, TowlineCodec};

const BLOCK_MARK: &[u8] = b"TWBK";
const BLOCK_HEADER_BYTES: usize = 56;
const SPANNING_KEY: &[u8] = b"filler:0500:long";

fn filler(key: &[u8], value: Vec<u8>) -> SnapshotEntry {
    SnapshotEntry {
        key: key.to_vec(),
        value: Value::Str(value),
        expire_ms: None,
        access: Access::Unknown,
    }
}

/// A fixture with a few hundred keys more, one of which spans several blocks.
fn sample() -> Contents {
    let mut contents = load("valkey-9.1");
    contents.meta = SnapshotMeta {
        redis_version: "7.2.4".to_owned(),
        created_ms: 1_700_000_000_000,
        used_memory_bytes: 1_234_567,
        position: Some(SnapshotPosition {
            replid: ReplicationId::from_random([7; 20]),
            offset: Offset(987_654_321),
            stream_db: Some(3),
        }),
        hash_seed: Some(HashSeed::new(5, 6)),
        aof_base: true,
    };
    let long = b"tow ".repeat(400_000);
    let database = contents.databases.entry(3).or_default();
    database.insert(SPANNING_KEY.to_vec(), filler(SPANNING_KEY, long));
    for i in 0..1000 {
        let key = format!("filler:{i:04}").into_bytes();
        let value = key.repeat(80);
        database.insert(key.clone(), filler(&key, value));
    }
    contents
}

fn written(contents: &Contents) -> Vec<u8> {
    contents.write(&TowlineCodec).expect("it holds everything")
}

fn salvage(bytes: &[u8], chunk: usize) -> (Contents, Salvaged) {
    let (mut contents, mut salvage) = (Contents::default(), Salvage::new(options()));
    for chunk in bytes.chunks(chunk) {
        salvage
            .feed(chunk, &mut contents)
            .expect("nothing is refused");
    }
    let found = salvage.finish(&mut contents).expect("nothing is refused");
    (contents, found)
}

/// Where the blocks begin, as far as their mark tells.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let places = 0..bytes.len() - BLOCK_MARK.len();
    places
        .filter(|&at| bytes[at..].starts_with(BLOCK_MARK))
        .collect()
}

fn count(contents: &Contents) -> u64 {
    let sizes = contents
        .databases
        .values()
        .map(std::collections::BTreeMap::len);
    sizes.sum::<usize>() as u64
}

/// The rows of a description, each of which is a key with all that it holds.
fn rows(contents: &Contents) -> BTreeSet<String> {
    let described = describe(contents);
    let databases = described.as_object().expect("databases by number");
    databases
        .iter()
        .flat_map(|(db, rows)| {
            let rows = rows.as_array().expect("rows");
            rows.iter().map(move |row| format!("{db} {row}"))
        })
        .collect()
}

/// Checks that nothing was invented, and that all of it is accounted for.
fn assert_accounted(whole: &Contents, contents: &Contents, found: &Salvaged, of: &str) {
    assert!(rows(contents).is_subset(&rows(whole)), "{of}");
    assert_eq!(count(contents), found.keys, "{of}");
    let lost = found.lost_keys().unwrap_or_else(|| panic!("{of}: {found}"));
    assert_eq!(found.keys + lost, count(whole), "{of}: {found}");
    assert!(found.keys > 0, "{of}");
}

/// How the blocks of a file are stored, by the numbers in their headers.
fn ways_to_store(bytes: &[u8]) -> BTreeSet<u8> {
    blocks(bytes).iter().map(|at| bytes[at + 28]).collect()
}

/// The first file of each format version that was kept: they must be read for ever.
/// They hold [`sample`].
#[test]
fn every_version_is_read() {
    for (version, ways) in [(1, BTreeSet::from([1])), (2, BTreeSet::from([2]))] {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let path = format!("{directory}/version-{version}.towline");
        let bytes = std::fs::read(path).expect("it is kept");
        assert_eq!(bytes[..8], *[b"TOWLINE", &[version][..]].concat());
        assert!(blocks(&bytes).len() > 8);
        assert_eq!(ways_to_store(&bytes), ways);
        let contents = Contents::read(&TowlineCodec, options(), &bytes).expect("it is whole");
        let whole = sample();
        assert_eq!(contents.meta, whole.meta);
        assert_eq!(contents.functions, whole.functions);
        let of = format!("version {version}");
        assert_same(&describe(&contents), &describe(&whole), &of);
        assert_eq!(count(&contents), 1036);
    }
}

#[test]
fn a_whole_file_loses_nothing_in_chunks_of_any_size() {
    let whole = sample();
    let bytes = written(&whole);
    for chunk in [1000, 65_537, bytes.len()] {
        let (contents, found) = salvage(&bytes, chunk);
        assert!(found.is_whole(), "{found}");
        assert_eq!(found.lost_keys(), Some(0));
        assert_eq!(describe(&contents), describe(&whole));
        assert_eq!(contents.meta, whole.meta);
        assert_eq!(contents.functions, whole.functions);
    }
}

#[test]
fn a_damaged_block_loses_its_own_keys_and_one_that_goes_on_in_it() {
    let whole = sample();
    let bytes = written(&whole);
    let places = blocks(&bytes);
    assert!(places.len() > 8, "{}", places.len());
    let mut cut = 0;
    for (number, &place) in (0_u32..).zip(&places) {
        // Its contents; its header, of which only the index knows how many keys it told.
        for at in [place + BLOCK_HEADER_BYTES + 9, place + 20] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            let (contents, found) = salvage(&damaged, 10_000);
            let of = format!("block {number}, byte {at}");
            let lost: Vec<_> = found.lost.keys().copied().collect();
            assert_eq!(lost, [number], "{of}");
            assert_eq!(found.lost[&number].offset, Some(place as u64), "{of}");
            assert_accounted(&whole, &contents, &found, &of);
            let told = found.lost[&number].hashes.is_some();
            let by_header = at > place + BLOCK_HEADER_BYTES;
            let begins = found.lost[&number].keys > Some(0);
            assert!(told || !by_header || !begins, "{of}: {found}");
            let spanning = contents.databases[&3].contains_key(SPANNING_KEY);
            assert_eq!(
                found.cut_keys > 0,
                !spanning && found.lost[&number].keys == Some(0)
            );
            cut += found.cut_keys;
        }
    }
    assert!(cut >= 4, "blocks in the middle of the long value: {cut}");
}

#[test]
fn blocks_that_are_missing_altogether_are_named() {
    let whole = sample();
    let bytes = written(&whole);
    let places = blocks(&bytes);
    let without = [&bytes[..places[1] + 7], &bytes[places[3] - 5..]].concat();
    let (contents, found) = salvage(&without, 4096);
    let lost: Vec<_> = found.lost.keys().copied().collect();
    assert_eq!(lost, [1, 2]);
    assert_accounted(&whole, &contents, &found, "two blocks are cut out");
    let text = found.to_string();
    assert!(text.contains("block 1 is damaged (its header)"), "{text}");
}

#[test]
fn a_file_without_its_end_or_its_beginning_gives_the_rest() {
    let whole = sample();
    let bytes = written(&whole);
    let places = blocks(&bytes);
    let (contents, found) = salvage(&bytes[..places[2] + 100], 4096);
    assert!(found.end_lost && found.lost_keys().is_none());
    assert!(found.lost.contains_key(&2), "{found}");
    assert!(rows(&contents).is_subset(&rows(&whole)));
    assert_eq!(count(&contents), found.keys);

    let (contents, found) = salvage(&bytes[3..], 4096);
    assert!(found.header_lost && found.lost.is_empty(), "{found}");
    assert_eq!(describe(&contents), describe(&whole));
}

#[test]
fn damage_anywhere_invents_nothing() {
    let whole = sample();
    let bytes = written(&whole);
    let known = rows(&whole);
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut below = |limit: usize| random.below(limit);
    for _ in 0..40 {
        let mut damaged = bytes.clone();
        for _ in 0..=below(4) {
            let at = below(damaged.len() - 2000);
            let length = 1 + below(1000);
            match below(3) {
                0 => damaged[at] ^= 1 << below(8),
                1 => drop(damaged.drain(at..at + length)),
                _ => damaged.extend_from_within(at..at + length),
            }
        }
        let (contents, found) = salvage(&damaged, 1 + below(100_000));
        assert!(rows(&contents).is_subset(&known), "{found}");
        assert_eq!(count(&contents), found.keys);
    }
}
