//! A point-in-time view of the whole keyspace, without a copy of it.
//!
//! A freeze remembers a *cut*: every home group whose version is at most the cut
//! still holds what it held at that instant. A walk visits the groups in hash
//! order, a slice at a time; a write that reaches a group before the walk does
//! first hands over the group's entries as they were. Large collections are
//! shared with the copy, not copied, so a hand-over costs a few microseconds.
//! A freeze may be of a part alone, for a delta: then groups that are not in it are
//! neither visited nor handed over.
//!
//! Tables are held by identity: SWAPDB only renames them, and a table that
//! FLUSHALL drops is kept alive here until the walk is through with it.

use std::sync::Arc;

use super::db::Db;
use super::delta::selection::Part;
use super::delta::{DbRanges, Selection};
use super::entry::Entry;
use super::table::Table;

/// Names one freeze while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreezeId(pub(super) u64);

/// An entry as it was at the instant of the freeze.
pub struct FrozenEntry {
    /// The database it was in.
    pub db: usize,
    /// A copy that shares its large parts with the live value.
    pub entry: Entry,
}

/// A database as it was at the instant of the freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrozenDb {
    /// Its number.
    pub db: usize,
    /// Its number of keys.
    pub keys: usize,
    /// Its number of keys with an expiry.
    pub expires: usize,
    pub(super) table: u64,
    floor: u64,
}

/// Whether a walk has more to visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Call again.
    More,
    /// Every entry was visited or handed over.
    Done,
}

pub(super) struct Freeze {
    pub(super) id: FreezeId,
    cut: u64,
    plan: Vec<FrozenDb>,
    /// The walk's place: an index into `plan` and a hash; everything before it is done.
    at: usize,
    cursor: u64,
    handed: Vec<FrozenEntry>,
    detached: Vec<(u64, Arc<Table>)>,
    /// Detached tables that the walk is through with: dear to drop.
    done: Vec<Arc<Table>>,
    /// Only this part of it is walked.
    part: Option<Part>,
}

impl Freeze {
    pub(super) fn new(id: FreezeId, cut: u64, dbs: &[Db], part: Option<Selection>) -> Self {
        let frozen = |(db, held): (usize, &Db)| FrozenDb {
            db,
            keys: held.len(),
            expires: held.expires(),
            table: held.id,
            floor: held.floor,
        };
        let plan = dbs.iter().enumerate().map(frozen);
        // That there is nothing in a database any more is a part of a delta.
        let plan = plan.filter(|db| db.keys > 0 || part.is_some());
        let plan: Vec<FrozenDb> = plan.collect();
        Self {
            id,
            cut,
            part: part.map(|selection| Part::new(selection, &plan)),
            plan,
            at: 0,
            cursor: 0,
            handed: Vec::new(),
            detached: Vec::new(),
            done: Vec::new(),
        }
    }

    /// The ranges that the walk of a part has filled, once it is at its end.
    pub(super) fn take_ranges(&mut self) -> Vec<DbRanges> {
        let part = self.part.as_mut();
        part.map_or_else(Vec::new, |part| part.ranges(&self.plan))
    }

    /// Whether the home group of `hash` is wanted as it is now, which is noted.
    fn takes(&mut self, place: usize, table: &Table, hash: u64) -> bool {
        let version = table.version(hash);
        if version > self.cut {
            return false;
        }
        let version = version.max(self.plan[place].floor);
        let range = table.home_range(hash);
        let part = self.part.as_mut();
        part.is_none_or(|part| part.takes(place, version, range))
    }

    pub(super) fn plan(&self) -> &[FrozenDb] {
        &self.plan
    }

    pub(super) fn take_handed(&mut self) -> Vec<FrozenEntry> {
        std::mem::take(&mut self.handed)
    }

    /// The place in the plan of a table that the walk is not through with.
    fn owed_place(&self, table: u64) -> Option<usize> {
        let rest = self.plan.iter().enumerate().skip(self.at);
        rest.map(|(place, db)| (place, db.table))
            .find_map(|(place, id)| (id == table).then_some(place))
    }

    /// Hands over the home group of `hash` where it is still owed.
    pub(super) fn before_change(&mut self, db: &Db, hash: u64) {
        let Some(place) = self.owed_place(db.id) else {
            return;
        };
        let passed = place == self.at && hash < self.cursor;
        if passed || !self.takes(place, &db.table, hash) {
            return;
        }
        let number = self.plan[place].db;
        let handed = &mut self.handed;
        db.table.visit_home(hash, &mut |_, entry| {
            handed.push(FrozenEntry {
                db: number,
                entry: entry.with_key(entry.key(), entry.expire_ms()),
            });
        });
    }

    /// True where the walk still needs the table.
    pub(super) fn needs(&self, table: u64) -> bool {
        self.owed_place(table).is_some()
    }

    /// Keeps a table that the keyspace drops.
    pub(super) fn keep(&mut self, table: u64, kept: Arc<Table>) {
        self.detached.push((table, kept));
    }

    /// Visits up to `groups` home groups, calling `visit` with every owed entry.
    pub(super) fn walk(
        &mut self,
        dbs: &[Db],
        groups: usize,
        visit: &mut dyn FnMut(usize, &Entry),
    ) -> Walk {
        for _ in 0..groups {
            let Some(frozen) = self.plan.get(self.at).copied() else {
                return Walk::Done;
            };
            let live = dbs.iter().find(|db| db.id == frozen.table);
            let kept = self.detached.iter().find(|(id, _)| *id == frozen.table);
            let kept = kept.map(|(_, table)| Arc::clone(table));
            let table = live.map(|db| &db.table).or(kept.as_deref());
            let table = table.expect("a table that a freeze needs is live or kept");
            let next = if self.takes(self.at, table, self.cursor) {
                table.visit_home_entries(self.cursor, &mut |entry| visit(frozen.db, entry))
            } else {
                table.next_home(self.cursor)
            };
            self.advance(frozen.table, next);
        }
        if self.at < self.plan.len() {
            Walk::More
        } else {
            Walk::Done
        }
    }

    fn advance(&mut self, table: u64, next: Option<u64>) {
        if let Some(next) = next {
            self.cursor = next;
            return;
        }
        self.cursor = 0;
        self.at += 1;
        let done = self.detached.extract_if(.., |(id, _)| *id == table);
        self.done.extend(done.map(|(_, table)| table));
    }

    /// The tables that were kept and are needed no more.
    pub(super) fn take_done(&mut self) -> Vec<Arc<Table>> {
        std::mem::take(&mut self.done)
    }

    /// Everything that it holds on to, at its end.
    pub(super) fn into_rest(self) -> (Vec<FrozenEntry>, Vec<Arc<Table>>) {
        let detached = self.detached.into_iter().map(|(_, table)| table);
        (self.handed, self.done.into_iter().chain(detached).collect())
    }

    /// Share of the plan that the walk has passed, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        let total: usize = self.plan.iter().map(|db| db.keys).sum();
        let done: usize = self.plan[..self.at].iter().map(|db| db.keys).sum();
        let here = self.plan.get(self.at).map_or(0.0, |db| {
            db.keys as f64 * (self.cursor as f64 / u64::MAX as f64)
        });
        if total == 0 {
            return 1.0;
        }
        (done as f64 + here) / total as f64
    }
}
