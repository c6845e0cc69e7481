//! `HashIndex`: items found by their field, in the order of their hashes.
//!
//! Large hashes and sets are one of these, and a large sorted set has one
//! beside its scores. Hash order gives all three for free what a bucket table
//! needs machinery for: growth without a pause, a SCAN cursor that is a
//! position and survives any change, and a uniform random item by rank.

use std::cmp::Ordering;

use super::item::Item;
use crate::keyspace::HashSeed;
use crate::tree::{Element, Iter, Probe, Tree};

/// A cursor is a hash without its lowest bits: clients parse it as a double.
const CURSOR_SHIFT: u32 = u64::BITS - 53;

/// An item with its field's hash, which decides its place.
#[derive(Clone, Debug)]
pub struct Hashed {
    hash: u64,
    item: Item,
}

impl Element for Hashed {
    type Key = u64;
    const EVEN: bool = true;

    fn key(&self) -> u64 {
        self.hash
    }

    fn position(key: &u64) -> u64 {
        *key
    }

    fn prefetch(&self) {
        self.item.prefetch();
    }
}

/// Searches for one field.
struct ByField<'a> {
    hash: u64,
    field: &'a [u8],
}

impl Probe<Hashed> for ByField<'_> {
    #[inline]
    fn compare_key(&self, key: &u64) -> Option<Ordering> {
        let order = key.cmp(&self.hash);
        order.is_ne().then_some(order)
    }

    #[inline]
    fn compare(&self, item: &Hashed) -> Ordering {
        item.hash
            .cmp(&self.hash)
            .then_with(|| item.item.field().cmp(self.field))
    }

    fn position(&self) -> u64 {
        self.hash
    }
}

/// Searches for the first item at or behind a hash.
struct FromHash(u64);

impl Probe<Hashed> for FromHash {
    fn compare_key(&self, key: &u64) -> Option<Ordering> {
        Some(if *key < self.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        })
    }

    fn compare(&self, item: &Hashed) -> Ordering {
        if item.hash < self.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }

    fn position(&self) -> u64 {
        self.0
    }
}

/// Items by field. Every call on one index must use the same seed.
#[derive(Clone, Debug, Default)]
pub struct HashIndex {
    tree: Tree<Hashed>,
}

impl HashIndex {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An index of all `items`, or `None` if two have the same field.
    pub fn build(seed: HashSeed, items: impl IntoIterator<Item = Item>) -> Option<Self> {
        let mut sorted: Vec<Hashed> = items
            .into_iter()
            .map(|item| Hashed {
                hash: seed.hash(item.field()),
                item,
            })
            .collect();
        let order = |a: &Hashed, b: &Hashed| {
            (a.hash.cmp(&b.hash)).then_with(|| a.item.field().cmp(b.item.field()))
        };
        sorted.sort_unstable_by(order);
        if sorted
            .windows(2)
            .any(|pair| order(&pair[0], &pair[1]).is_eq())
        {
            return None;
        }
        Some(Self {
            tree: Tree::from_sorted(sorted),
        })
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Bytes on the heap, the items' own included, judged by the first `samples`.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        let of_item = |hashed: &Hashed| hashed.item.heap_bytes();
        self.tree.heap_bytes(samples, of_item)
    }

    /// Bytes on the heap without the items, which something else owns as well.
    #[must_use]
    pub fn node_bytes(&self, samples: usize) -> usize {
        self.tree.heap_bytes(samples, |_| 0)
    }

    /// How many items each leaf of the tree holds, in hash order.
    #[must_use]
    pub fn leaf_lens(&self) -> Vec<usize> {
        self.tree.leaf_lens()
    }

    /// The item of `field`.
    #[must_use]
    pub fn get(&self, seed: HashSeed, field: &[u8]) -> Option<&Item> {
        let hash = seed.hash(field);
        self.tree
            .get(&ByField { hash, field })
            .map(|hashed| &hashed.item)
    }

