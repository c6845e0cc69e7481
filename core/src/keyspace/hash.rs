//! The keyed hash that orders every table.
//!
//! Clients choose keys and fields, so an unkeyed hash would let them aim every
//! key at one group. SipHash-1-3 with a secret seed is the weakest function
//! that is argued safe against that; the seed travels with snapshots so that
//! a SCAN cursor, which is a hash position, survives a failover.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// The secret key of all hashes of one dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashSeed {
    /// The low half of the SipHash key.
    pub k0: u64,
    /// The high half of the SipHash key.
    pub k1: u64,
}

impl HashSeed {
    /// A seed of two halves drawn by the caller.
    #[must_use]
    pub const fn new(k0: u64, k1: u64) -> Self {
        Self { k0, k1 }
    }

    /// What tells this seed from others without telling it.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.hash(b"towline hash seed")
    }

    /// The 64-bit position of `bytes` in every table of this dataset.
    #[must_use]
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.k0, self.k1);
        hasher.write(bytes);
        hasher.finish()
    }
}
