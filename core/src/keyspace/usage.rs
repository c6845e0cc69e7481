//! How a key is used: when last, or how often, as `maxmemory-policy` asks.
//!
//! ```text
//! bits of the access word   31..24      23..8                     7..0
//! under an LFU policy       all set     minutes, as last touched  counter
//! under any other           seconds since 1970, as last touched
//! ```
//! The first byte tells the two apart (seconds come to it in 2105), so that after a
//! change of policy a word of the other kind is known for what it is.
//! The counter is Redis's: it grows by chance, the less likely the higher it is
//! (`lfu-log-factor`), and falls by one every `lfu-decay-time` minutes without a use.

use super::hash::HashSeed;
use crate::seams::snapshot::Access;

const TAG: u32 = 0xff << 24;

/// The counter of a key that has just been made.
const INITIAL: u8 = 5;

const SECONDS_PER_MINUTE: u32 = 60;

/// What is kept of the use of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracked {
    /// When it was last, for OBJECT IDLETIME alone.
    #[default]
    Time,
    /// When it was last, and snapshots have it (the LRU policies).
    IdleTime,
    /// How often it is (the LFU policies).
    Frequency,
}

/// What `maxmemory-policy`, `lfu-log-factor` and `lfu-decay-time` say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsagePolicy {
    /// What is kept.
    pub tracked: Tracked,
    /// How much harder each step of the counter is than the one before.
    pub log_factor: u32,
    /// The counter falls by one in so many minutes; 0 lets it be.
    pub decay_minutes: u32,
}

const fn minutes_of(now_s: u32) -> u16 {
    (now_s / SECONDS_PER_MINUTE) as u16
}

const fn counted(now_s: u32, counter: u8) -> u32 {
    TAG | (minutes_of(now_s) as u32) << 8 | counter as u32
}

/// Minutes and counter, where the word has them.
const fn parts(word: u32) -> Option<(u16, u8)> {
    if word & TAG == TAG {
        Some(((word >> 8) as u16, word as u8))
    } else {
        None
    }
}

impl UsagePolicy {
    /// True under an LFU policy.
    #[must_use]
    #[inline]
    pub fn counts(&self) -> bool {
        self.tracked == Tracked::Frequency
    }

    /// The word of a key that is made now.
    #[must_use]
    #[inline]
    pub fn fresh(&self, now_s: u32) -> u32 {
        if self.counts() {
            counted(now_s, INITIAL)
        } else {
            now_s
        }
    }

    /// The counter as it is now.
    #[must_use]
    pub fn frequency(&self, word: u32, now_s: u32) -> u8 {
        let Some((minutes, counter)) = parts(word) else {
            return INITIAL;
        };
        let elapsed = u32::from(minutes_of(now_s).wrapping_sub(minutes));
        let periods = elapsed.checked_div(self.decay_minutes).unwrap_or(0);
        counter.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }

    /// What a snapshot says of the key.
    #[must_use]
    pub fn access(&self, word: u32, now_s: u32) -> Access {
        match self.tracked {
            Tracked::Time => Access::Unknown,
            Tracked::IdleTime => Access::IdleSeconds(u64::from(idle_s(word, now_s))),
            Tracked::Frequency => Access::Frequency(self.frequency(word, now_s)),
        }
    }

    /// The word that RESTORE asks for; none where this policy has no use for it.
    #[must_use]
    pub fn asked_for(&self, access: Access, now_s: u32) -> Option<u32> {
        match access {
            Access::Frequency(counter) if self.counts() => Some(counted(now_s, counter)),
            Access::IdleSeconds(idle_s) if !self.counts() => Some(used_before(idle_s, now_s)),
            _ => None,
        }
    }
}

fn used_before(idle_s: u64, now_s: u32) -> u32 {
    now_s.saturating_sub(u32::try_from(idle_s).unwrap_or(u32::MAX))
}

/// For how long the key has not been used. A word of 0 says that nobody knows.
#[must_use]
pub fn idle_s(word: u32, now_s: u32) -> u32 {
    match parts(word) {
        Some((minutes, _)) => {
            let elapsed = minutes_of(now_s).wrapping_sub(minutes);
            u32::from(elapsed) * SECONDS_PER_MINUTE
        }
        None if word == 0 => 0,
        None => now_s.saturating_sub(word),
    }
}

/// The word of a key that comes from a snapshot of this moment.
#[must_use]
pub fn loaded(access: Access, created_s: u32) -> u32 {
    match access {
        Access::Unknown => created_s,
        Access::IdleSeconds(idle_s) => used_before(idle_s, created_s),
        Access::Frequency(counter) => counted(created_s, counter),
    }
}

