//! Ids of stream entries.

use std::fmt;

/// Milliseconds and a sequence number within them; ordered by both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix milliseconds, unless the client chose otherwise.
    pub ms: u64,
    /// The number among the ids of that millisecond.
    pub seq: u64,
}

impl StreamId {
    /// Before every entry.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
    /// The last id that there can be.
    pub const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };
    /// Bytes of the binary form.
    pub const BYTES: usize = 16;

    /// An id.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The id as snapshots hold it: both halves big-endian, so that the bytes
    /// sort as the ids do.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let both = u128::from(self.ms) << 64 | u128::from(self.seq);
        both.to_be_bytes()
    }

    /// The id that [`to_bytes`](Self::to_bytes) made these of.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self {
            ms: (both >> 64) as u64,
            seq: both as u64,
        }
    }
}

impl StreamId {
    /// The id behind this one, if there is one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match (self.ms, self.seq) {
            (u64::MAX, u64::MAX) => None,
            (ms, u64::MAX) => Some(Self::new(ms + 1, 0)),
            (ms, seq) => Some(Self::new(ms, seq + 1)),
        }
    }

    /// The id before this one, if there is one.
    #[must_use]
    pub const fn prev(self) -> Option<Self> {
        match (self.ms, self.seq) {
            (0, 0) => None,
            (ms, 0) => Some(Self::new(ms - 1, u64::MAX)),
            (ms, seq) => Some(Self::new(ms, seq - 1)),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}
