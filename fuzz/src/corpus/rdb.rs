//! RDB files: every entry of the fixtures in a file of its own, and the types
//! that only older servers wrote.

use std::collections::BTreeSet;
use std::path::PathBuf;

use towline_core::keyspace::HashSeed;
use towline_core::seams::snapshot::{
    DecodeOptions, Refused, SnapshotCodec, SnapshotEntry, SnapshotSink,
};
use towline_persist::rdb::RdbCodec;
use towline_persist::rdb::opcode::{self, kind};

use super::{Corpus, boxed, packed};
use crate::fixup;

const FIXTURES: [&str; 6] = [
    "redis-7.0",
    "redis-7.2",
    "redis-8.0",
    "redis-8.6",
    "valkey-8.1",
    "valkey-9.1",
];
const MAGIC_BYTES: usize = 9;
/// Entries over this are left out: many inputs are better than long ones.
const MAX_ENTRY_BYTES: usize = 1500;
/// Entries in a file that has several.
const TOGETHER: usize = 6;

/// Files of one key and of a few.
#[must_use]
pub fn files() -> Corpus {
    let mut seeds = BTreeSet::new();
    for name in FIXTURES {
        split(&fixture(name), &mut seeds);
    }
    seeds.extend(old_types());
    seeds.extend(modules());
    Corpus {
        seeds: boxed(seeds),
        tokens: boxed(tokens()),
        fixup: fixup::rdb,
    }
}

