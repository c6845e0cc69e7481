//! LZF, the compression of strings in RDB.
//!
//! ```text
//! control byte    meaning
//! 000LLLLL        the next L+1 bytes are literals
//! LLLooooo        L in 1..=6: copy L+2 bytes from `distance` back
//! 111ooooo n      copy n+9 bytes
//! ```
//! A copy's last byte is the low half of its distance: `ooooo` is the high
//! half, and the distance is their value plus one (1 to 8192).

/// The most bytes that one byte of compressed text can stand for: a 3-byte
/// copy yields at most 264.
pub const MAX_EXPANSION: u64 = 88;

const MAX_LITERALS: usize = 32;
const MAX_DISTANCE: usize = 1 << 13;
const MAX_MATCH: usize = 264;
/// How many bytes a look-up reads, of which the first three count.
const WORD: usize = 4;
/// The table for the longest strings, and for short ones, which then stays near.
const HASH_BITS: std::ops::RangeInclusive<u32> = 9..=14;
const SLOTS: usize = 1 << *HASH_BITS.end();
/// After so many literals without a match, every second position is tried, then every
/// third: what does not compress is through soon.
const PATIENCE_BYTES: usize = 64;

/// Why a compressed string cannot be what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Expands `input` to exactly `length` bytes.
///
/// The caller has checked `length` against [`MAX_EXPANSION`], so that the
/// allocation is justified by the input.
pub fn decompress(input: &[u8], length: usize) -> Result<Vec<u8>, Damaged> {
    let mut out = Vec::with_capacity(length);
    let mut rest = input;
    while let Some((&control, tail)) = rest.split_first() {
        rest = if usize::from(control) < MAX_LITERALS {
            literals(usize::from(control) + 1, tail, length, &mut out)?
        } else {
            copy(control, tail, length, &mut out)?
        };
    }
    if out.len() == length {
        Ok(out)
    } else {
        Err(Damaged)
    }
}

fn literals<'a>(
    count: usize,
    tail: &'a [u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], Damaged> {
    let (bytes, rest) = tail.split_at_checked(count).ok_or(Damaged)?;
    if count > length - out.len() {
        return Err(Damaged);
    }
    out.extend_from_slice(bytes);
    Ok(rest)
}

fn copy<'a>(
    control: u8,
    tail: &'a [u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], Damaged> {
    let (mut count, mut rest) = (usize::from(control >> 5) + 2, tail);
    if count == 9 {
        let (&more, after) = rest.split_first().ok_or(Damaged)?;
        (count, rest) = (count + usize::from(more), after);
    }
    let (&low, rest) = rest.split_first().ok_or(Damaged)?;
    let distance = (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1;
    // Without this bound the fuzzer must find something.
    let beyond_start = distance > out.len() && !cfg!(towline_canary = "lzf");
    if beyond_start || count > length - out.len() {
        return Err(Damaged);
    }
    let from = out.len() - distance;
    if distance >= count {
        out.extend_from_within(from..from + count);
    } else {
        // The copy reads what it has just written.
        for at in from..from + count {
            out.push(out[at]);
        }
    }
    Ok(rest)
}

/// A compressor; it keeps its table between strings.
#[derive(Debug)]
pub struct Compressor {
    /// Where each hash of three bytes was last seen, plus `base`.
    table: Box<[u32; SLOTS]>,
    /// Entries below this are of earlier strings, so that the table needs no clearing
    /// for each one.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self {
            table: Box::new([0; SLOTS]),
            base: 0,
        }
    }
}

