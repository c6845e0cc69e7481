//! A Huffman code over bytes: what is left to gain where LZ4 has found all repetitions,
//! for it writes digits, hexadecimal words and its own tokens in whole bytes.
//!
//! ```text
//! 0    4    length of the text n, little-endian as everything here
//! 4    12   lengths of the first three streams, bytes
//! 16   128  for every byte the length of its code, 4 bits each, the even one low; 0 for none
//! 144  …    four streams: the codes of a quarter of the text each, the last one's rest
//! ```
//! The code is canonical: shorter codes first, those of one length by their byte. A stream
//! is filled from the lowest bit of each byte on, with the first bit of a code lowest, so
//! that the next bits are an index into a table that names the byte. Four streams because a
//! processor decodes four side by side in little more time than one.

/// The longest code, bits: a table of so many bits stays in the nearest cache.
const MAX_CODE_BITS: usize = 11;
const TABLE_LEN: usize = 1 << MAX_CODE_BITS;
const STREAMS: usize = 4;
const LENGTHS_AT: usize = 4 * STREAMS;
const STREAMS_AT: usize = LENGTHS_AT + 128;
/// So many codes fit into a word of which the last byte may be partly used.
const CODES_PER_WORD: usize = (u64::BITS as usize - 7) / MAX_CODE_BITS;
const WORD_BYTES: usize = 8;

/// What stands for a byte of text at least: one bit.
pub(super) const MAX_EXPANSION: usize = 8;

