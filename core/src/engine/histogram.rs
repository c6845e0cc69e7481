//! A histogram of durations with buckets that grow by powers of two, each cut
//! in sixteen, so that a percentile is right to about six percent.

const STEPS: usize = 16;
const POWERS: usize = 40;

/// Durations in nanoseconds, by bucket.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, nanos: u64) {
        if self.counts.is_empty() {
            self.counts = vec![0; STEPS * POWERS];
        }
        let bucket = bucket_of(nanos).min(STEPS * POWERS - 1);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.total += 1;
    }

    /// Number of durations counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The duration, in nanoseconds, that `percent` percent of the calls do not exceed.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> u64 {
        let rank = (self.total as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                return upper_bound(bucket);
            }
        }
        0
    }

    /// Number of durations at or below each power of two microseconds that is reached.
    #[must_use]
    pub fn cumulative_by_power(&self) -> Vec<(u64, u64)> {
        let mut seen = 0;
        let mut powers = Vec::new();
        for (power, counts) in self.counts.chunks(STEPS).enumerate() {
            let here: u64 = counts.iter().map(|&count| u64::from(count)).sum();
            if here > 0 {
                seen += here;
                powers.push((upper_bound(power * STEPS + STEPS - 1), seen));
            }
        }
        powers
    }
}

/// Values below 16 have a bucket each; above, the four bits below the leading one count.
const fn bucket_of(nanos: u64) -> usize {
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let power = 63 - nanos.leading_zeros() as usize;
    let step = (nanos >> (power - 4)) as usize & (STEPS - 1);
    (power - 3) * STEPS + step
}

const fn upper_bound(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let power = bucket / STEPS + 3;
    let step = bucket % STEPS;
    ((STEPS + step + 1) as u64) << (power - 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close_from_above() {
        let mut histogram = Histogram::default();
        for nanos in 1..=10_000 {
            histogram.record(nanos);
        }
        for percent in [1.0, 50.0, 99.0, 99.9] {
            let exact = 10_000.0 * percent / 100.0;
            let shown = histogram.percentile(percent) as f64;
            assert!(
                shown >= exact && shown <= exact * 1.07,
                "{percent}: {shown}"
            );
        }
        assert_eq!(Histogram::default().percentile(50.0), 0);
    }
}
