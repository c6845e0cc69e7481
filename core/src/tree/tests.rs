//! The tree against a plain vector, and what sharing and dropping promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::locate::End;
use super::*;

/// A small leaf, so that few items already make a deep tree; the whole item is its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Small {
    id: u32,
    weight: u8,
}

impl Element for Small {
    type Key = Self;
    const LEAF_ITEMS_MAX: usize = 8;

    fn key(&self) -> Self {
        *self
    }

    fn weight(&self) -> usize {
        usize::from(self.weight)
    }
}

/// An item whose key in inner nodes tells little, as when hashes collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vague(u32);

impl Element for Vague {
    type Key = u32;
    const LEAF_ITEMS_MAX: usize = 8;

    fn key(&self) -> u32 {
        self.0 / 40
    }
}

struct VagueProbe(u32);

impl Probe<Vague> for VagueProbe {
    fn compare_key(&self, key: &u32) -> Option<std::cmp::Ordering> {
        let order = key.cmp(&(self.0 / 40));
        order.is_ne().then_some(order)
    }

    fn compare(&self, item: &Vague) -> std::cmp::Ordering {
        item.0.cmp(&self.0)
    }
}

fn probe(id: u32) -> impl Probe<Small> {
    move |item: &Small| item.id.cmp(&id)
}

impl<T: Element + PartialEq + fmt::Debug> Tree<T>
where
    T::Key: PartialEq + fmt::Debug,
{
    /// Checks every count, key and depth; returns nothing or panics.
    fn check(&self) {
        let (depth, items, weight) = check_node(&self.root);
        assert!(depth <= 8, "{depth} levels for {items} items");
        assert_eq!((self.items, self.weight), (items, weight));
        assert_eq!(self.iter().count(), items);
    }

    fn to_vec(&self) -> Vec<T> {
        self.iter().cloned().collect()
    }
}

fn check_node<T: Element + PartialEq>(node: &Node<T>) -> (usize, usize, usize)
where
    T::Key: PartialEq + fmt::Debug,
{
    let children = match node {
        Node::Leaf(items) => {
            assert!(items.len() <= T::LEAF_ITEMS_MAX);
            return (1, items.len(), items.iter().map(Element::weight).sum());
        }
        Node::Inner(children) => children,
    };
    assert!(!children.is_empty() && children.len() <= node::CHILDREN_MAX);
    let mut sum = (0, 0, 0);
    for child in children.iter() {
        let (depth, items, weight) = check_node(&child.node);
        assert!(items > 0);
        assert!(sum.0 == 0 || sum.0 == depth + 1, "leaves at one depth");
        assert_eq!((child.items, child.weight), (items, weight));
        assert_eq!(child.key, child.node.first().key());
        sum = (depth + 1, sum.1 + items, sum.2 + weight);
    }
    sum
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert(u32, u8),
    Remove(u32),
    Update(u32, u8),
    InsertAt(u32),
    RemoveAt(u32),
    RemoveRange(u32, u32),
    PopFront(u8),
    PopBack(u8),
    Freeze,
    Fill(u32, u16),
}

fn op() -> impl Strategy<Value = Op> {
    let id = 0..3000u32;
    prop_oneof![
        8 => (id.clone(), 0..5u8).prop_map(|(id, weight)| Op::Insert(id, weight)),
        6 => id.clone().prop_map(Op::Remove),
        3 => (id.clone(), 0..5u8).prop_map(|(id, weight)| Op::Update(id, weight)),
        1 => any::<u32>().prop_map(Op::InsertAt),
        3 => any::<u32>().prop_map(Op::RemoveAt),
        1 => (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Op::RemoveRange(a, b)),
        1 => any::<u8>().prop_map(Op::PopFront),
        1 => any::<u8>().prop_map(Op::PopBack),
        1 => Just(Op::Freeze),
        2 => (id, 0..700u16).prop_map(|(id, count)| Op::Fill(id, count)),
    ]
}

/// A tree and what it should be.
#[derive(Default)]
struct Pair {
    tree: Tree<Small>,
    model: Vec<Small>,
    frozen: Vec<(Tree<Small>, Vec<Small>)>,
}

impl Pair {
    fn insert(&mut self, id: u32, weight: u8) {
        let item = Small { id, weight };
        let replaced = self.tree.insert(&probe(id), item);
        match self.model.binary_search_by(|item| item.id.cmp(&id)) {
            Ok(i) => assert_eq!(replaced, Some(std::mem::replace(&mut self.model[i], item))),
            Err(i) => {
                assert_eq!(replaced, None);
                self.model.insert(i, item);
            }
        }
    }

    fn remove(&mut self, id: u32) {
        let removed = self.tree.remove(&probe(id));
        let found = self.model.binary_search_by(|item| item.id.cmp(&id));
        assert_eq!(removed, found.ok().map(|i| self.model.remove(i)));
    }

    fn update(&mut self, id: u32, weight: u8) {
        let updated = self.tree.update(&probe(id), |item| item.weight = weight);
        match self.model.iter_mut().find(|item| item.id == id) {
            Some(item) => item.weight = weight,
            None => assert_eq!(updated, None),
        }
    }

