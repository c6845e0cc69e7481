//! A delta at the replica: collected beside the dataset, compared with it a slice at a
//! time, and applied at once.
//!
//! Most of what is in a delta is what is here already, because a group travels whole
//! where one of its keys has changed. What does not differ is found beforehand, so that
//! the engine's lock is held for the rest alone.

use std::fmt;

use super::coding::{BadRanges, DbRanges, unseal};
use super::ranges::HashRanges;
use crate::keyspace::usage::loaded;
use crate::keyspace::{Db, Entry, HashSeed, Keyspace, Walk};
use crate::offset::Offset;
use crate::seams::snapshot::{
    Access, DecodeError, Refused, SnapshotEntry, SnapshotMeta, SnapshotSink,
};
use crate::value::ValueRef;

/// Why a delta cannot be applied. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeltaFault {
    /// What it ends with is no list of ranges.
    Ranges(BadRanges),
    /// A key is in none of its ranges.
    OutOfRange(Vec<u8>),
    /// A key is in it twice.
    Twice(Vec<u8>),
    /// It is about a database that is not here.
    NoSuchDb(u32),
    /// The database would not have as many keys as it has at the primary: the two were
    /// not equal where they were taken to be.
    Keys {
        /// The database.
        db: u32,
        /// How many it would have.
        found: u64,
        /// How many the primary has.
        expected: u64,
    },
    /// The dataset is no longer what the delta was compared with.
    Changed,
}

impl fmt::Display for DeltaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ranges(error) => error.fmt(f),
            Self::OutOfRange(key) => {
                write!(f, "key '{}' is in none of its ranges", key.escape_ascii())
            }
            Self::Twice(key) => write!(f, "key '{}' is in it twice", key.escape_ascii()),
            Self::NoSuchDb(db) => {
                write!(
                    f,
                    "it has keys in database {db}, which is not here (databases)"
                )
            }
            Self::Keys {
                db,
                found,
                expected,
            } => write!(
                f,
                "database {db} would have {found} keys, and the primary's has {expected}"
            ),
            Self::Changed => f.write_str("the dataset has changed since it was compared"),
        }
    }
}

/// An entry with its hash.
type Hashed = (u64, Entry);

/// Collects the entries of a delta. Nothing of it may be used before the decoder has
/// said that it is whole.
pub struct Delta {
    seed: HashSeed,
    /// By database.
    entries: Vec<Vec<Hashed>>,
    db: usize,
    meta: SnapshotMeta,
    keys: u64,
    functions: Vec<Vec<u8>>,
}

impl Delta {
    /// An empty one for a dataset of `databases` databases, ordered by `seed`.
    #[must_use]
    pub fn new(databases: usize, seed: HashSeed) -> Self {
        Self {
            seed,
            entries: (0..databases).map(|_| Vec::new()).collect(),
            db: 0,
            meta: SnapshotMeta::default(),
            keys: 0,
            functions: Vec::new(),
        }
    }

    /// Keys read.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// All of it, with the sealed list of ranges that it ends with.
    ///
    /// # Errors
    /// Where the two do not belong together.
    pub fn complete(self, sealed: &[u8]) -> Result<WholeDelta, DeltaFault> {
        let ranges = unseal(sealed, &self.seed).map_err(DeltaFault::Ranges)?;
        let mut entries = self.entries;
        let nothing = HashRanges::default();
        for (db, entries) in entries.iter_mut().enumerate() {
            let own = ranges.iter().find(|one| one.db as usize == db);
            let own = own.map_or(&nothing, |one| &one.ranges);
            put_in_order(entries, own)?;
        }
        let is_here = |of_db: &Vec<Hashed>| vec![false; of_db.len()];
        Ok(WholeDelta {
            seed: self.seed,
            is_here: entries.iter().map(is_here).collect(),
            entries,
            ranges,
            meta: self.meta,
            keys: self.keys,
            functions: self.functions,
            place: Cursor::default(),
            doomed: Vec::new(),
            compared: Vec::new(),
        })
    }
}