    /// Whether there is an item of `field`.
    #[must_use]
    pub fn contains(&self, seed: HashSeed, field: &[u8]) -> bool {
        self.get(seed, field).is_some()
    }

    /// Where the item of `field` is in hash order.
    #[must_use]
    pub fn index_of(&self, seed: HashSeed, field: &[u8]) -> Option<usize> {
        let hash = seed.hash(field);
        let located = self.tree.locate(&ByField { hash, field });
        located.map(|located| located.index)
    }

    /// Adds `item`, or puts it in the place of its field's item, which it returns.
    pub fn insert(&mut self, seed: HashSeed, item: Item) -> Option<Item> {
        // The searched field must outlive the item's move into the tree.
        let searched = item.clone();
        let field = searched.field();
        let hash = seed.hash(field);
        let hashed = Hashed { hash, item };
        let replaced = self.tree.insert(&ByField { hash, field }, hashed);
        replaced.map(|hashed| hashed.item)
    }

    /// Takes out the item of `field`.
    pub fn remove(&mut self, seed: HashSeed, field: &[u8]) -> Option<Item> {
        let hash = seed.hash(field);
        self.tree
            .remove(&ByField { hash, field })
            .map(|hashed| hashed.item)
    }

    /// The item at `index` in hash order: with a uniform index, a uniform item.
    #[must_use]
    pub fn get_at(&self, index: usize) -> Option<&Item> {
        self.tree.get_at(index).map(|hashed| &hashed.item)
    }

    /// Takes out the item at `index` in hash order.
    pub fn remove_at(&mut self, index: usize) -> Option<Item> {
        self.tree.remove_at(index).map(|hashed| hashed.item)
    }

    /// All items in hash order.
    #[must_use]
    pub fn iter(&self) -> Items<'_> {
        Items {
            inner: self.tree.iter(),
        }
    }

    /// Visits about `count` items from `cursor` on (0 is the start) and
    /// returns the cursor to go on from, or 0 at the end.
    ///
    /// Items whose hashes share a cursor are visited together, so a scan from
    /// 0 to 0 visits each item that is there all the while exactly once,
    /// whatever is added or removed meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&Item)) -> u64 {
        if cursor > u64::MAX >> CURSOR_SHIFT {
            return 0;
        }
        let start = self.tree.index_of(&FromHash(cursor << CURSOR_SHIFT));
        let mut last = cursor;
        for (visited, hashed) in self.tree.range(start..self.len()).enumerate() {
            let position = hashed.hash >> CURSOR_SHIFT;
            if visited >= count.max(1) && position != last {
                return position;
            }
            last = position;
            visit(&hashed.item);
        }
        0
    }
}

/// The items of an index in hash order, from both ends.
#[derive(Clone)]
pub struct Items<'a> {
    inner: Iter<'a, Hashed>,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a Item;

    fn next(&mut self) -> Option<&'a Item> {
        self.inner.next().map(|hashed| &hashed.item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.inner.next_back().map(|hashed| &hashed.item)
    }
}

impl ExactSizeIterator for Items<'_> {}

impl<'a> IntoIterator for &'a HashIndex {
    type Item = &'a Item;
    type IntoIter = Items<'a>;

    fn into_iter(self) -> Items<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const SEED: HashSeed = HashSeed::new(1, 2);

    fn name(id: u32) -> Vec<u8> {
        id.to_string().into_bytes()
    }