/// The bytes of a fixture.
///
/// # Panics
/// If the fixtures of the tests are not where they belong.
#[must_use]
fn fixture(name: &str) -> Vec<u8> {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.push("../tests/fixtures/rdb");
    path.push(format!("{name}.rdb"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Notes that something was read whole.
#[derive(Default)]
struct Ends {
    entry: bool,
    other: bool,
}

impl SnapshotSink for Ends {
    fn aux(&mut self, _key: &[u8], _value: &[u8]) -> Result<(), Refused> {
        self.other = true;
        Ok(())
    }

    fn select_db(&mut self, _db: u64) -> Result<(), Refused> {
        self.other = true;
        Ok(())
    }

    fn resize(&mut self, _keys: u64, _expires: u64) -> Result<(), Refused> {
        self.other = true;
        Ok(())
    }

    fn entry(&mut self, _entry: SnapshotEntry) -> Result<(), Refused> {
        self.entry = true;
        Ok(())
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        self.other = true;
        Ok(())
    }
}

/// A file's entries, each with what was said of it, and where the first begins.
/// Given byte by byte, the decoder tells each with its last byte.
fn records(file: &[u8]) -> (Option<usize>, Vec<&[u8]>) {
    let mut decoder = RdbCodec::default().decoder(DecodeOptions::new(HashSeed::new(1, 2)));
    let (mut start, mut head) = (MAGIC_BYTES, None);
    let mut records = Vec::new();
    for (at, byte) in file.iter().enumerate() {
        let mut ends = Ends::default();
        if decoder.feed(&[*byte], &mut ends).is_err() {
            // Files made by hand may hold what is refused, behind their entries.
            break;
        }
        if ends.entry {
            head.get_or_insert(start);
            let record = &file[start..=at];
            if record.len() <= MAX_ENTRY_BYTES {
                records.push(record);
            }
        }
        if ends.entry || ends.other {
            start = at + 1;
        }
    }
    (head, records)
}

/// Makes files of a file's records, alone and a few together.
fn split(file: &[u8], seeds: &mut BTreeSet<Vec<u8>>) {
    let (head, records) = records(file);
    let magic = &file[..MAGIC_BYTES];
    seeds.extend(records.iter().map(|record| closed(magic, record)));
    let head = head.expect("there are keys");
    seeds.insert(closed(&file[..head], b""));
    for some in records.chunks(TOGETHER).step_by(4) {
        seeds.insert(closed(magic, &some.concat()));
    }
}

/// The entries of all files and those of old types, each with its file's magic.
pub(super) fn entries() -> Vec<(Vec<u8>, Vec<u8>)> {
    let fixtures = FIXTURES.iter().map(|name| fixture(name));
    let mut entries = Vec::new();
    for file in fixtures.chain(old_types()) {
        let (_, records) = records(&file);
        let magic = &file[..MAGIC_BYTES];
        entries.extend(
            records
                .iter()
                .map(|record| (magic.to_vec(), record.to_vec())),
        );
    }
    entries
}

/// A whole file of a head and records.
fn closed(head: &[u8], records: &[u8]) -> Vec<u8> {
    let mut file = head.to_vec();
    if head.len() == MAGIC_BYTES {
        file.extend_from_slice(&[opcode::SELECTDB, 0]);
    }
    file.extend_from_slice(records);
    file.push(opcode::EOF);
    file.extend_from_slice(&[0; 8]);
    fixup::rdb(&mut file);
    file
}

fn old_types() -> Vec<Vec<u8>> {
    let file = |kind: u8, body: &[u8]| {
        let record = [&[kind, 1, b'k'], body].concat();
        closed(b"REDIS0006", &record)
    };
    let mut files = vec![
        file(kind::LIST, b"\x02\x01a\xc0\x05"),
        file(kind::SET, b"\x02\x01a\x01b"),
        file(kind::ZSET, b"\x03\x01a\x031.5\x01b\xfe\x01c\xff"),
        file(kind::HASH, b"\x01\x01f\xc1\x00\x10"),
        file(kind::STRING, b"\xc3\x08\x20\x00a\xe0\x14\x00\x01aa"),
        closed(
            b"REDIS0009",
            b"\xf8\x05\x00\x01i\x01v\xf9\x07\x00\x01f\x01v\xfd\x00\x00\x00\x10\x00\x01e\x01v",
        ),
        closed(b"REDIS0012", b"\xf4\x01\x02\x03\xf5\x04#!js\xf3\x00"),
        closed(b"REDIS0010", b"\xfb\x44\x00\x20\x00\x01e\x01v"),
        closed(
            b"REDIS0010",
            &(0..16).flat_map(announced).collect::<Vec<_>>(),
        ),
    ];
    files.extend(
        packed::valid()
            .into_iter()
            .map(|(kind, blob)| crate::targets::packed::rdb_file(kind, &blob)),
    );
    files
}

/// Data of modules: values, what belongs to no key, and what is noted about one.
fn modules() -> Vec<Vec<u8>> {
    let id = b"\x81\x85\xe9\x65\xa2\xdc\xbc\x9e\x01";
    let values = b"\x01\x05\x02\x40\x80\x03abcd\x04abcdefgh\x05\x03abc\x05\xc1\x10\x20\x00";
    let value = [&[kind::MODULE_2, 1, b'm'][..], id, values].concat();
    let aux = [&[opcode::MODULE_AUX][..], id, b"\x02\x01", values].concat();
    let noted = [
        &[opcode::KEY_META_OR_SLOT_IMPORT, 2][..],
        b"abcd",
        values,
        b"efgh\x00",
        b"\x00\x01k\x01v",
    ];
    vec![
        closed(b"REDIS0011", &value),
        closed(b"REDIS0010", &[&aux[..], &value, &aux].concat()),
        closed(b"REDIS0013", &noted.concat()),
        closed(b"REDIS0014", &[&value[..], b"\x00\x01k\x01v"].concat()),
    ]
}

/// A database that says it has two billion keys.
fn announced(db: u8) -> Vec<u8> {
    let mut record = vec![opcode::SELECTDB, db, opcode::RESIZEDB, 0x80];
    record.extend_from_slice(&i32::MAX.to_be_bytes());
    record.push(0);
    record
}

fn tokens() -> Vec<Vec<u8>> {
    let codes = (0..=26).chain(240..=255).map(|code| vec![code]);
    let forms: [&[u8]; 14] = [
        b"\x80\xff\xff\xff\xff",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc0\x7f",
        b"\xc1\x00\x80",
        b"\xc2\xff\xff\xff\x7f",
        b"\xc3\x05\x0a\x01aa\x20\x00",
        b"\xc3\x01\x40\x58",
        b"\xfe\x0f",
        b"\xfb\x80\x7f\xff\xff\xff\x00",
        b"\xfa\x11towline-hash-seed\x2000000000000000010000000000000002",
        b"\xf7\x81\x00\x00",
        b"\x05\x01a\x00",
        b"\xf3\x01abcd\x00",
    ];
    codes.chain(forms.map(<[u8]>::to_vec)).collect()
}
