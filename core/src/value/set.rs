//! The set: members without order.
//!
//! ```text
//! intset      sorted integers               integers only, few
//! listpack    member, member, …             few and short members
//! hashtable   HashIndex of member items     everything else
//! ```
//!
//! A set starts with the smallest encoding that its first members allow, and
//! moves down this list, never up, as the thresholds of [`EncodingLimits`] and
//! its members ask.

use super::duplicates::has_duplicates;
use super::hash_index::{HashIndex, Items};
use super::item::Item;
use super::limits::EncodingLimits;
use crate::keyspace::HashSeed;
use crate::packed::intset::Intset;
use crate::packed::listpack::{self, Entry, Listpack, Needle};
use crate::text::number::parse_i64;

/// No intset grows beyond this, whatever is configured: its length is a `u32`
/// and inserting costs a move of half of it.
const INTSET_ENTRIES_MAX: usize = 1 << 30;

/// A set.
#[derive(Clone, Debug)]
pub struct Set {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Ints(Intset),
    Packed(Listpack),
    Large(HashIndex),
}

/// Elements from outside that are no set: a member comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDistinct;

impl Default for Set {
    fn default() -> Self {
        Self::from(Repr::Ints(Intset::new()))
    }
}

impl From<Repr> for Set {
    fn from(repr: Repr) -> Self {
        Self { repr }
    }
}

impl Set {
    /// An empty set of the smallest encoding.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set in the encoding that suits `first`, the first of up to
    /// `count` members to come.
    #[must_use]
    pub fn for_members(first: &[u8], count: usize, limits: &EncodingLimits) -> Self {
        Self::from(
            if parse_i64(first).is_some() && count <= intset_max(limits) {
                Repr::Ints(Intset::new())
            } else if count <= limits.set_max_listpack_entries {
                Repr::Packed(Listpack::new())
            } else {
                Repr::Large(HashIndex::new())
            },
        )
    }

    /// Takes an intset from outside, and converts it where it exceeds the
    /// threshold.
    #[must_use]
    pub fn from_intset(ints: Intset, seed: HashSeed, limits: &EncodingLimits) -> Self {
        let mut set = Self::from(Repr::Ints(ints));
        set.reserve(seed, limits, set.len());
        set
    }

    /// Takes a listpack of members from outside, and converts it where it
    /// exceeds the threshold.
    ///
    /// # Errors
    /// Where it is no set.
    pub fn from_listpack(
        pack: Listpack,
        seed: HashSeed,
        limits: &EncodingLimits,
    ) -> Result<Self, NotDistinct> {
        if has_duplicates(&pack, 1) {
            return Err(NotDistinct);
        }
        let mut set = Self::from(Repr::Packed(pack));
        set.reserve(seed, limits, set.len());
        Ok(set)
    }

    /// A set of these members in the smallest encoding that the thresholds allow.
    ///
    /// # Errors
    /// Where a member comes twice.
    pub fn from_items(
        items: Vec<Item>,
        seed: HashSeed,
        limits: &EncodingLimits,
    ) -> Result<Self, NotDistinct> {
        let small = limits.set_max_listpack_entries.max(intset_max(limits));
        if items.len() > small {
            let index = HashIndex::build(seed, items).ok_or(NotDistinct)?;
            return Ok(Self::from(Repr::Large(index)));
        }
        let mut set = Self::new();
        for item in &items {
            if !set.insert(seed, limits, item.field()) {
                return Err(NotDistinct);
            }
        }
        Ok(set)
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Ints(ints) => ints.len(),
            Repr::Packed(pack) => pack.len(),
            Repr::Large(index) => index.len(),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.repr {
            Repr::Ints(ints) => ints.is_empty(),
            Repr::Packed(pack) => pack.is_empty(),
            Repr::Large(index) => index.is_empty(),
        }
    }

