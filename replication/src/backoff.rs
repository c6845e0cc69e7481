//! The pause between attempts to reach a primary.

/// How long to wait before the next attempt. The first pause is about as long
/// as Redis' (its cron tries once a second); each failure in a row makes the
/// next one longer, so that a thousand replicas of a dead primary do not knock
/// every second, and jitter keeps them from knocking at the same moment.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

/// The pause after the first failure.
pub const FIRST_PAUSE_MS: u64 = 1_000;
/// A link that lasted this long is no failure when it ends.
pub const STABLE_LINK_MS: u64 = 1_000;
/// No pause is longer. A primary that is back is found within this time.
pub const LONGEST_PAUSE_MS: u64 = 8_000;

impl Backoff {
    /// The pause after one more failure. `random` is any number the caller drew;
    /// the pause is between three and five quarters of its step.
    fn next_pause_ms(&mut self, random: u64) -> u64 {
        let step = (FIRST_PAUSE_MS << self.failures.min(16)).min(LONGEST_PAUSE_MS);
        self.failures = self.failures.saturating_add(1);
        step * 3 / 4 + random % (step / 2 + 1)
    }

    /// The pause after a link that lasted so long; none after one that followed the
    /// stream until it broke, since the reason is mostly over once it is seen.
    pub fn pause_after_ms(&mut self, lasted_ms: u64, broke: bool, random: u64) -> u64 {
        if lasted_ms < STABLE_LINK_MS {
            return self.next_pause_ms(random);
        }
        self.failures = 0;
        match broke {
            true => 0,
            false => self.next_pause_ms(random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_start_at_a_second_grow_and_stay_bounded() {
        let mut backoff = Backoff::default();
        let middle = |backoff: &mut Backoff, step: u64| backoff.next_pause_ms(step / 4);
        assert_eq!(middle(&mut backoff, 1_000), 1_000);
        assert_eq!(middle(&mut backoff, 2_000), 2_000);
        for random in 0..10_000 {
            let pause = backoff.next_pause_ms(random * 7919);
            assert!(pause <= LONGEST_PAUSE_MS * 5 / 4);
        }
        assert_eq!(backoff.pause_after_ms(STABLE_LINK_MS, true, 7), 0);
        assert!(backoff.next_pause_ms(u64::MAX) <= FIRST_PAUSE_MS * 5 / 4);
    }

    #[test]
    fn jitter_spreads_replicas_apart() {
        let pauses: std::collections::BTreeSet<u64> = (0..100)
            .map(|random| Backoff::default().next_pause_ms(random * 37))
            .collect();
        assert!(pauses.len() > 10);
    }
}
