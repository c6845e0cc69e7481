//! One connection's way through the proxy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a connection came, and whether it was cut on the way.
#[derive(Debug)]
pub struct Passage {
    limit_bytes: u64,
    passed_bytes: AtomicU64,
    is_over: AtomicBool,
}

impl Passage {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            passed_bytes: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Bytes that were let through so far, of both directions.
    pub fn passed_bytes(&self) -> u64 {
        self.passed_bytes.load(Ordering::SeqCst)
    }

    /// Whether the connection has ended, by a cut or by itself.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Whether it came to its limit.
    pub fn was_cut(&self) -> bool {
        self.passed_bytes() == self.limit_bytes
    }

    /// How many of `wanted` bytes may pass, which then count as passed.
    pub(super) fn take(&self, wanted: usize) -> usize {
        let mut allowed = 0;
        let take = |passed| {
            allowed = wanted.min(usize::try_from(self.limit_bytes - passed).unwrap_or(usize::MAX));
            Some(passed + allowed as u64)
        };
        self.passed_bytes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .expect("the closure always answers");
        allowed
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::Passage;

    #[test]
    fn no_byte_more_than_the_limit_passes() {
        let passage = Passage::new(10);
        assert_eq!(passage.take(7), 7);
        assert!(!passage.was_cut());
        assert_eq!(passage.take(7), 3);
        assert!(passage.was_cut());
        assert_eq!(passage.take(7), 0);
    }
}
