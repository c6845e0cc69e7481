//! What the tests of this crate share: the fixtures, and how a value is told in
//! the words of their descriptions.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod random;

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{DecodeOptions, SnapshotEntry};
use towline_core::value::stream::{Group, Stream};
use towline_core::value::{Hash, Value};
use towline_persist::contents::Contents;
use towline_persist::rdb::RdbCodec;

/// One file per server that wrote it.
pub(crate) const FIXTURES: [&str; 6] = [
    "redis-7.0",
    "redis-7.2",
    "redis-8.0",
    "redis-8.6",
    "valkey-8.1",
    "valkey-9.1",
];

/// How both kinds of text string are told here: whether one is embedded in its
/// entry is the keyspace's business, and each server draws the line elsewhere.
const TEXT: &str = "embstr or raw";

/// The bytes of a fixture's file.
pub(crate) fn fixture(name: &str, extension: &str) -> Vec<u8> {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.push("../tests/fixtures/rdb");
    path.push(format!("{name}.{extension}"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a decoder is asked for in these tests.
pub(crate) fn options() -> DecodeOptions {
    DecodeOptions::new(HashSeed::new(1, 2))
}

/// A fixture, read.
pub(crate) fn load(name: &str) -> Contents {
    Contents::read(&RdbCodec::default(), options(), &fixture(name, "rdb"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The description that came with a fixture.
pub(crate) fn expected(name: &str) -> Json {
    serde_json::from_slice(&fixture(name, "json")).expect("descriptions are JSON")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Contents in the words of the descriptions.
pub(crate) fn describe(contents: &Contents) -> Json {
    let databases = contents.databases.iter().map(|(db, entries)| {
        let rows: Vec<Json> = entries.values().map(describe_entry).collect();
        (db.to_string(), Json::from(rows))
    });
    Json::Object(databases.collect())
}

fn describe_entry(entry: &SnapshotEntry) -> Json {
    let (encoding, value) = match &entry.value {
        Value::Int(number) => ("int", json!(hex(number.to_string().as_bytes()))),
        Value::Str(bytes) => (TEXT, json!(hex(bytes))),
        Value::Shared(bytes) => (TEXT, json!(hex(bytes))),
        Value::List(list) => {
            let elements: Vec<_> = list.iter().map(|e| hex(&e.to_vec())).collect();
            (list.encoding(), json!(elements))
        }
        Value::Set(set) => {
            let mut members: Vec<_> = set.iter().map(|m| hex(&m.to_vec())).collect();
            members.sort();
            (set.encoding(), json!(members))
        }
        Value::ZSet(zset) => {
            let members = zset.iter();
            let members: Vec<_> = members
                .map(|(m, score)| json!([hex(&m.to_vec()), score_text(score)]))
                .collect();
            (zset.encoding(), json!(members))
        }
        Value::Hash(hash) => (hash.encoding(), describe_fields(hash)),
        Value::Stream(stream) => ("stream", describe_stream_entries(stream)),
    };
    let mut row = json!({
        "key": hex(&entry.key),
        "type": entry.value.view().type_name(),
        "encoding": encoding,
        "expire_ms": entry.expire_ms.unwrap_or(-1),
        "value": value,
    });
    match &entry.value {
        Value::Hash(hash) if hash.expiring_fields() > 0 => {
            row["field_expire_ms"] = describe_expiries(hash);
        }
        Value::Stream(stream) => describe_stream(stream, &mut row),
        _ => {}
    }
    row
}

/// Scores are compared as numbers, whatever their spelling.
fn score_text(score: f64) -> String {
    format!("{score:?}")
}

fn sorted_pairs(hash: &Hash) -> Vec<(Vec<u8>, Vec<u8>, i64)> {
    let mut pairs: Vec<_> = hash
        .iter()
        .map(|pair| {
            let at = pair.expire_at_ms.unwrap_or(-1);
            (pair.field.to_vec(), pair.value.to_vec(), at)
        })
        .collect();
    pairs.sort();
    pairs
}

fn describe_fields(hash: &Hash) -> Json {
    let pairs = sorted_pairs(hash).into_iter();
    pairs.map(|(f, v, _)| json!([hex(&f), hex(&v)])).collect()
}

fn describe_expiries(hash: &Hash) -> Json {
    sorted_pairs(hash)
        .into_iter()
        .map(|(_, _, at)| at)
        .collect()
}

fn describe_stream_entries(stream: &Stream) -> Json {
    stream
        .iter()
        .map(|entry| {
            let fields: Vec<_> = entry
                .fields
                .map(|(f, v)| json!([hex(&f.to_vec()), hex(&v.to_vec())]))
                .collect();
            json!([entry.id.to_string(), fields])
        })
        .collect()
}

fn describe_stream(stream: &Stream, row: &mut Json) {
    row["last_id"] = json!(stream.last_id.to_string());
    row["max_deleted_id"] = json!(stream.max_deleted_id.to_string());
    row["entries_added"] = json!(stream.entries_added);
    let groups = stream.groups().iter();
    row["groups"] = groups
        .map(|(name, group)| describe_group(name, group))
        .collect();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn describe_group(name: &[u8], group: &Group) -> Json {
    let pending: Vec<_> = group
        .pending()
        .iter()
        .map(|p| json!([p.id.to_string(), text(&p.consumer), p.deliveries]))
        .collect();
    let consumers: Vec<_> = group.consumers().keys().map(|name| text(name)).collect();
    json!({
        "name": text(name),
        "last_id": group.last_id.to_string(),
        "entries_read": group.entries_read,
        "pending": pending,
        "consumers": consumers,
    })
}

/// Spells the scores of a description as [`describe`] does, and names encodings
/// as Valkey 9.1 does, whose fixture has every key.
pub(crate) fn normalise(mut expected: Json) -> Json {
    let named = self::expected("valkey-9.1");
    let databases = expected.as_object_mut().expect("databases by number");
    for (db, rows) in databases {
        let named = named[db].as_array().expect("rows");
        for row in rows.as_array_mut().expect("rows") {
            let same = named.iter().find(|other| other["key"] == row["key"]);
            let encoding = &same.expect("every key is there")["encoding"];
            let text = encoding == "embstr" || encoding == "raw";
            row["encoding"] = if text { json!(TEXT) } else { encoding.clone() };
            normalise_scores(row);
        }
    }
    expected
}

fn normalise_scores(row: &mut Json) {
    if row["type"] == "zset" {
        for member in row["value"].as_array_mut().expect("members") {
            let score = member[1].as_str().expect("a score as text");
            let score: f64 = score.parse().expect("a number");
            member[1] = json!(score_text(score));
        }
    }
}

/// Fails with the first row that differs, not with two megabytes of JSON.
pub(crate) fn assert_same(found: &Json, expected: &Json, of: &str) {
    for (db, rows) in expected.as_object().expect("databases by number") {
        let rows = rows.as_array().expect("rows");
        let found = found[db]
            .as_array()
            .unwrap_or_else(|| panic!("{of}: no database {db}"));
        for (expected, found) in rows.iter().zip(found) {
            let key = expected["key"].as_str().expect("hex");
            for (column, value) in expected.as_object().expect("columns") {
                assert_eq!(&found[column], value, "{of}: db {db}, key {key}, {column}");
            }
        }
        assert_eq!(found.len(), rows.len(), "{of}: keys in db {db}");
    }
}
