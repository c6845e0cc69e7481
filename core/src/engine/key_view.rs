//! What a handler sees of the keyspace: the selected database at one moment.
//!
//! Look-ups hide keys whose time has come. A primary also removes them, with a
//! DEL in the stream; a replica leaves that to its primary, and a replay sees
//! everything, since only the log decides what is gone.

use super::effects::{Effects, Mark, NotifyClass};
use super::stats::KeyStats;
use crate::command::error::{CommandError, CommandResult};
use crate::keyspace::{Db, Entry, Keyspace};
use crate::seams::snapshot::Access;
use crate::value::hash::LiveHash;
use crate::value::{Hash, List, Set, Stream, Value, ValueMut, ValueRef, ZSet};

/// Who decides that a key has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// This node: an expired key is removed when it is met.
    Remove,
    /// The primary: an expired key is hidden from clients until its DEL comes.
    Hide,
    /// Whoever the data is imported from: an expired key is hidden from all others,
    /// and removed only where one of them writes to it.
    HideUntilWritten,
    /// The stream: a key is there until the stream removes it.
    Ignore,
}

/// A key that a look-up did not find.
struct Absent {
    db: usize,
    key: Vec<u8>,
    /// Whether it was there and its time had come.
    expired: bool,
}

/// See the module's comment.
pub struct KeyView<'e> {
    space: &'e mut Keyspace,
    db: usize,
    now_ms: i64,
    expiry: Expiry,
    /// True for the writes of a replica's own clients.
    owns: bool,
    /// As access times are kept.
    now_s: u32,
    /// False where look-ups leave access times alone.
    touches: bool,
    stats: &'e mut KeyStats,
    /// Keys found expired, whose DELs precede the command's own effects, and keys that
    /// were missed, in the order of the look-ups. The latter are kept where somebody
    /// listens for `keymiss`.
    absent: Vec<Absent>,
    notes_missed: bool,
    /// Keys that the command made, kept where somebody listens for `new`.
    created: Vec<(usize, Vec<u8>)>,
    notes_created: bool,
}

