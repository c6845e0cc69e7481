//! A dataset that is being read from a snapshot, beside the one that is served.

use super::entry::Entry;
use super::hash::HashSeed;
use super::space::Keyspace;
use super::usage::loaded;
use crate::seams::snapshot::{
    Access, DecodeError, Refused, SnapshotEntry, SnapshotMeta, SnapshotSink,
};

/// The most keys, in all databases together, for which a snapshot of unknown length
/// makes room by its own word. Beyond it the tables grow with what has really arrived.
const RESERVED_KEYS_MAX: u64 = 1 << 20;
/// A snapshot of known length makes room for a key per so many bytes, which then
/// takes less than twice the snapshot's own length.
const BYTES_PER_RESERVED_KEY: u64 = 8;
/// So many keys that were left out are known by name.
const LEFT_OUT_NAMED_MAX: usize = 10;

/// Keys of a snapshot whose collections had no elements: they are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many there were.
    pub keys: u64,
    /// The first of them.
    pub names: Vec<Vec<u8>>,
}
/// So many of the things that were left out are told one by one.
const TOLD_SKIPS: usize = 8;

/// Collects a snapshot's content. Nothing of it may be served before the
/// decoder has said that the snapshot is whole.
pub struct Dataset {
    space: Keyspace,
    databases: usize,
    db: usize,
    meta: SnapshotMeta,
    keys: u64,
    left_out: LeftOut,
    /// Keys for which there may still be room made beforehand.
    reservable: u64,
    skips: Skips,
}

/// What of a snapshot was left out, as `rdb-skip-unknown` asks for it.
#[derive(Clone, Debug, Default)]
pub struct Skips {
    /// How many things.
    pub count: u64,
    /// The first few of them.
    told: Vec<DecodeError>,
}

impl Skips {
    fn add(&mut self, what: DecodeError) {
        self.count += 1;
        if self.told.len() < TOLD_SKIPS {
            self.told.push(what);
        }
    }

    /// A line for the log, if there is something to tell.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let told: Vec<String> = self.told.iter().map(ToString::to_string).collect();
        let more = self.count - told.len() as u64;
        (self.count > 0).then(|| {
            let things = told.join("; ");
            let more = match more {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            format!("Left out of the snapshot, as rdb-skip-unknown asks for: {things}{more}")
        })
    }
}

impl Dataset {
    /// An empty dataset of `databases` databases, ordered by `seed` unless the
    /// snapshot brings one.
    #[must_use]
    pub fn new(databases: usize, seed: HashSeed) -> Self {
        Self {
            space: Keyspace::new(databases, seed),
            databases,
            db: 0,
            meta: SnapshotMeta::default(),
            keys: 0,
            left_out: LeftOut::default(),
            reservable: RESERVED_KEYS_MAX,
            skips: Skips::default(),
        }
    }

    /// Says how long the snapshot is, which is what its word on the number of its
    /// keys is measured by.
    pub fn expect_bytes(&mut self, bytes: u64) {
        self.reservable = self.reservable.max(bytes / BYTES_PER_RESERVED_KEY);
    }

    /// What the snapshot said of itself.
    #[must_use]
    pub const fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Keys read.
    #[must_use]
    pub const fn keys(&self) -> u64 {
        self.keys
    }

    /// Keys that were left out for want of elements.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What was left out as rdb-skip-unknown asks for it.
    #[must_use]
    pub const fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The keys, to be put in place of the present ones.
    #[must_use]
    pub fn into_keyspace(self) -> Keyspace {
        self.space
    }
}

