//! What a snapshot holds, in numbers.

use std::collections::BTreeMap;

use towline_core::seams::snapshot::{Refused, SnapshotEntry, SnapshotMeta, SnapshotSink};
use towline_core::value::ValueRef;

/// The numbers of one database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub total: u64,
    pub expiring: u64,
}

/// Counts what it is handed.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub meta: SnapshotMeta,
    pub databases: BTreeMap<u32, Keys>,
    pub functions: u64,
    pub empty_keys: u64,
    selected: u32,
}

impl Tally {
    /// The numbers of all databases together.
    pub(super) fn all(&self) -> Keys {
        let sum = |of: fn(&Keys) -> u64| self.databases.values().map(of).sum();
        Keys {
            total: sum(|keys| keys.total),
            expiring: sum(|keys| keys.expiring),
        }
    }

    /// What stands in `check`'s line.
    pub(super) fn tell(&self) -> String {
        let Keys { total, expiring } = self.all();
        let mut text = format!(
            "{total} keys in {} databases, {expiring} of them expire",
            self.databases.len()
        );
        for (count, what) in [
            (self.functions, "libraries of functions"),
            (self.empty_keys, "empty keys left out"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

impl SnapshotSink for Tally {
    fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.meta.learn(key, value);
        Ok(())
    }

    fn select_db(&mut self, db: u64) -> Result<(), Refused> {
        self.selected = database(db)?;
        Ok(())
    }

    fn entry(&mut self, entry: SnapshotEntry) -> Result<(), Refused> {
        let keys = self.databases.entry(self.selected).or_default();
        keys.total += 1;
        keys.expiring += u64::from(entry.expire_ms.is_some());
        Ok(())
    }

    fn function(&mut self, _source: Vec<u8>) -> Result<(), Refused> {
        self.functions += 1;
        Ok(())
    }

    fn empty_key(&mut self, _key: &[u8]) -> Result<(), Refused> {
        self.empty_keys += 1;
        Ok(())
    }
}

/// A database's number, as it is written again.
pub(super) fn database(db: u64) -> Result<u32, Refused> {
    u32::try_from(db).map_err(|_| Refused(format!("there is no database {db}")))
}

/// How many elements a value has; a string counts as one.
pub(super) fn elements(value: ValueRef<'_>) -> u64 {
    let count = match value {
        ValueRef::Str(_) | ValueRef::Int(_) => 1,
        ValueRef::List(list) => list.len(),
        ValueRef::Hash(hash) => hash.len(),
        ValueRef::Set(set) => set.len(),
        ValueRef::ZSet(zset) => zset.len(),
        ValueRef::Stream(stream) => stream.len(),
    };
    count as u64
}
