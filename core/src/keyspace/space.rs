//! All databases of one dataset, and the freezes taken of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::db::Db;
use super::delta::{DbRanges, HashRanges, Selection};
use super::entry::Entry;
use super::freeze::{Freeze, FreezeId, FrozenDb, FrozenEntry, Walk};
use super::hash::HashSeed;
use super::own_expiries::OwnExpiries;
use super::table::Table;
use super::usage::Usage;
use crate::offset::Offset;
use crate::value::{Hash, Value, ValueMut, ValueRef};

/// Something large that was removed, for whoever drives the engine to drop
/// where it delays nobody.
pub enum Garbage {
    /// One entry with a large value.
    Entry(Entry),
    /// A whole table.
    Table(Arc<Table>),
    /// What told when the keys of such a table expire, or fields of theirs.
    Expiries(BTreeSet<(i64, u64)>),
    /// What was handed over to a walk that was given up.
    Frozen(Vec<FrozenEntry>),
    /// Of which keys that was.
    Changed(Vec<BTreeSet<u64>>),
}

impl Garbage {
    /// How many keys of the dataset went with it, which INFO counts as Redis does.
    #[must_use]
    pub fn objects(&self) -> u64 {
        match self {
            Self::Entry(_) => 1,
            Self::Table(table) => table.len() as u64,
            Self::Expiries(_) | Self::Frozen(_) | Self::Changed(_) => 0,
        }
    }
}

/// The key holds another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHash;

/// See the module's comment.
pub struct Keyspace {
    seed: HashSeed,
    dbs: Vec<Db>,
    /// How keys are used, and what is kept of it.
    pub usage: Usage,
    next_id: u64,
    /// The version that writes of the current unit stamp on what they change.
    version: u64,
    freezes: Vec<Freeze>,
    garbage: Vec<Garbage>,
    /// Keys changed by the current command, kept only while somebody watches.
    touched: Vec<(usize, Box<[u8]>)>,
    watched: bool,
    /// What a writable replica is to expire by itself.
    own_expiries: OwnExpiries,
    /// Libraries of functions that came with a snapshot, kept as their source
    /// text and written into the next one.
    functions: Vec<Vec<u8>>,
}

impl Keyspace {
    /// An empty keyspace of `databases` databases.
    #[must_use]
    pub fn new(databases: usize, seed: HashSeed) -> Self {
        let mut space = Self {
            seed,
            dbs: Vec::with_capacity(databases),
            usage: Usage::new(&seed),
            next_id: 0,
            version: 0,
            freezes: Vec::new(),
            garbage: Vec::new(),
            touched: Vec::new(),
            watched: false,
            own_expiries: OwnExpiries::default(),
            functions: Vec::new(),
        };
        for _ in 0..databases {
            let db = space.fresh_db();
            space.dbs.push(db);
        }
        space
    }

    fn fresh_db(&mut self) -> Db {
        self.next_id += 1;
        Db::new(self.next_id, self.seed)
    }

    /// Number of databases.
    #[must_use]
    pub const fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// The database `db`.
    #[must_use]
    #[inline]
    pub fn db(&self, db: usize) -> &Db {
        &self.dbs[db]
    }

    /// All databases, by number.
    #[must_use]
    pub fn dbs(&self) -> &[Db] {
        &self.dbs
    }

    /// The seed that orders every table.
    #[must_use]
    pub const fn seed(&self) -> &HashSeed {
        &self.seed
    }

    /// Libraries of functions, as their source text.
    #[must_use]
    pub fn functions(&self) -> &[Vec<u8>] {
        &self.functions
    }

    /// Adds a library of functions.
    pub fn add_function(&mut self, source: Vec<u8>) {
        self.functions.push(source);
    }

    /// The keys that a writable replica is to expire by itself.
    #[must_use]
    pub const fn own_expiries(&self) -> &OwnExpiries {
        &self.own_expiries
    }

    /// The same, to be changed by who knows whose write it is.
    pub const fn own_expiries_mut(&mut self) -> &mut OwnExpiries {
        &mut self.own_expiries
    }