impl SnapshotSink for Dataset {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.meta.learn(key, value);
        let seed = self.meta.hash_seed;
        let Some(seed) = seed.filter(|seed| seed != self.space.seed()) else {
            return Ok(());
        };
        if self.keys > 0 {
            return Err(Refused(
                "it brings a hash seed after its first key".to_owned(),
            ));
        }
        self.space = Keyspace::new(self.databases, seed);
        Ok(())
    }

    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        let known = usize::try_from(db).ok().filter(|db| *db < self.databases);
        self.db = known.ok_or_else(|| {
            Refused(format!(
                "it has keys in database {db}, and there are only {} here (databases)",
                self.databases
            ))
        })?;
        Ok(())
    }

    fn resize(&mut self, keys: u64, _expires: u64) -> Result<(), Refused> {
        if self.space.db(self.db).is_empty() {
            let keys = keys.min(self.reservable);
            self.reservable -= keys;
            let keys = usize::try_from(keys).expect("bounded");
            self.space.reserve(self.db, keys);
        }
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let (entry, access) = entry.into_ready();
        self.ready(entry, access)
    }

    fn ready(&mut self, mut entry: Entry, access: Access) -> Result<(), Refused> {
        entry.set_access(loaded(access, (self.meta.created_ms / 1000) as u32));
        let twice = |entry: Entry| {
            let key = entry.key().escape_ascii();
            Refused(format!("key '{key}' is in it twice"))
        };
        self.space.load(self.db, entry).map_err(twice)?;
        self.keys += 1;
        Ok(())
    }

    fn function(&mut self, source: Vec<u8>) -> Result<(), Refused> {
        self.space.add_function(source);
        Ok(())
    }

    fn empty_key(&mut self, key: &[u8]) -> Result<(), Refused> {
        self.left_out.keys += 1;
        if self.left_out.names.len() < LEFT_OUT_NAMED_MAX {
            self.left_out.names.push(key.to_vec());
        }
        Ok(())
    }

    fn skipped(&mut self, what: DecodeError) -> Result<(), Refused> {
        self.skips.add(what);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seams::snapshot::{DecodeFault, Foreign};
    use crate::value::Value;

    fn entry(key: &[u8]) -> SnapshotEntry {
        SnapshotEntry {
            key: key.to_vec(),
            value: Value::Int(1),
            expire_ms: Some(5),
            access: Access::Unknown,
        }
    }

    #[test]
    fn the_snapshots_seed_is_taken_before_the_first_key() {
        let mut dataset = Dataset::new(2, HashSeed::new(1, 1));
        let (name, text) = (b"towline-hash-seed", [b'7'; 32]);
        dataset.aux(name, &text).unwrap();
        let seed = dataset.meta().hash_seed.unwrap();
        dataset.resize(u64::MAX, 0).unwrap();
        dataset.select_db(1).unwrap();
        dataset.entry(entry(b"k")).unwrap();
        assert!(dataset.aux(name, &[b'8'; 32]).is_err());
        let space = dataset.into_keyspace();
        assert_eq!(*space.seed(), seed);
        assert_eq!(space.find(1, b"k").and_then(Entry::expire_ms), Some(5));
    }

    #[test]
    fn room_is_made_for_so_many_keys_in_all_databases_together() {
        let mut dataset = Dataset::new(3, HashSeed::new(1, 1));
        for (db, announced, left) in [
            (0, 1000, RESERVED_KEYS_MAX - 1000),
            (1, u64::MAX, 0),
            (2, u64::MAX, 0),
        ] {
            dataset.select_db(db).unwrap();
            dataset.resize(announced, 0).unwrap();
            assert_eq!(dataset.reservable, left);
        }
        let room = |db| dataset.space.db(db).table().overhead_bytes();
        assert!(room(0) < room(1) && room(2) < room(0));
    }

    #[test]
    fn keys_without_elements_are_counted_and_the_first_are_named() {
        let mut dataset = Dataset::new(1, HashSeed::new(1, 1));
        for number in 0..100_u8 {
            dataset.empty_key(&[number]).unwrap();
        }
        let LeftOut { keys, names } = dataset.left_out();
        assert_eq!((*keys, names.len()), (100, LEFT_OUT_NAMED_MAX));
        assert_eq!((names[0].as_slice(), dataset.keys()), (&[0_u8][..], 0));
    }

    #[test]
    fn what_was_left_out_is_told_and_counted() {
        let mut dataset = Dataset::new(1, HashSeed::new(1, 1));
        assert_eq!(dataset.skips().line(), None);
        for offset in 1..=10 {
            let left_out = DecodeError {
                offset,
                key: Some(b"k".to_vec()),
                fault: DecodeFault::Foreign(Foreign::ModuleValue("vectorset".to_owned())),
            };
            dataset.skipped(left_out).unwrap();
        }
        assert_eq!(dataset.skips().count, 10);
        let line = dataset.skips().line().unwrap();
        let first = "a value of the module type 'vectorset' at offset 1, in key 'k'; ";
        assert!(line.contains(first), "{line}");
        assert!(line.ends_with("offset 8, in key 'k'; and 2 more"), "{line}");
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let mut dataset = Dataset::new(2, HashSeed::new(1, 1));
        assert!(dataset.select_db(2).is_err());
        assert!(dataset.select_db(u64::MAX).is_err());
        dataset.entry(entry(b"k")).unwrap();
        assert!(dataset.entry(entry(b"k")).is_err());
    }
}
