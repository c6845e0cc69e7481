//! The nodes: how one change walks down a path and repairs it on its way back.

use std::mem;

use super::block::Block;
use super::element::Element;
use super::locate::Locate;

/// Most children of an inner node.
pub(super) const CHILDREN_MAX: usize = 64;

/// A shared node. All leaves of a tree lie at the same depth.
#[derive(Clone)]
pub(super) enum Node<T: Element> {
    Leaf(Block<T>),
    Inner(Block<Child<T>>),
}

/// What an inner node knows of a child without touching it.
#[derive(Clone)]
pub(super) struct Child<T: Element> {
    /// The key of the first item below; always exact, so that it never keeps
    /// a removed item's memory alive.
    pub(super) key: T::Key,
    /// Items below.
    pub(super) items: usize,
    /// Their weight.
    pub(super) weight: usize,
    pub(super) node: Node<T>,
}

/// Whether a node lies on the tree's left or right rim. There, nodes are split
/// unevenly and are left to run empty, so that pushing and popping at an end
/// moves nothing and appended items fill their leaves.
#[derive(Clone, Copy)]
pub(super) struct Rim {
    pub(super) left: bool,
    pub(super) right: bool,
}

impl Rim {
    pub(super) const ROOT: Self = Self {
        left: true,
        right: true,
    };

    fn of_child(self, chosen: usize, count: usize) -> Self {
        Self {
            left: self.left && chosen == 0,
            right: self.right && chosen + 1 == count,
        }
    }
}

/// What a change did, as the nodes above need to know it.
pub(super) struct Change<R, T: Element> {
    pub(super) items: isize,
    pub(super) weight: isize,
    /// The node's first item is another one now.
    first: bool,
    /// The right part of a node that became too large.
    pub(super) split: Option<Child<T>>,
    pub(super) result: R,
}

impl<T: Element> Node<T> {
    pub(super) fn empty() -> Self {
        Self::Leaf(Block::with_capacity(0))
    }

