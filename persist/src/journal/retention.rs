//! What of older bases and increments stays so that a moment of the past can be
//! restored: `aof-history-retention`.
//!
//! ```text
//!    base 1      base 2            base 3 (the log's)
//!      ▼           ▼                 ▼
//!  ────┴───────────┴────────╎────────┴──────────► now
//!                           ╎◄── retention ─────►
//!        goes  │ stays: it leads to all that lies within
//! ```
//! A base is let go once a later one is older than the retention, and the increments
//! before that one with it.
//!
//! Ages are measured by a clock that only runs while the log is open and never jumps.
//! A calendar that is set forward by mistake must not cost the past: files age by the
//! time that passes, and stay for at least that long.

use super::JournalError;
use super::base_note::BaseNote;
use super::found::file_name;
use super::naming;
use crate::aof::Manifest;
use towline_core::seams::Storage;

/// A base that is in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    sequence: i64,
    /// The number of the first increment that follows it.
    first: i64,
    /// Its age, less that of the clock.
    older_ms: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// How long the log has been open.
    clock_ms: i64,
    /// The bases whose moments are known, in order; the log's own is the last.
    bases: Vec<Held>,
}

impl Retention {
    /// That of the bases that `manifest` names. Time passed for them until the latest
    /// moment that anything in the directory tells of, which is `last_ms` or later.
    pub(super) async fn learn(
        storage: &dyn Storage,
        name: &str,
        manifest: &Manifest,
        last_ms: u64,
    ) -> Result<Self, JournalError> {
        let mut found = Vec::new();
        for file in manifest.history.iter().chain(&manifest.base) {
            if naming::is_increment(name, file) {
                continue;
            }
            let note = BaseNote::read(storage, &file_name(file)?).await?;
            found.extend(note.map(|note| (file.sequence, note.first, note.start.created_ms)));
        }
        found.sort_unstable();
        let last_ms = found.iter().map(|(.., at)| *at).fold(last_ms, u64::max);
        let held = |(sequence, first, at): (i64, i64, u64)| Held {
            sequence,
            first,
            older_ms: i64::try_from(last_ms - at).unwrap_or(i64::MAX),
        };
        Ok(Self {
            clock_ms: 0,
            bases: found.into_iter().map(held).collect(),
        })
    }

    /// So much time has passed.
    pub(super) fn elapse(&mut self, ms: u64) {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.clock_ms = self.clock_ms.saturating_add(ms);
    }

    /// A base was put in place, of the present moment.
    pub(super) fn add(&mut self, sequence: i64, first: i64) {
        self.bases.push(Held {
            sequence,
            first,
            older_ms: -self.clock_ms,
        });
    }

    /// The base of this number is gone.
    pub(super) fn forget(&mut self, sequence: i64) {
        self.bases.retain(|base| base.sequence != sequence);
    }

    /// The oldest base that is needed.
    fn oldest(&self, keep_ms: u64) -> Option<&Held> {
        let is_old = |base: &&Held| self.age_ms(base) >= keep_ms;
        let last_old = self.bases.iter().rev().find(is_old);
        last_old.or(self.bases.first()).filter(|_| keep_ms > 0)
    }

    fn age_ms(&self, base: &Held) -> u64 {
        let age_ms = self.clock_ms.saturating_add(base.older_ms);
        u64::try_from(age_ms).unwrap_or(0)
    }

    /// Whether the base of this number, which the log no longer needs, has to stay.
    pub(super) fn keeps_base(&self, sequence: i64, keep_ms: u64) -> bool {
        let known = self.bases.iter().any(|base| base.sequence == sequence);
        let oldest = self.oldest(keep_ms);
        known && oldest.is_some_and(|oldest| oldest.sequence <= sequence)
    }

    /// Whether the increment of this number has to.
    pub(super) fn keeps_increment(&self, sequence: i64, keep_ms: u64) -> bool {
        let oldest = self.oldest(keep_ms);
        oldest.is_some_and(|oldest| oldest.first <= sequence)
    }

    /// In how long a base becomes so old that those before it go.
    pub(super) fn next_ms(&self, keep_ms: u64) -> Option<u64> {
        let later = self.bases.iter().skip(1).map(|base| self.age_ms(base));
        let left = later.filter_map(|age_ms| keep_ms.checked_sub(age_ms));
        left.filter(|left_ms| *left_ms > 0).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bases 1, 2 and 3 that are followed by increments 1, 4 and 6, made ten seconds
    /// apart, the last of them ten seconds ago.
    fn three() -> Retention {
        let mut retention = Retention::default();
        for (sequence, first) in [(1, 1), (2, 4), (3, 6)] {
            retention.add(sequence, first);
            retention.elapse(10_000);
        }
        retention
    }

    #[test]
    fn what_leads_to_a_moment_within_the_time_stays() {
        for (keep_ms, bases, first) in [
            (0, [false, false, false], None),
            (5_000, [false, false, true], Some(6)),
            (10_000, [false, false, true], Some(6)),
            (10_001, [false, true, true], Some(4)),
            (20_000, [false, true, true], Some(4)),
            (25_000, [true, true, true], Some(1)),
            (u64::MAX, [true, true, true], Some(1)),
        ] {
            let retention = three();
            let kept = [1, 2, 3].map(|base| retention.keeps_base(base, keep_ms));
            assert_eq!(kept, bases, "{keep_ms}");
            for increment in 1..9 {
                let kept = retention.keeps_increment(increment, keep_ms);
                assert_eq!(kept, first.is_some_and(|first| first <= increment));
            }
        }
    }

    #[test]
    fn the_next_to_go_is_known_before() {
        let mut retention = three();
        assert_eq!(retention.next_ms(25_000), Some(5_000));
        retention.elapse(4_999);
        assert!(retention.keeps_base(1, 25_000));
        retention.elapse(1);
        assert!(!retention.keeps_base(1, 25_000));
        retention.forget(1);
        assert_eq!(retention.next_ms(25_000), Some(10_000));
        retention.elapse(10_000);
        retention.forget(2);
        assert_eq!(retention.next_ms(25_000), None, "nothing else is kept");
        assert!(retention.keeps_base(3, 25_000));
    }

    #[test]
    fn a_base_without_a_known_moment_keeps_nothing() {
        let retention = Retention::default();
        assert!(!retention.keeps_base(1, 1000) && !retention.keeps_increment(1, 1000));
        assert!(!three().keeps_base(4, u64::MAX));
    }
}