macro_rules! typed {
    ($read:ident, $write:ident, $or_new:ident, $variant:ident, $type:ty) => {
        #[doc = concat!("The ", stringify!($type), " at `key`, for reading.")]
        ///
        /// # Errors
        /// Where the key holds another type.
        pub fn $read(&mut self, key: &[u8]) -> CommandResult<Option<&$type>> {
            match self.read(key) {
                None => Ok(None),
                Some(ValueRef::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(CommandError::WrongType),
            }
        }

        #[doc = concat!("The ", stringify!($type), " at `key`, about to be changed.")]
        ///
        /// # Errors
        /// Where the key holds another type.
        pub fn $write(&mut self, key: &[u8]) -> CommandResult<Option<&mut $type>> {
            match self.write(key) {
                None => Ok(None),
                Some(ValueMut::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(CommandError::WrongType),
            }
        }

        #[doc = concat!("The ", stringify!($type), " at `key`, made empty where there is none.")]
        ///
        /// # Errors
        /// Where the key holds another type.
        pub fn $or_new(&mut self, key: &[u8]) -> CommandResult<&mut $type> {
            if !self.is_present(key) {
                self.put(key, Value::$variant(Box::default()), None);
            }
            Ok(self.$write(key)?.expect("it was there or just made"))
        }
    };
}

impl<'e> KeyView<'e> {
    pub(super) fn new(
        space: &'e mut Keyspace,
        stats: &'e mut KeyStats,
        db: usize,
        now_ms: i64,
        expiry: Expiry,
    ) -> Self {
        Self {
            space,
            db,
            now_ms,
            expiry,
            owns: false,
            now_s: (now_ms / 1000) as u32,
            touches: true,
            stats,
            absent: Vec::new(),
            notes_missed: false,
            created: Vec::new(),
            notes_created: false,
        }
    }

    /// Keeps the keys that are made, for the event `new`, and those that are missed,
    /// for `keymiss`, where `effects` has listeners for them.
    pub(super) const fn note_for(&mut self, effects: &Effects) {
        self.notes_created = effects.wants(NotifyClass::NEW);
        self.notes_missed = effects.wants(NotifyClass::MISS);
    }

    /// What expires by this view's writes is removed here when its time has come,
    /// though a primary decides of all other keys.
    pub(super) const fn own_expiries(&mut self) {
        self.owns = true;
    }

    /// Notes whose it is to remove a key whose expiry was set or has ended.
    #[inline]
    fn note_owner(&mut self, key: &[u8], expire_ms: Option<i64>) {
        let own = self.space.own_expiries_mut();
        match expire_ms.filter(|_| self.owns) {
            Some(at_ms) => own.insert(self.db, key, at_ms),
            None => own.remove(self.db, key),
        }
    }

    /// Lets look-ups touch access times, or leave them alone.
    pub const fn set_touching(&mut self, touches: bool) {
        self.touches = touches;
    }

    /// The logical time of this command, unix milliseconds.
    #[must_use]
    pub const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The selected database's number.
    #[must_use]
    pub const fn db_index(&self) -> usize {
        self.db
    }

    /// Selects another database for the rest of this command.
    pub const fn select(&mut self, db: usize) {
        self.db = db;
    }

    /// The selected database as it is, expired keys included.
    #[must_use]
    pub fn db(&self) -> &Db {
        self.space.db(self.db)
    }

    /// The counters of look-ups.
    #[must_use]
    pub const fn stats(&self) -> &KeyStats {
        self.stats
    }

    /// The counters of look-ups, to reset them.
    pub const fn stats_mut(&mut self) -> &mut KeyStats {
        self.stats
    }

    /// All databases.
    #[must_use]
    pub const fn space(&self) -> &Keyspace {
        self.space
    }

    /// All databases, for commands that work on them as a whole.
    pub const fn space_mut(&mut self) -> &mut Keyspace {
        self.space
    }

    /// True where an entry's time has come and somebody here may notice it.
    #[must_use]
    pub fn is_expired(&self, entry: &Entry) -> bool {
        entry.expire_ms().is_some_and(|at| at <= self.deadline())
    }

    /// The entry at `key`, if it has not expired; an expired one is removed on a primary.
    fn live(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.space.find(self.db, key) else {
            return false;
        };
        if !self.is_expired(entry) {
            return true;
        }
        if self.expiry == Expiry::Remove {
            self.expire(key);
        }
        false
    }

    /// As `live`, for who is about to write: nothing that has expired stays then.
    fn live_to_write(&mut self, key: &[u8]) -> bool {
        let live = self.live(key);
        if !live && self.expiry == Expiry::HideUntilWritten {
            self.expire(key);
        }
        live
    }

    /// Removes a key whose time has come.
    pub(super) fn expire(&mut self, key: &[u8]) {
        self.note_owner(key, None);
        if let Some(entry) = self.space.remove(self.db, key) {
            self.space.discard(entry);
            self.note_expired(key);
        }
    }

    fn note_expired(&mut self, key: &[u8]) {
        self.stats.expired_keys += 1;
        self.note_absent(key, true);
    }

    fn note_absent(&mut self, key: &[u8], expired: bool) {
        let (db, key) = (self.db, key.to_vec());
        self.absent.push(Absent { db, key, expired });
    }

    /// Counts a look-up that found nothing.
    fn miss(&mut self, key: &[u8]) {
        self.stats.misses += 1;
        if self.notes_missed {
            self.note_absent(key, false);
        }
    }

    /// Removes up to `max` fields of a hash whose time has come, and the hash
    /// with its last field; answers how many.
    pub(super) fn expire_fields(&mut self, effects: &mut Effects, key: &[u8], max: usize) -> usize {
        let (seed, now_ms) = (*self.space.seed(), self.now_ms);
        let taken = self.space.edit_hash(self.db, key, None, |hash| {
            (hash.take_expired(seed, now_ms, max), hash.is_empty())
        });
        let (fields, empty) = taken.ok().flatten().unwrap_or_default();
        assert!(
            !fields.is_empty(),
            "the index names hashes with such fields"
        );
        self.stats.expired_fields += fields.len() as u64;
        effects.changed(fields.len());
        effects.notify(NotifyClass::HASH, "hexpired", self.db, key);
        if empty && let Some(entry) = self.space.remove(self.db, key) {
            self.note_owner(key, None);
            self.space.discard(entry);
            effects.notify(NotifyClass::GENERIC, "del", self.db, key);
        }
        let command: [&[u8]; 2] = [b"HDEL", key];
        let names = fields.iter().map(Vec::as_slice);
        let args: Vec<&[u8]> = command.into_iter().chain(names).collect();
        effects.propagate(self.db, &args);
        fields.len()
    }

    /// Writes the DELs of the keys that were found expired, and the events of those,
    /// of keys that were missed and of keys that were made, in front of what the
    /// command did after `mark`: it may have made such a key anew.
    pub(super) fn flush_expired(&mut self, effects: &mut Effects, mark: Mark) {
        let (mut place, mut events) = (mark.propagated, mark.events);
        for Absent { db, key, expired } in self.absent.drain(..) {
            let event = if expired {
                effects.insert(place, Some(db), &[b"DEL", &key]);
                place += 1;
                (NotifyClass::EXPIRED, "expired")
            } else {
                (NotifyClass::MISS, "keymiss")
            };
            events += usize::from(effects.notify_at(events, event, db, &key));
        }
        self.flush_created(effects, events);
    }

    /// Tells of the keys that were made, each before the first event that the key
    /// has after the first `from` events.
    pub(crate) fn flush_created(&mut self, effects: &mut Effects, from: usize) {
        for (db, key) in self.created.drain(..) {
            let place = effects.first_event_of(from, db, &key);
            effects.notify_at(place, (NotifyClass::NEW, "new"), db, &key);
        }
    }

    /// True where the key is there; counts neither a hit nor a miss.
    pub fn is_present(&mut self, key: &[u8]) -> bool {
        self.live(key)
    }

    /// The entry without counting a hit and without touching its access time.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        if !self.live(key) {
            return None;
        }
        self.space.find(self.db, key)
    }

    /// The entry, counted as a hit or a miss, and touched.
    #[inline]
    pub fn entry(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.space.seed().hash(key);
        let (now_s, deadline) = (self.now_s, self.deadline());
        let found = if self.touches {
            self.space.touch_access(self.db, hash, key, now_s)
        } else {
            self.space.db(self.db).table().find(hash, key)
        };
        let live = found.is_some_and(|entry| entry.expire_ms().is_none_or(|at| at > deadline));
        if !live {
            self.live(key);
            self.miss(key);
            return None;
        }
        self.stats.hits += 1;
        self.space.db(self.db).table().find(hash, key)
    }

    /// The entry, counted as a hit or a miss but not touched: for commands that
    /// ask about a key and not for its value.
    pub fn look(&mut self, key: &[u8]) -> Option<&Entry> {
        if !self.live(key) {
            self.miss(key);
            return None;
        }
        self.stats.hits += 1;
        self.space.find(self.db, key)
    }

    /// As `look`, for OBJECT, which tells nobody that it missed a key.
    pub fn inspect(&mut self, key: &[u8]) -> Option<&Entry> {
        let notes = std::mem::replace(&mut self.notes_missed, false);
        let found = self.look(key).is_some();
        self.notes_missed = notes;
        self.space.find(self.db, key).filter(|_| found)
    }

    /// What expires at this moment or before is gone for this view.
    #[must_use]
    pub const fn deadline(&self) -> i64 {
        match self.expiry {
            Expiry::Ignore => i64::MIN,
            Expiry::Remove | Expiry::Hide | Expiry::HideUntilWritten => self.now_ms,
        }
    }

    /// The value, counted as a hit or a miss.
    pub fn read(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        Some(self.entry(key)?.value())
    }

    /// The value, about to be changed in place.
    pub fn write(&mut self, key: &[u8]) -> Option<ValueMut<'_>> {
        Some(self.entry_mut(key)?.value_mut())
    }

    /// The entry, about to be changed in place.
    pub fn entry_mut(&mut self, key: &[u8]) -> Option<&mut Entry> {
        if !self.live_to_write(key) {
            return None;
        }
        if self.touches {
            self.space.find_mut_used(self.db, key, self.now_s)
        } else {
            self.space.find_mut(self.db, key)
        }
    }

    typed!(list, list_mut, list_or_new, List, List);
    /// The hash at `key`, for reading, without the fields whose time has come.
    ///
    /// # Errors
    /// Where the key holds another type.
    pub fn hash(&mut self, key: &[u8]) -> CommandResult<Option<LiveHash<'_>>> {
        let (seed, deadline_ms) = (*self.space.seed(), self.deadline());
        match self.read(key) {
            None => Ok(None),
            Some(ValueRef::Hash(hash)) => Ok(Some(LiveHash::new(hash, seed, deadline_ms))),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// As `hash`, for commands that may yet change it: counts neither a hit nor
    /// a miss and leaves the access time alone.
    ///
    /// # Errors
    /// Where the key holds another type.
    pub fn peek_hash(&mut self, key: &[u8]) -> CommandResult<Option<LiveHash<'_>>> {
        let (seed, deadline_ms) = (*self.space.seed(), self.deadline());
        match self.peek(key).map(Entry::value) {
            None => Ok(None),
            Some(ValueRef::Hash(hash)) => Ok(Some(LiveHash::new(hash, seed, deadline_ms))),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// Changes the hash at `key`, if there is one, fields whose time has come included.
    ///
    /// # Errors
    /// Where the key holds another type.
    pub fn edit_hash<R>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut Hash) -> R,
    ) -> CommandResult<Option<R>> {
        if !self.live_to_write(key) {
            return Ok(None);
        }
        let now_s = self.touches.then_some(self.now_s);
        let edited = self.space.edit_hash(self.db, key, now_s, edit);
        edited.map_err(|_| CommandError::WrongType)
    }

    /// Counts fields that were removed because their time had come.
    pub(crate) const fn count_expired_fields(&mut self, fields: usize) {
        self.stats.expired_fields += fields as u64;
    }

    typed!(set, set_mut, set_or_new, Set, Set);
    typed!(zset, zset_mut, zset_or_new, ZSet, ZSet);
    typed!(stream, stream_mut, stream_or_new, Stream, Stream);

    /// The string at `key`; integers are written into `digits`.
    ///
    /// # Errors
    /// Where the key holds another type.
    pub fn string<'a>(
        &'a mut self,
        key: &[u8],
        digits: &'a mut itoa::Buffer,
    ) -> CommandResult<Option<&'a [u8]>> {
        match self.read(key) {
            None => Ok(None),
            Some(ValueRef::Str(bytes)) => Ok(Some(bytes)),
            Some(ValueRef::Int(number)) => Ok(Some(digits.format(number).as_bytes())),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// Puts a value in the place of whatever was there; true where something was.
    pub fn put(&mut self, key: &[u8], value: Value, expire_ms: Option<i64>) -> bool {
        self.put_entry(Entry::new(key, value, expire_ms))
    }

    /// Puts an entry in the place of whatever was there; true where something was.
    pub fn put_entry(&mut self, mut entry: Entry) -> bool {
        self.live_to_write(entry.key());
        self.space.use_now(self.db, &mut entry, self.now_s);
        if self.notes_created && self.space.find(self.db, entry.key()).is_none() {
            self.created.push((self.db, entry.key().to_vec()));
        }
        self.note_owner(entry.key(), entry.expire_ms());
        self.space.put(self.db, entry)
    }

    /// A key was overwritten that may have expired: it has ended then like any other
    /// that is found expired. True where it had.
    fn replaced_expired(&mut self, key: &[u8], expire_ms: Option<i64>) -> bool {
        let expired = expire_ms.is_some_and(|at| at <= self.deadline());
        if expired && matches!(self.expiry, Expiry::Remove | Expiry::HideUntilWritten) {
            self.note_expired(key);
        }
        expired
    }

    /// Puts a string as SET does: canonical integers are kept as such.
    pub fn put_string(&mut self, key: &[u8], value: &[u8], expire_ms: Option<i64>) -> bool {
        match crate::text::number::parse_i64(value) {
            Some(number) => self.put(key, Value::Int(number), expire_ms),
            None => {
                self.note_owner(key, expire_ms);
                let now_s = self.now_s;
                let found = self.space.set_string(self.db, key, value, expire_ms, now_s);
                let found = found.is_some_and(|expire_ms| !self.replaced_expired(key, expire_ms));
                if self.notes_created && !found {
                    self.created.push((self.db, key.to_vec()));
                }
                found
            }
        }
    }

    /// Removes a key; true where it was there (an expired one was not).
    pub fn remove(&mut self, key: &[u8]) -> bool {
        match self.take(key) {
            Some(entry) => {
                self.space.discard(entry);
                true
            }
            None => false,
        }
    }

    /// Takes the entry of a key out.
    pub fn take(&mut self, key: &[u8]) -> Option<Entry> {
        if !self.live_to_write(key) {
            return None;
        }
        self.note_owner(key, None);
        self.space.remove(self.db, key)
    }

    /// Removes a collection that has become empty; true where it was.
    pub fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let empty = self.space.find(self.db, key);
        let empty = empty.is_some_and(|entry| entry.value().is_empty_collection());
        if empty {
            self.remove(key);
        }
        empty
    }

    /// Sets, moves or removes the expiry of a live key; false without the key.
    pub fn set_expire(&mut self, key: &[u8], expire_ms: Option<i64>) -> bool {
        if !self.live_to_write(key) {
            return false;
        }
        self.note_owner(key, expire_ms);
        self.space.set_expire(self.db, key, expire_ms)
    }

    /// True where a key that expires at this moment would be gone at once. A
    /// replica leaves that to its primary.
    #[must_use]
    pub fn would_expire(&self, at_ms: i64) -> bool {
        self.expiry == Expiry::Remove && at_ms <= self.now_ms
    }

    /// Says how a key was used, where the policy keeps that.
    pub fn set_usage(&mut self, key: &[u8], access: Access) {
        let word = self.space.usage.policy.asked_for(access, self.now_s);
        if let Some(word) = word
            && let Some(entry) = self.space.find_mut(self.db, key)
        {
            entry.set_access(word);
        }
    }

    /// A random live key of the selected database, or none.
    pub fn random_key(&mut self, rng: &mut super::rng::Rng) -> Option<Vec<u8>> {
        // A database full of expired keys on a replica must not loop for ever.
        for _ in 0..100 {
            let entry = self
                .space
                .db(self.db)
                .table()
                .random(&mut || rng.next_u64())?;
            let (key, expired) = (entry.key().to_vec(), self.is_expired(entry));
            if !expired {
                return Some(key);
            }
            if self.expiry == Expiry::Remove {
                self.expire(&key);
            }
        }
        None
    }
}
