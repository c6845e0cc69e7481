//! The hash: fields with values.
//!
//! ```text
//! listpack    field, value, field, value, …      few and short fields
//! hashtable   HashIndex of field + value items   everything else
//! ```
//!
//! A hash starts packed and is converted for good when it outgrows the
//! thresholds of [`EncodingLimits`]. Fields that expire live in the index only,
//! whose items have room for their time.

mod due;
mod expiry;
mod live;

use self::due::DueFields;
use super::duplicates::has_duplicates;
use super::hash_index::{HashIndex, Items};
use super::item::Item;
use super::limits::EncodingLimits;
use crate::keyspace::HashSeed;
use crate::packed::listpack::{self, Entry, Listpack, Needle, Position};

pub use live::LiveHash;

/// A hash.
#[derive(Clone, Debug)]
pub struct Hash {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Packed(Listpack),
    Large {
        index: HashIndex,
        /// The fields with an expiry among them.
        due: DueFields,
    },
}

/// A field with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The field.
    pub field: Entry<'a>,
    /// The value.
    pub value: Entry<'a>,
    /// When the field expires (Unix time in ms), if it does.
    pub expire_at_ms: Option<i64>,
}

impl<'a> Pair<'a> {
    fn packed(field: Entry<'a>, value: Entry<'a>) -> Self {
        Self {
            field,
            value,
            expire_at_ms: None,
        }
    }

    fn of(item: &'a Item) -> Self {
        Self {
            field: Entry::Str(item.field()),
            value: Entry::Str(value_of(item)),
            expire_at_ms: item.expire_at_ms(),
        }
    }
}

/// Elements from outside that are no hash: an odd number of them, or a field
/// that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPairs;

impl Default for Hash {
    fn default() -> Self {
        Self {
            repr: Repr::Packed(Listpack::new()),
        }
    }
}

impl Hash {
    /// An empty hash.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a listpack of fields and values from outside, and converts it
    /// where it exceeds the thresholds.
    ///
    /// # Errors
    /// Where it is no hash.
    pub fn from_listpack(
        pack: Listpack,
        seed: HashSeed,
        limits: &EncodingLimits,
    ) -> Result<Self, NotPairs> {
        let elements = pack.len();
        if !elements.is_multiple_of(2) || has_duplicates(&pack, 2) {
            return Err(NotPairs);
        }
        let mut hash = Self {
            repr: Repr::Packed(pack),
        };
        hash.reserve(seed, limits, elements / 2);
        Ok(hash)
    }

    /// A hash of these pairs, packed where the thresholds allow it.
    ///
    /// # Errors
    /// Where a field comes twice.
    pub fn from_items(
        items: Vec<Item>,
        seed: HashSeed,
        limits: &EncodingLimits,
    ) -> Result<Self, NotPairs> {
        let packable = items.len() <= limits.hash_max_listpack_entries
            && (items.iter()).all(|item| {
                item.expire_at_ms().is_none() && is_short(item.field(), value_of(item), limits)
            });
        if packable {
            let pack: Listpack = (items.iter())
                .flat_map(|item| [item.field(), value_of(item)])
                .collect();
            return Self::from_listpack(pack, seed, limits);
        }
        let index = HashIndex::build(seed, items).ok_or(NotPairs)?;
        let due = DueFields::build(index.iter());
        Ok(Self {
            repr: Repr::Large { index, due },
        })
    }

