//! Iteration without parent pointers: the iterator holds one leaf for each of
//! its ends and descends anew, by index, once that leaf is used up.

use std::iter::FusedIterator;
use std::ops::Range;
use std::slice;

use super::{Element, Tree};

/// How many items ahead the processor is asked for what they refer to: reading one takes
/// about a tenth of the time that memory takes to answer.
const AHEAD: usize = 8;

/// Items of a tree in order, from both ends.
#[derive(Clone)]
pub struct Iter<'a, T: Element> {
    tree: &'a Tree<T>,
    /// The indices not yet yielded.
    left: Range<usize>,
    /// The rest of the leaf at the front; it may reach beyond `left.end`.
    front: slice::Iter<'a, T>,
    /// The rest of the leaf at the back; it may reach before `left.start`.
    back: slice::Iter<'a, T>,
}

impl<'a, T: Element> Iter<'a, T> {
    pub(super) fn new(tree: &'a Tree<T>, indices: Range<usize>) -> Self {
        let end = indices.end.min(tree.len());
        Self {
            tree,
            left: indices.start.min(end)..end,
            front: [].iter(),
            back: [].iter(),
        }
    }
}

impl<'a, T: Element> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        if self.left.is_empty() {
            return None;
        }
        if self.front.as_slice().is_empty() {
            let (items, slot) = self.tree.leaf_at(self.left.start);
            let items = &items[slot..];
            let near = AHEAD.min(self.left.len());
            items.iter().take(near).for_each(Element::prefetch);
            self.front = items.iter();
        }
        self.left.start += 1;
        if let Some(ahead) = self.front.as_slice().get(AHEAD) {
            ahead.prefetch();
        }
        self.front.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.len(), Some(self.left.len()))
    }

    /// Skips without walking, so that an offset into a range costs one descent.
    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        self.left.start = self.left.end.min(self.left.start.saturating_add(n));
        self.front = [].iter();
        self.next()
    }
}

impl<T: Element> DoubleEndedIterator for Iter<'_, T> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        if self.back.as_slice().is_empty() {
            let (items, slot) = self.tree.leaf_at(self.left.end - 1);
            let items = &items[..=slot];
            let near = AHEAD.min(self.left.len());
            items.iter().rev().take(near).for_each(Element::prefetch);
            self.back = items.iter();
        }
        self.left.end -= 1;
        let rest = self.back.as_slice();
        if let Some(ahead) = rest.len().checked_sub(1 + AHEAD) {
            rest[ahead].prefetch();
        }
        self.back.next_back()
    }

    fn nth_back(&mut self, n: usize) -> Option<Self::Item> {
        self.left.end = self.left.start.max(self.left.end.saturating_sub(n));
        self.back = [].iter();
        self.next_back()
    }
}

impl<T: Element> ExactSizeIterator for Iter<'_, T> {}
impl<T: Element> FusedIterator for Iter<'_, T> {}
