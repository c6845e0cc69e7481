//! Finds the mark that ends a transfer of unknown size.

use crate::primary::session::EOF_MARK_LEN;
use memchr::memmem::Finder;

/// Splits a transfer into payload and its closing mark, however it is cut into
/// pieces. Only bytes that may be the beginning of the mark are held back, so
/// never more than its length.
#[derive(Debug)]
pub struct MarkFinder {
    mark: [u8; EOF_MARK_LEN],
    finder: Finder<'static>,
    /// For each prefix of the mark the length of its longest proper suffix that
    /// is again a prefix: where a comparison goes on after a mismatch.
    fallback: [usize; EOF_MARK_LEN],
    /// How many bytes of the mark the input ended with. They are held back;
    /// being a prefix of the mark they need not be stored.
    matched: usize,
    /// Bytes that turned out not to belong to the mark, with what came after them.
    released: Vec<u8>,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A part of the payload, not empty.
    Payload(&'a [u8]),
    /// A part of the payload that was held back: [`MarkFinder::released`].
    Released,
    /// The mark. What is left of the input comes after it.
    End,
    /// The input is used up.
    NeedMore,
}

impl MarkFinder {
    /// A finder for `mark`.
    #[must_use]
    pub fn new(mark: [u8; EOF_MARK_LEN]) -> Self {
        Self {
            finder: Finder::new(&mark).into_owned(),
            fallback: fallback(&mark),
            mark,
            matched: 0,
            released: Vec::new(),
        }
    }

    /// Takes the next piece off the front of `input`.
    pub fn next_piece<'a>(&mut self, input: &mut &'a [u8]) -> Piece<'a> {
        if self.matched == EOF_MARK_LEN {
            return Piece::End;
        }
        if self.matched > 0 {
            self.resume(input);
            if !self.released.is_empty() {
                return Piece::Released;
            }
            if self.matched == EOF_MARK_LEN {
                return Piece::End;
            }
        }
        if input.is_empty() {
            return Piece::NeedMore;
        }
        self.scan(input)
    }

    /// The part of the payload that [`Piece::Released`] stands for, not empty.
    #[must_use]
    pub fn released(&self) -> &[u8] {
        &self.released
    }

    /// Goes on with a comparison that the last input left open, byte by byte,
    /// until it is decided.
    fn resume(&mut self, input: &mut &[u8]) {
        let held = self.matched;
        let mut used = 0;
        while self.matched > 0 && self.matched < EOF_MARK_LEN && used < input.len() {
            self.step(input[used]);
            used += 1;
        }
        let (seen, rest) = input.split_at(used);
        *input = rest;
        self.released.clear();
        self.released.extend_from_slice(&self.mark[..held]);
        self.released.extend_from_slice(seen);
        self.released.truncate(held + used - self.matched);
    }

    fn scan<'a>(&mut self, input: &mut &'a [u8]) -> Piece<'a> {
        let bytes = *input;
        let payload = if let Some(at) = self.finder.find(bytes) {
            self.matched = EOF_MARK_LEN;
            *input = &bytes[at + EOF_MARK_LEN..];
            &bytes[..at]
        } else {
            *input = &[];
            for byte in &bytes[bytes.len().saturating_sub(EOF_MARK_LEN - 1)..] {
                self.step(*byte);
            }
            &bytes[..bytes.len() - self.matched]
        };
        match (payload.is_empty(), self.matched) {
            (false, _) => Piece::Payload(payload),
            (true, EOF_MARK_LEN) => Piece::End,
            (true, _) => Piece::NeedMore,
        }
    }

    fn step(&mut self, byte: u8) {
        while self.matched > 0 && self.mark[self.matched] != byte {
            self.matched = self.fallback[self.matched - 1];
        }
        if self.mark[self.matched] == byte {
            self.matched += 1;
        }
    }
}

fn fallback(mark: &[u8; EOF_MARK_LEN]) -> [usize; EOF_MARK_LEN] {
    let mut fallback = [0; EOF_MARK_LEN];
    for at in 1..EOF_MARK_LEN {
        let mut matched = fallback[at - 1];
        while matched > 0 && mark[matched] != mark[at] {
            matched = fallback[matched - 1];
        }
        fallback[at] = matched + usize::from(mark[matched] == mark[at]);
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The payload found, whether the mark was, and what came after it.
    fn split(mark: [u8; 40], bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, bool, Vec<u8>) {
        let mut finder = MarkFinder::new(mark);
        let (mut payload, mut after, mut ended) = (Vec::new(), Vec::new(), false);
        let mut rest = bytes;
        let mut given = 0;
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let (mut input, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            given += input.len();
            while !ended {
                match finder.next_piece(&mut input) {
                    Piece::Payload(part) => payload.extend_from_slice(part),
                    Piece::Released => payload.extend_from_slice(finder.released()),
                    Piece::End => ended = true,
                    Piece::NeedMore => break,
                }
            }
            after.extend_from_slice(input);
            assert!(ended || given - payload.len() <= 40, "holds back too much");
        }
        (payload, ended, after)
    }

    proptest! {
        /// Alphabets of one to three letters make near misses likely.
        #[test]
        fn any_payload_in_any_pieces_comes_out_whole(
            letters in 1u8..4,
            mark in proptest::array::uniform32(0u8..4),
            payload in proptest::collection::vec(0u8..4, 0..300),
            near in 0usize..40,
            cuts in proptest::collection::vec(0usize..60, 0..40),
        ) {
            let letter = |raw: u8| b'a' + raw % letters;
            let mut full = [b'z'; 40];
            for (at, raw) in mark.iter().enumerate() {
                full[at] = letter(*raw);
            }
            // A payload that almost ends in the mark, which the mark then follows.
            let mut bytes: Vec<u8> = payload.iter().map(|raw| letter(*raw)).collect();
            bytes.extend_from_slice(&full[..near]);
            let expected = bytes.clone();
            bytes.extend_from_slice(&full);
            bytes.extend_from_slice(b"after");
            prop_assert_eq!(split(full, &bytes, &cuts), (expected, true, b"after".to_vec()));
        }

        #[test]
        fn a_repetitive_mark_is_found_where_it_first_ends(extra in 0usize..100, cuts in proptest::collection::vec(0usize..50, 0..10)) {
            let bytes = vec![b'a'; 40 + extra];
            let (payload, ended, after) = split([b'a'; 40], &bytes, &cuts);
            prop_assert_eq!((payload.len(), ended, after.len()), (0, true, extra));
        }
    }
}
