//! Which home groups were changed after an offset, found a slice at a time.

use super::coding::DbRanges;
use super::ranges::{HashRanges, Run};
use crate::keyspace::{Keyspace, Walk};
use crate::offset::Offset;

/// Groups that are looked at before the caller is asked whether to go on.
const GROUPS_PER_LOOK: usize = 256;

/// See the module's comment. Between two calls the dataset may not change, except in
/// ways that make what is found useless anyway.
#[derive(Debug)]
pub struct NewerRanges {
    common: u64,
    db: usize,
    /// The first hash of the database that was not looked at.
    at: u64,
    runs: Vec<Run>,
    found: Vec<DbRanges>,
}

impl NewerRanges {
    /// Looks for what may differ from what it was at `common`.
    #[must_use]
    pub const fn new(common: Offset) -> Self {
        Self {
            common: common.0,
            db: 0,
            at: 0,
            runs: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Goes on until `more`, which is asked now and then, says that it is enough.
    pub fn collect(&mut self, space: &Keyspace, more: &mut dyn FnMut() -> bool) -> Walk {
        while self.db < space.databases() {
            for _ in 0..GROUPS_PER_LOOK {
                if self.look(space) == Walk::Done {
                    break;
                }
            }
            if !more() {
                return Walk::More;
            }
        }
        Walk::Done
    }

    /// Looks at one group; done where it was the last of its database.
    fn look(&mut self, space: &Keyspace) -> Walk {
        let held = space.db(self.db);
        let is_whole = held.floor() > self.common;
        let range = match is_whole {
            true => (0, u64::MAX),
            false => held.table().home_range(self.at),
        };
        if is_whole || held.table().version(self.at) > self.common {
            self.runs.push(range);
        }
        if let Some(next) = range.1.checked_add(1) {
            self.at = next;
            return Walk::More;
        }
        let ranges = HashRanges::from_runs(std::mem::take(&mut self.runs));
        if !ranges.is_empty() {
            self.found.push(DbRanges {
                db: u32::try_from(self.db).expect("databases are few"),
                keys: held.len() as u64,
                ranges,
            });
        }
        self.at = 0;
        self.db += 1;
        Walk::Done
    }

    /// What was found, database by database; those without any are left out.
    #[must_use]
    pub fn into_found(self) -> Vec<DbRanges> {
        self.found
    }
}
