//! Three nodes that write, follow one another, part and are made equal again.

use super::super::coding::seal;
use super::super::{NewerRanges, Selection};
use super::*;
use crate::keyspace::model::{Content, Rng, content, note};
use crate::keyspace::{FreezeId, Walk};
use crate::value::Value;

const SEED: HashSeed = HashSeed::new(7, 9);
const DATABASES: usize = 3;
/// How far a unit takes the stream.
const UNIT_BYTES: u64 = 10;

/// What a unit of this number does, wherever it is run.
fn run(space: &mut Keyspace, unit: u64) {
    let mut rng = Rng(unit);
    for _ in 0..rng.below(12) {
        let db = rng.below(DATABASES as u64) as usize;
        let key = rng.below(3_000).to_be_bytes();
        match rng.below(1_000) {
            0 => space.swap(0, 1),
            1 => drop(space.flush(db)),
            2..200 => drop(space.remove(db, &key)),
            200..300 => drop(space.set_expire(db, &key, Some(rng.below(99).cast_signed()))),
            _ => drop(space.set_string(db, &key, &rng.below(9).to_be_bytes(), None, 0)),
        }
    }
}

struct Node {
    space: Keyspace,
    /// Its history.
    units: Vec<u64>,
}

impl Node {
    fn new() -> Self {
        let space = Keyspace::new(DATABASES, SEED);
        let units = Vec::new();
        Self { space, units }
    }

    fn offset(&self) -> Offset {
        Offset(self.units.len() as u64 * UNIT_BYTES)
    }

    fn take(&mut self, unit: u64) {
        self.space.begin_unit(self.offset().0 + 1);
        run(&mut self.space, unit);
        self.units.push(unit);
    }

    fn last_common(&self, other: &Self) -> Offset {
        let pairs = self.units.iter().zip(&other.units);
        let same = pairs.take_while(|(ours, theirs)| ours == theirs).count();
        Offset(same as u64 * UNIT_BYTES)
    }
}

/// A freeze that is walked: of everything, or of a part into a delta.
struct Taken {
    id: FreezeId,
    expected: Content,
    seen: Vec<(usize, Entry)>,
}

impl Taken {
    fn take(space: &mut Keyspace, part: Option<Selection>) -> Self {
        Self {
            expected: content(space),
            id: space.freeze_part(part),
            seen: Vec::new(),
        }
    }

    fn step(&mut self, space: &mut Keyspace) -> Walk {
        let seen = &mut self.seen;
        let mut visit = |db: usize, entry: &Entry| {
            seen.push((db, entry.with_key(entry.key(), entry.expire_ms())));
        };
        let walk = space.walk(self.id, 1, &mut visit);
        for handed in space.take_handed(self.id) {
            self.seen.push((handed.db, handed.entry));
        }
        walk
    }
}

fn newer(space: &Keyspace, common: Offset) -> Vec<DbRanges> {
    let mut newer = NewerRanges::new(common);
    while newer.collect(space, &mut || false) == Walk::More {}
    newer.into_found()
}

/// Makes `to` equal to `from`, with other work between the steps of its walk; answers
/// how many keys travelled.
fn resync(from: &mut Node, to: &mut Node, meanwhile: &mut dyn FnMut(&mut Node)) -> usize {
    let common = from.last_common(to);
    let theirs = newer(&to.space, common);
    let mut taken = Taken::take(&mut from.space, Some(Selection { common, theirs }));
    let (at, units) = (from.offset(), from.units.clone());
    while taken.step(&mut from.space) == Walk::More {
        meanwhile(from);
    }
    let ranges = from.space.take_ranges(taken.id);
    from.space.thaw(taken.id);
    let mut delta = Delta::new(DATABASES, SEED);
    let sent = taken.seen.len();
    for (db, entry) in taken.seen {
        delta.select_db(db as u64).expect("it is there");
        delta.ready(entry, Access::Unknown).expect("it is taken");
    }
    let whole = delta.complete(&seal(&ranges, &SEED));
    let mut whole = whole.expect("it contradicts itself nowhere");
    while whole.compare(&to.space, &mut || false) == Ok(Walk::More) {}
    whole
        .apply(&mut to.space, at)
        .expect("both were equal once");
    assert_eq!(content(&to.space), taken.expected);
    to.units = units;
    sent
}