    /// Duplicates the item at a position, by position; nothing is searched for
    /// until the duplicate is gone again.
    fn insert_at(&mut self, at: u32) {
        let at = at as usize % (self.model.len() + 1);
        let item = Small {
            id: 7777,
            weight: 3,
        };
        self.tree.insert_at(at, item);
        self.tree.check();
        self.model.insert(at, item);
        assert_eq!(self.tree.to_vec(), self.model);
        assert_eq!(self.tree.remove_at(at), Some(self.model.remove(at)));
    }

    fn remove_range(&mut self, a: u32, b: u32) {
        let len = self.model.len() + 1;
        let (a, b) = (a as usize % len, b as usize % len);
        let range = a.min(b)..a.max(b);
        self.tree.remove_range(range.clone());
        self.model.drain(range);
    }

    fn pop(&mut self, count: u8, back: bool) {
        for _ in 0..count {
            if back {
                assert_eq!(self.tree.pop_back(), self.model.pop());
            } else {
                let first = (!self.model.is_empty()).then(|| self.model.remove(0));
                assert_eq!(self.tree.pop_front(), first);
            }
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert(id, weight) => self.insert(id, weight),
            Op::Remove(id) => self.remove(id),
            Op::Update(id, weight) => self.update(id, weight),
            Op::InsertAt(at) => self.insert_at(at),
            Op::RemoveAt(at) => {
                let at = at as usize % (self.model.len() + 1);
                let expected = (at < self.model.len()).then(|| self.model.remove(at));
                assert_eq!(self.tree.remove_at(at), expected);
            }
            Op::RemoveRange(a, b) => self.remove_range(a, b),
            Op::PopFront(count) => self.pop(count, false),
            Op::PopBack(count) => self.pop(count, true),
            Op::Freeze => self.frozen.push((self.tree.clone(), self.model.clone())),
            Op::Fill(id, count) => {
                for id in id..id + u32::from(count) {
                    self.insert(id, 1);
                }
            }
        }
    }

    fn check(&self) {
        self.tree.check();
        assert_eq!(self.tree.to_vec(), self.model);
        let back: Vec<_> = self.tree.iter().rev().copied().collect();
        assert!(back.iter().eq(self.model.iter().rev()));
        assert_eq!(self.tree.first(), self.model.first());
        assert_eq!(self.tree.last(), self.model.last());
        self.check_ranks();
        for (tree, model) in &self.frozen {
            tree.check();
            assert_eq!(&tree.to_vec(), model);
        }
    }