/// It is not what this module writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Appends `text` in code where that takes at most `max_bytes`; false, and nothing
/// appended, where it takes more.
pub(super) fn compress(text: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> bool {
    let counts = counts(text);
    if counts.iter().filter(|&&count| count > 0).count() < 2 {
        return false;
    }
    let lengths = code_lengths(&counts);
    let bits: u64 = (counts.iter().zip(&lengths))
        .map(|(&count, &length)| u64::from(count) * u64::from(length))
        .sum();
    let most = STREAMS_AT as u64 + bits / 8 + STREAMS as u64;
    if most > max_bytes as u64 {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; LENGTHS_AT - 4]);
    let pairs = lengths.chunks(2).map(|pair| pair[0] | pair[1] << 4);
    out.extend(pairs);
    let codes = codes(&lengths);
    for (stream, quarter) in quarters(text).into_iter().enumerate() {
        let before = out.len();
        put_stream(quarter, &codes, out);
        if stream + 1 < STREAMS {
            let length = (out.len() - before) as u32;
            let at = start + 4 + 4 * stream;
            out[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
    }
    true
}

/// How long the text is, so that room can be judged before it is made.
pub(super) fn text_len(packed: &[u8]) -> Result<usize, Damaged> {
    let length = packed.first_chunk().ok_or(Damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    match length <= packed.len().saturating_mul(MAX_EXPANSION) {
        true => Ok(length),
        false => Err(Damaged),
    }
}

/// The text that `packed` stands for.
pub(super) fn decompress(packed: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut text = vec![0; text_len(packed)?];
    let (head, mut rest) = packed.split_at_checked(STREAMS_AT).ok_or(Damaged)?;
    let mut lengths = [0; 256];
    for (pair, &byte) in lengths.chunks_mut(2).zip(&head[LENGTHS_AT..]) {
        pair.copy_from_slice(&[byte & 15, byte >> 4]);
    }
    let table = table(&lengths)?;
    let mut streams = [Stream::new(&[]); STREAMS];
    for (stream, bits) in streams.iter_mut().enumerate() {
        let length = match head[4 + 4 * stream..].first_chunk() {
            Some(length) if stream + 1 < STREAMS => u32::from_le_bytes(*length) as usize,
            _ => rest.len(),
        };
        let bytes;
        (bytes, rest) = rest.split_at_checked(length).ok_or(Damaged)?;
        *bits = Stream::new(bytes);
    }
    decode(streams, &table, &mut text)?;
    Ok(text)
}

fn counts(text: &[u8]) -> [u32; 256] {
    // One counter after the other, as the same byte twice would wait for itself.
    let mut counts = [[0_u32; 256]; 4];
    let (fours, rest) = text.as_chunks::<4>();
    for four in fours {
        for (counts, &byte) in counts.iter_mut().zip(four) {
            counts[usize::from(byte)] += 1;
        }
    }
    for &byte in rest {
        counts[0][usize::from(byte)] += 1;
    }
    std::array::from_fn(|byte| counts.iter().map(|counts| counts[byte]).sum())
}

/// The length of each byte's code, none over [`MAX_CODE_BITS`].
fn code_lengths(counts: &[u32; 256]) -> [u8; 256] {
    let mut counts = *counts;
    loop {
        let lengths = huffman_lengths(&counts);
        if lengths
            .iter()
            .all(|&length| usize::from(length) <= MAX_CODE_BITS)
        {
            return lengths;
        }
        // Rarer bytes come nearer to the others, and with that their codes.
        for count in counts.iter_mut().filter(|count| **count > 0) {
            *count = count.div_ceil(4);
        }
    }
}

/// Huffman's own lengths, by two queues that are both in order: the bytes by their
/// counts, and the pairs as they are made.
fn huffman_lengths(counts: &[u32; 256]) -> [u8; 256] {
    let mut bytes: Vec<usize> = (0..256).filter(|&byte| counts[byte] > 0).collect();
    bytes.sort_by_key(|&byte| counts[byte]);
    let leaves = bytes.len();
    let mut weights: Vec<u64> = bytes.iter().map(|&byte| u64::from(counts[byte])).collect();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut pair) = (0, leaves);
    for node in leaves..2 * leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let takes_leaf = leaf < leaves && (pair >= node || weights[leaf] <= weights[pair]);
            let next = if takes_leaf { &mut leaf } else { &mut pair };
            parents[*next] = node;
            weight += weights[*next];
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0_u8; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut lengths = [0; 256];
    for (&byte, &depth) in bytes.iter().zip(&depths) {
        lengths[byte] = depth;
    }
    lengths
}

/// A byte's code, its first bit lowest, and its length.
#[derive(Clone, Copy, Default)]
struct Code {
    bits: u16,
    length: u16,
}

fn codes(lengths: &[u8; 256]) -> [Code; 256] {
    let mut codes = [Code::default(); 256];
    let mut next = 0_u16;
    for length in 1..=MAX_CODE_BITS as u16 {
        for byte in (0..256).filter(|&byte| u16::from(lengths[byte]) == length) {
            let bits = next.reverse_bits() >> (16 - length);
            codes[byte] = Code { bits, length };
            next += 1;
        }
        next <<= 1;
    }
    codes
}

fn quarters(text: &[u8]) -> [&[u8]; STREAMS] {
    let quarter = text.len().div_ceil(STREAMS);
    let mut rest = text;
    std::array::from_fn(|_| {
        let taken;
        (taken, rest) = rest.split_at(quarter.min(rest.len()));
        taken
    })
}

/// Appends the codes of `text`, which take `text.len()` times the longest at most.
fn put_stream(text: &[u8], codes: &[Code; 256], out: &mut Vec<u8>) {
    let mut at = out.len();
    out.resize(at + text.len() * MAX_CODE_BITS / 8 + 2 * WORD_BYTES, 0);
    let (mut word, mut used) = (0_u64, 0_usize);
    let (chunks, rest) = text.as_chunks::<CODES_PER_WORD>();
    let mut put = |text: &[u8]| {
        for &byte in text {
            let code = codes[usize::from(byte)];
            word |= u64::from(code.bits) << used;
            used += usize::from(code.length);
        }
        out[at..at + WORD_BYTES].copy_from_slice(&word.to_le_bytes());
        // The last byte stays until it is full; it is never the eighth.
        at += used / 8;
        word >>= used / 8 * 8;
        used %= 8;
    };
    chunks.iter().for_each(|chunk| put(chunk));
    put(rest);
    let length = at + usize::from(used > 0);
    out.truncate(length);
}

/// What the next bits stand for: the byte, and above it how long its code is.
type Table = [u16; TABLE_LEN];

fn table(lengths: &[u8; 256]) -> Result<Box<Table>, Damaged> {
    let too_long = |&length: &u8| usize::from(length) > MAX_CODE_BITS;
    let share = |&length: &u8| match length {
        0 => 0,
        _ => TABLE_LEN >> length,
    };
    // Every bit pattern begins with just one code.
    if lengths.iter().any(too_long) || lengths.iter().map(share).sum::<usize>() != TABLE_LEN {
        return Err(Damaged);
    }
    let mut table = Box::new([0; TABLE_LEN]);
    for (byte, code) in (0..).zip(codes(lengths)) {
        if code.length > 0 {
            let places = table[usize::from(code.bits)..].iter_mut();
            let places = places.step_by(1 << code.length);
            places.for_each(|place| *place = byte | code.length << 8);
        }
    }
    Ok(table)
}

/// A stream, and how many of its bits were read.
#[derive(Clone, Copy)]
struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Stream<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bits, at least 57, with zeros behind the end.
    #[inline(always)]
    fn word(&self) -> u64 {
        let ahead = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match ahead.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(ahead),
        };
        word >> (self.at % 8)
    }

    /// Decodes as many bytes as one word has for certain.
    #[inline(always)]
    fn decode(&mut self, table: &Table, out: &mut [u8; CODES_PER_WORD]) {
        let (mut word, mut used) = (self.word(), 0);
        for place in out {
            let found = table[word as usize % TABLE_LEN];
            *place = found as u8;
            word >>= found >> 8;
            used += found >> 8;
        }
        self.at += usize::from(used);
    }

    /// Decodes one byte.
    fn decode_one(&mut self, table: &Table) -> u8 {
        let found = table[self.word() as usize % TABLE_LEN];
        self.at += usize::from(found >> 8);
        found as u8
    }

    /// Whether all was read and nothing beyond it.
    const fn is_at_end(&self) -> bool {
        self.at.div_ceil(8) == self.bytes.len()
    }
}

