use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SEED: HashSeed = HashSeed::new(5, 6);

fn limits(ints: usize, packed: usize, value: usize) -> EncodingLimits {
    EncodingLimits {
        set_max_intset_entries: ints,
        set_max_listpack_entries: packed,
        set_max_listpack_value: value,
        ..EncodingLimits::default()
    }
}

fn set_of(members: &[&[u8]], limits: &EncodingLimits) -> Set {
    let mut set = Set::new();
    for member in members {
        assert!(set.insert(SEED, limits, member));
    }
    set
}

fn content(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(Entry::to_vec).collect()
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-20i64..20).prop_map(|value| value.to_string().into_bytes()),
        1 => "[a-d]{0,9}".prop_map(String::into_bytes),
    ]
}

#[test]
fn members_decide_the_encoding() {
    let default = EncodingLimits::default();
    assert_eq!(set_of(&[b"1", b"-2"], &default).encoding(), "intset");
    assert_eq!(set_of(&[b"1", b"01"], &default).encoding(), "listpack");
    assert_eq!(
        set_of(&[b"1", &[b'x'; 64]], &default).encoding(),
        "listpack"
    );
    assert_eq!(
        set_of(&[b"1", &[b'x'; 65]], &default).encoding(),
        "hashtable"
    );
    assert_eq!(
        set_of(&[b"1", b"2", b"3"], &limits(2, 9, 9)).encoding(),
        "hashtable"
    );
    assert_eq!(
        set_of(&[b"1", b"2", b"x"], &limits(9, 3, 9)).encoding(),
        "listpack"
    );
    assert_eq!(
        set_of(&[b"1", b"2", b"x"], &limits(9, 2, 9)).encoding(),
        "hashtable"
    );
    assert_eq!(
        set_of(&[b"x", b"y", b"1"], &limits(9, 2, 9)).encoding(),
        "hashtable"
    );
    assert_eq!(
        set_of(&[b"-100", b"1", b"x"], &limits(9, 9, 3)).encoding(),
        "hashtable"
    );
}

#[test]
fn the_number_of_members_to_come_decides_as_well() {
    let limits = limits(4, 2, 9);
    let encoding = |first: &[u8], count| Set::for_members(first, count, &limits).encoding();
    assert_eq!(encoding(b"1", 4), "intset");
    assert_eq!(encoding(b"1", 5), "hashtable");
    assert_eq!(encoding(b"x", 2), "listpack");
    assert_eq!(encoding(b"x", 3), "hashtable");
    let mut set = Set::new();
    set.reserve(SEED, &limits, 4);
    assert_eq!(set.encoding(), "intset");
    set.reserve(SEED, &limits, 5);
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn what_comes_from_outside_is_checked_and_converted() {
    let pack = |elements: &[&[u8]]| elements.iter().copied().collect::<Listpack>();
    let load = |elements: &[&[u8]], limits| {
        Set::from_listpack(pack(elements), SEED, &limits).map(|set| set.encoding())
    };
    assert_eq!(load(&[b"a", b"1", b"a"], limits(9, 9, 9)), Err(NotDistinct));
    assert_eq!(load(&[b"a", b"1"], limits(9, 2, 9)), Ok("listpack"));
    assert_eq!(load(&[b"a", b"1"], limits(9, 1, 9)), Ok("hashtable"));
    let mut ints = Intset::new();
    assert!(ints.add(1) && ints.add(2));
    assert_eq!(
        Set::from_intset(ints.clone(), SEED, &limits(2, 9, 9)).encoding(),
        "intset"
    );
    assert_eq!(
        Set::from_intset(ints, SEED, &limits(1, 9, 9)).encoding(),
        "hashtable"
    );

    let build = |members: &[&[u8]], limits| {
        let items = members.iter().map(|member| Item::member(member)).collect();
        Set::from_items(items, SEED, &limits).map(|set| (set.encoding(), set.len()))
    };
    assert_eq!(build(&[b"1", b"2"], limits(2, 2, 9)), Ok(("intset", 2)));
    assert_eq!(build(&[b"1", b"x"], limits(2, 2, 9)), Ok(("listpack", 2)));
    assert_eq!(build(&[b"1", b"x"], limits(1, 1, 9)), Ok(("hashtable", 2)));
    assert_eq!(build(&[b"1", b"1"], limits(1, 1, 9)), Err(NotDistinct));
    assert_eq!(build(&[b"x", b"x"], limits(9, 9, 9)), Err(NotDistinct));
}

proptest! {
    #[test]
    fn behaves_like_a_set(
        ops in prop::collection::vec((text(), any::<bool>()), 0..200),
        ints in 0usize..20, packed in 0usize..20, value in 0usize..10,
    ) {
        let limits = limits(ints, packed, value);
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (member, add) in ops {
            if add {
                prop_assert_eq!(set.insert(SEED, &limits, &member), model.insert(member.clone()));
            } else {
                prop_assert_eq!(set.remove(SEED, &member), model.remove(&member));
            }
            prop_assert_eq!(set.contains(SEED, &member), model.contains(&member));
        }
        prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        prop_assert_eq!(content(&set), model);
        for (index, member) in set.iter().enumerate() {
            prop_assert_eq!(set.member_at(index), Some(member));
            prop_assert!(set.contains_entry(SEED, member));
        }
        prop_assert_eq!(set.member_at(set.len()), None);

        let mut scanned = Set::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 3, |member| {
                assert!(scanned.insert_entry(SEED, &limits, member));
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(content(&scanned), content(&set));

        let index = set.len() / 2;
        let expected = set.member_at(index).map(Entry::to_vec);
        let removed = set.remove_at(index);
        prop_assert_eq!(&removed, &expected);
        prop_assert!(removed.is_none_or(|member| !set.contains(SEED, &member)));
    }
}
