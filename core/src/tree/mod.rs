//! The counted, copy-on-write B+tree under every large collection.
//!
//! ```text
//!   Tree ── root ──► inner: [key, items, weight, node] [key, items, weight, node] …
//!                                                │                            │
//!                                   leaf: [T, T, T, …]           leaf: [T, T, T, …]
//! ```
//!
//! - *Freezing is a clone.* Nodes are shared by count, so [`Tree::clone`] costs
//!   one increment. A change walks from the root to one leaf and copies what
//!   of that path (and of a neighbour it merges with) is shared; a clone never
//!   moves, and a node nobody shares is never copied.
//! - *Counts.* An inner node knows the items and the weight below each child,
//!   so positions and ranks, both ways, cost one descent. Weight is what ranks
//!   are counted in: 1 per item by default, a chunk's elements in a list.
//! - *Keys inline.* An inner node keeps a copy of the first [`Element::Key`]
//!   below each child: a hash, or a score with its member's pointer. A descent
//!   compares those contiguous copies and touches an item's heap block only
//!   where the key leaves two items equal; in a tree ordered by hash that is
//!   the one item at the end. The copies are exact: when a child's first item
//!   goes, its key goes as well, so no removed value stays alive in a node.
//! - *Shape.* Nodes split in half, but at the rims where the new entry is, so
//!   that appending fills leaves; below a quarter full they merge or share
//!   with a neighbour, but at the rims they run empty, so that popping moves
//!   nothing. There are no parent pointers: an iterator finds its next leaf by
//!   index. Depth is logarithmic (4 levels hold 16 million items), so that
//!   neither changing nor dropping recurses deeply.

mod block;
mod build;
mod element;
mod iter;
mod locate;
mod memory;
mod node;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub use element::{Element, Probe};
pub use iter::Iter;
use locate::{At, AtRank, ByProbe, Counting, End, First, Gap, Last, Locate};
use node::{Change, Child, Node, Rim};

/// A sorted (or merely ordered) sequence of items; see the module's page.
#[derive(Clone)]
pub struct Tree<T: Element> {
    root: Node<T>,
    items: usize,
    weight: usize,
}

/// An item found by rank or search, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<'a, T> {
    /// The item.
    pub item: &'a T,
    /// Items before it.
    pub index: usize,
    /// Weight before it.
    pub rank: usize,
}