/// The policy, and the chance by which counters grow.
#[derive(Debug)]
pub struct Usage {
    /// The policy.
    pub policy: UsagePolicy,
    random: u64,
}

impl Usage {
    /// No policy yet; what is random comes from the seed.
    #[must_use]
    pub const fn new(seed: &HashSeed) -> Self {
        Self {
            policy: UsagePolicy {
                tracked: Tracked::Time,
                log_factor: 0,
                decay_minutes: 0,
            },
            random: seed.k0 ^ seed.k1.rotate_left(32),
        }
    }

    /// The word of a key that is used now.
    #[inline]
    pub fn touched(&mut self, word: u32, now_s: u32) -> u32 {
        if self.policy.counts() {
            self.counted_up(word, now_s)
        } else {
            now_s
        }
    }

    /// The word of an entry that takes the place of `old`: one that was moved brings
    /// its own, and one that was overwritten is the same key still.
    pub(super) fn replacing(&mut self, own: u32, old: Option<u32>, now_s: u32) -> u32 {
        match (parts(own), old) {
            (Some(_), _) => own,
            (None, Some(old)) => self.touched(old, now_s),
            (None, None) => self.policy.fresh(now_s),
        }
    }

    #[cold]
    fn counted_up(&mut self, word: u32, now_s: u32) -> u32 {
        let counter = self.policy.frequency(word, now_s);
        let above = f64::from(counter.saturating_sub(INITIAL));
        let odds = 1.0 / (above * f64::from(self.policy.log_factor) + 1.0);
        let grows = self.draw() < odds;
        counted(now_s, counter.saturating_add(u8::from(grows)))
    }

    /// A number from 0 to 1, from the upper bits of a linear congruential generator.
    const fn draw(&mut self) -> f64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u32 = 1_800_000_000;

    fn counting(log_factor: u32) -> Usage {
        let mut usage = Usage::new(&HashSeed::new(1, 2));
        usage.policy = UsagePolicy {
            tracked: Tracked::Frequency,
            log_factor,
            decay_minutes: 1,
        };
        usage
    }

    fn after(usage: &mut Usage, uses: u32) -> u8 {
        let mut word = usage.policy.fresh(NOW_S);
        for _ in 0..uses {
            word = usage.touched(word, NOW_S);
        }
        usage.policy.frequency(word, NOW_S)
    }

    /// The table in redis.conf, within what chance allows.
    #[test]
    fn the_counter_grows_as_redis_says() {
        for (log_factor, uses, about) in [
            (0, 100, 105),
            (0, 1000, 255),
            (1, 1000, 49),
            (10, 100, 10),
            (10, 1000, 18),
            (10, 100_000, 142),
            (100, 100_000, 49),
        ] {
            let found = after(&mut counting(log_factor), uses);
            let off = found.abs_diff(about);
            assert!(off <= 4 + about / 6, "{log_factor} {uses}: {found}");
        }
    }

    #[test]
    fn the_counter_falls_with_time_across_the_minutes_own_end() {
        let policy = counting(10).policy;
        let start_s = 65_530 * 60;
        let word = counted(start_s, 100);
        for minutes in [0, 1, 5, 6, 99, 100, 300] {
            let left = policy.frequency(word, start_s + minutes * 60 + 59);
            assert_eq!(u32::from(left), 100_u32.saturating_sub(minutes));
        }
        let still = UsagePolicy {
            decay_minutes: 0,
            ..policy
        };
        assert_eq!(still.frequency(word, start_s + 60_000), 100);
    }

    #[test]
    fn words_of_another_policy_are_known() {
        let policy = counting(10).policy;
        assert_eq!(policy.frequency(NOW_S - 1000, NOW_S), INITIAL);
        assert_eq!(idle_s(counted(NOW_S - 180, 200), NOW_S), 180);
        assert_eq!(idle_s(NOW_S - 7, NOW_S), 7);
        assert_eq!(idle_s(0, NOW_S), 0);
    }

    #[test]
    fn snapshots_keep_what_the_policy_tracks() {
        let policy = counting(10).policy;
        let word = loaded(Access::Frequency(77), NOW_S);
        assert_eq!(policy.access(word, NOW_S), Access::Frequency(77));
        let idle = UsagePolicy {
            tracked: Tracked::IdleTime,
            ..policy
        };
        let word = loaded(Access::IdleSeconds(30), NOW_S);
        assert_eq!(idle.access(word, NOW_S + 5), Access::IdleSeconds(35));
        let neither = UsagePolicy::default();
        assert_eq!(neither.access(word, NOW_S), Access::Unknown);
    }
}