#[test]
fn nodes_that_parted_are_made_equal_at_any_instant() {
    for seed in 0..12 {
        let mut rng = Rng(seed);
        let mut nodes: Vec<Node> = (0..3).map(|_| Node::new()).collect();
        let mut next = seed << 32;
        for _ in 0..120 {
            let (one, other) = (rng.below(3) as usize, rng.below(3) as usize);
            for _ in 0..rng.below(60) {
                next += 1;
                nodes[one].take(next);
            }
            let Ok([from, to]) = nodes.get_disjoint_mut([one, other]) else {
                continue;
            };
            let common = from.last_common(to);
            if common == to.offset() && rng.below(3) > 0 {
                // It follows, and may be cut off before it is there.
                let missed = &from.units[to.units.len()..];
                let some = rng.below(missed.len() as u64 + 1) as usize;
                missed[..some].iter().for_each(|&unit| to.take(unit));
                continue;
            }
            // A snapshot that is being taken there shows its own instant all the same.
            let mut saved = Taken::take(&mut to.space, None);
            let steps = rng.below(300);
            let mut is_walked = (0..steps).any(|_| saved.step(&mut to.space) == Walk::Done);
            let lasts = rng.below(2) == 0;
            if !lasts {
                to.space.thaw(saved.id);
            }
            resync(from, to, &mut |from| {
                if rng.below(4) == 0 {
                    next += 1;
                    from.take(next);
                }
            });
            if lasts {
                while !is_walked {
                    is_walked = saved.step(&mut to.space) == Walk::Done;
                }
                to.space.thaw(saved.id);
                let mut seen = Content::new();
                let all = saved.seen.iter();
                all.for_each(|(db, entry)| note(&mut seen, *db, entry));
                assert_eq!(seen, saved.expected);
            }
        }
    }
}

/// `count` keys of one letter in database 0, in units of their own.
fn filled(count: u64) -> Node {
    let mut node = Node::new();
    for key in 0..count {
        write(&mut node, key, b"v");
    }
    node
}

fn write(node: &mut Node, key: u64, value: &[u8]) {
    node.space.begin_unit(node.offset().0 + 1);
    node.space.set_string(0, &key.to_be_bytes(), value, None, 0);
    node.units.push(u64::MAX - key);
}

#[test]
fn of_a_hundredth_of_the_keys_hardly_more_than_their_groups_travel() {
    let (mut from, mut to) = (filled(100_000), filled(100_000));
    for key in 0..500 {
        write(&mut from, key * 200, b"from");
        write(&mut to, key * 200 + 100, b"to");
    }
    let sent = resync(&mut from, &mut to, &mut |_| ());
    assert!((1_000..13_000).contains(&sent), "{sent} keys");
    assert_eq!(resync(&mut from, &mut to, &mut |_| ()), 0);
}

#[test]
fn what_was_loaded_is_as_new_as_its_snapshot() {
    let mut loaded = Node::new();
    loaded.space.stands_at(Offset(500));
    assert_eq!(newer(&loaded.space, Offset(500)), []);
    let all = newer(&loaded.space, Offset(499));
    assert!(all.len() == DATABASES && all.iter().all(|one| one.ranges.is_all()));
    loaded.space.begin_unit(501);
    loaded.space.set_string(2, b"k", b"v", None, 0);
    let [one] = &newer(&loaded.space, Offset(500))[..] else {
        panic!("one database was written to");
    };
    assert!(one.db == 2 && one.ranges.contains(SEED.hash(b"k")) && !one.ranges.is_all());
    assert_eq!(newer(&loaded.space, Offset(501)), []);
}

#[test]
fn a_dataset_that_was_replaced_is_newer_than_all_before() {
    let mut node = filled(10);
    node.space.begin_unit(node.offset().0 + 1);
    node.space.replace_content(Keyspace::new(DATABASES, SEED));
    assert_eq!(newer(&node.space, node.offset()).len(), DATABASES);
}

