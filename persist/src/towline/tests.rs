use towline_core::keyspace::HashSeed;
use towline_core::offset::{Offset, ReplicationId};
use towline_core::seams::snapshot::{
    Access, DecodeFault, DecodeOptions, SnapshotCodec, SnapshotEntry, SnapshotMeta,
    SnapshotPosition,
};
use towline_core::value::item::Item;
use towline_core::value::{EncodingLimits, Hash, Value};

use super::TowlineCodec;
use super::layout::{BLOCK_HEADER_BYTES, BLOCK_MARK, BlockHeader};
use crate::contents::Contents;

const SEED: HashSeed = HashSeed::new(3, 4);

fn options() -> DecodeOptions {
    DecodeOptions::new(HashSeed::new(9, 9))
}

fn entry(key: String, value: Value) -> SnapshotEntry {
    SnapshotEntry {
        key: key.into_bytes(),
        value,
        expire_ms: None,
        access: Access::Frequency(7),
    }
}

/// Two databases, several blocks, and a hash that spans some of them.
fn sample() -> Contents {
    let mut contents = Contents::new(SnapshotMeta {
        redis_version: "7.2.4".to_owned(),
        created_ms: 1_700_000_000_000,
        used_memory_bytes: 5,
        position: Some(SnapshotPosition {
            replid: ReplicationId::from_random([7; 20]),
            offset: Offset(1234),
            stream_db: Some(2),
        }),
        hash_seed: Some(SEED),
        aof_base: false,
    });
    let items = (0..40_000_u32).map(|i| {
        let value = i.wrapping_mul(0x9e37_79b1).to_string().repeat(3);
        Item::pair(format!("field:{i}").as_bytes(), value.as_bytes())
    });
    let hash = Hash::from_items(items.collect(), SEED, &EncodingLimits::default());
    let hash = hash.expect("the fields differ");
    for db in [0, 3] {
        let database = contents.databases.entry(db).or_default();
        for i in 0..5000_u64 {
            let value = Value::Str(format!("value:{}", i.wrapping_mul(i)).into_bytes());
            let entry = entry(format!("key:{i}"), value);
            database.insert(entry.key.clone(), entry);
        }
        let large = entry(
            "key:25-large".to_owned(),
            Value::Hash(Box::new(hash.clone())),
        );
        database.insert(large.key.clone(), large);
    }
    contents
}

fn keys(contents: &Contents) -> Vec<(u64, &Vec<u8>)> {
    let databases = contents.databases.iter();
    databases
        .flat_map(|(db, entries)| entries.keys().map(|key| (*db, key)))
        .collect()
}

/// The places and headers of all blocks in a file.
fn blocks(bytes: &[u8]) -> Vec<(usize, BlockHeader)> {
    let windows = bytes.windows(BLOCK_HEADER_BYTES).enumerate();
    windows
        .filter(|(_, window)| window.starts_with(&BLOCK_MARK))
        .filter_map(|(at, window)| {
            let fixed = window.try_into().expect("windows have that size");
            Some((at, BlockHeader::parse(fixed)?))
        })
        .collect()
}

#[test]
fn blocks_say_what_they_hold() {
    let contents = sample();
    let bytes = contents.write(&TowlineCodec).expect("it holds everything");
    let blocks = blocks(&bytes);
    assert!(blocks.len() > 6, "{}", blocks.len());
    let total: u32 = blocks.iter().map(|(_, block)| block.keys).sum();
    assert_eq!(total as usize, keys(&contents).len());
    assert!(blocks.iter().any(|(_, block)| block.keys == 0));
    assert_eq!(blocks.last().expect("there are some").1.db, 3);
    let first = &keys(&contents)[0];
    assert_eq!(blocks[0].1.first_hash, SEED.hash(first.1));
    let back = Contents::read(&TowlineCodec, options(), &bytes).expect("it is valid");
    assert_eq!(keys(&back), keys(&contents));
    assert_eq!(back.meta, contents.meta);
}

#[test]
fn a_damaged_block_is_named_with_the_keys_it_loses() {
    let bytes = sample().write(&TowlineCodec).expect("it holds everything");
    let blocks = blocks(&bytes);
    for (number, (at, header)) in blocks.iter().enumerate() {
        let mut damaged = bytes.clone();
        damaged[at + BLOCK_HEADER_BYTES + header.stored_bytes as usize / 2] ^= 0x10;
        let error = Contents::read(&TowlineCodec, options(), &damaged)
            .expect_err("a byte of the contents changed");
        let expected = DecodeFault::DamagedBlock {
            block: number as u64,
            keys: u64::from(header.keys),
            what: "its checksum",
        };
        assert_eq!(error.fault, expected);
    }
}

#[test]
fn missing_and_exchanged_blocks_are_noticed() {
    let bytes = sample().write(&TowlineCodec).expect("it holds everything");
    let blocks = blocks(&bytes);
    let (second, third) = (blocks[1].0, blocks[2].0);
    let without = [&bytes[..second], &bytes[third..]].concat();
    let error = Contents::read(&TowlineCodec, options(), &without).expect_err("one is missing");
    assert!(
        matches!(
            error.fault,
            DecodeFault::DamagedBlock {
                block: 1,
                what: "its number",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn any_change_of_a_byte_is_noticed() {
    let mut contents = sample();
    contents.databases.retain(|db, _| *db == 0);
    let database = contents.databases.get_mut(&0).expect("it was kept");
    database.retain(|key, _| key.len() < 6);
    let bytes = contents.write(&TowlineCodec).expect("it holds everything");
    assert!(bytes.len() < 4000, "{}", bytes.len());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x04;
        let read = Contents::read(&TowlineCodec, options(), &changed);
        assert!(read.is_err(), "byte {at}");
        let cut = Contents::read(&TowlineCodec, options(), &bytes[..at]);
        assert!(cut.is_err(), "cut at {at}");
    }
}

#[test]
fn a_large_value_is_written_in_parts_and_is_the_same() {
    let contents = sample();
    let large = contents.databases[&0][&b"key:25-large"[..]].clone();
    let write = |parts: bool| {
        let mut encoder = TowlineCodec.encoder(&contents.meta);
        let mut out = Vec::new();
        encoder.begin(&mut out);
        encoder.select_db(0, 1, 0, &mut out);
        let mut resumed = 0;
        if parts {
            let mut part = encoder.part();
            part.begin_large(large.clone()).expect("it can be held");
            while part.resume(10_000) {
                encoder.append(part.finish(), &mut out);
                resumed += 1;
            }
            encoder.append(part.finish(), &mut out);
            assert!(resumed > 100, "{resumed}");
        } else {
            encoder
                .entry(&large.view(), &mut out)
                .expect("it can be held");
        }
        encoder.finish(&mut out);
        out
    };
    let (whole, parts) = (write(false), write(true));
    let read = |bytes: &[u8]| {
        let back = Contents::read(&TowlineCodec, options(), bytes).expect("it is valid");
        match &back.databases[&0][&b"key:25-large"[..]].value {
            Value::Hash(hash) => hash.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&whole), 40_000);
    assert_eq!(read(&parts), 40_000);
}

#[test]
fn the_first_bytes_tell_the_format() {
    assert_eq!(TowlineCodec.recognises(b"TOWL"), None);
    assert_eq!(TowlineCodec.recognises(b"TOWLINE\x01"), Some(true));
    assert_eq!(TowlineCodec.recognises(b"REDIS"), Some(false));
}
