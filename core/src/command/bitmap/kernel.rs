//! The work on bits itself, a word at a time where strings are long.

use std::ops::Range;

const WORD_BYTES: usize = size_of::<u64>();

/// The byte of a bit, and the bit's mask in it.
pub(super) const fn mask_of(offset: u64) -> (usize, u8) {
    ((offset >> 3) as usize, 0x80 >> (offset & 7))
}

/// A bit; false behind the end.
pub(super) fn bit_at(bytes: &[u8], offset: u64) -> bool {
    let (byte, mask) = mask_of(offset);
    bytes.get(byte).is_some_and(|byte| byte & mask != 0)
}

/// A range of bits as its first byte, whole bytes, and the masks of what the first
/// and the last byte have of it. The range is not empty and inside of the bytes.
struct Span<'a> {
    bytes: &'a [u8],
    first_byte: usize,
    first_mask: u8,
    last_mask: u8,
}

impl<'a> Span<'a> {
    fn of(bytes: &'a [u8], bits: &Range<u64>) -> Self {
        let (first_byte, last_byte) = ((bits.start >> 3) as usize, ((bits.end - 1) >> 3) as usize);
        Self {
            bytes: &bytes[first_byte..=last_byte],
            first_byte,
            first_mask: 0xff >> (bits.start & 7),
            last_mask: 0xff << (7 - ((bits.end - 1) & 7)),
        }
    }
}

/// How many bits of a range are set.
pub(super) fn count_ones(bytes: &[u8], bits: &Range<u64>) -> u64 {
    let span = Span::of(bytes, bits);
    let ones = ones_of(span.bytes);
    let (first, last) = (span.bytes[0], span.bytes[span.bytes.len() - 1]);
    let outside = (first & !span.first_mask).count_ones() + (last & !span.last_mask).count_ones();
    ones - u64::from(outside)
}

fn ones_of(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
    let in_words = words
        .iter()
        .map(|word| u64::from_ne_bytes(*word).count_ones());
    let in_rest = rest.iter().map(|byte| byte.count_ones());
    in_words.map(u64::from).sum::<u64>() + in_rest.map(u64::from).sum::<u64>()
}

/// The first bit of a range that is `wanted`.
pub(super) fn find_bit(bytes: &[u8], bits: &Range<u64>, wanted: bool) -> Option<u64> {
    let span = Span::of(bytes, bits);
    // A byte is searched for ones: what is looked for becomes a one.
    let flip = if wanted { 0 } else { 0xff };
    let last = span.bytes.len() - 1;
    let masked = |place: usize| {
        let first_mask = if place == 0 { span.first_mask } else { 0xff };
        let last_mask = if place == last { span.last_mask } else { 0xff };
        (span.bytes[place] ^ flip) & first_mask & last_mask
    };
    let found = if masked(0) != 0 {
        0
    } else {
        // The last byte is left to the end, where its mask counts.
        let inner = span.bytes.get(1..last).unwrap_or(&[]);
        let place = 1 + first_other(inner, flip);
        if place > last || masked(place) == 0 {
            return None;
        }
        place
    };
    let in_byte = u64::from(masked(found).leading_zeros());
    Some((span.first_byte + found) as u64 * 8 + in_byte)
}

/// The first byte that is not `byte`, or the length where there is none.
fn first_other(bytes: &[u8], byte: u8) -> usize {
    let (words, _) = bytes.as_chunks::<WORD_BYTES>();
    let same = u64::from_ne_bytes([byte; WORD_BYTES]);
    let skipped = words
        .iter()
        .take_while(|word| u64::from_ne_bytes(**word) == same);
    let start = skipped.count() * WORD_BYTES;
    let rest = bytes[start..].iter().take_while(|other| **other == byte);
    start + rest.count()
}

/// An integer of `width` bits, at most 64, whose first bit stands at `offset`. Bits
/// behind the end are zero.
pub(super) fn read_field(bytes: &[u8], offset: u64, width: u32) -> u64 {
    let window = window_of(bytes, offset);
    let shift = u128::BITS - (offset & 7) as u32 - width;
    let mask = u64::MAX >> (u64::BITS - width);
    (window >> shift) as u64 & mask
}

/// Writes an integer where `read_field` finds it; the bytes are long enough.
pub(super) fn write_field(bytes: &mut [u8], offset: u64, width: u32, value: u64) {
    let shift = u128::BITS - (offset & 7) as u32 - width;
    let mask = u128::from(u64::MAX >> (u64::BITS - width)) << shift;
    let window = window_of(bytes, offset) & !mask | (u128::from(value) << shift) & mask;
    let start = (offset >> 3) as usize;
    let end = bytes.len().min(start + WINDOW_BYTES);
    bytes[start..end].copy_from_slice(&window.to_be_bytes()[..end - start]);
}

/// Nine bytes hold 64 bits wherever they start; sixteen make an integer.
const WINDOW_BYTES: usize = size_of::<u128>();

fn window_of(bytes: &[u8], offset: u64) -> u128 {
    let mut window = [0; WINDOW_BYTES];
    let there = bytes.get((offset >> 3) as usize..).unwrap_or(&[]);
    let len = there.len().min(WINDOW_BYTES);
    window[..len].copy_from_slice(&there[..len]);
    u128::from_be_bytes(window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow_count(bytes: &[u8], bits: Range<u64>) -> u64 {
        bits.filter(|bit| bit_at(bytes, *bit)).count() as u64
    }

    proptest! {
        #[test]
        fn words_find_what_single_bits_find(
            mut bytes in proptest::collection::vec(any::<u8>(), 1..80),
            fill in proptest::option::of(any::<bool>()),
            ends in (0u64..640, 0u64..640),
        ) {
            if let Some(ones) = fill {
                let len = bytes.len();
                bytes[..len / 2].fill(if ones { 0xff } else { 0 });
                bytes[len / 2 + 1..].fill(if ones { 0xff } else { 0 });
            }
            let total = bytes.len() as u64 * 8;
            let (start, end) = (ends.0.min(ends.1) % total, ends.0.max(ends.1) % total + 1);
            prop_assume!(start < end);
            prop_assert_eq!(count_ones(&bytes, &(start..end)), slow_count(&bytes, start..end));
            for wanted in [false, true] {
                let slow = (start..end).find(|bit| bit_at(&bytes, *bit) == wanted);
                prop_assert_eq!(find_bit(&bytes, &(start..end), wanted), slow);
            }
        }

        #[test]
        fn a_field_is_its_bits_and_touches_no_other(
            bytes in proptest::collection::vec(any::<u8>(), 10..40),
            offset in 0u64..16,
            width in 1u32..=64,
            value in any::<u64>(),
        ) {
            let mut written = bytes.clone();
            write_field(&mut written, offset, width, value);
            let mask = u64::MAX >> (64 - width);
            prop_assert_eq!(read_field(&written, offset, width), value & mask);
            for bit in 0..bytes.len() as u64 * 8 {
                if bit < offset || bit >= offset + u64::from(width) {
                    prop_assert_eq!(bit_at(&written, bit), bit_at(&bytes, bit));
                } else {
                    let place = offset + u64::from(width) - 1 - bit;
                    prop_assert_eq!(bit_at(&written, bit), value >> place & 1 == 1);
                }
            }
        }
    }

    #[test]
    fn a_field_behind_the_end_is_zero() {
        assert_eq!(read_field(b"\xff", 4, 8), 0xf0);
        assert_eq!(read_field(b"\xff", 8, 64), 0);
        assert_eq!(read_field(b"", 1 << 31, 1), 0);
    }
}
