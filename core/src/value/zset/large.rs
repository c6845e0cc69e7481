//! A large sorted set: one tree in the order of scores, which gives ranks and
//! ranges, and one index by member, which share their items.

use std::cmp::Ordering;
use std::ops::Range;

use super::Member;
use crate::keyspace::HashSeed;
use crate::packed::listpack::Entry;
use crate::tree::{self, Element, Tree};
use crate::value::{HashIndex, Item};

/// A member in the order of scores. The score is inline, and inner nodes keep
/// whole elements, so that a descent reads a member's bytes only among equals.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    score: f64,
    item: Item,
}

impl Ranked {
    fn new(item: Item) -> Self {
        let score = score_of(&item);
        Self { score, item }
    }

    /// Where this element lies to a member with a score.
    fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        (self.score.partial_cmp(&score))
            .expect("no score is NaN")
            .then_with(|| self.item.field().cmp(member))
    }

    fn pair(&self) -> (Member<'_>, f64) {
        (Entry::Str(self.item.field()), self.score)
    }
}

impl Element for Ranked {
    type Key = Self;

    fn key(&self) -> Self {
        self.clone()
    }

    fn prefetch(&self) {
        self.item.prefetch();
    }
}

fn score_of(item: &Item) -> f64 {
    item.score().expect("a sorted set's items have scores")
}

#[derive(Clone, Debug, Default)]
pub(super) struct Large {
    by_score: Tree<Ranked>,
    by_member: HashIndex,
}

impl Large {
    /// A set of members in any order, or `None` if one comes twice.
    pub(super) fn build(seed: HashSeed, items: Vec<Item>) -> Option<Self> {
        let by_member = HashIndex::build(seed, items.iter().cloned())?;
        let mut ranked: Vec<Ranked> = items.into_iter().map(Ranked::new).collect();
        ranked.sort_unstable_by(|a, b| a.compare(b.score, b.item.field()));
        Some(Self {
            by_score: Tree::from_sorted(ranked),
            by_member,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.by_score.len()
    }

    pub(super) fn by_member(&self) -> &HashIndex {
        &self.by_member
    }

    /// Bytes on the heap; the two trees share their items.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        let of_item = |ranked: &Ranked| ranked.item.heap_bytes();
        self.by_score.heap_bytes(samples, of_item) + self.by_member.node_bytes(samples)
    }

    pub(super) fn score(&self, seed: HashSeed, member: &[u8]) -> Option<f64> {
        self.by_member.get(seed, member).map(score_of)
    }

    pub(super) fn rank(&self, seed: HashSeed, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(seed, member)?;
        let index = self
            .by_score
            .index_of(&|own: &Ranked| own.compare(score, member));
        Some((index, score))
    }

    pub(super) fn get(&self, index: usize) -> Option<(Member<'_>, f64)> {
        self.by_score.get_at(index).map(Ranked::pair)
    }

    pub(super) fn range(&self, indices: Range<usize>) -> Iter<'_> {
        Iter {
            inner: self.by_score.range(indices),
        }
    }

    /// How many members come before the first that `is_before` denies.
    pub(super) fn partition_point(&self, is_before: impl Fn(Member<'_>, f64) -> bool) -> usize {
        self.by_score.index_of(&|own: &Ranked| {
            let (member, score) = own.pair();
            if is_before(member, score) {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        })
    }

    /// Sets a member's score; the result is the score it had.
    pub(super) fn set(&mut self, seed: HashSeed, member: &[u8], score: f64) -> Option<f64> {
        let old = self.score(seed, member);
        if old == Some(score) {
            return old;
        }
        if let Some(old) = old {
            self.unrank(old, member);
        }
        let item = Item::scored(member, score);
        let ranked = Ranked::new(item.clone());
        self.by_score
            .insert(&|own: &Ranked| own.compare(score, member), ranked);
        self.by_member.insert(seed, item);
        old
    }

    fn unrank(&mut self, score: f64, member: &[u8]) {
        let removed = self
            .by_score
            .remove(&|own: &Ranked| own.compare(score, member));
        debug_assert!(removed.is_some(), "both orders hold the same members");
    }

    pub(super) fn remove(&mut self, seed: HashSeed, member: &[u8]) -> Option<f64> {
        let item = self.by_member.remove(seed, member)?;
        let score = score_of(&item);
        self.unrank(score, member);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, seed: HashSeed, indices: Range<usize>) {
        if indices == (0..self.len()) {
            *self = Self::default();
            return;
        }
        for ranked in self.by_score.range(indices.clone()) {
            self.by_member.remove(seed, ranked.item.field());
        }
        self.by_score.remove_range(indices);
    }

    pub(super) fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Member<'_>, f64),
    ) -> u64 {
        self.by_member.scan(cursor, count, |item| {
            visit(Entry::Str(item.field()), score_of(item));
        })
    }
}

#[derive(Clone)]
pub(super) struct Iter<'a> {
    inner: tree::Iter<'a, Ranked>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Member<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.inner.next().map(Ranked::pair)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.inner.next_back().map(Ranked::pair)
    }
}