    /// The name that OBJECT ENCODING answers.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.repr {
            Repr::Ints(_) => "intset",
            Repr::Packed(_) => "listpack",
            Repr::Large(_) => "hashtable",
        }
    }

    /// The integers, if they are kept as such.
    #[must_use]
    pub fn as_intset(&self) -> Option<&Intset> {
        match &self.repr {
            Repr::Ints(ints) => Some(ints),
            _ => None,
        }
    }

    /// Bytes on the heap, judged by the first `samples` elements.
    #[must_use]
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match &self.repr {
            Repr::Ints(ints) => ints.capacity(),
            Repr::Packed(pack) => pack.capacity(),
            Repr::Large(index) => index.heap_bytes(samples),
        }
    }

    /// The members, if they are packed.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Packed(pack) => Some(pack),
            _ => None,
        }
    }

    /// The items, if the set is neither integers nor packed.
    #[must_use]
    pub fn as_index(&self) -> Option<&HashIndex> {
        match &self.repr {
            Repr::Large(index) => Some(index),
            _ => None,
        }
    }

    /// Whether `member` is there.
    #[must_use]
    pub fn contains(&self, seed: HashSeed, member: &[u8]) -> bool {
        match &self.repr {
            Repr::Ints(ints) => parse_i64(member).is_some_and(|value| ints.contains(value)),
            Repr::Packed(pack) => pack.find(Needle::new(member), 1).is_some(),
            Repr::Large(index) => index.contains(seed, member),
        }
    }

    /// Whether a member of another set is in this one.
    #[must_use]
    pub fn contains_entry(&self, seed: HashSeed, member: Entry<'_>) -> bool {
        match (&self.repr, member) {
            (Repr::Ints(ints), Entry::Int(value)) => ints.contains(value),
            _ => self.contains(seed, member.text(&mut itoa::Buffer::new())),
        }
    }

    /// Adds `member`; false if it was there.
    pub fn insert(&mut self, seed: HashSeed, limits: &EncodingLimits, member: &[u8]) -> bool {
        match &mut self.repr {
            Repr::Ints(ints) => match parse_i64(member) {
                Some(value) => {
                    let added = ints.add(value);
                    if ints.len() > intset_max(limits) {
                        self.convert(seed);
                    }
                    return added;
                }
                None => self.leave_intset(seed, limits, member),
            },
            Repr::Packed(pack) => {
                if pack.find(Needle::new(member), 1).is_some() {
                    return false;
                }
                if !fits_packed(pack.len() + 1, member.len(), limits)
                    || !pack.has_room_for(Listpack::encoded_len(member))
                {
                    self.convert(seed);
                }
            }
            Repr::Large(_) => {}
        }
        match &mut self.repr {
            Repr::Packed(pack) => {
                pack.push_back(member);
                true
            }
            _ => self
                .convert(seed)
                .insert(seed, Item::member(member))
                .is_none(),
        }
    }

    /// Adds a member of another set; false if it was there.
    pub fn insert_entry(
        &mut self,
        seed: HashSeed,
        limits: &EncodingLimits,
        member: Entry<'_>,
    ) -> bool {
        self.insert(seed, limits, member.text(&mut itoa::Buffer::new()))
    }

    /// Takes `member` out; false if it was not there.
    pub fn remove(&mut self, seed: HashSeed, member: &[u8]) -> bool {
        match &mut self.repr {
            Repr::Ints(ints) => parse_i64(member).is_some_and(|value| ints.remove(value)),
            Repr::Packed(pack) => match pack.find(Needle::new(member), 1) {
                None => false,
                Some(at) => {
                    pack.remove(at);
                    true
                }
            },
            Repr::Large(index) => index.remove(seed, member).is_some(),
        }
    }

    /// Takes the member at `index` in the order of [`iter`](Self::iter) out.
    pub fn remove_at(&mut self, index: usize) -> Option<Vec<u8>> {
        match &mut self.repr {
            Repr::Ints(ints) => {
                let value = ints.get(index)?;
                ints.remove(value);
                Some(value.to_string().into_bytes())
            }
            Repr::Packed(pack) => {
                let at = pack.seek(i64::try_from(index).ok()?)?;
                let member = pack.entry(at).to_vec();
                pack.remove(at);
                Some(member)
            }
            Repr::Large(items) => items.remove_at(index).map(|item| item.field().to_vec()),
        }
    }

    /// Converts now what `additional` more members would convert on the way.
    pub fn reserve(&mut self, seed: HashSeed, limits: &EncodingLimits, additional: usize) {
        let most = match &self.repr {
            Repr::Ints(_) => intset_max(limits),
            Repr::Packed(_) => limits.set_max_listpack_entries,
            Repr::Large(_) => return,
        };
        if additional > most {
            self.convert(seed);
        }
    }

    /// Gives up the intset for the sake of a member that is no integer.
    fn leave_intset(&mut self, seed: HashSeed, limits: &EncodingLimits, member: &[u8]) {
        let Repr::Ints(ints) = &self.repr else {
            return;
        };
        let digits =
            |value: Option<i64>| value.map_or(0, |value| itoa::Buffer::new().format(value).len());
        let last = ints.len().wrapping_sub(1);
        let longest = digits(ints.get(0))
            .max(digits(ints.get(last)))
            .max(member.len());
        if fits_packed(ints.len() + 1, longest, limits) {
            self.repr = Repr::Packed(ints.iter().map(Entry::Int).collect());
        } else {
            self.convert(seed);
        }
    }

    /// The index, made from the smaller encoding if there is none yet.
    fn convert(&mut self, seed: HashSeed) -> &mut HashIndex {
        if !matches!(self.repr, Repr::Large(_)) {
            let items = self.iter().map(|member| {
                let mut digits = itoa::Buffer::new();
                Item::member(member.text(&mut digits))
            });
            let index = HashIndex::build(seed, items).expect("members are distinct");
            self.repr = Repr::Large(index);
        }
        match &mut self.repr {
            Repr::Large(index) => index,
            _ => unreachable!("it was just converted"),
        }
    }

    /// All members: integers ascending, packed ones in the order they came,
    /// others in hash order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        match &self.repr {
            Repr::Ints(ints) => Iter::Ints { ints, next: 0 },
            Repr::Packed(pack) => Iter::Packed(pack.iter()),
            Repr::Large(index) => Iter::Large(index.iter()),
        }
    }

    /// The member at `index` in the order of [`iter`](Self::iter): with a
    /// uniform index, a uniform member.
    #[must_use]
    pub fn member_at(&self, index: usize) -> Option<Entry<'_>> {
        match &self.repr {
            Repr::Ints(ints) => ints.get(index).map(Entry::Int),
            Repr::Packed(pack) => pack.get(i64::try_from(index).ok()?),
            Repr::Large(items) => items.get_at(index).map(|item| Entry::Str(item.field())),
        }
    }

    /// Visits about `count` members from `cursor` on, 0 being the start, and
    /// returns the cursor to go on from, 0 at the end. Only an index is visited
    /// in parts.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Entry<'_>)) -> u64 {
        match &self.repr {
            Repr::Large(index) => index.scan(cursor, count, |item| visit(Entry::Str(item.field()))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }
}

/// The members of a set.
#[derive(Clone)]
pub enum Iter<'a> {
    /// Of a set of integers.
    Ints {
        /// The integers.
        ints: &'a Intset,
        /// The index of the next one.
        next: usize,
    },
    /// Of a packed set.
    Packed(listpack::Iter<'a>),
    /// Of an index.
    Large(Items<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Self::Ints { ints, next } => {
                let value = ints.get(*next)?;
                *next += 1;
                Some(Entry::Int(value))
            }
            Self::Packed(members) => members.next(),
            Self::Large(items) => items.next().map(|item| Entry::Str(item.field())),
        }
    }
}

impl<'a> IntoIterator for &'a Set {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

fn intset_max(limits: &EncodingLimits) -> usize {
    limits.set_max_intset_entries.min(INTSET_ENTRIES_MAX)
}

fn fits_packed(members: usize, longest: usize, limits: &EncodingLimits) -> bool {
    members <= limits.set_max_listpack_entries && longest <= limits.set_max_listpack_value
}

#[cfg(test)]
mod tests;
