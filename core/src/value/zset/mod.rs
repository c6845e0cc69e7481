//! The sorted set value.
//!
//! Members are ordered by score, then by their bytes; an index in that order is
//! a rank. Ranges of scores or members become ranges of indices, and everything
//! that reads, counts or removes a range works on those. No score is NaN.

mod iter;
mod large;
mod packed;
mod range;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub use iter::Iter;
pub use range::{LexBound, LexRange, ScoreRange};

use super::hash_index::HashIndex;
use super::item::Item;
use super::limits::EncodingLimits;
use crate::keyspace::HashSeed;
use crate::packed::listpack::{Entry, Listpack};
use iter::Inner;
use large::Large;
use packed::Packed;

/// A member as it is kept; a small set keeps integers as such.
pub type Member<'a> = Entry<'a>;

/// A sorted set. Every call on one set must use the same seed.
#[derive(Clone)]
pub struct ZSet {
    repr: Repr,
}

#[derive(Clone)]
enum Repr {
    Packed(Packed),
    Large(Large),
}

impl Default for ZSet {
    fn default() -> Self {
        Self::new()
    }
}

impl ZSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            repr: Repr::Packed(Packed::default()),
        }
    }

    /// A set from a listpack of members and scores, converted if it exceeds
    /// `limits`; `None` if it is not in order, has a member twice or a score
    /// that is no number.
    #[must_use]
    pub fn from_listpack(pack: Listpack, seed: HashSeed, limits: &EncodingLimits) -> Option<Self> {
        let packed = Packed::from_listpack(pack)?;
        let fits = packed.len() <= limits.zset_max_listpack_entries
            && packed.longest_member() <= limits.zset_max_listpack_value;
        let repr = if fits {
            packed.is_distinct().then_some(Repr::Packed(packed))
        } else {
            Large::build(seed, packed.items()).map(Repr::Large)
        };
        repr.map(|repr| Self { repr })
    }

    /// A set of scored items in any order, small if `limits` allow it; `None`
    /// if a member comes twice or an item has no score, or NaN.
    pub fn from_members(
        seed: HashSeed,
        limits: &EncodingLimits,
        items: impl IntoIterator<Item = Item>,
    ) -> Option<Self> {
        let items: Vec<Item> = items.into_iter().collect();
        let is_number = |item: &Item| item.score().is_some_and(|score| !score.is_nan());
        if !items.iter().all(is_number) {
            return None;
        }
        let longest = items.iter().map(|item| item.field().len()).max();
        let fits = items.len() <= limits.zset_max_listpack_entries
            && longest.unwrap_or(0) <= limits.zset_max_listpack_value;
        let large = Large::build(seed, items)?;
        if !fits {
            return Some(Self {
                repr: Repr::Large(large),
            });
        }
        let mut packed = Packed::default();
        for (member, score) in large.range(0..large.len()) {
            if let Entry::Str(text) = member
                && packed.has_room_for(text.len())
            {
                packed.push(text, score);
            } else {
                return Some(Self {
                    repr: Repr::Large(large),
                });
            }
        }
        Some(Self {
            repr: Repr::Packed(packed),
        })
    }

    /// Bytes on the heap, judged by the first `samples` elements.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match &self.repr {
            Repr::Packed(packed) => packed.listpack().capacity(),
            Repr::Large(large) => large.heap_bytes(samples),
        }
    }

    /// The index by member of a large set.
    #[must_use]
    pub fn as_index(&self) -> Option<&HashIndex> {
        match &self.repr {
            Repr::Packed(_) => None,
            Repr::Large(large) => Some(large.by_member()),
        }
    }

    /// The listpack of a small set.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(packed) => Some(packed.listpack()),
            Repr::Large(_) => None,
        }
    }

    /// The encoding as OBJECT ENCODING names it.
    #[must_use]
    pub const fn encoding(&self) -> &'static str {
        match &self.repr {
            Repr::Packed(_) => "listpack",
            Repr::Large(_) => "skiplist",
        }
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Packed(packed) => packed.len(),
            Repr::Large(large) => large.len(),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of `member`.
    #[must_use]
    pub fn score(&self, seed: HashSeed, member: &[u8]) -> Option<f64> {
        match &self.repr {
            Repr::Packed(packed) => packed.score(member),
            Repr::Large(large) => large.score(seed, member),
        }
    }

    /// The rank of `member`, from the lowest score, and its score.
    #[must_use]
    pub fn rank(&self, seed: HashSeed, member: &[u8]) -> Option<(usize, f64)> {
        match &self.repr {
            Repr::Packed(packed) => packed.rank(member),
            Repr::Large(large) => large.rank(seed, member),
        }
    }

    /// The member at a rank.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(Member<'_>, f64)> {
        match &self.repr {
            Repr::Packed(packed) => packed.get(index),
            Repr::Large(large) => large.get(index),
        }
    }

    /// All members in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The members of these ranks, cut to the set's length, in order.
    #[must_use]
    pub fn range(&self, indices: Range<usize>) -> Iter<'_> {
        let indices = self.cut(indices);
        let left = indices.len();
        let inner = match &self.repr {
            Repr::Packed(packed) => Inner::Packed(packed.range(indices)),
            Repr::Large(large) => Inner::Large(large.range(indices)),
        };
        Iter { left, inner }
    }

    fn cut(&self, indices: Range<usize>) -> Range<usize> {
        let end = indices.end.min(self.len());
        indices.start.min(end)..end
    }

    /// The ranks of a range of scores; empty where its bounds cross.
    #[must_use]
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let from = self.partition_point(|_, score| range.is_before(score));
        let to = self.partition_point(|_, score| !range.is_behind(score));
        from..to.max(from)
    }

    /// The ranks of a range of members, where all scores are the same; empty
    /// where its bounds cross.
    #[must_use]
    pub fn ranks_by_lex(&self, range: &LexRange<'_>) -> Range<usize> {
        let text = |member: Member<'_>, test: &dyn Fn(&[u8]) -> bool| {
            test(member.text(&mut itoa::Buffer::new()))
        };
        let from = self.partition_point(|member, _| text(member, &|text| range.is_before(text)));
        let to = self.partition_point(|member, _| text(member, &|text| !range.is_behind(text)));
        from..to.max(from)
    }

    fn partition_point(&self, is_before: impl Fn(Member<'_>, f64) -> bool) -> usize {
        match &self.repr {
            Repr::Packed(packed) => packed.partition_point(is_before),
            Repr::Large(large) => large.partition_point(is_before),
        }
    }

    /// Visits about `count` members from `cursor` on (0 is the start) and
    /// returns the cursor to go on from, 0 at the end. A small set is visited whole.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Member<'_>, f64)) -> u64 {
        match &self.repr {
            Repr::Packed(packed) => {
                packed
                    .iter()
                    .for_each(|(member, score)| visit(member, score));
                0
            }
            Repr::Large(large) => large.scan(cursor, count, visit),
        }
    }

    /// Makes a small set large if a command is about to add more members than
    /// a small one may have.
    pub fn expect_members(&mut self, count: usize, seed: HashSeed, limits: &EncodingLimits) {
        if count > limits.zset_max_listpack_entries {
            self.enlarge(seed);
        }
    }

    /// Sets a member's score, adding it if needed; the result is the score it had.
    ///
    /// # Panics
    /// In builds with debug assertions, if `score` is NaN.
    pub fn set(
        &mut self,
        seed: HashSeed,
        limits: &EncodingLimits,
        member: &[u8],
        score: f64,
    ) -> Option<f64> {
        debug_assert!(!score.is_nan(), "callers refuse NaN");
        if let Repr::Packed(packed) = &mut self.repr {
            let fits = packed.len() < limits.zset_max_listpack_entries
                && member.len() <= limits.zset_max_listpack_value
                && packed.has_room_for(member.len());
            if fits || packed.score(member).is_some() {
                return packed.set(member, score);
            }
            self.enlarge(seed);
        }
        match &mut self.repr {
            Repr::Large(large) => large.set(seed, member, score),
            Repr::Packed(_) => unreachable!("a set that was made large is large"),
        }
    }

    fn enlarge(&mut self, seed: HashSeed) {
        if let Repr::Packed(packed) = &self.repr {
            let large = Large::build(seed, packed.items());
            self.repr = Repr::Large(large.expect("a set's members are distinct"));
        }
    }

    /// Takes a member out; the result is its score.
    pub fn remove(&mut self, seed: HashSeed, member: &[u8]) -> Option<f64> {
        match &mut self.repr {
            Repr::Packed(packed) => packed.remove(member),
            Repr::Large(large) => large.remove(seed, member),
        }
    }

    /// Drops the members of these ranks, cut to the set's length.
    pub fn remove_range(&mut self, seed: HashSeed, indices: Range<usize>) {
        let indices = self.cut(indices);
        match &mut self.repr {
            Repr::Packed(packed) => packed.remove_range(indices),
            Repr::Large(large) => large.remove_range(seed, indices),
        }
    }
}

impl<'a> IntoIterator for &'a ZSet {
    type Item = (Member<'a>, f64);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for ZSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (member, score) in self {
            map.entry(&member.to_vec().escape_ascii().to_string(), &score);
        }
        map.finish()
    }
}
