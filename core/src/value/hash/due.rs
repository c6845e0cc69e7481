//! The fields of one hash that expire, soonest first.
//!
//! A second tree beside the hash's index, which shares its items: the fields
//! that are due are its first ones, however many fields the hash has, and a
//! frozen hash keeps its own by the same O(1) clone. A hash without such fields
//! has none of it.

use std::cmp::Ordering;

use crate::tree::{Element, Probe, Tree};
use crate::value::item::Item;

/// A field that expires.
#[derive(Clone, Debug)]
struct Due {
    at_ms: i64,
    item: Item,
}

impl Due {
    fn of(item: &Item) -> Option<Self> {
        let at_ms = item.expire_at_ms()?;
        Some(Self {
            at_ms,
            item: item.clone(),
        })
    }
}

impl Element for Due {
    type Key = i64;

    fn key(&self) -> i64 {
        self.at_ms
    }
}

/// Searches for one field, whose expiry is known.
struct ByField<'a> {
    at_ms: i64,
    field: &'a [u8],
}

impl Probe<Due> for ByField<'_> {
    fn compare_key(&self, key: &i64) -> Option<Ordering> {
        let order = key.cmp(&self.at_ms);
        order.is_ne().then_some(order)
    }

    fn compare(&self, due: &Due) -> Ordering {
        (due.at_ms.cmp(&self.at_ms)).then_with(|| due.item.field().cmp(self.field))
    }
}

/// Searches for the first field that expires after a moment.
struct After(i64);

impl After {
    fn order(&self, at_ms: i64) -> Ordering {
        if at_ms <= self.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }
}

impl Probe<Due> for After {
    fn compare_key(&self, key: &i64) -> Option<Ordering> {
        Some(self.order(*key))
    }

    fn compare(&self, due: &Due) -> Ordering {
        self.order(due.at_ms)
    }
}

/// See the module's comment.
#[derive(Clone, Debug, Default)]
pub(super) struct DueFields(Option<Box<Tree<Due>>>);

impl DueFields {
    /// Those of `items` that expire.
    pub(super) fn build<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut due: Vec<Due> = items.into_iter().filter_map(Due::of).collect();
        if due.is_empty() {
            return Self(None);
        }
        due.sort_unstable_by(|a, b| {
            (a.at_ms.cmp(&b.at_ms)).then_with(|| a.item.field().cmp(b.item.field()))
        });
        Self(Some(Box::new(Tree::from_sorted(due))))
    }

    /// The number of fields that expire.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tree| tree.len())
    }

    /// When the first field expires.
    pub(super) fn first_ms(&self) -> Option<i64> {
        self.0.as_ref()?.first().map(|due| due.at_ms)
    }

    /// How many fields expire at `now_ms` or before.
    pub(super) fn count_until(&self, now_ms: i64) -> usize {
        let tree = self.0.as_ref();
        tree.map_or(0, |tree| tree.index_of(&After(now_ms)))
    }

    /// The fields that expire at `now_ms` or before, soonest first.
    pub(super) fn until(&self, now_ms: i64) -> impl Iterator<Item = &Item> {
        let items = self.0.iter().flat_map(|tree| tree.iter());
        items
            .take_while(move |due| due.at_ms <= now_ms)
            .map(|due| &due.item)
    }

    /// Follows what happened in the hash: `old` has left it and `new` has come.
    pub(super) fn follow(&mut self, old: Option<&Item>, new: Option<&Item>) {
        if let Some(due) = old.and_then(Due::of) {
            let tree = self.0.as_mut().expect("fields that expire are listed");
            let field = due.item.field();
            let at_ms = due.at_ms;
            let gone = tree.remove(&ByField { at_ms, field });
            debug_assert!(gone.is_some(), "fields that expire are listed");
            if tree.is_empty() {
                self.0 = None;
            }
        }
        if let Some(due) = new.and_then(Due::of) {
            let searched = due.item.clone();
            let (at_ms, field) = (due.at_ms, searched.field());
            let tree = self.0.get_or_insert_with(Box::default);
            tree.insert(&ByField { at_ms, field }, due);
        }
    }

    /// Bytes of the tree, whose items are the hash's own.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        let tree = self.0.as_ref();
        tree.map_or(0, |tree| {
            size_of::<Tree<Due>>() + tree.heap_bytes(samples, |_| 0)
        })
    }
}
