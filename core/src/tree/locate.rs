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
pub(super) struct ByProbe<'a, P> {
    probe: &'a P,
    span: Span,
}

impl<'a, P> ByProbe<'a, P> {
    #[inline]
    pub(super) fn new(probe: &'a P) -> Self {
        let span = Span {
            low: 0,
            high: u64::MAX,
            len: None,
        };
        Self { probe, span }
    }
}

impl<T: Element, P: Probe<T>> Locate<T> for ByProbe<'_, P> {
    #[inline]
    fn child(&mut self, children: &[Child<T>]) -> usize {
        // The first child's key decides nothing: what lies before it also goes there.
        let others = &children[1..];
        let is_behind = |child: &Child<T>| {
            let order = self.probe.compare_key(&child.key);
            order.unwrap_or_else(|| self.probe.compare(child.node.first())) == Ordering::Greater
        };
        if !T::EVEN {
            return others.partition_point(|child| !is_behind(child));
        }
        let mut chosen = self.span.guess(self.probe.position(), children.len());
        while chosen > 0 && is_behind(&children[chosen]) {
            chosen -= 1;
        }
        while chosen < others.len() && !is_behind(&others[chosen]) {
            chosen += 1;
        }
        self.span.narrow(children, chosen);
        chosen
    }

    #[inline]
    fn slot(&mut self, items: &[T]) -> Result<usize, usize> {
        if !T::EVEN {
            return items.binary_search_by(|item| self.probe.compare(item));
        }
        let mut slot = self.span.guess(self.probe.position(), items.len());
        // Up to the guess everything may lie behind, from there on before.
        while slot > 0 && self.probe.compare(&items[slot - 1]) != Ordering::Less {
            slot -= 1;
        }
        while slot < items.len() {
            match self.probe.compare(&items[slot]) {
                Ordering::Less => slot += 1,
                Ordering::Equal => return Ok(slot),
                Ordering::Greater => break,
            }
        }
        Err(slot)
    }
}

/// What is known of a node before it is touched: between which positions its
/// keys lie, and, if it is a leaf, how many there are. A guess needs no more,
/// so the processor fetches the guessed slot along with the node's header.
struct Span {
    low: u64,
    high: u64,
    len: Option<usize>,
}

impl Span {
    /// The likely index of `position` among `len` evenly spread ones.
    #[inline]
    fn guess(&self, position: u64, len: usize) -> usize {
        // Without their lowest bits the product fits, whatever the lengths.
        let width = ((self.high - self.low) >> u16::BITS).max(1);
        let offset = (position.clamp(self.low, self.high) - self.low) >> u16::BITS;
        let expected = self.len.unwrap_or(len).min(u16::MAX.into()) as u64;
        let guess = (offset * expected / width) as usize;
        if guess < len {
            guess
        } else {
            len.saturating_sub(1)
        }
    }

    #[inline]
    fn narrow<T: Element>(&mut self, children: &[Child<T>], chosen: usize) {
        let child = &children[chosen];
        self.low = T::position(&child.key);
        if let Some(next) = children.get(chosen + 1) {
            self.high = T::position(&next.key);
        }
        self.len = child.is_leaf().then_some(child.items);
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
