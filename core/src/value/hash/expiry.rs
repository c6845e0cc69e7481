//! Fields that expire.

use super::{Hash, Repr};
use crate::keyspace::HashSeed;
use crate::value::item::Item;

impl Hash {
    /// How many fields have an expiry.
    #[must_use]
    pub fn expiring_fields(&self) -> usize {
        match &self.repr {
            Repr::Packed(_) => 0,
            Repr::Large { due, .. } => due.len(),
        }
    }

    /// When the first of its fields expires (Unix time in ms), if any does.
    #[must_use]
    pub fn next_expiry_ms(&self) -> Option<i64> {
        match &self.repr {
            Repr::Packed(_) => None,
            Repr::Large { due, .. } => due.first_ms(),
        }
    }

    /// How many fields expire at `now_ms` or before.
    #[must_use]
    pub fn expired_fields(&self, now_ms: i64) -> usize {
        match &self.repr {
            Repr::Packed(_) => 0,
            Repr::Large { due, .. } => due.count_until(now_ms),
        }
    }

    /// Sets `field` to `value`, gone at `expire_at_ms`; true if the field is
    /// new. It has no place in a listpack, so a packed hash is converted.
    pub fn insert_expiring(
        &mut self,
        seed: HashSeed,
        field: &[u8],
        value: &[u8],
        expire_at_ms: i64,
    ) -> bool {
        self.insert_item(seed, Item::expiring_pair(field, value, expire_at_ms))
    }

    /// Sets, moves or removes the expiry of `field`; false if it is not there.
    pub fn set_expiry(&mut self, seed: HashSeed, field: &[u8], expire_at_ms: Option<i64>) -> bool {
        let Some(pair) = self.pair(seed, field) else {
            return false;
        };
        if pair.expire_at_ms == expire_at_ms {
            return true;
        }
        let mut digits = itoa::Buffer::new();
        let value = pair.value.text(&mut digits);
        let item = match expire_at_ms {
            None => Item::pair(field, value),
            Some(at_ms) => Item::expiring_pair(field, value, at_ms),
        };
        self.insert_item(seed, item);
        true
    }

    /// Takes out up to `max` fields that expire at `now_ms` or before, soonest
    /// first, and answers their names.
    pub fn take_expired(&mut self, seed: HashSeed, now_ms: i64, max: usize) -> Vec<Vec<u8>> {
        let Repr::Large { index, due } = &mut self.repr else {
            return Vec::new();
        };
        let expired: Vec<Item> = due.until(now_ms).take(max).cloned().collect();
        for item in &expired {
            let removed = index.remove(seed, item.field());
            due.follow(removed.as_ref(), None);
        }
        expired.iter().map(|item| item.field().to_vec()).collect()
    }

    /// Where the fields that expire at `now_ms` or before are in the order of
    /// [`iter`](Self::iter), ascending.
    pub(super) fn expired_places(&self, seed: HashSeed, now_ms: i64) -> Vec<usize> {
        let Repr::Large { index, due } = &self.repr else {
            return Vec::new();
        };
        let place = |item: &Item| {
            let place = index.index_of(seed, item.field());
            place.expect("a field that expires is in the hash")
        };
        let mut places: Vec<usize> = due.until(now_ms).map(place).collect();
        places.sort_unstable();
        places
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::value::hash::value_of;
    use crate::value::limits::EncodingLimits;

    const SEED: HashSeed = HashSeed::new(5, 6);

    /// What a hash must be: values with expiries, by field.
    type Model = BTreeMap<Vec<u8>, (u8, Option<i64>)>;

    fn content(hash: &Hash) -> Model {
        let pairs = hash.iter().map(|pair| {
            let value = pair.value.to_vec()[0];
            (pair.field.to_vec(), (value, pair.expire_at_ms))
        });
        pairs.collect()
    }

    fn expired(model: &Model, now_ms: i64) -> Vec<(i64, Vec<u8>)> {
        let due = model.iter().filter_map(|(field, (_, at))| {
            let at = at.filter(|at| *at <= now_ms)?;
            Some((at, field.clone()))
        });
        let mut due: Vec<_> = due.collect();
        due.sort();
        due
    }

    fn step(hash: &mut Hash, model: &mut Model, what: u8, field: &[u8], at_ms: i64) {
        let limits = EncodingLimits::default();
        match what {
            0 => {
                hash.insert(SEED, &limits, field, b"0");
                model.insert(field.to_vec(), (b'0', None));
            }
            1 => {
                hash.insert_expiring(SEED, field, b"1", at_ms);
                model.insert(field.to_vec(), (b'1', Some(at_ms)));
            }
            2 => {
                let there = hash.set_expiry(SEED, field, Some(at_ms));
                assert_eq!(there, model.contains_key(field));
                model
                    .entry(field.to_vec())
                    .and_modify(|v| v.1 = Some(at_ms));
            }
            3 => {
                hash.set_expiry(SEED, field, None);
                model.entry(field.to_vec()).and_modify(|v| v.1 = None);
            }
            4 => {
                hash.remove(SEED, field);
                model.remove(field);
            }
            _ => {
                let want: Vec<_> = expired(model, at_ms).into_iter().take(3).collect();
                let taken = hash.take_expired(SEED, at_ms, 3);
                assert!(want.iter().map(|(_, field)| field).eq(&taken));
                model.retain(|field, _| !taken.contains(field));
            }
        }
    }

    proptest! {
        #[test]
        fn expiries_follow_every_change(
            ops in prop::collection::vec((0..6u8, 0..60u32, -5..20i64), 0..400),
        ) {
            let (mut hash, mut model) = (Hash::new(), Model::new());
            for (what, field, at_ms) in ops {
                let frozen = (hash.clone(), model.clone());
                step(&mut hash, &mut model, what, field.to_string().as_bytes(), at_ms);
                prop_assert_eq!(content(&frozen.0), frozen.1);
                let first = expired(&model, i64::MAX).first().map(|(at, _)| *at);
                prop_assert_eq!(hash.next_expiry_ms(), first);
                prop_assert_eq!(hash.expired_fields(at_ms), expired(&model, at_ms).len());
            }
            prop_assert_eq!(hash.expiring_fields(), expired(&model, i64::MAX).len());
            prop_assert_eq!(content(&hash), model);
        }
    }

    #[test]
    fn a_hash_without_expiries_is_as_small_as_ever() {
        assert_eq!(size_of::<super::super::DueFields>(), size_of::<usize>());
        let mut hash = Hash::new();
        hash.insert(SEED, &EncodingLimits::default(), b"f", b"v");
        assert!(hash.set_expiry(SEED, b"f", None));
        assert_eq!(hash.encoding(), "listpack");
        assert!(hash.set_expiry(SEED, b"f", Some(5)));
        assert_eq!(hash.encoding(), "hashtable");
        assert!(hash.set_expiry(SEED, b"f", None));
        assert_eq!(hash.next_expiry_ms(), None);
        assert_eq!(
            value_of(hash.as_index().unwrap().get(SEED, b"f").unwrap()),
            b"v"
        );
    }
}
