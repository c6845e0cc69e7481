//! The latency monitor: when something kept everybody waiting, and for how long.

use std::collections::{BTreeMap, VecDeque};

/// Samples that are kept of each event.
const SAMPLES_MAX: usize = 160;

/// The longest delay of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The second, unix.
    pub time_s: i64,
    /// The delay, milliseconds.
    pub took_ms: u64,
}

/// The samples of one event, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Series {
    samples: VecDeque<Sample>,
    max_ms: u64,
}

impl Series {
    /// The samples, oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// The newest sample.
    #[must_use]
    pub fn latest(&self) -> Option<&Sample> {
        self.samples.back()
    }

    /// The longest delay ever, milliseconds.
    #[must_use]
    pub const fn max_ms(&self) -> u64 {
        self.max_ms
    }

    fn add(&mut self, sample: Sample) {
        self.max_ms = self.max_ms.max(sample.took_ms);
        match self.samples.back_mut() {
            Some(last) if last.time_s == sample.time_s => {
                last.took_ms = last.took_ms.max(sample.took_ms);
            }
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }
}

/// See the module's comment.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Notes a delay of at least `threshold_ms`; a threshold of 0 turns it off.
    pub fn note(&mut self, event: &'static str, sample: Sample, threshold_ms: u64) {
        if threshold_ms > 0 && sample.took_ms >= threshold_ms {
            self.events.entry(event).or_default().add(sample);
        }
    }

    /// The events that were noted, by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(name, series)| (*name, series))
    }

    /// The samples of one event.
    #[must_use]
    pub fn find(&self, event: &[u8]) -> Option<&Series> {
        self.events.get(std::str::from_utf8(event).ok()?)
    }

    /// Forgets an event. False where there is none of that name.
    pub fn forget(&mut self, event: &[u8]) -> bool {
        let name = std::str::from_utf8(event).ok();
        name.is_some_and(|name| self.events.remove(name).is_some())
    }

    /// Forgets all events, and answers how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}
