//! How a valid input becomes a hostile one.
//!
//! No coverage is measured: an input depends on nothing but the corpus, the seed
//! and its number, so that any of them can be made again by itself.

use crate::corpus::Corpus;
use crate::rng::Rng;

/// The most changes to one input.
const MAX_CHANGES: usize = 8;
/// Inputs do not grow beyond this, except for a long run.
const MAX_BYTES: usize = 16 << 10;
/// The longest run of one byte; longer than the longest line of any protocol.
const MAX_RUN_BYTES: usize = 70 << 10;
/// One input in so many has nothing to do with the corpus.
const RANDOM_ONE_IN: usize = 40;
/// One input in so many is a valid one, cut short.
const TRUNCATED_ONE_IN: usize = 40;
/// One input in so many keeps its wrong checksum.
const UNFIXED_ONE_IN: usize = 8;

/// Values at the edges of widths and of limits.
const EDGES: [u64; 30] = [
    0,
    1,
    2,
    10,
    11,
    63,
    64,
    127,
    128,
    253,
    254,
    255,
    256,
    1024,
    4095,
    4096,
    16_383,
    16_384,
    16_385,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x2000_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// The input of this number.
#[must_use]
pub fn input(corpus: &Corpus, rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(RANDOM_ONE_IN) {
        return random_bytes(rng, 256);
    }
    let mut bytes = rng.pick(&corpus.seeds).to_vec();
    if rng.one_in(TRUNCATED_ONE_IN) {
        bytes.truncate(rng.below(bytes.len() + 1));
        return bytes;
    }
    for _ in 0..=rng.below(MAX_CHANGES) {
        change(&mut bytes, corpus, rng);
        bytes.truncate(MAX_BYTES);
        // Most inputs stay near a valid one.
        if rng.one_in(3) {
            break;
        }
    }
    if rng.one_in(500) {
        long_run(&mut bytes, rng);
    }
    if !rng.one_in(UNFIXED_ONE_IN) {
        (corpus.fixup)(&mut bytes);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &Corpus, rng: &mut Rng) {
    match rng.below(12) {
        0 => flip_bit(bytes, rng),
        1 => set_byte(bytes, rng),
        2 => nudge_byte(bytes, rng),
        3 => set_integer(bytes, rng),
        4 => set_decimal(bytes, rng),
        5 => put_token(bytes, corpus, rng),
        6 => remove_range(bytes, rng),
        7 => copy_range(bytes, rng),
        8 => bytes.truncate(rng.below(bytes.len() + 1)),
        9 => splice(bytes, rng.pick(&corpus.seeds), rng),
        10 => insert(bytes, &random_bytes(rng, 8), rng),
        _ => lie_about_length(bytes, rng),
    }
}

fn random_bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    let length = rng.below(most + 1);
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

fn flip_bit(bytes: &mut [u8], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

fn set_byte(bytes: &mut [u8], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let edge = EDGES[rng.below(EDGES.len())];
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if rng.one_in(2) {
            edge as u8
        } else {
            rng.next_u64() as u8
        };
    }
}

fn nudge_byte(bytes: &mut [u8], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let by = rng.below(9) as u8;
    if let Some(byte) = bytes.get_mut(at) {
        *byte = byte.wrapping_add(by).wrapping_sub(4);
    }
}

/// An edge, a little more or less, of any width and either order of bytes.
fn edge(rng: &mut Rng) -> u64 {
    let edge = EDGES[rng.below(EDGES.len())];
    match rng.below(4) {
        0 => edge.wrapping_add(1 + rng.below(3) as u64),
        1 => edge.wrapping_sub(1 + rng.below(3) as u64),
        _ => edge,
    }
}

fn set_integer(bytes: &mut [u8], rng: &mut Rng) {
    let width = 1 << rng.below(4);
    let little = edge(rng).to_le_bytes();
    let mut field = little[..width].to_vec();
    if rng.one_in(2) {
        field.reverse();
    }
    let at = rng.below(bytes.len());
    overwrite(bytes, at, &field);
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(with) {
        *byte = *new;
    }
}

/// Another number in place of one in text.
fn set_decimal(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let from = rng.below(bytes.len());
    let digits = bytes[from..].iter().position(u8::is_ascii_digit);
    let Some(start) = digits.map(|offset| from + offset) else {
        return;
    };
    let length = bytes[start..].iter().take_while(|b| b.is_ascii_digit());
    let end = start + length.count();
    let number = edge(rng);
    let text = match rng.below(4) {
        0 => (number as i64).to_string(),
        1 => (rng.below(40)).to_string(),
        _ => number.to_string(),
    };
    bytes.splice(start..end, text.into_bytes());
}

fn put_token(bytes: &mut Vec<u8>, corpus: &Corpus, rng: &mut Rng) {
    let token = rng.pick(&corpus.tokens);
    if rng.one_in(2) {
        insert(bytes, token, rng);
    } else {
        let at = rng.below(bytes.len());
        overwrite(bytes, at, token);
    }
}

fn insert(bytes: &mut Vec<u8>, new: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    bytes.splice(at..at, new.iter().copied());
}

/// A range that is more often short than long.
fn range(bytes: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.below(bytes.len());
    let most = if rng.one_in(4) { bytes.len() } else { 16 };
    let end = (start + rng.below(most + 1)).min(bytes.len());
    start..end
}

fn remove_range(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let range = range(bytes, rng);
    bytes.drain(range);
}

fn copy_range(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let copied = bytes[range(bytes, rng)].to_vec();
    insert(bytes, &copied, rng);
}

/// The front of one input and the back of another.
fn splice(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let keep = rng.below(bytes.len() + 1);
    let from = rng.below(other.len() + 1);
    bytes.truncate(keep);
    bytes.extend_from_slice(&other[from..]);
}

/// The bytes that say a length in RDB, in front of something that has another.
fn lie_about_length(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let number = edge(rng);
    let mut field = match rng.below(3) {
        0 => (number as u16 & 0x3fff | 0x4000).to_be_bytes().to_vec(),
        1 => [&[0x80][..], &(number as u32).to_be_bytes()].concat(),
        _ => [&[0x81][..], &number.to_be_bytes()].concat(),
    };
    let at = rng.below(bytes.len() + 1);
    let end = (at + rng.below(2)).min(bytes.len());
    bytes.splice(at..end, field.drain(..));
}

/// One byte, many times: lines without an end and repetition for compressors.
fn long_run(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let byte = match rng.below(3) {
        0 => b'a',
        1 => 0,
        _ => rng.next_u64() as u8,
    };
    let run = vec![byte; rng.below(MAX_RUN_BYTES)];
    insert(bytes, &run, rng);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixup;

    fn corpus() -> Corpus {
        Corpus {
            seeds: vec![b"*1\r\n$4\r\nPING\r\n"[..].into(), Box::default()],
            tokens: vec![b"EXEC"[..].into()],
            fixup: fixup::nothing,
        }
    }

    #[test]
    fn an_input_follows_from_the_seed() {
        let make = |seed| input(&corpus(), &mut Rng::new(seed));
        assert!((0..2000).all(|seed| make(seed) == make(seed)));
        let different: std::collections::BTreeSet<_> = (0..2000).map(make).collect();
        assert!(different.len() > 1000, "{}", different.len());
        assert!(different.iter().any(|bytes| bytes.len() > MAX_BYTES));
        assert!(different.contains(&b""[..]));
    }

    #[test]
    fn each_kind_of_change_takes_any_bytes() {
        for seed in 0..20_000 {
            let mut rng = Rng::new(seed);
            let mut bytes = random_bytes(&mut rng, 3);
            change(&mut bytes, &corpus(), &mut rng);
        }
    }
}
