//! Any content survives any codec, in chunks of any size.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use support::{assert_same, describe, options};
use towline_core::keyspace::HashSeed;
use towline_core::seams::SnapshotCodec;
use towline_core::seams::snapshot::{Access, Progress, SnapshotEntry, SnapshotMeta};
use towline_core::value::item::Item;
use towline_core::value::list::ListLoader;
use towline_core::value::{EncodingLimits, Hash, Set, Value, ZSet};
use towline_persist::contents::Contents;
use towline_persist::rdb::{RdbCodec, RdbOptions, RdbVersion};
use towline_persist::towline::TowlineCodec;

const SEED: HashSeed = HashSeed::new(11, 12);

/// Strings, and integers in their own spelling.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..12),
        vec(b'a'..b'd', 0..300),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-200..200_i64).prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn list(elements: Vec<Vec<u8>>) -> Value {
    let mut list = ListLoader::new(&EncodingLimits::default());
    elements.into_iter().for_each(|element| list.push(element));
    Value::List(Box::new(list.finish()))
}

fn set(members: &BTreeSet<Vec<u8>>) -> Value {
    let items = members.iter().map(|member| Item::member(member)).collect();
    let set = Set::from_items(items, SEED, &EncodingLimits::default());
    Value::Set(Box::new(set.expect("the members differ")))
}

fn zset(members: &BTreeMap<Vec<u8>, f64>) -> Value {
    let items = members
        .iter()
        .map(|(member, score)| Item::scored(member, *score));
    let zset = ZSet::from_members(SEED, &EncodingLimits::default(), items);
    Value::ZSet(Box::new(zset.expect("the members differ")))
}

fn hash(fields: &BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>) -> Value {
    let item = |(field, (value, at)): (&Vec<u8>, &(Vec<u8>, Option<i64>))| match at {
        Some(at) => Item::expiring_pair(field, value, *at),
        None => Item::pair(field, value),
    };
    let items = fields.iter().map(item).collect();
    let hash = Hash::from_items(items, SEED, &EncodingLimits::default());
    Value::Hash(Box::new(hash.expect("the fields differ")))
}

fn score() -> impl Strategy<Value = f64> {
    let number = any::<f64>().prop_filter("scores are numbers", |score| !score.is_nan());
    prop_oneof![number, (-5..5).prop_map(f64::from)]
}

fn value() -> impl Strategy<Value = Value> {
    let field = (
        text(),
        prop::option::weighted(0.1, 0..4_102_444_800_000_i64),
    );
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        vec(any::<u8>(), 21..400).prop_map(Value::Str),
        vec(b'a'..b'c', 21..4000).prop_map(Value::Str),
        vec(text(), 1..300).prop_map(list),
        btree_set(text(), 1..300).prop_map(|members| set(&members)),
        btree_map(text(), score(), 1..300).prop_map(|members| zset(&members)),
        btree_map(text(), field, 1..300).prop_map(|fields| hash(&fields)),
    ]
}

fn entry() -> impl Strategy<Value = SnapshotEntry> {
    let access = prop_oneof![
        Just(Access::Unknown),
        any::<u8>().prop_map(Access::Frequency),
        any::<u64>().prop_map(Access::IdleSeconds),
    ];
    (text(), value(), prop::option::of(any::<i64>()), access).prop_map(
        |(key, value, expire_ms, access)| SnapshotEntry {
            key,
            value,
            expire_ms,
            access,
        },
    )
}

fn contents() -> impl Strategy<Value = Contents> {
    let database = vec(entry(), 1..6);
    let databases = btree_map(0..20_u64, database, 0..3);
    (databases, vec(text(), 0..3)).prop_map(|(databases, functions)| {
        let mut contents = Contents::new(SnapshotMeta {
            hash_seed: Some(SEED),
            ..SnapshotMeta::default()
        });
        for (db, entries) in databases {
            let by_key = entries.into_iter().map(|entry| (entry.key.clone(), entry));
            contents.databases.insert(db, by_key.collect());
        }
        contents.functions = functions;
        contents
    })
}

/// How to write RDB, or nothing for the native snapshot.
fn format() -> impl Strategy<Value = Option<RdbOptions>> {
    let versions = [RdbVersion::V12, RdbVersion::V13, RdbVersion::Valkey80];
    let options = (prop::sample::select(versions.to_vec()), any::<bool>());
    let options = options.prop_map(|(version, compress)| RdbOptions {
        version,
        compress,
        checksum: compress,
    });
    prop::option::weighted(0.8, options)
}

fn codec(format: Option<RdbOptions>) -> Box<dyn SnapshotCodec> {
    match format {
        Some(options) => Box::new(RdbCodec::new(options)),
        None => Box::new(TowlineCodec),
    }
}

/// Written with every entry handed over as a large one, in small parts.
fn write_in_parts(contents: &Contents, codec: &dyn SnapshotCodec, budget_bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = codec.encoder(&contents.meta);
    encoder.begin(&mut out);
    for source in &contents.functions {
        encoder.function(source, &mut out);
    }
    for (db, entries) in &contents.databases {
        let db = u32::try_from(*db).expect("it is small");
        encoder.select_db(db, entries.len() as u64, 0, &mut out);
        let mut part = encoder.part();
        for entry in entries.values() {
            let begun = part.begin_large(entry.clone());
            begun.expect("the version holds everything");
            while part.resume(budget_bytes) {
                encoder.append(part.finish(), &mut out);
            }
        }
        encoder.append(part.finish(), &mut out);
    }
    encoder.finish(&mut out);
    out
}

fn read_in_chunks(codec: &dyn SnapshotCodec, bytes: &[u8], size: usize) -> Contents {
    let mut decoder = codec.decoder(options());
    let mut contents = Contents::default();
    let mut last = Progress::More;
    for chunk in bytes.chunks(size) {
        last = decoder.feed(chunk, &mut contents).expect("it is valid");
    }
    assert!(matches!(last, Progress::Complete { .. }));
    contents
}

fn accesses(contents: &Contents) -> Vec<Access> {
    let entries = contents.databases.values().flat_map(BTreeMap::values);
    entries.map(|entry| entry.access).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_content_survives(
        contents in contents(),
        format in format(),
        size in 1..5000_usize,
        budget in 1..3000_usize,
    ) {
        let codec = codec(format);
        let whole = contents.write(codec.as_ref()).expect("the version holds everything");
        let parts = write_in_parts(&contents, codec.as_ref(), budget);
        for bytes in [whole, parts] {
            let back = read_in_chunks(codec.as_ref(), &bytes, size);
            assert_same(&describe(&back), &describe(&contents), codec.name());
            prop_assert_eq!(accesses(&back), accesses(&contents));
            prop_assert_eq!(&back.functions, &contents.functions);
            prop_assert_eq!(back.databases.len(), contents.databases.len());
        }
    }
}
