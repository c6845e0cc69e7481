//! CRC-64 as Redis computes it: Jones' polynomial, reflected, nothing inverted.
//!
//! ```text
//! polynomial  0xad93d23594c935a9      initial value  0      final xor  0
//! "123456789" -> 0xe9c6d914c4b8d9ca
//! ```

use crc_fast::{CrcAlgorithm, Digest, checksum_combine};

/// Below this the table is faster than setting up the folding instructions.
const FOLDING_MIN_BYTES: usize = 256;

/// A checksum that grows with what it is fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crc64(u64);

impl Crc64 {
    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        let mut crc = Self::default();
        crc.update(bytes);
        crc.value()
    }

    /// One that goes on from the checksum of what came before.
    #[must_use]
    pub const fn resume(value: u64) -> Self {
        Self(value)
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        if bytes.len() < FOLDING_MIN_BYTES {
            self.0 = crc64::crc64(self.0, bytes);
            return;
        }
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Redis, self.0);
        digest.update(bytes);
        self.0 = digest.finalize();
    }

    /// Adds `length` bytes whose own checksum is `value`.
    pub fn append(&mut self, value: u64, length: u64) {
        self.0 = checksum_combine(CrcAlgorithm::Crc64Redis, self.0, value, length);
    }

    /// The checksum of everything fed so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_is_redis_own() {
        assert_eq!(Crc64::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(Crc64::of(b""), 0);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_reference_checksum(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
            at in any::<prop::sample::Index>(),
        ) {
            let (head, tail) = bytes.split_at(at.index(bytes.len() + 1));
            let mut crc = Crc64::default();
            crc.update(head);
            crc.update(tail);
            prop_assert_eq!(crc.value(), crc64::crc64(0, &bytes));
            let mut crc = Crc64::resume(Crc64::of(head));
            crc.append(Crc64::of(tail), tail.len() as u64);
            prop_assert_eq!(crc.value(), crc64::crc64(0, &bytes));
        }
    }
}