impl Compressor {
    /// Appends the compressed form of `input` to `out` and returns its length;
    /// `None`, and `out` as it was, where that would be over `max_bytes`.
    pub fn compress(&mut self, input: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> Option<usize> {
        let next_base = self.start(input.len())?;
        let (begin, shift) = (out.len(), shift(input.len()));
        let (mut pending, mut at) = (0, 0);
        while let Some(word) = word_at(input, at) {
            let Some(distance) = self.find(input, at, word, shift) else {
                at += 1 + (at - pending) / PATIENCE_BYTES;
                continue;
            };
            let count = match_length(input, at, distance);
            put_literals(&input[pending..at], out);
            put_copy(distance, count, out);
            at += count;
            pending = at;
            if out.len() - begin > max_bytes {
                break;
            }
            self.learn(input, at - 2, shift);
            self.learn(input, at - 1, shift);
        }
        put_literals(&input[pending..], out);
        self.base = next_base;
        let length = out.len() - begin;
        if length > max_bytes {
            out.truncate(begin);
            return None;
        }
        Some(length)
    }

    /// Makes room in the numbering of positions for a string of `length`, and answers
    /// where the next one's begin.
    fn start(&mut self, length: usize) -> Option<u32> {
        let length = u32::try_from(length).ok()?.checked_add(1)?;
        if self.base.checked_add(length).is_none() {
            self.table.fill(0);
            self.base = 0;
        }
        // The position 0 of the first string must differ from an empty slot.
        self.base = self.base.max(1);
        self.base.checked_add(length)
    }

    /// How far back the first three bytes of `word`, which stands at `at`, stand as
    /// well; remembers them.
    fn find(&mut self, input: &[u8], at: usize, word: u32, shift: u32) -> Option<usize> {
        let slot = &mut self.table[slot(word, shift)];
        let seen = std::mem::replace(slot, self.base + at as u32);
        let previous = seen.checked_sub(self.base)? as usize;
        let distance = at.checked_sub(previous)?;
        let near = (1..=MAX_DISTANCE).contains(&distance);
        let same = near && (word_at(input, previous)? ^ word) & 0x00ff_ffff == 0;
        same.then_some(distance)
    }

    /// Remembers a position at the end of a match, so that later text finds it.
    fn learn(&mut self, input: &[u8], at: usize, shift: u32) {
        if let Some(word) = word_at(input, at) {
            self.table[slot(word, shift)] = self.base + at as u32;
        }
    }
}

/// By how much a hash is shifted for a table that suits a string of `length`.
fn shift(length: usize) -> u32 {
    let bits = length.checked_ilog2().unwrap_or(0) + 1;
    u32::BITS - bits.clamp(*HASH_BITS.start(), *HASH_BITS.end())
}

fn slot(word: u32, shift: u32) -> usize {
    ((word << 8).wrapping_mul(0x9e37_79b1) >> shift) as usize % SLOTS
}

fn word_at(input: &[u8], at: usize) -> Option<u32> {
    let word = input.get(at..)?.first_chunk::<WORD>()?;
    Some(u32::from_le_bytes(*word))
}

/// How many bytes at `at` equal those `distance` before them.
fn match_length(input: &[u8], at: usize, distance: usize) -> usize {
    let most = MAX_MATCH.min(input.len() - at);
    let (ahead, behind) = (&input[at..at + most], &input[at - distance..]);
    let (ahead_words, ahead_rest) = ahead.as_chunks::<8>();
    let (behind_words, _) = behind.as_chunks::<8>();
    let pairs = ahead_words.iter().zip(behind_words);
    for (place, (one, other)) in pairs.enumerate() {
        let differing = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if differing != 0 {
            return place * 8 + differing.trailing_zeros() as usize / 8;
        }
    }
    let compared = most - ahead_rest.len();
    let pairs = ahead_rest.iter().zip(&behind[compared..]);
    compared + pairs.take_while(|(one, other)| one == other).count()
}

fn put_literals(bytes: &[u8], out: &mut Vec<u8>) {
    for run in bytes.chunks(MAX_LITERALS) {
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
    }
}

fn put_copy(distance: usize, count: usize, out: &mut Vec<u8>) {
    let (back, extra) = (distance - 1, count - 2);
    let high = (back >> 8) as u8;
    if extra < 7 {
        out.push((extra as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((extra - 7) as u8);
    }
    out.push(back as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(compressor: &mut Compressor, input: &[u8]) -> usize {
        let mut out = b"before".to_vec();
        let length = compressor
            .compress(input, input.len() * 2 + 64, &mut out)
            .expect("the bound is generous");
        assert_eq!(out.len(), 6 + length);
        let expanded = decompress(&out[6..], input.len());
        assert_eq!(expanded.as_deref(), Ok(input));
        length
    }

    #[test]
    fn repetition_shrinks_to_almost_nothing() {
        let input = b"abcdefgh".repeat(20_000);
        let length = round_trip(&mut Compressor::default(), &input);
        assert!(length < input.len() / 80, "{length}");
    }

    #[test]
    fn text_that_does_not_shrink_is_left_alone() {
        let input: Vec<u8> = (0..=255).collect();
        let mut out = vec![1, 2, 3];
        let mut compressor = Compressor::default();
        assert_eq!(compressor.compress(&input, input.len() - 4, &mut out), None);
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn damage_is_refused() {
        // A copy before any output, literals cut short, too much output.
        for (input, length) in [
            (&[0x20, 0][..], 3),
            (&[2, b'a'][..], 3),
            (&[1, b'a', b'b'][..], 1),
            (&[0, b'a', 0xe0, 255, 0][..], 100),
            (&[0, b'a', 0xe0][..], 100),
            (&[0, b'a'][..], 2),
        ] {
            assert_eq!(decompress(input, length), Err(Damaged), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn strings_survive(
            inputs in prop::collection::vec(
                prop::collection::vec(0..4_u8, 0..3000), 1..4)
        ) {
            // One compressor for all of them: its table must not leak from one
            // string into the next.
            let mut compressor = Compressor::default();
            for input in &inputs {
                round_trip(&mut compressor, input);
            }
        }

        #[test]
        fn random_input_never_panics(
            input in prop::collection::vec(any::<u8>(), 0..200),
            length in 0..5000_usize,
        ) {
            if let Ok(out) = decompress(&input, length) {
                prop_assert_eq!(out.len(), length);
            }
        }
    }
}
