//! One database: a table and the index of what expires in it.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::hash::HashSeed;
use super::segment::SLOT_BYTES;
use super::table::Table;

/// What an expiry takes in the index: 16 bytes, in nodes that insertions in any
/// order leave about two thirds full.
const EXPIRY_BYTES: usize = 24;

/// One numbered database.
pub struct Db {
    /// Tells tables apart while SWAPDB and FLUSHALL move them about.
    pub(super) id: u64,
    pub(super) table: Table,
    /// No home group's version says more than this one: all of them may have changed
    /// in the unit that has it.
    pub(super) floor: u64,
    /// Every expiry with the hash of its key, soonest first. A look-up by hash
    /// alone is exact enough: two keys with one hash and one expiry expire together.
    pub(super) expires: BTreeSet<(i64, u64)>,
    /// The sum of all expiries, which makes the average exact and free.
    expire_sum_ms: i128,
    /// Every hash with fields that expire, by when its first field does. The
    /// hash itself knows the rest, so that what is due is found without a look
    /// at any field that is not.
    pub(super) field_expires: BTreeSet<(i64, u64)>,
}

impl Db {
    pub(super) const fn new(id: u64, seed: HashSeed) -> Self {
        Self {
            id,
            table: Table::new(seed),
            floor: 0,
            expires: BTreeSet::new(),
            expire_sum_ms: 0,
            field_expires: BTreeSet::new(),
        }
    }

    /// Which of all databases that there ever were this is: SWAPDB and FLUSHDB give
    /// its number to another.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The least version that any of its home groups has, whatever the group says.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// The entries.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Number of keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// True where there is no key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number of keys with an expiry.
    #[must_use]
    pub fn expires(&self) -> usize {
        self.expires.len()
    }

    /// The mean time to live of the keys that expire, in milliseconds; 0 without such keys.
    #[must_use]
    pub fn average_ttl_ms(&self, now_ms: i64) -> i64 {
        let Ok(count) = i128::try_from(self.expires.len()) else {
            return 0;
        };
        if count == 0 {
            return 0;
        }
        let mean = self.expire_sum_ms / count - i128::from(now_ms);
        i64::try_from(mean.max(0)).unwrap_or(i64::MAX)
    }

    /// Bytes of the index of what expires.
    #[must_use]
    pub fn expires_bytes(&self) -> usize {
        (self.expires.len() + self.field_expires.len()) * EXPIRY_BYTES
    }

    /// Number of hashes with fields that expire.
    #[must_use]
    pub fn hashes_with_expiring_fields(&self) -> usize {
        self.field_expires.len()
    }

    /// Bytes that `entry` takes in a database: all of its own, its slot in the
    /// table and its place among what expires. A collection is judged by its
    /// first `samples` elements.
    #[must_use]
    pub fn entry_bytes(entry: &Entry, samples: usize) -> usize {
        let listed = [entry.expire_ms(), entry.next_field_expiry_ms()];
        let expiry = listed.iter().flatten().count() * EXPIRY_BYTES;
        SLOT_BYTES + expiry + entry.heap_bytes(samples)
    }

    pub(super) fn note_expiry(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        if let Some(at) = old {
            self.expires.remove(&(at, hash));
            self.expire_sum_ms -= i128::from(at);
        }
        if let Some(at) = new {
            self.expires.insert((at, hash));
            self.expire_sum_ms += i128::from(at);
        }
    }

    /// The first expiry among the fields of a hash has changed.
    #[inline]
    pub(super) fn note_field_expiry(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        if old == new {
            return;
        }
        if let Some(at) = old {
            self.field_expires.remove(&(at, hash));
        }
        if let Some(at) = new {
            self.field_expires.insert((at, hash));
        }
    }

    /// An entry has taken the place of another, or of none, or has gone.
    #[inline]
    pub(super) fn note_entries(&mut self, hash: u64, old: Option<&Entry>, new: Option<&Entry>) {
        let of = |entry: Option<&Entry>| entry.and_then(Entry::expire_ms);
        self.note_expiry(hash, of(old), of(new));
        let of = |entry: Option<&Entry>| entry.and_then(Entry::next_field_expiry_ms);
        self.note_field_expiry(hash, of(old), of(new));
    }

    /// How many hashes have fields that have expired and are still there,
    /// counted no further than `max`.
    #[must_use]
    pub fn count_with_expired_fields(&self, now_ms: i64, max: usize) -> usize {
        let expired = self.field_expires.range(..=(now_ms, u64::MAX));
        expired.take(max).count()
    }

    /// The hash one of whose fields expires soonest, where it has by `now_ms`.
    #[must_use]
    pub fn first_with_expired_fields(&self, now_ms: i64) -> Option<&[u8]> {
        let &(at, hash) = self.field_expires.first()?;
        self.key_at(at, now_ms, hash, Entry::next_field_expiry_ms)
    }

    /// How many keys have expired and are still here, counted no further than `max`.
    #[must_use]
    pub fn count_expired(&self, now_ms: i64, max: usize) -> usize {
        let expired = self.expires.range(..=(now_ms, u64::MAX));
        expired.take(max).count()
    }

    /// The key that expires soonest, where it has expired by `now_ms`.
    #[must_use]
    pub fn first_expired(&self, now_ms: i64) -> Option<&[u8]> {
        let &(at, hash) = self.expires.first()?;
        self.key_at(at, now_ms, hash, Entry::expire_ms)
    }

    /// The key of this hash that `when` says `at` of, where that is not in the future.
    fn key_at(
        &self,
        at: i64,
        now_ms: i64,
        hash: u64,
        when: impl Fn(&Entry) -> Option<i64>,
    ) -> Option<&[u8]> {
        if at > now_ms {
            return None;
        }
        let mut key = None;
        self.table.visit_home(hash, &mut |found, entry| {
            if found == hash && when(entry) == Some(at) {
                key = Some(entry.key());
            }
        });
        debug_assert!(key.is_some(), "the index names only keys that are there");
        key
    }

    /// Finds an entry whatever its expiry.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<&Entry> {
        self.table.find(self.table.seed().hash(key), key)
    }
}
