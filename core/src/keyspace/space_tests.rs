//! Freezes against a model: each equals the dataset at its instant.

use super::*;
use crate::keyspace::model::{Content, Rng, content, note};

fn mutate(space: &mut Keyspace, rng: &mut Rng) {
    space.begin_unit(0);
    let db = rng.below(3) as usize;
    let key = rng.below(4_000).to_be_bytes();
    match rng.below(1_000) {
        0 => space.swap(0, 1),
        1 => drop(space.flush(db)),
        2..300 => drop(space.remove(db, &key)),
        300..400 => drop(space.set_expire(db, &key, Some(rng.below(99).cast_signed()))),
        _ => drop(space.set_string(db, &key, &rng.below(9).to_be_bytes(), None, 0)),
    }
}

/// A freeze, what it must show, and what it has shown so far.
struct Taken {
    id: FreezeId,
    expected: Content,
    seen: Content,
}

impl Taken {
    fn take(space: &mut Keyspace) -> Self {
        Self {
            expected: content(space),
            id: space.freeze(),
            seen: Content::new(),
        }
    }

    fn step(&mut self, space: &mut Keyspace) -> bool {
        let seen = &mut self.seen;
        let walk = space.walk(self.id, 1, &mut |db, entry| note(seen, db, entry));
        for handed in space.take_handed(self.id) {
            note(&mut self.seen, handed.db, &handed.entry);
        }
        walk == Walk::Done
    }
}

#[test]
fn each_of_several_freezes_shows_its_own_instant() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let mut space = Keyspace::new(3, HashSeed::new(seed, 9));
        let mut freezes: Vec<Taken> = Vec::new();
        let mut finished = 0;
        while finished < 8 {
            for _ in 0..rng.below(60) {
                mutate(&mut space, &mut rng);
            }
            if freezes.len() < 3 && rng.below(10) == 0 {
                freezes.push(Taken::take(&mut space));
            }
            freezes.retain_mut(|taken| {
                let done = taken.step(&mut space);
                if done {
                    assert_eq!(taken.seen, taken.expected);
                    space.thaw(taken.id);
                    finished += 1;
                }
                !done
            });
        }
    }
}

#[test]
fn a_write_hands_over_what_it_changes_and_nothing_beside_it() {
    let mut space = Keyspace::new(1, HashSeed::new(1, 1));
    let key = |number: u32| number.to_be_bytes();
    for number in 0..1000 {
        space.set_string(0, &key(number), b"before", None, 0);
    }
    let mut taken = Taken::take(&mut space);
    let set = |space: &mut Keyspace, number| {
        space.begin_unit(0);
        space.set_string(0, &key(number), b"after", None, 0);
    };
    for round in 0..3 {
        for number in 0..20 {
            set(&mut space, number);
        }
        // Of these there was nothing.
        set(&mut space, 2000 + round);
    }
    let handed = space.take_handed(taken.id);
    assert_eq!(handed.len(), 20);
    for handed in handed {
        note(&mut taken.seen, handed.db, &handed.entry);
    }
    while !taken.step(&mut space) {}
    assert_eq!(taken.seen, taken.expected);
}

#[test]
fn the_expiry_index_follows_every_change() {
    let mut rng = Rng(3);
    let mut space = Keyspace::new(3, HashSeed::new(3, 9));
    for _ in 0..20_000 {
        mutate(&mut space, &mut rng);
    }
    for db in space.dbs() {
        let mut expires = Vec::new();
        db.table()
            .for_each(&mut |_, entry| expires.extend(entry.expire_ms()));
        assert_eq!(db.expires(), expires.len());
        let first = db.first_expired(i64::MAX).and_then(|key| db.find(key));
        assert_eq!(
            first.and_then(Entry::expire_ms),
            expires.iter().min().copied()
        );
    }
}

#[test]
fn replaced_content_leaves_older_freezes_their_tables() {
    let mut space = Keyspace::new(2, HashSeed::new(1, 1));
    space.set_string(0, b"old", b"1", None, 0);
    let mut taken = Taken::take(&mut space);
    let mut other = Keyspace::new(2, HashSeed::new(5, 5));
    let loaded = |expire| Entry::string(b"new", b"2", Some(expire));
    other.load(1, loaded(7)).expect("it is new");
    let twice = other.load(1, loaded(8)).expect_err("it is there");
    assert_eq!(twice.key(), b"new");
    space.replace_content(other);
    while !taken.step(&mut space) {}
    assert_eq!(taken.seen, taken.expected);
    assert_eq!((space.len(), space.db(1).expires()), (1, 1));
    assert!(space.find(1, b"new").is_some());
}

#[test]
fn what_a_given_up_freeze_knew_of_changes_is_garbage() {
    let mut space = Keyspace::new(1, HashSeed::new(1, 1));
    space.set_string(0, b"k", b"1", None, 0);
    let id = space.freeze();
    space.set_string(0, b"k", b"2", None, 0);
    space.thaw(id);
    let garbage = space.take_garbage();
    let has = |test: fn(&Garbage) -> bool| garbage.iter().any(test);
    assert!(has(|one| matches!(one, Garbage::Frozen(_))));
    assert!(has(|one| matches!(one, Garbage::Changed(_))));
}

#[test]
fn what_a_freeze_held_becomes_garbage_and_is_not_dropped_by_it() {
    let tables = |space: &mut Keyspace| {
        let garbage = space.take_garbage();
        let tables = garbage
            .iter()
            .filter(|one| matches!(one, Garbage::Table(_)));
        tables.count()
    };
    let mut space = Keyspace::new(1, HashSeed::new(1, 1));
    for given_up in [false, true] {
        space.set_string(0, b"k", b"1", None, 0);
        let mut taken = Taken::take(&mut space);
        space.flush(0);
        assert_eq!(tables(&mut space), 0, "the freeze holds it");
        while !given_up && !taken.step(&mut space) {}
        assert_eq!(tables(&mut space), usize::from(!given_up));
        space.thaw(taken.id);
        assert_eq!(tables(&mut space), usize::from(given_up));
    }
}

#[test]
fn libraries_of_functions_travel_with_the_content() {
    let mut space = Keyspace::new(1, HashSeed::new(1, 1));
    let mut other = Keyspace::new(1, HashSeed::new(1, 1));
    other.add_function(b"#!lua name=kept".to_vec());
    space.replace_content(other);
    assert_eq!(space.functions(), [b"#!lua name=kept".to_vec()]);
}

#[test]
fn what_is_flushed_or_replaced_leaves_its_indexes_to_the_driver() {
    for replaced in [false, true] {
        let mut space = Keyspace::new(2, HashSeed::new(1, 1));
        for key in 0..100u64 {
            space.set_string(1, &key.to_be_bytes(), b"v", Some(5), 0);
        }
        let mut hash = Hash::new();
        hash.insert_expiring(*space.seed(), b"f", b"v", 7);
        space.set(1, b"hash", Value::Hash(Box::new(hash)), None);
        if replaced {
            space.replace_content(Keyspace::new(2, HashSeed::new(1, 1)));
        } else {
            space.flush(1);
        }
        let garbage = space.take_garbage();
        let indexed = |one: &Garbage| match one {
            Garbage::Expiries(index) => Some(index.len()),
            _ => None,
        };
        let indexed: Vec<_> = garbage.iter().filter_map(indexed).collect();
        assert_eq!(indexed, [100, 1]);
        let objects = garbage.iter().map(Garbage::objects);
        assert_eq!(objects.sum::<u64>(), 101, "each key counts once");
    }
}
