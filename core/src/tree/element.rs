//! What a tree holds, and how it is searched.

use std::cmp::Ordering;

/// An item of a [`Tree`](super::Tree).
pub trait Element: Clone {
    /// The part of an item that inner nodes keep a copy of, so that a descent
    /// compares without reaching for the item's own memory. It may be less
    /// than the whole sort key (a hash, a score), or `()` in a tree that is
    /// only ever addressed by position.
    type Key: Clone;

    /// Most items in one leaf.
    const LEAF_ITEMS_MAX: usize = 64;

    /// Whether keys are spread evenly over [`position`](Self::position), as
    /// hashes are. Searches then guess and look around the guess, which
    /// touches one or two cache lines of a node where halving touches four.
    const EVEN: bool = false;

    /// The item's key, as inner nodes keep it.
    fn key(&self) -> Self::Key;

    /// Where an evenly spread key lies in the range of `u64`.
    fn position(_key: &Self::Key) -> u64 {
        0
    }

    /// Asks the processor for what the item refers to, which is read soon.
    fn prefetch(&self) {}

    /// What the item counts for in ranks: 1, unless it stands for several.
    fn weight(&self) -> usize {
        1
    }
}

/// What is searched for. Both orders are those of the tree: `Less` says that
/// the item lies before what is searched for, as in `slice::binary_search_by`.
/// A bound between two items never answers `Equal`.
pub trait Probe<T: Element> {
    /// Where an item with this key lies, or `None` if the key alone cannot tell.
    fn compare_key(&self, key: &T::Key) -> Option<Ordering>;

    /// Where `item` lies.
    fn compare(&self, item: &T) -> Ordering;

    /// Where what is searched for lies in the range of `u64`, if keys are
    /// spread evenly there.
    fn position(&self) -> u64 {
        0
    }
}

/// Where the item is its own key, any comparison is a probe.
impl<T, F> Probe<T> for F
where
    T: Element<Key = T>,
    F: Fn(&T) -> Ordering,
{
    #[inline]
    fn compare_key(&self, key: &T) -> Option<Ordering> {
        Some(self(key))
    }

    #[inline]
    fn compare(&self, item: &T) -> Ordering {
        self(item)
    }
}