    fn check_ranks(&self) {
        let mut rank = 0;
        for (index, item) in self.model.iter().enumerate() {
            let located = Located { item, index, rank };
            assert_eq!(self.tree.locate(&probe(item.id)), Some(located));
            assert_eq!(self.tree.rank_at(index), rank);
            assert_eq!(self.tree.get_at(index), Some(item));
            for rank in rank..rank + item.weight() {
                assert_eq!(self.tree.at_rank(rank), Some(located));
            }
            rank += item.weight();
        }
        assert_eq!(self.tree.rank_at(self.model.len()), rank);
        assert_eq!(self.tree.at_rank(rank), None);
        assert_eq!(self.tree.get_at(self.model.len()), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_a_sorted_vector(ops in prop::collection::vec(op(), 1..120)) {
        let mut pair = Pair::default();
        for op in ops {
            pair.apply(op);
            pair.tree.check();
        }
        pair.check();
    }

    #[test]
    fn ranges_and_skips_match_a_slice(
        len in 0..900usize, a in 0..1000usize, b in 0..1000usize, skip in 0..50usize,
    ) {
        let tree: Tree<Small> = (0..len as u32).map(|id| Small { id, weight: 1 }).collect();
        tree.check();
        let model = tree.to_vec();
        let (a, b) = (a.min(b), a.max(b));
        let slice = &model[a.min(len)..b.min(len)];
        prop_assert!(tree.range(a..b).eq(slice));
        prop_assert!(tree.range(a..b).rev().eq(slice.iter().rev()));
        prop_assert!(tree.range(a..b).step_by(skip + 1).eq(slice.iter().step_by(skip + 1)));
        let (mut ours, mut theirs) = (tree.range(a..b), slice.iter());
        while let Some(item) = theirs.next_back() {
            prop_assert_eq!(ours.next_back(), Some(item));
            prop_assert_eq!(ours.nth_back(skip), theirs.nth_back(skip));
            prop_assert_eq!(ours.next(), theirs.next());
            prop_assert_eq!(ours.len(), theirs.len());
        }
        prop_assert_eq!(ours.next(), None);
    }

    #[test]
    fn keys_that_tell_little_still_find_the_item(ids in prop::collection::vec(0..900u32, 1..900)) {
        let mut tree = Tree::new();
        let mut model = std::collections::BTreeSet::new();
        for (i, id) in ids.into_iter().enumerate() {
            if i % 3 == 2 {
                let removed = tree.remove(&VagueProbe(id)).is_some();
                prop_assert_eq!(removed, model.remove(&id));
            } else {
                let fresh = tree.insert(&VagueProbe(id), Vague(id)).is_none();
                prop_assert_eq!(fresh, model.insert(id));
            }
        }
        tree.check();
        prop_assert!(tree.iter().map(|item| item.0).eq(model.iter().copied()));
        for id in 0..900 {
            prop_assert_eq!(tree.get(&VagueProbe(id)).is_some(), model.contains(&id));
            prop_assert_eq!(tree.index_of(&VagueProbe(id)), model.range(..id).count());
        }
    }
}

#[test]
fn a_bound_between_items_is_an_index() {
    let tree: Tree<Small> = (0..500)
        .map(|id| Small {
            id: id * 2,
            weight: 1,
        })
        .collect();
    let at_least = |id: u32| {
        tree.index_of(&move |item: &Small| {
            if item.id < id {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }
        })
    };
    assert_eq!(at_least(0), 0);
    assert_eq!(at_least(501), 251);
    assert_eq!(at_least(502), 251);
    assert_eq!(at_least(5000), 500);
}

#[test]
fn a_rank_is_changed_in_place_with_its_weight() {
    let mut tree: Tree<Small> = (0..300).map(|id| Small { id, weight: 4 }).collect();
    let seen = tree.update_at_rank(4 * 100 + 3, |item, offset| {
        item.weight = 9;
        (item.id, offset)
    });
    assert_eq!(seen, Some((100, 3)));
    assert_eq!(tree.weight(), 300 * 4 + 5);
    assert_eq!(tree.rank_at(101), 100 * 4 + 9);
    assert_eq!(tree.update_at_rank(tree.weight(), |_, _| ()), None);
    tree.check();
}

#[test]
fn appending_fills_leaves_and_popping_empties_them() {
    let mut tree = Tree::new();
    for id in 0..10_000 {
        tree.push_back(Small { id, weight: 1 });
    }
    for id in 0..10_000 {
        tree.push_front(Small { id, weight: 1 });
    }
    tree.check();
    let leaves = count_leaves(&tree.root);
    assert!(leaves <= 20_000 / 8 + 2, "{leaves} leaves");
    while tree.pop_front().is_some() {
        tree.pop_back();
    }
    tree.check();
    assert!(matches!(tree.root, Node::Leaf(_)));
}

#[test]
fn removals_keep_nodes_reasonably_full() {
    let mut tree: Tree<Small> = (0..20_000).map(|id| Small { id, weight: 1 }).collect();
    for id in (0..20_000).filter(|id| id % 10 != 0) {
        tree.remove(&probe(id));
    }
    tree.check();
    let leaves = count_leaves(&tree.root);
    assert!(
        leaves <= 2_000 / (8 / 4) + 2,
        "{leaves} leaves for 2,000 items"
    );
}

fn count_leaves<T: Element>(node: &Node<T>) -> usize {
    match node {
        Node::Leaf(_) => 1,
        Node::Inner(children) => children.iter().map(|c| count_leaves(&c.node)).sum(),
    }
}

/// Counts how often it was cloned, which copying a node does to each item.
#[derive(Debug)]
struct Witness(u32, Arc<AtomicUsize>);

impl Clone for Witness {
    fn clone(&self) -> Self {
        self.1.fetch_add(1, Ordering::Relaxed);
        Self(self.0, Arc::clone(&self.1))
    }
}

impl Element for Witness {
    type Key = ();

    fn key(&self) {}
}

#[test]
fn a_write_copies_one_leaf_of_a_frozen_tree_and_none_of_its_own() {
    let clones = Arc::new(AtomicUsize::new(0));
    let mut tree: Tree<Witness> = (0..100_000)
        .map(|id| Witness(id, Arc::clone(&clones)))
        .collect();
    for index in 0..1000 {
        tree.update_at(index * 99, |item| item.0 += 1);
    }
    assert_eq!(clones.load(Ordering::Relaxed), 0);
    let frozen = tree.clone();
    assert_eq!(clones.load(Ordering::Relaxed), 0);
    for _ in 0..100 {
        tree.update_at(50_000, |item| item.0 += 1);
    }
    assert!(clones.load(Ordering::Relaxed) <= Witness::LEAF_ITEMS_MAX);
    assert_eq!(tree.get_at(50_000).map(|item| item.0), Some(50_100));
    assert_eq!(frozen.get_at(50_000).map(|item| item.0), Some(50_000));
    drop(tree);
    drop(frozen);
    assert_eq!(Arc::strong_count(&clones), 1, "every item was dropped");
}

#[test]
fn dropping_needs_little_stack() {
    let drop_it = || {
        let mut tree: Tree<Small> = (0..1_000_000).map(|id| Small { id, weight: 1 }).collect();
        for id in 0..100_000 {
            tree.insert_by(&mut End, Small { id, weight: 1 });
        }
        drop(tree);
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024);
    let done = thread.spawn(drop_it).expect("a thread starts").join();
    assert!(done.is_ok());
}