    /// Number of keys in all databases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    /// True where no database holds a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dbs.iter().all(Db::is_empty)
    }

    /// Starts a write unit, whose changes get this version, or the present one where
    /// that is above: one more than the unit's offset in the stream, or the offset
    /// itself where no stream takes the unit. Whoever is equal to this dataset at an
    /// offset then lacks nothing but what has a version above it.
    #[inline]
    pub fn begin_unit(&mut self, version: u64) {
        self.version = self.version.max(version);
    }

    /// Says that this dataset is a primary's at the offset `at`, except for what it has
    /// changed before in another history; answers the version of what is changed now.
    pub(super) fn go_on_from(&mut self, at: Offset) -> u64 {
        // A freeze tells what was changed after it by higher versions.
        self.version = match self.is_frozen() {
            true => self.version.max(at.0),
            false => at.0,
        };
        self.version
    }

    /// Says that this dataset, which was loaded, is that of the offset `at`: nobody
    /// knows what was changed before, and there is nothing that was changed later.
    pub fn stands_at(&mut self, at: Offset) {
        for db in &mut self.dbs {
            db.floor = at.0;
        }
        // No freeze that lasts is of any of these tables.
        self.version = at.0;
    }

    /// Says that nobody knows what was changed before the offset `at`.
    pub fn known_since(&mut self, at: Offset) {
        for db in &mut self.dbs {
            db.floor = db.floor.max(at.0);
        }
        self.version = self.version.max(at.0);
    }

    /// Gives every home group in these ranges this version.
    pub(super) fn stamp(&mut self, db: usize, ranges: &HashRanges, version: u64) {
        let held = &mut self.dbs[db];
        for &(first, last) in ranges.runs() {
            let mut at = Some(first);
            while let Some(hash) = at.filter(|hash| *hash <= last) {
                // To a freeze of a part a new version says that it has the group already.
                for freeze in &mut self.freezes {
                    freeze.before_stamp(held, hash);
                }
                held.table.set_version(hash, version);
                at = held.table.next_home(hash);
            }
        }
        if ranges.is_all() {
            held.floor = version;
        }
    }

    /// Puts these libraries of functions in the place of those that there are.
    pub(super) fn set_functions(&mut self, functions: Vec<Vec<u8>>) {
        self.functions = functions;
    }

    /// Remembers from now on which keys each command changes, or stops.
    pub const fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// The keys changed since the last call, while watched.
    pub fn take_touched(&mut self) -> Vec<(usize, Box<[u8]>)> {
        std::mem::take(&mut self.touched)
    }

    /// How many keys were touched since `take_touched`, for `forget_unchanged`.
    #[must_use]
    pub(crate) const fn touched_mark(&self) -> usize {
        self.touched.len()
    }

    /// The keys that were touched after `mark`.
    pub(crate) fn touched_since(&self, mark: usize) -> impl Iterator<Item = (usize, &[u8])> {
        let touched = self.touched.iter().skip(mark);
        touched.map(|(db, key)| (*db, &**key))
    }

    /// Forgets the keys that were touched after `mark` by a command that changed
    /// nothing. Only those that are gone did change: they had expired.
    pub(crate) fn forget_unchanged(&mut self, mark: usize) {
        if self.touched.len() > mark {
            let touched = self.touched.split_off(mark);
            let gone = |(db, key): &(usize, Box<[u8]>)| self.find(*db, key).is_none();
            let gone: Vec<_> = touched.into_iter().filter(gone).collect();
            self.touched.extend(gone);
        }
    }

    /// Hands over what freezes are owed and stamps the group, before a change of the key.
    #[inline]
    fn touch(&mut self, db: usize, hash: u64, key: &[u8]) {
        let held = &mut self.dbs[db];
        for freeze in &mut self.freezes {
            freeze.before_change(held, hash);
        }
        held.table.set_version(hash, self.version);
        if self.watched {
            self.touched.push((db, key.into()));
        }
    }

    /// The entry of `key`, whatever its expiry.
    #[must_use]
    #[inline]
    pub fn find(&self, db: usize, key: &[u8]) -> Option<&Entry> {
        self.dbs[db].table.find(self.seed.hash(key), key)
    }

    /// The entry of `key`, about to be changed. Its expiry is changed only by
    /// `set_expire`, and a hash only by `edit_hash`.
    #[inline]
    pub fn find_mut(&mut self, db: usize, key: &[u8]) -> Option<&mut Entry> {
        let hash = self.seed.hash(key);
        self.dbs[db].table.find(hash, key)?;
        self.touch(db, hash, key);
        self.dbs[db].table.find_mut(hash, key)
    }

    /// As `find_mut`, for an entry that is used at this second.
    pub fn find_mut_used(&mut self, db: usize, key: &[u8], now_s: u32) -> Option<&mut Entry> {
        let hash = self.seed.hash(key);
        self.dbs[db].table.find(hash, key)?;
        self.touch(db, hash, key);
        let entry = self.dbs[db].table.find_mut(hash, key)?;
        entry.set_access(self.usage.touched(entry.access(), now_s));
        Some(entry)
    }

    /// Notes in an entry that is about to be put that it is used at this second.
    pub fn use_now(&mut self, db: usize, entry: &mut Entry, now_s: u32) {
        let word = if self.usage.policy.counts() {
            let old = self.find(db, entry.key()).map(Entry::access);
            self.usage.replacing(entry.access(), old, now_s)
        } else {
            now_s
        };
        entry.set_access(word);
    }

    /// The entry of `key`, used at this second, which is no change of the dataset.
    #[inline]
    pub fn touch_access(&mut self, db: usize, hash: u64, key: &[u8], now_s: u32) -> Option<&Entry> {
        let entry = self.dbs[db].table.find_mut(hash, key)?;
        entry.set_access(self.usage.touched(entry.access(), now_s));
        Some(entry)
    }

    /// Puts an entry, in place of one with the same key; true where there was one.
    pub fn put(&mut self, db: usize, entry: Entry) -> bool {
        let hash = self.seed.hash(entry.key());
        self.touch(db, hash, entry.key());
        let held = &mut self.dbs[db];
        let expire = entry.expire_ms();
        let field_expire = entry.next_field_expiry_ms();
        let Some(place) = held.table.find_mut(hash, entry.key()) else {
            held.note_entries(hash, None, Some(&entry));
            held.table.insert_unique(hash, entry);
            return false;
        };
        let old = std::mem::replace(place, entry);
        held.note_expiry(hash, old.expire_ms(), expire);
        held.note_field_expiry(hash, old.next_field_expiry_ms(), field_expire);
        self.discard(old);
        true
    }

    /// Puts a value; see `put`.
    pub fn set(&mut self, db: usize, key: &[u8], value: Value, expire_ms: Option<i64>) -> bool {
        self.put(db, Entry::new(key, value, expire_ms))
    }

    /// Puts a string, in place where the block fits; answers the expiry of what was
    /// there, if anything was.
    pub fn set_string(
        &mut self,
        db: usize,
        key: &[u8],
        value: &[u8],
        expire_ms: Option<i64>,
        now_s: u32,
    ) -> Option<Option<i64>> {
        let hash = self.seed.hash(key);
        self.touch(db, hash, key);
        let held = &mut self.dbs[db];
        let Some(place) = held.table.find_mut(hash, key) else {
            let mut entry = Entry::string(key, value, expire_ms);
            entry.set_access(self.usage.policy.fresh(now_s));
            held.table.insert_unique(hash, entry);
            held.note_expiry(hash, None, expire_ms);
            return None;
        };
        let access = self.usage.touched(place.access(), now_s);
        place.set_access(access);
        let old_expire = place.expire_ms();
        if old_expire == expire_ms && place.overwrite_string(value) {
            return Some(old_expire);
        }
        let mut entry = Entry::string(key, value, expire_ms);
        entry.set_access(access);
        let old = std::mem::replace(place, entry);
        held.note_expiry(hash, old_expire, expire_ms);
        held.note_field_expiry(hash, old.next_field_expiry_ms(), None);
        self.discard(old);
        Some(old_expire)
    }

    /// Takes a key out.
    pub fn remove(&mut self, db: usize, key: &[u8]) -> Option<Entry> {
        let hash = self.seed.hash(key);
        self.dbs[db].table.find(hash, key)?;
        self.touch(db, hash, key);
        let held = &mut self.dbs[db];
        let entry = held.table.remove(hash, key)?;
        held.note_entries(hash, Some(&entry), None);
        Some(entry)
    }

    /// Changes the hash of `key`; none without the key. This alone may change a
    /// hash, because which of its fields expires first is known outside of it too.
    ///
    /// # Errors
    /// Where the key holds another type.
    pub fn edit_hash<R>(
        &mut self,
        db: usize,
        key: &[u8],
        now_s: Option<u32>,
        edit: impl FnOnce(&mut Hash) -> R,
    ) -> Result<Option<R>, NotAHash> {
        let at = self.seed.hash(key);
        match self.dbs[db].table.find(at, key).map(Entry::value) {
            None => return Ok(None),
            Some(ValueRef::Hash(_)) => self.touch(db, at, key),
            Some(_) => return Err(NotAHash),
        }
        let entry = self.dbs[db].table.find_mut(at, key);
        let entry = entry.expect("it was just found");
        if let Some(now_s) = now_s {
            entry.set_access(self.usage.touched(entry.access(), now_s));
        }
        let ValueMut::Hash(hash) = entry.value_mut() else {
            return Err(NotAHash);
        };
        let old = hash.next_expiry_ms();
        let result = edit(hash);
        let new = hash.next_expiry_ms();
        self.dbs[db].note_field_expiry(at, old, new);
        Ok(Some(result))
    }

    /// Sets, moves or removes the expiry of a key; false without the key.
    pub fn set_expire(&mut self, db: usize, key: &[u8], expire_ms: Option<i64>) -> bool {
        let hash = self.seed.hash(key);
        let Some(entry) = self.find_mut(db, key) else {
            return false;
        };
        let old = entry.expire_ms();
        entry.set_expire_ms(expire_ms);
        self.dbs[db].note_expiry(hash, old, expire_ms);
        true
    }

    /// Adds an entry of a snapshot: no version, no freeze.
    ///
    /// # Errors
    /// The entry, where its key is there already.
    pub fn load(&mut self, db: usize, entry: Entry) -> Result<(), Entry> {
        let hash = self.seed.hash(entry.key());
        let held = &mut self.dbs[db];
        if held.table.find(hash, entry.key()).is_some() {
            return Err(entry);
        }
        held.note_entries(hash, None, Some(&entry));
        held.table.insert_unique(hash, entry);
        Ok(())
    }

    /// Makes room in an empty database for the keys that a snapshot announces.
    pub fn reserve(&mut self, db: usize, keys: usize) {
        self.dbs[db].table.reserve(keys);
    }

    /// Drops an entry here where that is cheap, and leaves a large one to the driver.
    pub fn discard(&mut self, entry: Entry) {
        if entry.value().is_large() {
            self.garbage.push(Garbage::Entry(entry));
        }
    }

    /// What was removed and is dear to drop.
    pub fn take_garbage(&mut self) -> Vec<Garbage> {
        std::mem::take(&mut self.garbage)
    }

    /// Empties a database; answers how many keys it had.
    pub fn flush(&mut self, db: usize) -> usize {
        self.own_expiries
            .move_dbs(|other| (other != db).then_some(other));
        let is_walked = self.freezes.iter().any(|f| f.needs(self.dbs[db].id));
        if self.dbs[db].is_empty() && !is_walked {
            return 0;
        }
        let mut old = self.fresh_db();
        old.floor = self.version;
        std::mem::swap(&mut old, &mut self.dbs[db]);
        let removed = old.len();
        let indexes = [old.expires, old.field_expires];
        let indexes = indexes.into_iter().filter(|index| !index.is_empty());
        self.garbage.extend(indexes.map(Garbage::Expiries));
        let table = Arc::new(old.table);
        let mut is_needed = false;
        for freeze in self.freezes.iter_mut().filter(|f| f.needs(old.id)) {
            freeze.keep(old.id, Arc::clone(&table));
            is_needed = true;
        }
        if !is_needed {
            self.garbage.push(Garbage::Table(table));
        }
        removed
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
        for db in [a, b] {
            self.dbs[db].floor = self.version;
        }
        self.own_expiries.move_dbs(|db| match db {
            _ if db == a => Some(b),
            _ if db == b => Some(a),
            _ => Some(db),
        });
    }

    /// Takes the place of this keyspace's content; freezes of the old content go on.
    pub fn replace_content(&mut self, mut other: Self) {
        for db in 0..self.dbs.len() {
            self.flush(db);
        }
        self.seed = other.seed;
        self.functions = std::mem::take(&mut other.functions);
        // A freeze taken before owes none of the loaded groups, because it names other
        // tables; later cuts are above what their versions were where they come from.
        self.version = self.version.max(other.version) + 1;
        for (db, mut held) in other.dbs.drain(..).enumerate().take(self.dbs.len()) {
            self.next_id += 1;
            held.id = self.next_id;
            self.dbs[db] = held;
        }
        // Nobody knows which of them differ from those that they replace.
        for held in &mut self.dbs {
            held.floor = self.version;
        }
    }

    /// Starts a freeze between two units.
    pub fn freeze(&mut self) -> FreezeId {
        self.freeze_part(None)
    }

    /// Starts a freeze of a part, or of everything.
    pub fn freeze_part(&mut self, part: Option<Selection>) -> FreezeId {
        self.next_id += 1;
        let id = FreezeId(self.next_id);
        let freeze = Freeze::new(id, self.version, &self.dbs, part);
        self.freezes.push(freeze);
        // Whatever is written from here on must be told from what was there.
        self.version += 1;
        id
    }

    /// True while a freeze lasts.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        !self.freezes.is_empty()
    }

    /// Ends a freeze, walked to its end or not.
    pub fn thaw(&mut self, id: FreezeId) {
        let at = self.freezes.iter().position(|freeze| freeze.id == id);
        let freeze = self
            .freezes
            .remove(at.expect("a freeze lasts until it is thawed"));
        let rest = freeze.into_rest();
        if !rest.handed.is_empty() {
            self.garbage.push(Garbage::Frozen(rest.handed));
        }
        if rest.changed.iter().any(|changed| !changed.is_empty()) {
            self.garbage.push(Garbage::Changed(rest.changed));
        }
        self.garbage
            .extend(rest.tables.into_iter().map(Garbage::Table));
    }

    fn freeze_mut(&mut self, id: FreezeId) -> &mut Freeze {
        let found = self.freezes.iter_mut().find(|freeze| freeze.id == id);
        found.expect("a freeze lasts until it is thawed")
    }

    /// The databases that the freeze holds.
    #[must_use]
    pub fn frozen_dbs(&mut self, id: FreezeId) -> Vec<FrozenDb> {
        self.freeze_mut(id).plan().to_vec()
    }

    /// Entries that writes handed over since the last call.
    pub fn take_handed(&mut self, id: FreezeId) -> Vec<FrozenEntry> {
        self.freeze_mut(id).take_handed()
    }

    /// Visits up to `groups` home groups (about eight entries each); see `freeze`.
    pub fn walk(
        &mut self,
        id: FreezeId,
        groups: usize,
        visit: &mut dyn FnMut(usize, &Entry),
    ) -> Walk {
        let dbs = std::mem::take(&mut self.dbs);
        let freeze = self.freeze_mut(id);
        let walk = freeze.walk(&dbs, groups, visit);
        let done = freeze.take_done();
        self.dbs = dbs;
        self.garbage.extend(done.into_iter().map(Garbage::Table));
        walk
    }

    /// The ranges that the walk of a part has filled, once it is at its end.
    pub fn take_ranges(&mut self, id: FreezeId) -> Vec<DbRanges> {
        self.freeze_mut(id).take_ranges()
    }

    /// True where a delta would be no less than everything: in every database that
    /// holds keys all of them may have changed after `common`, here or at the replica.
    #[must_use]
    pub fn is_all_newer(&self, common: Offset, theirs: &[DbRanges]) -> bool {
        let mut held = self.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty());
        let reported = |db: usize| {
            let of_db = theirs.iter().find(|one| one.db as usize == db);
            of_db.is_some_and(|one| one.ranges.is_all())
        };
        !self.is_empty() && held.all(|(db, held)| held.floor > common.0 || reported(db))
    }

    /// How far the walk of a freeze is, from 0 to 1.
    #[must_use]
    pub fn walk_progress(&mut self, id: FreezeId) -> f64 {
        self.freeze_mut(id).progress()
    }
}

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
