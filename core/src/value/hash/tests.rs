use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SEED: HashSeed = HashSeed::new(3, 4);

fn limits(entries: usize, value: usize) -> EncodingLimits {
    EncodingLimits {
        hash_max_listpack_entries: entries,
        hash_max_listpack_value: value,
        ..EncodingLimits::default()
    }
}

fn content(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.iter()
        .map(|pair| (pair.field.to_vec(), pair.value.to_vec()))
        .collect()
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-20i64..20).prop_map(|value| value.to_string().into_bytes()),
        "[a-d]{0,9}".prop_map(String::into_bytes),
    ]
}

#[test]
fn outgrowing_a_threshold_converts_for_good() {
    let limits = EncodingLimits::default();
    let mut hash = Hash::new();
    for field in 0..512 {
        assert!(hash.insert(SEED, &limits, field.to_string().as_bytes(), b"v"));
    }
    assert_eq!((hash.encoding(), hash.len()), ("listpack", 512));
    assert!(!hash.insert(SEED, &limits, b"7", b"w"));
    assert_eq!(hash.encoding(), "listpack");
    assert!(hash.insert(SEED, &limits, b"512", b"v"));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 513));
    for field in 0..512 {
        assert!(hash.remove(SEED, field.to_string().as_bytes()));
    }
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 1));
    assert_eq!(
        hash.get(SEED, b"512").map(Entry::to_vec),
        Some(b"v".to_vec())
    );

    for (field, value) in [(64, 65), (65, 64)] {
        let mut hash = Hash::new();
        assert!(hash.insert(SEED, &limits, &[b'f'; 64], &[b'v'; 64]));
        assert_eq!(hash.encoding(), "listpack");
        hash.insert(SEED, &limits, &vec![b'f'; field], &vec![b'v'; value]);
        assert_eq!(hash.encoding(), "hashtable");
    }
}

#[test]
fn many_pairs_at_once_are_never_packed() {
    let mut hash = Hash::new();
    hash.reserve(SEED, &limits(4, 64), 4);
    assert_eq!(hash.encoding(), "listpack");
    hash.reserve(SEED, &limits(4, 64), 5);
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn what_comes_from_outside_is_checked_and_converted() {
    let pack = |elements: &[&[u8]]| elements.iter().copied().collect::<Listpack>();
    let load = |elements: &[&[u8]], limits| Hash::from_listpack(pack(elements), SEED, &limits);
    assert!(load(&[b"a", b"1", b"b"], limits(4, 64)).is_err());
    assert!(load(&[b"a", b"1", b"a", b"2"], limits(4, 64)).is_err());
    let hash = load(&[b"a", b"1", b"b", b"1"], limits(2, 64)).expect("two fields");
    assert_eq!((hash.encoding(), hash.len()), ("listpack", 2));
    let hash = load(&[b"a", b"1", b"b", b"1"], limits(1, 64)).expect("two fields");
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 2));

    let items = || vec![Item::pair(b"a", b"1"), Item::pair(b"bb", b"22")];
    let encoding =
        |items, limits| Hash::from_items(items, SEED, &limits).map(|hash| hash.encoding());
    assert_eq!(encoding(items(), limits(2, 2)), Ok("listpack"));
    assert_eq!(encoding(items(), limits(1, 2)), Ok("hashtable"));
    assert_eq!(encoding(items(), limits(2, 1)), Ok("hashtable"));
    assert_eq!(
        encoding([items(), items()].concat(), limits(9, 9)),
        Err(NotPairs)
    );
    assert_eq!(
        encoding([items(), items()].concat(), limits(0, 9)),
        Err(NotPairs)
    );
}

#[test]
fn expiring_fields_are_kept_and_counted() {
    let items = vec![
        Item::expiring_pair(b"a", b"1", 1000),
        Item::pair(b"b", b"2"),
        Item::expiring_pair(b"c", b"3", 2000),
    ];
    let limits = EncodingLimits::default();
    let mut hash = Hash::from_items(items, SEED, &limits).expect("distinct fields");
    assert_eq!((hash.encoding(), hash.expiring_fields()), ("hashtable", 2));
    let times: Vec<_> = hash.iter().filter_map(|pair| pair.expire_at_ms).collect();
    assert_eq!(times.len(), 2);
    assert!(!hash.insert(SEED, &limits, b"a", b"new"));
    assert_eq!(hash.expiring_fields(), 1);
    assert!(hash.remove(SEED, b"c"));
    assert_eq!(hash.expiring_fields(), 0);
}

proptest! {
    #[test]
    fn behaves_like_a_map(
        ops in prop::collection::vec((text(), prop::option::of(text())), 0..200),
        entries in 0usize..20, value in 0usize..10,
    ) {
        let limits = limits(entries, value);
        let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
        for (field, value) in ops {
            match value {
                Some(value) => {
                    let new = model.insert(field.clone(), value.clone()).is_none();
                    prop_assert_eq!(hash.insert(SEED, &limits, &field, &value), new);
                }
                None => {
                    let there = model.remove(&field).is_some();
                    prop_assert_eq!(hash.remove(SEED, &field), there);
                }
            }
            prop_assert_eq!(hash.contains(SEED, &field), model.contains_key(&field));
            prop_assert_eq!(hash.get(SEED, &field).map(Entry::to_vec), model.get(&field).cloned());
        }
        prop_assert_eq!(hash.len(), model.len());
        prop_assert_eq!(hash.is_empty(), model.is_empty());
        prop_assert_eq!(content(&hash), model);
        for (index, pair) in hash.iter().enumerate() {
            prop_assert_eq!(hash.pair_at(index), Some(pair));
        }
        prop_assert_eq!(hash.pair_at(hash.len()), None);
        let mut scanned = Hash::new();
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, 3, |pair| {
                assert!(scanned.insert(SEED, &limits, &pair.field.to_vec(), &pair.value.to_vec()));
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(content(&scanned), content(&hash));
        prop_assert_eq!(hash.as_listpack().is_some(), hash.as_index().is_none());
    }
}
