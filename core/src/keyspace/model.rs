//! What tests of freezes and of deltas compare keyspaces by: a map, strings alone.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::hash::HashSeed;
use super::space::Keyspace;
use crate::value::ValueRef;

/// Values and expiries by database and key.
pub(super) type Content = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

fn text(entry: &Entry) -> Vec<u8> {
    match entry.value() {
        ValueRef::Str(bytes) => bytes.to_vec(),
        other => panic!("only strings here, not {other:?}"),
    }
}

/// Adds an entry that was not seen before.
pub(super) fn note(content: &mut Content, db: usize, entry: &Entry) {
    let value = (text(entry), entry.expire_ms());
    let twice = content.insert((db, entry.key().to_vec()), value);
    assert!(twice.is_none(), "{:?} came twice", entry.key());
}

/// All that a keyspace holds.
pub(super) fn content(space: &Keyspace) -> Content {
    let mut content = Content::new();
    for (number, db) in space.dbs().iter().enumerate() {
        db.table()
            .for_each(&mut |_, entry| note(&mut content, number, entry));
    }
    content
}

/// Draws numbers that follow from its seed.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = HashSeed::new(self.0, 1).hash(b"next");
        self.0 % bound
    }
}