#[test]
fn everything_newer_is_no_delta() {
    let mut node = filled(10);
    let at = node.offset();
    assert!(!node.space.is_all_newer(at, &[]));
    let all = DbRanges {
        db: 0,
        keys: 0,
        ranges: HashRanges::all(),
    };
    assert!(node.space.is_all_newer(at, &[all]));
    node.space.begin_unit(at.0 + 1);
    node.space.flush(0);
    assert!(!node.space.is_all_newer(at, &[]), "that is soon said");
    node.space.set_string(0, b"k", b"v", None, 0);
    assert!(node.space.is_all_newer(at, &[]));
    node.space.set_string(1, b"k", b"v", None, 0);
    assert!(!node.space.is_all_newer(at, &[]));
}

fn delta(keys: &[&[u8]]) -> Delta {
    let mut delta = Delta::new(DATABASES, SEED);
    for key in keys {
        let entry = Entry::new(key, Value::Str(b"v".to_vec()), None);
        delta.ready(entry, Access::Unknown).expect("it is taken");
    }
    delta
}

fn ranges_of(db: u32, keys: u64, ranges: HashRanges) -> Vec<u8> {
    seal(&[DbRanges { db, keys, ranges }], &SEED)
}

fn fault(delta: Delta, sealed: &[u8]) -> DeltaFault {
    let mut space = Keyspace::new(DATABASES, SEED);
    space.set_string(0, b"here", b"1", None, 0);
    let before = content(&space);
    let whole = delta.complete(sealed);
    let applied = whole.and_then(|whole| whole.apply(&mut space, Offset(9)));
    assert_eq!(content(&space), before, "nothing has changed");
    applied.expect_err("it is no good")
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let (all, none) = (HashRanges::all, HashRanges::default);
    let here = || ranges_of(0, 1, all());
    assert!(matches!(fault(delta(&[]), b""), DeltaFault::Ranges(_)));
    let twice = fault(delta(&[b"k", b"k"]), &here());
    assert_eq!(twice, DeltaFault::Twice(b"k".to_vec()));
    let outside = fault(delta(&[b"k"]), &ranges_of(0, 1, none()));
    assert_eq!(outside, DeltaFault::OutOfRange(b"k".to_vec()));
    let elsewhere = fault(delta(&[b"k"]), &ranges_of(1, 1, all()));
    assert_eq!(elsewhere, DeltaFault::OutOfRange(b"k".to_vec()));
    let missing = fault(delta(&[]), &here());
    let (db, found, expected) = (0, 0, 1);
    let keys = DeltaFault::Keys {
        db,
        found,
        expected,
    };
    assert_eq!(missing, keys);
    let unknown = fault(delta(&[]), &ranges_of(DATABASES as u32, 1, all()));
    assert_eq!(unknown, DeltaFault::NoSuchDb(DATABASES as u32));
    let mut other = delta(&[]);
    let seed = other.aux(b"towline-hash-seed", &[b'7'; 32]);
    assert!(seed.is_err_and(|Refused(why)| why.contains("another hash seed")));
    assert!(other.select_db(DATABASES as u64).is_err());
    assert!(other.empty_key(b"k").is_err());
}

#[test]
fn functions_are_those_of_the_primary() {
    let mut space = Keyspace::new(DATABASES, SEED);
    space.add_function(b"old".to_vec());
    let mut delta = delta(&[b"k"]);
    delta.function(b"new".to_vec()).expect("it is taken");
    let whole = delta.complete(&ranges_of(0, 1, HashRanges::all()));
    let whole = whole.expect("it contradicts itself nowhere");
    whole.apply(&mut space, Offset(9)).expect("it fits");
    assert_eq!(space.functions(), [b"new".to_vec()]);
}

#[test]
fn what_changes_between_the_comparison_and_its_use_is_seen() {
    let mut space = Keyspace::new(DATABASES, SEED);
    let whole = delta(&[b"k"]).complete(&ranges_of(0, 1, HashRanges::all()));
    let mut whole = whole.expect("it contradicts itself nowhere");
    assert_eq!(whole.compare(&space, &mut || true), Ok(Walk::Done));
    space.set_string(0, b"late", b"1", None, 0);
    let before = content(&space);
    let applied = whole.apply(&mut space, Offset(9)).err();
    assert_eq!(applied, Some(DeltaFault::Changed));
    assert_eq!(content(&space), before);
}
