//! Words and quotes: inline commands and lines of redis.conf are split into
//! arguments by the same rules, and logs show bytes in the same notation.
//!
//! ```text
//! "…"   \n \r \t \b \a, \xHH for a byte, \c for c itself
//! '…'   \' for a quote, all else as it is
//! ```
//!
//! A closing quote must be followed by a blank or the end. A NUL byte ends the
//! line, as it does for Redis.

use std::ops::Range;

/// A quote was not closed, or something followed the closing one directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// Splits `line` and decodes each argument where it stands: an argument is
/// never longer than its notation, so the ranges handed to `argument` point
/// into `line` itself. On an error the line may be partly decoded.
pub fn split_in_place(
    line: &mut [u8],
    mut argument: impl FnMut(Range<usize>),
) -> Result<(), UnbalancedQuotes> {
    let mut cursor = Cursor {
        line,
        read: 0,
        written: 0,
    };
    loop {
        cursor.skip_blanks();
        if cursor.peek(0).is_none() {
            return Ok(());
        }
        let start = cursor.written;
        cursor.decode_argument()?;
        argument(start..cursor.written);
    }
}

/// Splits a line into arguments of their own.
///
/// ```
/// use towline_core::text::quote::split;
/// assert_eq!(split(b"set k \"a b\\x21\"").unwrap(), [&b"set"[..], b"k", b"a b!"]);
/// assert!(split(b"set k \"a").is_err());
/// ```
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let mut line = line.to_vec();
    let mut ranges = Vec::new();
    split_in_place(&mut line, |range| ranges.push(range))?;
    Ok(ranges
        .into_iter()
        .map(|range| line[range].to_vec())
        .collect())
}

/// Reads ahead of where it writes.
struct Cursor<'a> {
    line: &'a mut [u8],
    read: usize,
    written: usize,
}

impl Cursor<'_> {
    /// The byte `ahead` of the next one; `None` at the end and for NUL.
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line
            .get(self.read + ahead)
            .copied()
            .filter(|byte| *byte != 0)
    }

    /// Writes a byte that stood in `consumed` bytes of notation.
    fn put(&mut self, byte: u8, consumed: usize) {
        self.read += consumed;
        self.line[self.written] = byte;
        self.written += 1;
    }

    fn skip_blanks(&mut self) {
        while self.peek(0).is_some_and(is_blank) {
            self.read += 1;
        }
    }

    fn decode_argument(&mut self) -> Result<(), UnbalancedQuotes> {
        loop {
            match self.peek(0) {
                None | Some(b' ' | b'\n' | b'\r' | b'\t') => return Ok(()),
                Some(b'"') => return self.decode_double_quoted(),
                Some(b'\'') => return self.decode_single_quoted(),
                Some(byte) => self.put(byte, 1),
            }
        }
    }

    fn decode_double_quoted(&mut self) -> Result<(), UnbalancedQuotes> {
        self.read += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return Err(UnbalancedQuotes),
                (Some(b'"'), _) => return self.close_quote(),
                (Some(b'\\'), Some(b'x')) if self.hex_byte().is_some() => {
                    let byte = self.hex_byte().expect("just seen");
                    self.put(byte, 4);
                }
                (Some(b'\\'), Some(escaped)) => self.put(unescape(escaped), 2),
                (Some(byte), _) => self.put(byte, 1),
            }
        }
    }

    fn decode_single_quoted(&mut self) -> Result<(), UnbalancedQuotes> {
        self.read += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return Err(UnbalancedQuotes),
                (Some(b'\''), _) => return self.close_quote(),
                (Some(b'\\'), Some(b'\'')) => self.put(b'\'', 2),
                (Some(byte), _) => self.put(byte, 1),
            }
        }
    }

    fn close_quote(&mut self) -> Result<(), UnbalancedQuotes> {
        self.read += 1;
        match self.peek(0) {
            Some(byte) if !is_blank(byte) => Err(UnbalancedQuotes),
            _ => Ok(()),
        }
    }

    /// The byte that `\xHH` stands for, if two hexadecimal digits follow.
    fn hex_byte(&self) -> Option<u8> {
        let digit = |ahead| char::from(self.peek(ahead)?).to_digit(16);
        Some((digit(2)? << 4 | digit(3)?) as u8)
    }
}

/// The blanks of C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// Appends `bytes` in double quotes, with everything that is not printable
/// ASCII escaped, in the notation that [`split`] reads.
pub fn write_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn splits(line: &str, want: &[&str]) {
        let want: Vec<Vec<u8>> = want.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        assert_eq!(split(line.as_bytes()), Ok(want), "{line:?}");
    }

    #[test]
    fn words_and_quotes() {
        splits("", &[]);
        splits(" \t ", &[]);
        splits("set  key value", &["set", "key", "value"]);
        splits("\"\" ''", &["", ""]);
        splits("a\"b c\" d", &["ab c", "d"]);
        splits("\"\\n\\r\\t\\a\\b\\x41\\q\\\"\"", &["\n\r\t\x07\x08Aq\""]);
        splits("\"\\xZZ\"", &["xZZ"]);
        splits("'it\\'s \\n'", &["it's \\n"]);
        splits("a\\n", &["a\\n"]);
        splits("a\0b c", &["a"]);
        splits("'a'\u{b}b", &["a", "b"]);
    }

    #[test]
    fn unbalanced_quotes() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "\"a\0\"", "a'"] {
            assert_eq!(split(line.as_bytes()), Err(UnbalancedQuotes), "{line:?}");
        }
    }

    #[test]
    fn notation_of_bytes() {
        let mut out = Vec::new();
        write_quoted(&mut out, b"a\"\\\n\r\t\x07\x08\x00\xff ~");
        assert_eq!(out, b"\"a\\\"\\\\\\n\\r\\t\\a\\b\\x00\\xff ~\"");
    }

    proptest! {
        #[test]
        fn quoted_bytes_are_read_back(args: Vec<Vec<u8>>) {
            let mut line = Vec::new();
            for arg in &args {
                write_quoted(&mut line, arg);
                line.push(b' ');
            }
            prop_assert_eq!(split(&line), Ok(args));
        }

        #[test]
        fn any_bytes_are_answered(mut line: Vec<u8>) {
            let len = line.len();
            let mut last = 0;
            let _ = split_in_place(&mut line, |range| {
                assert!(last <= range.start && range.end <= len);
                last = range.end;
            });
        }
    }
}