    fn index_of(ids: impl Iterator<Item = u32>) -> HashIndex {
        let items = ids.map(|id| Item::pair(&name(id), b"v"));
        HashIndex::build(SEED, items).expect("distinct fields")
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(ops in prop::collection::vec((0..400u32, 0..4u32), 0..900)) {
            let mut index = HashIndex::new();
            let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            for (id, what) in ops {
                let field = name(id);
                let ours = if what == 0 {
                    index.remove(SEED, &field)
                } else {
                    index.insert(SEED, Item::pair(&field, &name(what)))
                };
                let theirs = if what == 0 { model.remove(&field) } else { model.insert(field, name(what)) };
                prop_assert_eq!(ours.as_ref().and_then(Item::value), theirs.as_deref());
            }
            prop_assert_eq!(index.len(), model.len());
            for id in 0..400 {
                let found = index.get(SEED, &name(id)).and_then(Item::value);
                prop_assert_eq!(found, model.get(&name(id)).map(Vec::as_slice));
            }
            let fields: BTreeSet<_> = index.iter().map(|item| item.field().to_vec()).collect();
            prop_assert!(fields.iter().eq(model.keys()));
        }

        #[test]
        fn a_scan_sees_what_stays_exactly_once(
            len in 0..2000u32, count in 1..60usize, changes in prop::collection::vec(0..4000u32, 0..60),
        ) {
            let mut index = index_of(0..len);
            let mut changes = changes.into_iter();
            let mut touched = BTreeSet::new();
            let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            let mut cursor = 0;
            loop {
                cursor = index.scan(cursor, count, |item| *seen.entry(item.field().to_vec()).or_default() += 1);
                prop_assert!(cursor < 1 << 53);
                if cursor == 0 {
                    break;
                }
                if let Some(id) = changes.next() {
                    touched.insert(name(id));
                    if index.remove(SEED, &name(id)).is_none() {
                        index.insert(SEED, Item::member(&name(id)));
                    }
                }
            }
            for id in (0..len).map(name).filter(|id| !touched.contains(id)) {
                prop_assert_eq!(seen.get(&id), Some(&1));
            }
            prop_assert!(seen.values().all(|times| *times == 1));
        }
    }

    #[test]
    fn items_of_one_cursor_are_visited_together() {
        let mut index = HashIndex::new();
        for low in 0..100u64 {
            let item = Item::member(&low.to_be_bytes());
            // As if a hundred hashes differed only in the bits a cursor lacks.
            let hashed = Hashed {
                hash: 7 << CURSOR_SHIFT | low,
                item,
            };
            index.tree.push_back(hashed);
        }
        let last = Hashed {
            hash: 9 << CURSOR_SHIFT,
            item: Item::member(b"last"),
        };
        index.tree.push_back(last);
        let mut seen = 0;
        assert_eq!(index.scan(0, 10, |_| seen += 1), 9);
        assert_eq!(seen, 100);
        assert_eq!(index.scan(9, 10, |_| seen += 1), 0);
        assert_eq!(seen, 101);
    }

    #[test]
    fn a_cursor_beyond_all_hashes_ends_the_scan() {
        let index = index_of(0..100);
        for cursor in [1 << 53, u64::MAX] {
            assert_eq!(
                index.scan(cursor, 10, |_| unreachable!("nothing is there")),
                0
            );
        }
    }

    #[test]
    fn one_field_twice_is_refused() {
        let twice = [Item::member(b"a"), Item::member(b"b"), Item::member(b"a")];
        assert!(HashIndex::build(SEED, twice).is_none());
    }

    #[test]
    fn a_hash_of_a_million_fields_is_frozen_while_it_is_written() {
        let mut index = index_of(0..1_000_000);
        let frozen = index.clone();
        for id in 0..20_000 {
            index.insert(SEED, Item::pair(&name(id), b"w"));
            index.remove(SEED, &name(500_000 + id));
            index.insert(SEED, Item::pair(&name(1_000_000 + id), b"x"));
        }
        assert_eq!((frozen.len(), index.len()), (1_000_000, 1_000_000));
        assert!(frozen.iter().all(|item| item.value() == Some(b"v")));
        assert_eq!(index.get(SEED, b"7").and_then(Item::value), Some(&b"w"[..]));
        assert!(frozen.contains(SEED, b"500001") && !index.contains(SEED, b"500001"));
    }
}
