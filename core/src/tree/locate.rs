//! The ways to address a place in the tree. A change walks down once; what it
//! is looking for decides, node by node, where the walk goes.

use std::cmp::Ordering;

use super::element::{Element, Probe};
use super::node::Child;

/// Chooses the way of one descent.
pub(super) trait Locate<T: Element> {
    /// Which of `children` (never empty) holds the place.
    fn child(&mut self, children: &[Child<T>]) -> usize;

    /// The item's slot in its leaf, or the slot where it would be.
    fn slot(&mut self, items: &[T]) -> Result<usize, usize>;
}

/// The place of a searched item.
pub(super) struct ByProbe<'a, P>(pub(super) &'a P);

impl<T: Element, P: Probe<T>> Locate<T> for ByProbe<'_, P> {
    #[inline]
    fn child(&mut self, children: &[Child<T>]) -> usize {
        // The first child's key decides nothing: what lies before it also goes there.
        children[1..].partition_point(|child| {
            let order = self.0.compare_key(&child.key);
            order.unwrap_or_else(|| self.0.compare(child.node.first())) != Ordering::Greater
        })
    }

    #[inline]
    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        items.binary_search_by(|item| self.0.compare(item))
    }
}

/// The item at an index; the index is less than the number of items.
pub(super) struct At(pub(super) usize);

impl<T: Element> Locate<T> for At {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        let mut chosen = 0;
        while self.0 >= children[chosen].items {
            self.0 -= children[chosen].items;
            chosen += 1;
        }
        chosen
    }

    fn slot(&mut self, _items: &[T]) -> Result<usize, usize> {
        Ok(self.0)
    }
}

/// The gap before the item at an index; the index may be the number of items.
pub(super) struct Gap(pub(super) usize);

impl<T: Element> Locate<T> for Gap {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        let mut chosen = 0;
        while self.0 > children[chosen].items {
            self.0 -= children[chosen].items;
            chosen += 1;
        }
        chosen
    }

    fn slot(&mut self, _items: &[T]) -> Result<usize, usize> {
        Err(self.0)
    }
}

/// The item that covers a rank in the total weight; afterwards `0` holds the
/// rank's offset within that item.
pub(super) struct AtRank(pub(super) usize);

impl<T: Element> Locate<T> for AtRank {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        let mut chosen = 0;
        while self.0 >= children[chosen].weight {
            self.0 -= children[chosen].weight;
            chosen += 1;
        }
        chosen
    }

    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        let mut chosen = 0;
        loop {
            let weight = items[chosen].weight();
            if self.0 < weight {
                return Ok(chosen);
            }
            self.0 -= weight;
            chosen += 1;
        }
    }
}

/// The first item of a tree that is not empty.
pub(super) struct First;

impl<T: Element> Locate<T> for First {
    fn child(&mut self, _children: &[Child<T>]) -> usize {
        0
    }

    fn slot(&mut self, _items: &[T]) -> Result<usize, usize> {
        Ok(0)
    }
}

/// The last item of a tree that is not empty.
pub(super) struct Last;

impl<T: Element> Locate<T> for Last {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        children.len() - 1
    }

    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        Ok(items.len() - 1)
    }
}

/// The gap behind the last item.
pub(super) struct End;

impl<T: Element> Locate<T> for End {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        children.len() - 1
    }

    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        Err(items.len())
    }
}

/// Wraps another address and counts the items and the weight before it.
pub(super) struct Counting<L> {
    pub(super) inner: L,
    pub(super) items: usize,
    pub(super) weight: usize,
}

impl<L> Counting<L> {
    pub(super) fn new(inner: L) -> Self {
        Self {
            inner,
            items: 0,
            weight: 0,
        }
    }
}

impl<T: Element, L: Locate<T>> Locate<T> for Counting<L> {
    fn child(&mut self, children: &[Child<T>]) -> usize {
        let chosen = self.inner.child(children);
        for child in &children[..chosen] {
            self.items += child.items;
            self.weight += child.weight;
        }
        chosen
    }

    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        let slot = self.inner.slot(items);
        let (Ok(before) | Err(before)) = slot;
        self.items += before;
        self.weight += items[..before].iter().map(Element::weight).sum::<usize>();
        slot
    }
}
