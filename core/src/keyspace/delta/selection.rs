//! The part of a frozen dataset that a delta takes.

use super::coding::DbRanges;
use super::ranges::{HashRanges, Run};
use crate::keyspace::freeze::FrozenDb;
use crate::offset::Offset;

/// What is to be replaced at the replica: what is newer here than the last common
/// offset, and what is newer there.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The last common offset.
    pub common: Offset,
    /// What the replica reported.
    pub theirs: Vec<DbRanges>,
}

/// A selection that is being walked.
pub(in crate::keyspace) struct Part {
    common: u64,
    /// One for each database of the plan.
    places: Vec<Place>,
    /// What the replica reported of databases that are not here.
    elsewhere: Vec<DbRanges>,
}

#[derive(Default)]
struct Place {
    theirs: HashRanges,
    /// The ranges whose entries were visited or handed over.
    taken: Vec<Run>,
}

impl Part {
    pub(in crate::keyspace) fn new(selection: Selection, plan: &[FrozenDb]) -> Self {
        let mut theirs = selection.theirs;
        let place = |frozen: &FrozenDb| {
            let mut own = theirs.extract_if(.., |one| one.db as usize == frozen.db);
            Place {
                theirs: own
                    .next()
                    .map_or_else(HashRanges::default, |one| one.ranges),
                taken: Vec::new(),
            }
        };
        let places = plan.iter().map(place).collect();
        Self {
            common: selection.common.0,
            places,
            elsewhere: theirs,
        }
    }

    /// Whether a home group of this version is wanted, whose range is then noted.
    pub(in crate::keyspace) fn takes(&mut self, place: usize, version: u64, range: Run) -> bool {
        let place = &mut self.places[place];
        let wanted = version > self.common || place.theirs.overlaps(range);
        if wanted {
            place.taken.push(range);
        }
        wanted
    }

    /// The ranges that the delta fills, once it is walked: the replica's own are among
    /// them, also where nothing of it is here.
    pub(in crate::keyspace) fn ranges(&mut self, plan: &[FrozenDb]) -> Vec<DbRanges> {
        let mut all = Vec::new();
        for (frozen, place) in plan.iter().zip(&mut self.places) {
            let mut runs = std::mem::take(&mut place.taken);
            runs.extend_from_slice(place.theirs.runs());
            all.push(DbRanges {
                db: u32::try_from(frozen.db).expect("databases are few"),
                keys: frozen.keys as u64,
                ranges: HashRanges::from_runs(runs),
            });
        }
        let elsewhere = self.elsewhere.drain(..);
        all.extend(elsewhere.map(|one| DbRanges { keys: 0, ..one }));
        all
    }
}
