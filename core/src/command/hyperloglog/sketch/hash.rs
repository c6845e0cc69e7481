//! Which register an element belongs to, and what it says to it.

use super::{INDEX_BITS, RANK_BITS, REGISTERS};

/// Redis's seed, which a HyperLogLog that moves between servers depends on.
const SEED: u64 = 0xadc8_3b19;

/// An element's register, and its rank: one more than the zeros that the rest of its
/// hash ends with.
pub(in super::super) fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let register = hash as usize & (REGISTERS - 1);
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (register, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A by Austin Appleby, reading words as little endian everywhere.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = (hash ^ mixed.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> SHIFT;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PFDEBUG DECODE of Redis 7.0 shows after a PFADD of the element.
    #[test]
    fn elements_have_the_places_that_redis_gives_them() {
        for (element, register, rank) in [
            ("", 5938, 2),
            ("a", 12711, 2),
            ("b", 15780, 1),
            ("hello", 9216, 1),
            ("01234567", 594, 2),
            ("0123456789abcdef", 5949, 1),
        ] {
            assert_eq!(place_of(element.as_bytes()), (register, rank), "{element}");
        }
    }

    /// A length of each remainder, with seeds that show.
    #[test]
    fn every_byte_counts() {
        let text = b"0123456789abcdefg";
        let mut hashes: Vec<u64> = (0..=text.len())
            .map(|len| murmur64a(&text[..len], SEED))
            .collect();
        hashes.push(murmur64a(text, SEED + 1));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), text.len() + 2);
    }
}
