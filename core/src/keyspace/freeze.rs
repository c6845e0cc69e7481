//! A point-in-time view of the whole keyspace, without a copy of it.
//!
//! A walk visits the home groups in hash order, a slice at a time; a write that reaches
//! a key before the walk does first hands over the entry as it was, and the key's hash is
//! remembered, so that the walk leaves it out. One entry, and not its whole group of ten:
//! what was handed over and is not encoded yet takes memory, and under heavy writes it is
//! the writes' own bytes then, instead of ten times as many. Large collections are shared
//! with the copy, not copied, so a hand-over costs about a microsecond.
//!
//! A freeze may be of a part alone, for a delta, which travels in whole groups. It
//! remembers a *cut*: every home group whose version is at most the cut still holds what
//! it held at that instant, and a write to one first hands all of it over. Groups that are
//! not in the part are neither visited nor handed over.
//!
//! Tables are held by identity: SWAPDB only renames them, and a table that
//! FLUSHALL drops is kept alive here until the walk is through with it.

use std::collections::BTreeSet;
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
    /// For each place of the plan, the hashes of keys that have changed and that the walk
    /// has not come to: what was there is handed over. Empty for a part.
    changed: Vec<BTreeSet<u64>>,
    detached: Vec<(u64, Arc<Table>)>,
    /// Detached tables that the walk is through with: dear to drop.
    done: Vec<Arc<Table>>,
    /// Only this part of it is walked.
    part: Option<Part>,
}

/// What a freeze leaves that was given up: dear to drop, all of it.
pub(super) struct Rest {
    pub(super) handed: Vec<FrozenEntry>,
    pub(super) changed: Vec<BTreeSet<u64>>,
    pub(super) tables: Vec<Arc<Table>>,
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
            changed: plan.iter().map(|_| BTreeSet::new()).collect(),
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

    /// Hands over what is owed and would be lost by a change of a key of this hash.
    pub(super) fn before_change(&mut self, db: &Db, hash: u64) {
        if self.part.is_some() {
            return self.before_stamp(db, hash);
        }
        let Some(place) = self.owed_at(db, hash) else {
            return;
        };
        if self.changed[place].insert(hash) {
            self.hand_over(place, db, hash, |of| of == hash);
        }
    }

    /// Hands over the home group of `hash` where it is still owed to a part, before it has
    /// a version that says otherwise.
    pub(super) fn before_stamp(&mut self, db: &Db, hash: u64) {
        let place = self.owed_at(db, hash).filter(|_| self.part.is_some());
        if let Some(place) = place
            && self.takes(place, &db.table, hash)
        {
            self.hand_over(place, db, hash, |_| true);
        }
    }

    /// The place in the plan of a table, unless the walk has passed this hash in it.
    fn owed_at(&self, db: &Db, hash: u64) -> Option<usize> {
        let place = self.owed_place(db.id);
        place.filter(|place| *place != self.at || hash >= self.cursor)
    }

    fn hand_over(&mut self, place: usize, db: &Db, hash: u64, wanted: impl Fn(u64) -> bool) {
        let number = self.plan[place].db;
        let handed = &mut self.handed;
        db.table.visit_home(hash, &mut |of, entry| {
            if wanted(of) {
                handed.push(FrozenEntry {
                    db: number,
                    entry: entry.with_key(entry.key(), entry.expire_ms()),
                });
            }
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
            let visit = &mut |entry: &Entry| visit(frozen.db, entry);
            let next = if self.part.is_none() {
                visit_unchanged(table, self.cursor, &mut self.changed[self.at], visit)
            } else if self.takes(self.at, table, self.cursor) {
                table.visit_home_entries(self.cursor, visit)
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
    pub(super) fn into_rest(self) -> Rest {
        let detached = self.detached.into_iter().map(|(_, table)| table);
        Rest {
            handed: self.handed,
            changed: self.changed,
            tables: self.done.into_iter().chain(detached).collect(),
        }
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

/// Visits what has not changed of the home group at `cursor`, forgets what has, and
/// answers where the next group starts.
fn visit_unchanged(
    table: &Table,
    cursor: u64,
    changed: &mut BTreeSet<u64>,
    visit: &mut dyn FnMut(&Entry),
) -> Option<u64> {
    let last = table.home_range(cursor).1;
    if changed.first().is_none_or(|first| *first > last) {
        return table.visit_home_entries(cursor, &mut |entry| visit(entry));
    }
    let next = table.visit_home(cursor, &mut |hash, entry| {
        if !changed.contains(&hash) {
            visit(entry);
        }
    });
    while changed.first().is_some_and(|first| *first <= last) {
        changed.pop_first();
    }
    next
}
