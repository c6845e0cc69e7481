//! The table against a model, with splits, chains and walks.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::value::ValueRef;

const SEED: HashSeed = HashSeed::new(1, 2);

fn put(table: &mut Table, key: &[u8], value: &[u8]) {
    let hash = SEED.hash(key);
    match table.find_mut(hash, key) {
        Some(entry) => *entry = Entry::string(key, value, None),
        None => table.insert_unique(hash, Entry::string(key, value, None)),
    }
}

fn get<'a>(table: &'a Table, key: &[u8]) -> Option<&'a [u8]> {
    match table.find(SEED.hash(key), key)?.value() {
        ValueRef::Str(bytes) => Some(bytes),
        other => panic!("a string was put, not {other:?}"),
    }
}

fn filled(keys: u32, max_depth: u32) -> Table {
    let mut table = Table::with_max_depth(SEED, max_depth);
    for key in 0..keys {
        put(&mut table, &key.to_be_bytes(), &key.to_le_bytes());
    }
    table
}

#[test]
fn holds_what_a_map_holds() {
    for max_depth in [0, 2, MAX_DEPTH_BITS] {
        let mut table = filled(20_000, max_depth);
        let mut model: HashMap<Vec<u8>, Vec<u8>> = (0..20_000_u32)
            .map(|key| (key.to_be_bytes().to_vec(), key.to_le_bytes().to_vec()))
            .collect();
        for key in (0..20_000_u32).step_by(3) {
            let key = key.to_be_bytes();
            let gone = table.remove(SEED.hash(&key), &key);
            assert_eq!(gone.map(|entry| entry.key().to_vec()), Some(key.to_vec()));
            model.remove(&key[..]);
        }
        assert_eq!(table.len(), model.len());
        for key in 0..20_000_u32 {
            let key = key.to_be_bytes();
            assert_eq!(get(&table, &key), model.get(&key[..]).map(Vec::as_slice));
        }
        let mut seen = 0;
        table.for_each(&mut |hash, entry| {
            assert_eq!(hash, SEED.hash(entry.key()));
            seen += usize::from(model.contains_key(entry.key()));
        });
        assert_eq!(seen, model.len());
    }
}

#[test]
fn a_walk_meets_what_stays_exactly_once_while_the_table_grows() {
    let mut table = filled(5_000, MAX_DEPTH_BITS);
    let mut met: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let (mut position, mut fresh) = (Some(0), 5_000_u32);
    while let Some(at) = position {
        position = table.visit_home(at, &mut |_, entry| {
            *met.entry(entry.key().to_vec()).or_default() += 1;
        });
        for _ in 0..50 {
            put(&mut table, &fresh.to_be_bytes(), b"new");
            fresh += 1;
        }
    }
    for key in 0..5_000_u32 {
        assert_eq!(met.get(&key.to_be_bytes()[..]), Some(&1));
    }
    assert!(met.values().all(|&times| times == 1));
}

#[test]
fn a_split_hands_its_versions_to_both_children() {
    let mut table = filled(100, MAX_DEPTH_BITS);
    let version_of = |hash: u64| (hash >> 58) + 1;
    for group in 0..64_u64 {
        table.set_version(group << 58, version_of(group << 58));
    }
    for key in 100..50_000_u32 {
        put(&mut table, &key.to_be_bytes(), b"x");
    }
    for step in 0..4096_u64 {
        let hash = step << 52;
        assert_eq!(table.version(hash), version_of(hash));
    }
}

#[test]
fn random_reaches_every_entry_even_of_a_sparse_table() {
    let mut table = filled(10_000, MAX_DEPTH_BITS);
    for key in 0..9_990_u32 {
        let key = key.to_be_bytes();
        table.remove(SEED.hash(&key), &key).expect("it was put");
    }
    let (mut state, mut seen) = (7_u64, BTreeMap::new());
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        SEED.hash(&state.to_le_bytes())
    };
    for _ in 0..2_000 {
        let entry = table.random(&mut next).expect("ten keys are left");
        *seen.entry(entry.key().to_vec()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 10);
}