    /// Entries of this very node.
    fn len(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => children.len(),
        }
    }

    fn len_max(&self) -> usize {
        match self {
            Self::Leaf(_) => T::LEAF_ITEMS_MAX,
            Self::Inner(_) => CHILDREN_MAX,
        }
    }

    /// The first item below. Inner nodes are never empty; asking an empty leaf is a bug.
    pub(super) fn first(&self) -> &T {
        match self {
            Self::Leaf(items) => &items[0],
            Self::Inner(children) => children[0].node.first(),
        }
    }

    fn first_key(&self) -> T::Key {
        match self {
            Self::Leaf(items) => items[0].key(),
            Self::Inner(children) => children[0].key.clone(),
        }
    }

    /// Walks down to the leaf that holds the place, and to its slot there.
    #[inline]
    pub(super) fn find<'a, L: Locate<T>>(&'a self, at: &mut L) -> (&'a [T], Result<usize, usize>) {
        let mut node = self;
        loop {
            match node {
                Self::Inner(children) => node = &children[at.child(children)].node,
                Self::Leaf(items) => return (items, at.slot(items)),
            }
        }
    }

    /// Puts `item` in its place; the result is the item that was there.
    pub(super) fn insert<L: Locate<T>>(
        &mut self,
        at: &mut L,
        item: T,
        rim: Rim,
    ) -> Change<Option<T>, T> {
        match self {
            Self::Leaf(items) => insert_in_leaf(items, at, item, rim),
            Self::Inner(children) => {
                let chosen = at.child(children);
                let inner_rim = rim.of_child(chosen, children.len());
                let child = &mut children.as_mut_slice()[chosen];
                let mut change = child.node.insert(at, item, inner_rim);
                child.apply(&change);
                change.first &= chosen == 0;
                if let Some(right) = change.split.take() {
                    child.items -= right.items;
                    child.weight -= right.weight;
                    children.insert(chosen + 1, right);
                    change.split = split_if_full(children, CHILDREN_MAX, chosen + 1, rim)
                        .map(|right| Child::of(Self::Inner(right)));
                }
                change
            }
        }
    }

    /// Takes out the item at a place, or changes nothing if there is none.
    pub(super) fn remove<L: Locate<T>>(&mut self, at: &mut L, rim: Rim) -> Option<Change<T, T>> {
        match self {
            Self::Leaf(items) => {
                let slot = at.slot(items).ok()?;
                let item = items.remove(slot);
                Some(Change {
                    items: -1,
                    weight: -signed(item.weight()),
                    first: slot == 0,
                    split: None,
                    result: item,
                })
            }
            Self::Inner(children) => {
                let chosen = at.child(children);
                let inner_rim = rim.of_child(chosen, children.len());
                let child = &mut children.as_mut_slice()[chosen];
                let mut change = child.node.remove(at, inner_rim)?;
                child.apply(&change);
                change.first &= chosen == 0;
                refill(children, chosen, rim);
                Some(change)
            }
        }
    }

    /// Changes the item at a place, which exists, by `f`.
    pub(super) fn update<L: Locate<T>, R>(
        &mut self,
        at: &mut L,
        f: impl FnOnce(&mut T, &mut L) -> R,
    ) -> Option<Change<R, T>> {
        match self {
            Self::Leaf(items) => {
                let slot = at.slot(items).ok()?;
                let item = &mut items.as_mut_slice()[slot];
                let before = signed(item.weight());
                let result = f(item, at);
                Some(Change {
                    items: 0,
                    weight: signed(item.weight()) - before,
                    first: slot == 0,
                    split: None,
                    result,
                })
            }
            Self::Inner(children) => {
                let chosen = at.child(children);
                let child = &mut children.as_mut_slice()[chosen];
                let mut change = child.node.update(at, f)?;
                child.apply(&change);
                change.first &= chosen == 0;
                Some(change)
            }
        }
    }

    /// Drops the items of indices `from..to`; the result is their weight.
    pub(super) fn remove_range(&mut self, from: usize, to: usize, rim: Rim) -> Change<(), T> {
        let mut change = Change {
            items: -signed(to - from),
            weight: 0,
            first: from == 0,
            split: None,
            result: (),
        };
        match self {
            Self::Leaf(items) => {
                let lost: usize = items[from..to].iter().map(Element::weight).sum();
                change.weight = -signed(lost);
                items.remove_range(from, to);
            }
            Self::Inner(children) => {
                change.weight = remove_range_of_children(children, from, to, rim);
            }
        }
        change
    }

    fn append(&mut self, right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.append(right),
            (Self::Inner(left), Self::Inner(right)) => left.append(right),
            _ => unreachable!("all leaves lie at the same depth"),
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Leaf(items) => Self::Leaf(items.split_off(at)),
            Self::Inner(children) => Self::Inner(children.split_off(at)),
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Leaf(items) => items.shrink(),
            Self::Inner(children) => children.shrink(),
        }
    }
}

impl<T: Element> Child<T> {
    /// Describes a node that is not empty.
    pub(super) fn of(node: Node<T>) -> Self {
        let (items, weight) = match &node {
            Node::Leaf(items) => (items.len(), items.iter().map(Element::weight).sum()),
            Node::Inner(children) => children
                .iter()
                .fold((0, 0), |(n, w), c| (n + c.items, w + c.weight)),
        };
        Self {
            key: node.first_key(),
            items,
            weight,
            node,
        }
    }

    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.node, Node::Leaf(_))
    }

    fn apply<R>(&mut self, change: &Change<R, T>) {
        self.items = add(self.items, change.items);
        self.weight = add(self.weight, change.weight);
        if change.first && self.node.len() > 0 {
            self.key = self.node.first_key();
        }
    }
}

fn insert_in_leaf<T: Element, L: Locate<T>>(
    items: &mut Block<T>,
    at: &mut L,
    item: T,
    rim: Rim,
) -> Change<Option<T>, T> {
    let weight = signed(item.weight());
    match at.slot(items) {
        Ok(slot) => {
            let old = mem::replace(&mut items.as_mut_slice()[slot], item);
            Change {
                items: 0,
                weight: weight - signed(old.weight()),
                first: slot == 0,
                split: None,
                result: Some(old),
            }
        }
        Err(slot) => {
            items.insert(slot, item);
            Change {
                items: 1,
                weight,
                first: slot == 0,
                split: split_if_full(items, T::LEAF_ITEMS_MAX, slot, rim)
                    .map(|right| Child::of(Node::Leaf(right))),
                result: None,
            }
        }
    }
}

