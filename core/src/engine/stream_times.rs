//! When the stream was where: how old what a replica lacks is.

use std::collections::VecDeque;

use crate::offset::Offset;

/// So many moments are kept; whoever lags behind further is at least as old as the
/// first of them.
const MOMENTS_MAX: usize = 1024;

/// Where the stream stood, from time to time.
#[derive(Clone, Debug, Default)]
pub struct StreamTimes(VecDeque<(Offset, i64)>);

impl StreamTimes {
    /// Notes where the stream stands now, unix ms.
    pub(super) fn note(&mut self, offset: Offset, now_ms: i64) {
        match self.0.back() {
            Some((last, _)) if *last == offset => return,
            // Another history.
            Some((last, _)) if *last > offset => self.0.clear(),
            _ => {}
        }
        if self.0.len() == MOMENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((offset, now_ms));
    }

    /// How long ago the stream went beyond `offset`, milliseconds; 0 where it has not.
    pub(super) fn since_beyond_ms(&self, offset: Offset, now_ms: i64) -> i64 {
        let first = self.0.partition_point(|(at, _)| *at <= offset);
        let moment = self.0.get(first);
        moment.map_or(0, |(_, at_ms)| (now_ms - at_ms).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_as_old_as_its_first_byte() {
        let mut times = StreamTimes::default();
        assert_eq!(times.since_beyond_ms(Offset(0), 50), 0);
        for (offset, at_ms) in [(10, 100), (10, 200), (20, 300), (30, 400)] {
            times.note(Offset(offset), at_ms);
        }
        let age = |offset| times.since_beyond_ms(Offset(offset), 1000);
        assert_eq!([9, 10, 19, 20, 30].map(age), [900, 700, 700, 600, 0]);
    }

    #[test]
    fn a_stream_that_begins_anew_forgets_the_old_one() {
        let mut times = StreamTimes::default();
        times.note(Offset(1000), 100);
        times.note(Offset(5), 200);
        assert_eq!(times.since_beyond_ms(Offset(0), 300), 100);
        assert_eq!(times.since_beyond_ms(Offset(5), 300), 0);
    }

    #[test]
    fn only_so_many_moments_are_kept() {
        let mut times = StreamTimes::default();
        for at in 1..=2 * MOMENTS_MAX as i64 {
            times.note(Offset(at.unsigned_abs()), at);
        }
        assert_eq!(times.0.len(), MOMENTS_MAX);
        let now_ms = 2 * MOMENTS_MAX as i64;
        let oldest = times.since_beyond_ms(Offset(0), now_ms);
        assert_eq!(oldest, MOMENTS_MAX as i64 - 1);
    }
}