fn put_in_order(entries: &mut [Hashed], ranges: &HashRanges) -> Result<(), DeltaFault> {
    entries.sort_unstable_by(|a, b| (a.0, a.1.key()).cmp(&(b.0, b.1.key())));
    for pair in entries.windows(2) {
        if pair[0].1.key() == pair[1].1.key() {
            return Err(DeltaFault::Twice(pair[0].1.key().to_vec()));
        }
    }
    let outside = entries.iter().find(|(hash, _)| !ranges.contains(*hash));
    match outside {
        Some((_, entry)) => Err(DeltaFault::OutOfRange(entry.key().to_vec())),
        None => Ok(()),
    }
}

impl SnapshotSink for Delta {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.meta.learn(key, value);
        match self.meta.hash_seed {
            Some(seed) if seed != self.seed => Err(Refused(
                "it is ordered by another hash seed than the dataset".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        let known = usize::try_from(db).ok();
        let known = known.filter(|db| *db < self.entries.len());
        self.db = known.ok_or_else(|| {
            let db = u32::try_from(db).unwrap_or(u32::MAX);
            Refused(DeltaFault::NoSuchDb(db).to_string())
        })?;
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let (entry, access) = entry.into_ready();
        self.ready(entry, access)
    }

    fn ready(&mut self, mut entry: Entry, access: Access) -> Result<(), Refused> {
        entry.set_access(loaded(access, (self.meta.created_ms / 1000) as u32));
        let hash = self.seed.hash(entry.key());
        self.entries[self.db].push((hash, entry));
        self.keys += 1;
        Ok(())
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.functions.push(source);
        Ok(())
    }

    /// The dataset has such keys nowhere, so that one was lost on the way.
    fn empty_key(&mut self, key: &[u8]) -> Result<(), Refused> {
        Err(Refused(format!(
            "key '{}' has no elements",
            key.escape_ascii()
        )))
    }

    fn skipped(&mut self, what: DecodeError) -> Result<(), Refused> {
        Err(Refused(what.to_string()))
    }
}

/// A key that a delta removes, and its database.
type Doomed = (usize, Box<[u8]>);

/// Groups that are compared before the caller is asked whether to go on.
const GROUPS_PER_LOOK: usize = 16;

/// Where a comparison is: a place in the list of ranges, one of its runs, and a hash in
/// that; none at its beginning.
#[derive(Default)]
struct Cursor {
    list: usize,
    run: usize,
    hash: Option<u64>,
    /// Keys of the database that are in its ranges, so far.
    in_range: usize,
}

/// A database that was compared.
struct Compared {
    db: usize,
    id: u64,
    keys: usize,
}

/// A delta that is complete and contradicts itself nowhere.
pub struct WholeDelta {
    seed: HashSeed,
    /// By database, in the order of their hashes.
    entries: Vec<Vec<Hashed>>,
    /// Which of them the dataset has already.
    is_here: Vec<Vec<bool>>,
    ranges: Vec<DbRanges>,
    meta: SnapshotMeta,
    keys: u64,
    functions: Vec<Vec<u8>>,
    place: Cursor,
    /// What is in a range here and not in the delta.
    doomed: Vec<Doomed>,
    compared: Vec<Compared>,
}

/// What of a delta was of no use, for the caller to drop where that delays nobody.
#[derive(Debug)]
pub struct Leftover {
    _entries: Vec<Vec<Hashed>>,
    _doomed: Vec<Doomed>,
}

impl WholeDelta {
    /// What it said of itself.
    #[must_use]
    pub const fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Keys in it.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Goes on comparing it with the dataset until `more`, which is asked now and then,
    /// says that it is enough. The dataset may not change between the calls.
    ///
    /// # Errors
    /// Where it is not the dataset that the delta is for.
    pub fn compare(
        &mut self,
        space: &Keyspace,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Walk, DeltaFault> {
        if *space.seed() != self.seed {
            let text = "is of a dataset with another hash seed";
            return Err(DeltaFault::Ranges(BadRanges::new(text)));
        }
        while self.place.list < self.ranges.len() {
            for _ in 0..GROUPS_PER_LOOK {
                if self.step(space)? == Walk::Done {
                    break;
                }
            }
            if !more() {
                return Ok(Walk::More);
            }
        }
        Ok(Walk::Done)
    }

    /// Compares one group; done where there are no more in its database.
    fn step(&mut self, space: &Keyspace) -> Result<Walk, DeltaFault> {
        let one = &self.ranges[self.place.list];
        let db = one.db as usize;
        let is_known = db < self.entries.len().min(space.databases());
        if !is_known && one.keys > 0 {
            return Err(DeltaFault::NoSuchDb(one.db));
        }
        let run = one.ranges.runs().get(self.place.run);
        let Some(&(first, last)) = run.filter(|_| is_known) else {
            if is_known {
                self.end_db(space.db(db))?;
            }
            let list = self.place.list + 1;
            self.place = Cursor {
                list,
                ..Cursor::default()
            };
            return Ok(Walk::Done);
        };
        let table = space.db(db).table();
        let hash = self.place.hash.unwrap_or(first);
        let (entries, is_here) = (&self.entries[db], &mut self.is_here[db]);
        table.visit_home(hash, &mut |hash, entry| {
            if hash < first || last < hash {
                return;
            }
            self.place.in_range += 1;
            match find(entries, hash, entry.key()) {
                Some(at) => is_here[at] = is_same(&entries[at].1, entry),
                None => self.doomed.push((db, entry.key().into())),
            }
        });
        self.place.hash = table.next_home(hash).filter(|next| *next <= last);
        self.place.run += usize::from(self.place.hash.is_none());
        Ok(Walk::More)
    }

    /// All groups of a database were compared.
    fn end_db(&mut self, held: &Db) -> Result<(), DeltaFault> {
        let one = &self.ranges[self.place.list];
        let db = one.db as usize;
        let found = held.len() - self.place.in_range + self.entries[db].len();
        if found as u64 != one.keys {
            return Err(DeltaFault::Keys {
                db: one.db,
                found: found as u64,
                expected: one.keys,
            });
        }
        self.compared.push(Compared {
            db,
            id: held.id(),
            keys: held.len(),
        });
        Ok(())
    }

    /// Makes `space` what the primary's dataset was at the offset `at`.
    ///
    /// # Errors
    /// Where that is not what would come out. Nothing has changed then.
    pub fn apply(mut self, space: &mut Keyspace, at: Offset) -> Result<Leftover, DeltaFault> {
        self.compare(space, &mut || true)?;
        let changed = self.compared.iter().any(|compared| {
            let held = space.db(compared.db);
            (held.id(), held.len()) != (compared.id, compared.keys)
        });
        if changed {
            return Err(DeltaFault::Changed);
        }
        let version = space.go_on_from(at);
        for (db, key) in &self.doomed {
            if let Some(entry) = space.remove(*db, key) {
                space.discard(entry);
            }
        }
        for (db, entries) in self.entries.iter_mut().enumerate() {
            let mut is_here = self.is_here[db].iter();
            let new = entries.extract_if(.., |_| !is_here.next().is_some_and(|here| *here));
            for (_, entry) in new {
                space.put(db, entry);
            }
        }
        for one in &self.ranges {
            let db = one.db as usize;
            if db < space.databases() {
                space.stamp(db, &one.ranges, version);
            }
        }
        space.set_functions(self.functions);
        Ok(Leftover {
            _entries: self.entries,
            _doomed: self.doomed,
        })
    }
}

/// The place of a key among the entries of its database.
fn find(entries: &[Hashed], hash: u64, key: &[u8]) -> Option<usize> {
    let first = entries.partition_point(|entry| entry.0 < hash);
    let same = entries[first..].iter().take_while(|entry| entry.0 == hash);
    let at = same.into_iter().position(|(_, entry)| entry.key() == key)?;
    Some(first + at)
}

/// Whether two entries of one key say the same. Of collections that is not asked: to
/// compare them is dearer than to replace them.
fn is_same(new: &Entry, old: &Entry) -> bool {
    let values = match (new.value(), old.value()) {
        (ValueRef::Str(new), ValueRef::Str(old)) => new == old,
        (ValueRef::Int(new), ValueRef::Int(old)) => new == old,
        _ => false,
    };
    values && new.expire_ms() == old.expire_ms()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
