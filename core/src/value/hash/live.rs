//! A hash as clients see it: without the fields whose time has come.

use super::{Hash, Pair};
use crate::keyspace::HashSeed;
use crate::packed::listpack::Entry;

/// See the module's comment. Where no field's time has come it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct LiveHash<'a> {
    hash: &'a Hash,
    seed: HashSeed,
    /// Fields that expire at this moment or before are gone.
    deadline_ms: i64,
    /// Whether there are any.
    hides: bool,
}

impl<'a> LiveHash<'a> {
    /// The fields of `hash` that expire after `deadline_ms` or never.
    #[must_use]
    pub fn new(hash: &'a Hash, seed: HashSeed, deadline_ms: i64) -> Self {
        Self {
            hash,
            seed,
            deadline_ms,
            hides: hash.next_expiry_ms().is_some_and(|at| at <= deadline_ms),
        }
    }

    /// The hash with all its fields.
    #[must_use]
    pub const fn whole(self) -> &'a Hash {
        self.hash
    }

    fn shows(self, pair: &Pair<'_>) -> bool {
        !self.hides || pair.expire_at_ms.is_none_or(|at| at > self.deadline_ms)
    }

    /// Whether `field` is there although its time has come.
    #[must_use]
    pub fn hides(self, field: &[u8]) -> bool {
        self.hides && (self.hash.pair(self.seed, field)).is_some_and(|pair| !self.shows(&pair))
    }

    /// `field` with its value and its expiry.
    #[must_use]
    pub fn pair(self, field: &[u8]) -> Option<Pair<'a>> {
        let pair = self.hash.pair(self.seed, field);
        pair.filter(|pair| self.shows(pair))
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(self, field: &[u8]) -> Option<Entry<'a>> {
        self.pair(field).map(|pair| pair.value)
    }

    /// Whether `field` is there.
    #[must_use]
    pub fn contains(self, field: &[u8]) -> bool {
        self.pair(field).is_some()
    }

    /// The number of fields.
    #[must_use]
    pub fn len(self) -> usize {
        let hidden = match self.hides {
            true => self.hash.expired_fields(self.deadline_ms),
            false => 0,
        };
        self.hash.len() - hidden
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// All pairs, in the order of the hash.
    pub fn iter(self) -> impl Iterator<Item = Pair<'a>> {
        self.hash.iter().filter(move |pair| self.shows(pair))
    }

    /// As [`Hash::scan`], which decides how far one call goes.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Pair<'_>)) -> u64 {
        self.hash.scan(cursor, count, |pair| {
            if self.shows(&pair) {
                visit(pair);
            }
        })
    }

    /// The pairs at these places in the order of [`iter`](Self::iter).
    pub fn pairs_at(self, places: &[usize]) -> impl Iterator<Item = Pair<'a>> {
        let hidden = match self.hides {
            true => self.hash.expired_places(self.seed, self.deadline_ms),
            false => Vec::new(),
        };
        places.iter().map(move |&place| {
            let pair = self.hash.pair_at(skip(&hidden, place));
            pair.expect("places below the length")
        })
    }
}

/// Where the pair at `place` among the live ones is among all, if those at
/// `hidden`, ascending, are not live.
fn skip(hidden: &[usize], place: usize) -> usize {
    // Before the hidden one with number `n` there are `hidden[n] - n` live ones.
    let (mut low, mut high) = (0, hidden.len());
    while low < high {
        let middle = low.midpoint(high);
        if hidden[middle] - middle <= place {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    place + low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::limits::EncodingLimits;

    const SEED: HashSeed = HashSeed::new(7, 8);

    fn hash(fields: u32) -> Hash {
        let mut hash = Hash::new();
        for field in 0..fields {
            let name = field.to_string();
            match field % 3 {
                0 => hash.insert(SEED, &EncodingLimits::default(), name.as_bytes(), b"v"),
                at => hash.insert_expiring(SEED, name.as_bytes(), b"v", i64::from(at) * 1000),
            };
        }
        hash
    }

    fn names<'a>(pairs: impl Iterator<Item = Pair<'a>>) -> Vec<Vec<u8>> {
        pairs.map(|pair| pair.field.to_vec()).collect()
    }

    #[test]
    fn what_has_expired_is_hidden_from_every_side() {
        let hash = hash(3000);
        for (deadline_ms, len) in [(i64::MIN, 3000), (999, 3000), (1000, 2000), (2000, 1000)] {
            let live = LiveHash::new(&hash, SEED, deadline_ms);
            assert_eq!((live.len(), live.is_empty()), (len, false));
            let all = names(live.iter());
            assert_eq!(all.len(), len);
            assert!(
                all.iter()
                    .all(|field| live.contains(field) && !live.hides(field))
            );
            assert_eq!(live.contains(b"1"), deadline_ms < 1000);
            assert_eq!(live.hides(b"1"), deadline_ms >= 1000);
            let places: Vec<usize> = (0..len).collect();
            assert_eq!(names(live.pairs_at(&places)), all);
            let (mut scanned, mut cursor) = (Vec::new(), 0);
            loop {
                cursor = live.scan(cursor, 10, |pair| scanned.push(pair.field.to_vec()));
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(scanned, all);
        }
    }

    #[test]
    fn nothing_is_left_where_all_has_expired() {
        let mut hash = Hash::new();
        hash.insert_expiring(SEED, b"a", b"1", 5);
        let live = LiveHash::new(&hash, SEED, 5);
        assert!(live.is_empty() && live.iter().next().is_none() && live.pair(b"a").is_none());
        assert_eq!(live.whole().len(), 1);
        assert!(!live.hides(b"b"));
    }
}
