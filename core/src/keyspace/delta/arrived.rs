//! A delta at the replica: collected beside the dataset, checked, and applied at once.

use std::fmt;

use super::coding::{BadRanges, DbRanges, unseal};
use super::ranges::HashRanges;
use crate::keyspace::usage::loaded;
use crate::keyspace::{Entry, HashSeed, Keyspace, Table};
use crate::offset::Offset;
use crate::seams::snapshot::{
    Access, DecodeError, Refused, SnapshotEntry, SnapshotMeta, SnapshotSink,
};

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
        Ok(WholeDelta {
            seed: self.seed,
            entries,
            ranges,
            meta: self.meta,
            keys: self.keys,
            functions: self.functions,
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
        let SnapshotEntry {
            key,
            value,
            expire_ms,
            access,
        } = entry;
        self.ready(Entry::new(&key, value, expire_ms), access)
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

/// A delta that is complete and contradicts itself nowhere.
pub struct WholeDelta {
    seed: HashSeed,
    /// By database, in the order of their hashes.
    entries: Vec<Vec<Hashed>>,
    ranges: Vec<DbRanges>,
    meta: SnapshotMeta,
    keys: u64,
    functions: Vec<Vec<u8>>,
}

/// A key that a delta removes, and its database.
type Doomed = (usize, Box<[u8]>);

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

    /// Makes `space` what the primary's dataset was at the offset `at`.
    ///
    /// # Errors
    /// Where that is not what would come out. Nothing has changed then.
    pub fn apply(self, space: &mut Keyspace, at: Offset) -> Result<(), DeltaFault> {
        let doomed = self.doomed(space)?;
        let version = space.go_on_from(at);
        for (db, key) in doomed {
            if let Some(entry) = space.remove(db, &key) {
                space.discard(entry);
            }
        }
        for (db, entries) in self.entries.into_iter().enumerate() {
            for (_, entry) in entries {
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
        Ok(())
    }

    /// What is in a range here and not in the delta.
    fn doomed(&self, space: &Keyspace) -> Result<Vec<Doomed>, DeltaFault> {
        if *space.seed() != self.seed {
            let text = "is of a dataset with another hash seed";
            return Err(DeltaFault::Ranges(BadRanges::new(text)));
        }
        let mut doomed = Vec::new();
        for one in &self.ranges {
            let db = one.db as usize;
            let entries = self.entries.get(db).filter(|_| db < space.databases());
            let Some(entries) = entries else {
                if one.keys > 0 {
                    return Err(DeltaFault::NoSuchDb(one.db));
                }
                continue;
            };
            let held = space.db(db);
            let mut replaced = 0;
            visit(held.table(), &one.ranges, &mut |hash, entry| {
                replaced += 1;
                if !holds(entries, hash, entry.key()) {
                    doomed.push((db, entry.key().into()));
                }
            });
            let (found, expected) = ((held.len() - replaced + entries.len()) as u64, one.keys);
            if found != expected {
                let db = one.db;
                return Err(DeltaFault::Keys {
                    db,
                    found,
                    expected,
                });
            }
        }
        Ok(doomed)
    }
}

fn holds(entries: &[Hashed], hash: u64, key: &[u8]) -> bool {
    let at = entries.partition_point(|entry| entry.0 < hash);
    let same = entries[at..].iter().take_while(|entry| entry.0 == hash);
    same.into_iter().any(|(_, entry)| entry.key() == key)
}

/// Calls `visit` with every entry of the ranges.
fn visit(table: &Table, ranges: &HashRanges, visit: &mut dyn FnMut(u64, &Entry)) {
    for &(first, last) in ranges.runs() {
        let mut at = Some(first);
        while let Some(hash) = at.filter(|hash| *hash <= last) {
            table.visit_home(hash, &mut |hash, entry| {
                if first <= hash && hash <= last {
                    visit(hash, entry);
                }
            });
            at = table.next_home(hash);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