impl<T: Element> Tree<T> {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: Node::empty(),
            items: 0,
            weight: 0,
        }
    }

    /// A tree of items that come in order (of distinct sort keys, if they have any).
    pub fn from_sorted(items: impl IntoIterator<Item = T>) -> Self {
        build::from_sorted(items.into_iter())
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// The sum of all items' weights.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The item that `probe` answers `Equal` for.
    #[inline]
    pub fn get(&self, probe: &impl Probe<T>) -> Option<&T> {
        let (items, slot) = self.root.find(&mut ByProbe::new(probe));
        slot.ok().map(|slot| &items[slot])
    }

    /// The item that `probe` answers `Equal` for, with its index and rank.
    pub fn locate(&self, probe: &impl Probe<T>) -> Option<Located<'_, T>> {
        self.locate_by(ByProbe::new(probe))
    }

    /// How many items lie before what `probe` searches for.
    pub fn index_of(&self, probe: &impl Probe<T>) -> usize {
        let mut at = Counting::new(ByProbe::new(probe));
        let _ = self.root.find(&mut at);
        at.items
    }

    /// The item at `index`.
    #[must_use]
    pub fn get_at(&self, index: usize) -> Option<&T> {
        if index >= self.items {
            return None;
        }
        let (items, slot) = self.root.find(&mut At(index));
        slot.ok().map(|slot| &items[slot])
    }

    /// The item that covers position `rank` of the total weight. The position
    /// within that item is `rank - located.rank`.
    #[must_use]
    pub fn at_rank(&self, rank: usize) -> Option<Located<'_, T>> {
        if rank >= self.weight {
            return None;
        }
        self.locate_by(AtRank(rank))
    }

    /// The weight of all items before `index`, which may be the length.
    #[must_use]
    pub fn rank_at(&self, index: usize) -> usize {
        if index >= self.items {
            return self.weight;
        }
        let mut at = Counting::new(At(index));
        let _ = self.root.find(&mut at);
        at.weight
    }

    /// The first item.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        (!self.is_empty()).then(|| self.root.first())
    }

    /// The last item.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.root.find(&mut End).0.last()
    }

    fn locate_by(&self, at: impl Locate<T>) -> Option<Located<'_, T>> {
        let mut at = Counting::new(at);
        let (items, slot) = self.root.find(&mut at);
        let slot = slot.ok()?;
        Some(Located {
            item: &items[slot],
            index: at.items,
            rank: at.weight,
        })
    }

    /// Puts `item` where `probe`, which searches for it, says; returns the
    /// item that it replaces.
    pub fn insert(&mut self, probe: &impl Probe<T>, item: T) -> Option<T> {
        self.insert_by(&mut ByProbe::new(probe), item)
    }

    /// Inserts `item` before the item at `index`, which may be the length.
    ///
    /// # Panics
    /// If `index` is beyond the length.
    pub fn insert_at(&mut self, index: usize, item: T) {
        assert!(index <= self.items, "insertion within the tree");
        let replaced = self.insert_by(&mut Gap(index), item);
        debug_assert!(replaced.is_none());
    }

    /// Puts `item` in the place of the one at `index`, which it returns.
    ///
    /// # Panics
    /// If `index` is not less than the length.
    pub fn replace_at(&mut self, index: usize, item: T) -> T {
        assert!(index < self.items, "replacement within the tree");
        self.insert_by(&mut At(index), item)
            .expect("an index within the tree holds an item")
    }

    /// Inserts `item` before all others.
    pub fn push_front(&mut self, item: T) {
        self.insert_at(0, item);
    }

    /// Inserts `item` behind all others.
    pub fn push_back(&mut self, item: T) {
        let replaced = self.insert_by(&mut End, item);
        debug_assert!(replaced.is_none());
    }

    fn insert_by(&mut self, at: &mut impl Locate<T>, item: T) -> Option<T> {
        let mut change = self.root.insert(at, item, Rim::ROOT);
        let split = change.split.take();
        let replaced = self.apply(change);
        if let Some(right) = split {
            let left = std::mem::replace(&mut self.root, Node::empty());
            self.root = build::inner([Child::of(left), right].into_iter());
        }
        replaced
    }

    /// Takes out the item that `probe` answers `Equal` for.
    pub fn remove(&mut self, probe: &impl Probe<T>) -> Option<T> {
        self.remove_by(&mut ByProbe::new(probe))
    }

    /// Takes out the item at `index`.
    pub fn remove_at(&mut self, index: usize) -> Option<T> {
        if index >= self.items {
            return None;
        }
        self.remove_by(&mut At(index))
    }

    /// Takes out the first item.
    pub fn pop_front(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.remove_by(&mut First)
    }

    /// Takes out the last item.
    pub fn pop_back(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.remove_by(&mut Last)
    }

    fn remove_by(&mut self, at: &mut impl Locate<T>) -> Option<T> {
        let change = self.root.remove(at, Rim::ROOT)?;
        let item = self.apply(change);
        self.lower();
        Some(item)
    }

    /// Drops the items of `indices`, cut to the tree's length. Subtrees that
    /// go as a whole are not walked.
    pub fn remove_range(&mut self, indices: Range<usize>) {
        let to = indices.end.min(self.items);
        if indices.start >= to {
            return;
        }
        let change = self.root.remove_range(indices.start, to, Rim::ROOT);
        self.apply(change);
        self.lower();
    }

    /// Changes the item that `probe` answers `Equal` for in place. Its sort
    /// key must stay the same; its weight may change.
    pub fn update<R>(&mut self, probe: &impl Probe<T>, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.update_by(ByProbe::new(probe), |item, _| f(item))
    }

    /// Changes the item at `index` in place; see [`update`](Self::update).
    pub fn update_at<R>(&mut self, index: usize, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if index >= self.items {
            return None;
        }
        self.update_by(At(index), |item, _| f(item))
    }

    /// Changes the item that covers `rank` in place; `f` also gets the rank's
    /// offset within that item.
    pub fn update_at_rank<R>(
        &mut self,
        rank: usize,
        f: impl FnOnce(&mut T, usize) -> R,
    ) -> Option<R> {
        if rank >= self.weight {
            return None;
        }
        self.update_by(AtRank(rank), |item, at| f(item, at.0))
    }

    fn update_by<R, L: Locate<T>>(
        &mut self,
        mut at: L,
        f: impl FnOnce(&mut T, &mut L) -> R,
    ) -> Option<R> {
        let change = self.root.update(&mut at, f)?;
        Some(self.apply(change))
    }

    fn apply<R>(&mut self, change: Change<R, T>) -> R {
        self.items = node::add(self.items, change.items);
        self.weight = node::add(self.weight, change.weight);
        change.result
    }

    /// Takes away a root that no longer chooses between children.
    fn lower(&mut self) {
        while let Node::Inner(children) = &self.root {
            self.root = match children.as_ref() {
                [] => Node::empty(),
                [only] => only.node.clone(),
                _ => return,
            };
        }
    }

    /// All items in order, from both ends.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        self.range(0..self.items)
    }

    /// The items of `indices`, cut to the tree's length, from both ends.
    #[must_use]
    pub fn range(&self, indices: Range<usize>) -> Iter<'_, T> {
        Iter::new(self, indices)
    }

    /// The leaf that holds `index` (less than the length), and the index's slot there.
    fn leaf_at(&self, index: usize) -> (&[T], usize) {
        let (items, slot) = self.root.find(&mut At(index));
        let (Ok(slot) | Err(slot)) = slot;
        (items, slot)
    }
}

impl<T: Element> Default for Tree<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> FromIterator<T> for Tree<T> {
    /// Items must come in order; see [`Tree::from_sorted`].
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from_sorted(items)
    }
}

impl<'a, T: Element> IntoIterator for &'a Tree<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for Tree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