    /// The number of fields, those whose time has come included.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Packed(pack) => pack.len() / 2,
            Repr::Large { index, .. } => index.len(),
        }
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.repr {
            Repr::Packed(pack) => pack.is_empty(),
            Repr::Large { index, .. } => index.is_empty(),
        }
    }

    /// The name that OBJECT ENCODING answers.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.repr {
            Repr::Packed(_) => "listpack",
            Repr::Large { .. } => "hashtable",
        }
    }

    /// Bytes on the heap, judged by the first `samples` elements.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match &self.repr {
            Repr::Packed(pack) => pack.capacity(),
            Repr::Large { index, due } => index.heap_bytes(samples) + due.heap_bytes(samples),
        }
    }

    /// The fields and values in turn, if the hash is packed.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(pack) => Some(pack),
            Repr::Large { .. } => None,
        }
    }

    /// The items, if the hash is not packed.
    #[must_use]
    pub fn as_index(&self) -> Option<&HashIndex> {
        match &self.repr {
            Repr::Packed(_) => None,
            Repr::Large { index, .. } => Some(index),
        }
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(&self, seed: HashSeed, field: &[u8]) -> Option<Entry<'_>> {
        self.pair(seed, field).map(|pair| pair.value)
    }

    /// `field` with its value and its expiry, whether its time has come or not.
    #[must_use]
    pub fn pair(&self, seed: HashSeed, field: &[u8]) -> Option<Pair<'_>> {
        match &self.repr {
            Repr::Packed(pack) => {
                let at = find(pack, field)?;
                Some(Pair::packed(pack.entry(at), pack.entry(value_at(pack, at))))
            }
            Repr::Large { index, .. } => index.get(seed, field).map(Pair::of),
        }
    }

    /// Whether `field` is there.
    #[must_use]
    pub fn contains(&self, seed: HashSeed, field: &[u8]) -> bool {
        match &self.repr {
            Repr::Packed(pack) => find(pack, field).is_some(),
            Repr::Large { index, .. } => index.contains(seed, field),
        }
    }

    /// Sets `field` to `value`, without an expiry; true if the field is new.
    pub fn insert(
        &mut self,
        seed: HashSeed,
        limits: &EncodingLimits,
        field: &[u8],
        value: &[u8],
    ) -> bool {
        if let Repr::Packed(pack) = &mut self.repr
            && is_short(field, value, limits)
            && has_room(pack, field, value)
        {
            match find(pack, field) {
                Some(at) => {
                    pack.replace(value_at(pack, at), value);
                    return false;
                }
                None if pack.len() / 2 < limits.hash_max_listpack_entries => {
                    pack.push_back(field);
                    pack.push_back(value);
                    return true;
                }
                None => {}
            }
        }
        self.insert_item(seed, Item::pair(field, value))
    }

    /// Puts an item into the index; true if its field is new.
    fn insert_item(&mut self, seed: HashSeed, item: Item) -> bool {
        let (index, due) = self.convert(seed);
        let placed = item.clone();
        let replaced = index.insert(seed, item);
        due.follow(replaced.as_ref(), Some(&placed));
        replaced.is_none()
    }

    /// Takes `field` out; false if it was not there.
    pub fn remove(&mut self, seed: HashSeed, field: &[u8]) -> bool {
        match &mut self.repr {
            Repr::Packed(pack) => match find(pack, field) {
                None => false,
                Some(at) => {
                    pack.remove_run(at, 2);
                    true
                }
            },
            Repr::Large { index, due } => {
                let removed = index.remove(seed, field);
                due.follow(removed.as_ref(), None);
                removed.is_some()
            }
        }
    }

    /// Converts now what `additional` more pairs, or the values already there,
    /// would convert on the way, so that nothing is packed in vain.
    pub fn reserve(&mut self, seed: HashSeed, limits: &EncodingLimits, additional: usize) {
        let Repr::Packed(pack) = &self.repr else {
            return;
        };
        let too_many = pack.len() / 2 > limits.hash_max_listpack_entries
            || additional > limits.hash_max_listpack_entries;
        if too_many {
            self.convert(seed);
        }
    }

    /// The index, made from the listpack if there is none yet.
    fn convert(&mut self, seed: HashSeed) -> (&mut HashIndex, &mut DueFields) {
        if let Repr::Packed(pack) = &self.repr {
            let items = pairs(pack).map(|(field, value)| {
                let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
                Item::pair(field.text(&mut one), value.text(&mut other))
            });
            let index = HashIndex::build(seed, items).expect("fields are distinct");
            self.repr = Repr::Large {
                index,
                due: DueFields::default(),
            };
        }
        match &mut self.repr {
            Repr::Large { index, due } => (index, due),
            Repr::Packed(_) => unreachable!("it was just converted"),
        }
    }

    /// All pairs: in the order they came while packed, in hash order else.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        match &self.repr {
            Repr::Packed(pack) => Iter::Packed(pack.iter()),
            Repr::Large { index, .. } => Iter::Large(index.iter()),
        }
    }

    /// The pair at `index` in the order of [`iter`](Self::iter): with a uniform
    /// index, a uniform pair.
    #[must_use]
    pub fn pair_at(&self, index: usize) -> Option<Pair<'_>> {
        match &self.repr {
            Repr::Packed(pack) => {
                let at = pack.seek(i64::try_from(index).ok()?.checked_mul(2)?)?;
                Some(Pair::packed(pack.entry(at), pack.entry(value_at(pack, at))))
            }
            Repr::Large { index: items, .. } => items.get_at(index).map(Pair::of),
        }
    }

    /// Visits about `count` pairs from `cursor` on, 0 being the start, and
    /// returns the cursor to go on from, 0 at the end. A packed hash is visited
    /// whole, wherever the cursor comes from.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Pair<'_>)) -> u64 {
        match &self.repr {
            Repr::Packed(_) => {
                self.iter().for_each(visit);
                0
            }
            Repr::Large { index, .. } => index.scan(cursor, count, |item| visit(Pair::of(item))),
        }
    }
}

/// The pairs of a hash.
#[derive(Clone)]
pub enum Iter<'a> {
    /// Of a packed hash.
    Packed(listpack::Iter<'a>),
    /// Of an index.
    Large(Items<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        match self {
            Self::Packed(elements) => next_pair(elements).map(|(f, v)| Pair::packed(f, v)),
            Self::Large(items) => items.next().map(Pair::of),
        }
    }
}

impl<'a> IntoIterator for &'a Hash {
    type Item = Pair<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

fn next_pair<'a>(elements: &mut listpack::Iter<'a>) -> Option<(Entry<'a>, Entry<'a>)> {
    let field = elements.next()?;
    let value = elements.next().expect("a hash is packed in pairs");
    Some((field, value))
}

fn pairs(pack: &Listpack) -> impl Iterator<Item = (Entry<'_>, Entry<'_>)> {
    let mut elements = pack.iter();
    std::iter::from_fn(move || next_pair(&mut elements))
}

fn find(pack: &Listpack, field: &[u8]) -> Option<Position> {
    pack.find(Needle::new(field), 2)
}

fn value_at(pack: &Listpack, field: Position) -> Position {
    pack.next(field).expect("a hash is packed in pairs")
}

fn value_of(item: &Item) -> &[u8] {
    item.value().expect("a hash holds pairs")
}

fn is_short(field: &[u8], value: &[u8], limits: &EncodingLimits) -> bool {
    field.len().max(value.len()) <= limits.hash_max_listpack_value
}

fn has_room(pack: &Listpack, field: &[u8], value: &[u8]) -> bool {
    pack.has_room_for(Listpack::encoded_len(field) + Listpack::encoded_len(value))
}

#[cfg(test)]
mod tests;
