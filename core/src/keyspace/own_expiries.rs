//! The keys of a writable replica that its own clients gave an expiry.
//!
//! Its primary knows nothing of them and sends no DEL, so the replica removes them
//! itself when their time has come; all others wait for the stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// See the module's comment. Empty everywhere but on such a replica, where every
/// call is over at once.
#[derive(Default)]
pub struct OwnExpiries {
    /// When each expires, by database and key.
    when: BTreeMap<(usize, Arc<[u8]>), i64>,
    /// The same, soonest first.
    order: BTreeSet<(i64, usize, Arc<[u8]>)>,
}

impl OwnExpiries {
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// A client of this replica has made `key` expire at `at_ms`.
    pub fn insert(&mut self, db: usize, key: &[u8], at_ms: i64) {
        self.remove(db, key);
        let key: Arc<[u8]> = key.into();
        self.when.insert((db, Arc::clone(&key)), at_ms);
        self.order.insert((at_ms, db, key));
    }

    /// The key is gone, expires no more, or is its primary's again.
    #[inline]
    pub fn remove(&mut self, db: usize, key: &[u8]) {
        if !self.is_empty() {
            self.remove_listed(db, key);
        }
    }

    fn remove_listed(&mut self, db: usize, key: &[u8]) {
        let key: Arc<[u8]> = key.into();
        if let Some(at_ms) = self.when.remove(&(db, Arc::clone(&key))) {
            self.order.remove(&(at_ms, db, key));
        }
    }

    /// The key that expires soonest, with its database, where it has by `now_ms`.
    #[must_use]
    pub fn first_expired(&self, now_ms: i64) -> Option<(usize, Arc<[u8]>)> {
        let (at_ms, db, key) = self.order.first()?;
        (*at_ms <= now_ms).then(|| (*db, Arc::clone(key)))
    }

    /// Puts each key in the database that `to` tells for its own, or forgets it.
    pub(super) fn move_dbs(&mut self, to: impl Fn(usize) -> Option<usize>) {
        if self.is_empty() {
            return;
        }
        self.when.clear();
        for (at_ms, db, key) in std::mem::take(&mut self.order) {
            if let Some(db) = to(db) {
                self.when.insert((db, Arc::clone(&key)), at_ms);
                self.order.insert((at_ms, db, key));
            }
        }
    }
}