/// Splits a node that has outgrown `max` by its newest entry, at `newest`.
fn split_if_full<E: Clone>(
    entries: &mut Block<E>,
    max: usize,
    newest: usize,
    rim: Rim,
) -> Option<Block<E>> {
    let len = entries.len();
    if len <= max {
        return None;
    }
    let at = if rim.right && newest + 1 == len {
        newest
    } else if rim.left && newest == 0 {
        1
    } else {
        len / 2
    };
    let right = entries.split_off(at);
    entries.shrink();
    Some(right)
}

/// Returns the (negative) change of weight.
fn remove_range_of_children<T: Element>(
    children: &mut Block<Child<T>>,
    from: usize,
    to: usize,
    rim: Rim,
) -> isize {
    let (count, mut start, mut weight) = (children.len(), 0, 0);
    // The children that go as a whole, untouched by the walk.
    let (mut gone_from, mut gone_to) = (count, 0);
    for (i, child) in children.as_mut_slice().iter_mut().enumerate() {
        let end = start + child.items;
        let (a, b) = (from.clamp(start, end), to.clamp(start, end));
        let offset = mem::replace(&mut start, end);
        if a == b {
            continue;
        }
        if b - a == child.items {
            weight -= signed(child.weight);
            (gone_from, gone_to) = (gone_from.min(i), i + 1);
        } else {
            let range = (a - offset, b - offset);
            let change = child
                .node
                .remove_range(range.0, range.1, rim.of_child(i, count));
            child.apply(&change);
            weight += change.weight;
            if a == offset {
                // A prefix goes: nothing behind this child is touched, and
                // the seam to repair lies before it.
                gone_from = gone_from.min(i);
                gone_to = gone_to.max(i);
            } else if gone_from == count {
                (gone_from, gone_to) = (i + 1, i + 1);
            }
        }
    }
    if gone_from < gone_to {
        children.remove_range(gone_from, gone_to);
    }
    refill(children, gone_from, rim);
    if gone_from > 0 {
        refill(children, gone_from - 1, rim);
    }
    weight
}

/// Repairs the child at `chosen` after a removal: an empty one goes, and one
/// that is less than a quarter full merges with a neighbour or shares its load.
fn refill<T: Element>(children: &mut Block<Child<T>>, chosen: usize, rim: Rim) {
    let Some(child) = children.get(chosen) else {
        return;
    };
    let (len, len_max) = (child.node.len(), child.node.len_max());
    let child_rim = rim.of_child(chosen, children.len());
    if len == 0 {
        children.remove(chosen);
    } else if len < len_max / 4 && !child_rim.left && !child_rim.right && children.len() > 1 {
        level(children, chosen.saturating_sub(1), len_max * 3 / 4);
    }
}

/// Merges the child at `left` with the next one if both fit `merged_max`
/// entries, which leaves room to grow; else gives each half of them.
fn level<T: Element>(children: &mut Block<Child<T>>, left: usize, merged_max: usize) {
    let right = children.remove(left + 1);
    let first = &mut children.as_mut_slice()[left];
    first.items += right.items;
    first.weight += right.weight;
    first.node.append(right.node);
    let len = first.node.len();
    if len <= merged_max {
        return;
    }
    let right = Child::of(first.node.split_off(len / 2));
    first.items -= right.items;
    first.weight -= right.weight;
    first.node.shrink();
    children.insert(left + 1, right);
}

fn signed(n: usize) -> isize {
    isize::try_from(n).expect("counts of items in memory fit")
}

/// A count after a change.
pub(super) fn add(count: usize, delta: isize) -> usize {
    count
        .checked_add_signed(delta)
        .expect("a node never loses more than it holds")
}
