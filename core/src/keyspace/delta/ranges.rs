//! A set of hashes, as the ranges that it is made of.

/// The first and the last hash of a range.
pub type Run = (u64, u64);

/// See the module's comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashRanges {
    /// In ascending order, and never adjacent.
    runs: Vec<Run>,
}

impl HashRanges {
    /// Every hash that there is.
    #[must_use]
    pub fn all() -> Self {
        Self {
            runs: vec![(0, u64::MAX)],
        }
    }

    /// What any of these ranges holds.
    #[must_use]
    pub fn from_runs(mut runs: Vec<Run>) -> Self {
        runs.sort_unstable();
        let mut apart: Vec<Run> = Vec::new();
        for (first, last) in runs {
            match apart.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => apart.push((first, last)),
            }
        }
        apart.shrink_to_fit();
        Self { runs: apart }
    }

    /// The ranges, in ascending order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// True where there is no hash in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// True where every hash is in it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.runs == [(0, u64::MAX)]
    }

    /// Whether `hash` is in it.
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        self.overlaps((hash, hash))
    }

    /// Whether any hash of `range` is in it.
    #[must_use]
    pub fn overlaps(&self, (first, last): Run) -> bool {
        let at = self.runs.partition_point(|run| run.1 < first);
        self.runs.get(at).is_some_and(|run| run.0 <= last)
    }

    /// How many leading bits of a hash tell whether it is in it: each range is made of
    /// whole cells, of which there are two to the power of that.
    #[must_use]
    pub fn cell_bits(&self) -> u32 {
        let aligned = |&(first, last): &Run| {
            let end = last.wrapping_add(1);
            first.trailing_zeros().min(end.trailing_zeros())
        };
        64 - self.runs.iter().map(aligned).min().unwrap_or(64)
    }

    /// The same and more, in cells of which there are two to the power of `bits`.
    #[must_use]
    pub fn coarsened(&self, bits: u32) -> Self {
        // A shift by 64 is what a single cell would need; two shifts say the same.
        let inside = (u64::MAX >> 1) >> bits.saturating_sub(1).min(63);
        let inside = if bits == 0 { u64::MAX } else { inside };
        let widened = |&(first, last): &Run| (first & !inside, last | inside);
        Self::from_runs(self.runs.iter().map(widened).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_touches_is_one_range() {
        let ranges = HashRanges::from_runs(vec![(8, 15), (0, 3), (4, 5), (10, 20)]);
        assert_eq!(ranges.runs(), [(0, 5), (8, 20)]);
        assert!(ranges.contains(0) && ranges.contains(20));
        assert!(!ranges.contains(6) && !ranges.contains(21));
        assert!(ranges.overlaps((6, 8)) && !ranges.overlaps((6, 7)));
    }

    #[test]
    fn everything_is_one_cell_and_nothing_is_none() {
        assert!(HashRanges::all().is_all() && !HashRanges::default().is_all());
        assert_eq!(HashRanges::all().cell_bits(), 0);
        assert_eq!(HashRanges::default().cell_bits(), 0);
        let half = HashRanges::from_runs(vec![(1 << 63, u64::MAX)]);
        assert_eq!(half.cell_bits(), 1);
        assert_eq!(half.coarsened(1), half);
        assert!(half.coarsened(0).is_all());
        let halves = HashRanges::from_runs(vec![(0, (1 << 63) - 1), (1 << 63, u64::MAX)]);
        assert!(halves.is_all());
    }

    fn runs() -> impl Strategy<Value = Vec<Run>> {
        let run = (0..u64::MAX, 0u32..64).prop_map(|(first, bits)| {
            let inside = (1_u64 << bits) - 1;
            (first & !inside, first | inside)
        });
        proptest::collection::vec(run, 0..20)
    }

    proptest! {
        #[test]
        fn a_set_of_ranges_holds_what_they_hold(runs in runs(), probes in proptest::collection::vec(any::<u64>(), 20)) {
            let ranges = HashRanges::from_runs(runs.clone());
            let edges = runs.iter().flat_map(|run| [run.0, run.1, run.0.wrapping_sub(1), run.1.wrapping_add(1)]);
            for hash in probes.into_iter().chain(edges) {
                let expected = runs.iter().any(|run| run.0 <= hash && hash <= run.1);
                prop_assert_eq!(ranges.contains(hash), expected);
            }
            for pair in ranges.runs().windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0);
            }
        }

        #[test]
        fn coarser_ranges_hold_more_in_whole_cells(runs in runs(), bits in 0u32..=64) {
            let ranges = HashRanges::from_runs(runs);
            let coarse = ranges.coarsened(bits);
            prop_assert!(coarse.cell_bits() <= bits);
            for &(first, last) in ranges.runs() {
                prop_assert!(coarse.contains(first) && coarse.contains(last));
            }
            if bits >= ranges.cell_bits() {
                prop_assert_eq!(coarse, ranges);
            }
        }
    }
}