#[cold]
fn last_word(ahead: &[u8]) -> u64 {
    let mut word = [0; WORD_BYTES];
    word[..ahead.len()].copy_from_slice(ahead);
    u64::from_le_bytes(word)
}

fn decode(streams: [Stream<'_>; STREAMS], table: &Table, text: &mut [u8]) -> Result<(), Damaged> {
    let quarter = text.len().div_ceil(STREAMS);
    let (first, rest) = text.split_at_mut(quarter);
    let (second, rest) = rest.split_at_mut(quarter.min(rest.len()));
    let (third, fourth) = rest.split_at_mut(quarter.min(rest.len()));
    let mut quarters = [first, second, third, fourth].map(<[u8]>::as_chunks_mut);
    let [(a, _), (b, _), (c, _), (d, _)] = &mut quarters;
    // The last quarters may be shorter; what the others have more is done below.
    let whole = a.len().min(b.len()).min(c.len()).min(d.len());
    let [mut one, mut two, mut three, mut four] = streams;
    let pairs = a.iter_mut().zip(b.iter_mut());
    for ((a, b), (c, d)) in pairs.zip(c.iter_mut().zip(d.iter_mut())) {
        one.decode(table, a);
        two.decode(table, b);
        three.decode(table, c);
        four.decode(table, d);
    }
    for (mut stream, (chunks, rest)) in [one, two, three, four].into_iter().zip(quarters) {
        for chunk in &mut chunks[whole..] {
            stream.decode(table, chunk);
        }
        rest.fill_with(|| stream.decode_one(table));
        if !stream.is_at_end() {
            return Err(Damaged);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let packed = compress(text, usize::MAX, &mut out);
        packed.then(|| out.split_off(6))
    }

    #[test]
    fn hexadecimal_words_take_little_more_than_half() {
        let mut text = Vec::new();
        let mut draw = 1_u64;
        for _ in 0..20_000 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.extend_from_slice(format!("{:x}", draw >> 30).as_bytes());
        }
        let packed = packed(&text).expect("it has more than one byte");
        assert!(packed.len() * 100 < text.len() * 53, "{}", packed.len());
        assert_eq!(decompress(&packed), Ok(text));
    }

    #[test]
    fn a_code_is_never_longer_than_the_table() {
        // Fibonacci's numbers make the deepest tree.
        let (mut text, mut a, mut b) = (Vec::new(), 1, 1);
        for byte in 0..24_u8 {
            text.resize(text.len() + a, byte);
            (a, b) = (b, a + b);
        }
        let lengths = code_lengths(&counts(&text));
        assert_eq!(lengths.iter().max(), Some(&(MAX_CODE_BITS as u8)));
        let packed = packed(&text).expect("it has more than one byte");
        assert_eq!(decompress(&packed), Ok(text));
    }

    #[test]
    fn what_does_not_gain_is_left_alone() {
        let text: Vec<u8> = (0..=u8::MAX).cycle().take(10_000).collect();
        let mut out = Vec::new();
        assert!(!compress(&text, text.len(), &mut out));
        assert!(!compress(b"", 1000, &mut out));
        assert!(!compress(&[7; 1000], 1000, &mut out));
        assert!(out.is_empty());
    }

    #[test]
    fn damage_is_an_error_or_another_text_of_that_length() {
        let text = b"the quick brown fox jumps over the lazy dog".repeat(20);
        let good = packed(&text).expect("it has more than one byte");
        for end in 0..good.len() {
            assert_eq!(decompress(&good[..end]), Err(Damaged), "{end}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                if let Ok(other) = decompress(&bad) {
                    assert!(other.len() <= bad.len() * MAX_EXPANSION);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            text in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..3000),
                prop::collection::vec(0..4_u8, 0..3000),
                prop::collection::vec(prop_oneof![9 => Just(0_u8), 1 => any::<u8>()], 0..3000),
            ],
        ) {
            match packed(&text) {
                Some(packed) => prop_assert_eq!(decompress(&packed), Ok(text)),
                None => prop_assert!(text.iter().all(|byte| *byte == text[0])),
            }
        }
    }
}
