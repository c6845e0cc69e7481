//! Iteration over either encoding.

use super::{Member, large, packed};

/// Members with their scores in order, from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    pub(super) left: usize,
    pub(super) inner: Inner<'a>,
}

#[derive(Clone)]
pub(super) enum Inner<'a> {
    Packed(packed::Iter<'a>),
    Large(large::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Member<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.inner {
            Inner::Packed(members) => members.next(),
            Inner::Large(members) => members.next(),
        };
        self.left -= usize::from(next.is_some());
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let next = match &mut self.inner {
            Inner::Packed(members) => members.next_back(),
            Inner::Large(members) => members.next_back(),
        };
        self.left -= usize::from(next.is_some());
        next
    }
}

impl ExactSizeIterator for Iter<'_> {}
