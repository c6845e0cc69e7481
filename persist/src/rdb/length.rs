//! Lengths and strings, the two things RDB is made of.
//!
//! ```text
//! first byte   then            a length                  a string instead
//! 00LLLLLL                     0 to 63
//! 01LLLLLL     1 byte          0 to 16383, big-endian
//! 10000000     4 bytes         32 bits, big-endian
//! 10000001     8 bytes         64 bits, big-endian
//! 11000000     1 byte                                    an int8 as text
//! 11000001     2 bytes                                   an int16 LE as text
//! 11000010     4 bytes                                   an int32 LE as text
//! 11000011     clen ulen data                            LZF, ulen bytes long
//! ```
//! A string is a length and that many bytes, or one of the last four forms.
//! Source: rdb.h of Redis 7.2, and files of every version from 7.0 to 9.1.

use super::lzf;

const FORM_MASK: u8 = 0xc0;
const FORM_14_BIT: u8 = 0x40;
const FORM_STRING: u8 = 0xc0;
const LENGTH_32_BIT: u8 = 0x80;
const LENGTH_64_BIT: u8 = 0x81;
const STRING_INT8: u8 = 0xc0;
const STRING_INT16: u8 = 0xc1;
const STRING_INT32: u8 = 0xc2;
const STRING_LZF: u8 = 0xc3;

/// The longest text that is tried as an integer: `-2147483648`.
const MAX_INT_TEXT_BYTES: usize = 11;
/// Strings up to here are never compressed.
const MIN_COMPRESS_BYTES: usize = 21;
/// What compression must save at least.
const MIN_SAVED_BYTES: usize = 4;
/// Strings over this are written as they are, in slices: compressing one is a
/// single step whose time grows with it.
pub(crate) const MAX_COMPRESS_BYTES: usize = 4 << 20;

/// Why a piece cannot be taken from the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The piece needs this many bytes from where it starts, perhaps more.
    Need(u64),
    /// No further bytes can make it valid.
    Bad(&'static str),
    /// The string is longer than the limit handed in.
    TooLong(u64),
}

/// What a length byte can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Length(u64),
    /// A string of one of the special forms; the byte itself.
    String(u8),
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Stop> {
    bytes
        .get(at..at + N)
        .and_then(|part| part.try_into().ok())
        .ok_or(Stop::Need((at + N) as u64))
}

fn form(bytes: &[u8]) -> Result<(Form, usize), Stop> {
    let [first] = array(bytes, 0)?;
    match first {
        LENGTH_32_BIT => {
            let length = u32::from_be_bytes(array(bytes, 1)?);
            Ok((Form::Length(u64::from(length)), 5))
        }
        LENGTH_64_BIT => Ok((Form::Length(u64::from_be_bytes(array(bytes, 1)?)), 9)),
        _ => match first & FORM_MASK {
            0 => Ok((Form::Length(u64::from(first)), 1)),
            FORM_14_BIT => {
                let [low] = array(bytes, 1)?;
                let length = u16::from_be_bytes([first & !FORM_MASK, low]);
                Ok((Form::Length(u64::from(length)), 2))
            }
            FORM_STRING => Ok((Form::String(first), 1)),
            _ => Err(Stop::Bad("unknown length encoding")),
        },
    }
}

/// The length at the start of `bytes`, and how many bytes it took.
pub(crate) fn parse_length(bytes: &[u8]) -> Result<(u64, usize), Stop> {
    match form(bytes)? {
        (Form::Length(length), used) => Ok((length, used)),
        (Form::String(_), _) => Err(Stop::Bad("a string encoding where a length belongs")),
    }
}

/// Appends `length` in its shortest form.
pub(crate) fn put_length(length: u64, out: &mut Vec<u8>) {
    match length {
        0..64 => out.push(length as u8),
        64..16384 => out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
        16384..=0xffff_ffff => {
            out.push(LENGTH_32_BIT);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(LENGTH_64_BIT);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// A string that is all there, not yet expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawString<'a> {
    /// Its own bytes.
    Plain(&'a [u8]),
    /// The text of an integer.
    Int(i32),
    /// Compressed.
    Lzf {
        /// The compressed text.
        data: &'a [u8],
        /// How long it is when expanded; justified by `data`'s length.
        length: usize,
    },
}

impl RawString<'_> {
    /// The string itself.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, Stop> {
        match self {
            Self::Plain(bytes) => Ok(bytes.to_vec()),
            Self::Int(number) => Ok(itoa::Buffer::new().format(number).as_bytes().to_vec()),
            Self::Lzf { data, length } => lzf::decompress(data, length)
                .map_err(|lzf::Damaged| Stop::Bad("damaged compressed string")),
        }
    }
}

/// The string at the start of `bytes`, and how many bytes it took. Strings
/// longer than `max_bytes` are refused before they have arrived.
pub(crate) fn parse_string(bytes: &[u8], max_bytes: u64) -> Result<(RawString<'_>, usize), Stop> {
    match form(bytes)? {
        (Form::Length(length), used) => {
            let (text, used) = take(bytes, used, length, max_bytes)?;
            Ok((RawString::Plain(text), used))
        }
        (Form::String(STRING_INT8), _) => {
            let number = i8::from_le_bytes(array(bytes, 1)?);
            Ok((RawString::Int(i32::from(number)), 2))
        }
        (Form::String(STRING_INT16), _) => {
            let number = i16::from_le_bytes(array(bytes, 1)?);
            Ok((RawString::Int(i32::from(number)), 3))
        }
        (Form::String(STRING_INT32), _) => {
            Ok((RawString::Int(i32::from_le_bytes(array(bytes, 1)?)), 5))
        }
        (Form::String(STRING_LZF), _) => parse_lzf(bytes, max_bytes),
        (Form::String(_), _) => Err(Stop::Bad("unknown string encoding")),
    }
}

fn parse_lzf(bytes: &[u8], max_bytes: u64) -> Result<(RawString<'_>, usize), Stop> {
    let shift = |stop, by: usize| match stop {
        Stop::Need(n) => Stop::Need(n + by as u64),
        other => other,
    };
    let mut at = 1;
    let (compressed, used) = parse_length(&bytes[at..]).map_err(|stop| shift(stop, at))?;
    at += used;
    let (expanded, used) = parse_length(&bytes[at..]).map_err(|stop| shift(stop, at))?;
    at += used;
    if expanded > max_bytes {
        return Err(Stop::TooLong(expanded));
    }
    if expanded / lzf::MAX_EXPANSION > compressed {
        return Err(Stop::Bad("compressed string claims to expand too far"));
    }
    let (data, used) = take(bytes, at, compressed, max_bytes)?;
    let length = usize::try_from(expanded).map_err(|_| Stop::TooLong(expanded))?;
    Ok((RawString::Lzf { data, length }, used))
}

/// `length` bytes from `at`, and where they end.
fn take(bytes: &[u8], at: usize, length: u64, max_bytes: u64) -> Result<(&[u8], usize), Stop> {
    if length > max_bytes {
        return Err(Stop::TooLong(length));
    }
    let end = at as u64 + length;
    let text = usize::try_from(end)
        .ok()
        .and_then(|end| bytes.get(at..end))
        .ok_or(Stop::Need(end))?;
    Ok((text, at + text.len()))
}

/// Writes strings, each in the smallest of its forms.
#[derive(Debug, Default)]
pub(crate) struct StringWriter {
    /// Present where strings are to be compressed.
    compressor: Option<lzf::Compressor>,
    scratch: Vec<u8>,
}

impl StringWriter {
    /// A writer that compresses, or not.
    pub(crate) fn new(compress: bool) -> Self {
        Self {
            compressor: compress.then(lzf::Compressor::default),
            scratch: Vec::new(),
        }
    }

    /// Appends `text`, as an integer where it is one.
    pub(crate) fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        match parse_int32(text) {
            Some(number) => put_int32(number, out),
            None => self.put_blob(text, out),
        }
    }

    /// Appends `bytes` that are known not to be the text of an integer.
    pub(crate) fn put_blob(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.put_compressed(bytes, out) {
            put_length(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
    }

    /// Appends the text of `number`.
    pub(crate) fn put_int(&mut self, number: i64, out: &mut Vec<u8>) {
        if let Ok(small) = i32::try_from(number) {
            return put_int32(small, out);
        }
        let mut text = itoa::Buffer::new();
        let text = text.format(number).as_bytes();
        put_length(text.len() as u64, out);
        out.extend_from_slice(text);
    }

    fn put_compressed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(compressor) = &mut self.compressor else {
            return false;
        };
        if !(MIN_COMPRESS_BYTES..=MAX_COMPRESS_BYTES).contains(&bytes.len()) {
            return false;
        }
        self.scratch.clear();
        let most = bytes.len() - MIN_SAVED_BYTES;
        let Some(length) = compressor.compress(bytes, most, &mut self.scratch) else {
            return false;
        };
        out.push(STRING_LZF);
        put_length(length as u64, out);
        put_length(bytes.len() as u64, out);
        out.extend_from_slice(&self.scratch);
        true
    }
}

fn put_int32(number: i32, out: &mut Vec<u8>) {
    if let Ok(byte) = i8::try_from(number) {
        out.push(STRING_INT8);
        out.extend_from_slice(&byte.to_le_bytes());
    } else if let Ok(short) = i16::try_from(number) {
        out.push(STRING_INT16);
        out.extend_from_slice(&short.to_le_bytes());
    } else {
        out.push(STRING_INT32);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// The integer that `text` is, if writing it again gives the same text.
fn parse_int32(text: &[u8]) -> Option<i32> {
    let starts = text
        .first()
        .is_some_and(|&c| c == b'-' || c.is_ascii_digit());
    if !starts || text.len() > MAX_INT_TEXT_BYTES {
        return None;
    }
    let number: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(number).as_bytes() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: u64 = 1 << 20;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let (raw, used) = parse_string(bytes, MAX).expect("it is a string");
        assert_eq!(used, bytes.len());
        raw.into_bytes().expect("it is whole")
    }

    fn written(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        StringWriter::new(true).put(text, &mut out);
        out
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        for (length, size) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16383, 2),
            (16384, 5),
            (u64::from(u32::MAX), 5),
            (1 << 32, 9),
            (u64::MAX, 9),
        ] {
            let mut out = Vec::new();
            put_length(length, &mut out);
            assert_eq!(out.len(), size, "{length}");
            assert_eq!(parse_length(&out), Ok((length, size)));
            for short in 0..size {
                let stop = parse_length(&out[..short]);
                assert!(matches!(stop, Err(Stop::Need(_))), "{length}: {stop:?}");
            }
        }
    }

    #[test]
    fn integers_are_recognised_only_in_their_own_spelling() {
        for (text, size) in [
            ("0", 2),
            ("-128", 2),
            ("128", 3),
            ("-32768", 3),
            ("32768", 5),
            ("-2147483648", 5),
            ("2147483648", 11),
            ("007", 4),
            ("-0", 3),
            ("+1", 3),
            ("", 1),
            (" 1", 3),
        ] {
            let bytes = written(text.as_bytes());
            assert_eq!(bytes.len(), size, "{text:?}");
            assert_eq!(read(&bytes), text.as_bytes());
        }
    }

    #[test]
    fn a_long_repetition_is_compressed() {
        let text = b"abc".repeat(1000);
        let bytes = written(&text);
        assert_eq!(bytes[0], STRING_LZF);
        assert!(bytes.len() < 100);
        assert_eq!(read(&bytes), text);
    }

    #[test]
    fn sizes_are_refused_before_their_bytes_arrive() {
        let mut out = Vec::new();
        put_length(MAX + 1, &mut out);
        assert_eq!(parse_string(&out, MAX), Err(Stop::TooLong(MAX + 1)));
        // One compressed byte that claims a megabyte.
        let mut out = vec![STRING_LZF, 1];
        put_length(MAX, &mut out);
        assert!(matches!(parse_string(&out, MAX), Err(Stop::Bad(_))));
        for bytes in [[0x82], [0xc4], [0xff]] {
            let stop = parse_string(&bytes, MAX);
            assert!(matches!(stop, Err(Stop::Bad(_))), "{bytes:?}: {stop:?}");
        }
    }

    proptest! {
        #[test]
        fn any_string_survives_and_every_prefix_waits(
            text in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(0..2_u8, 0..3000),
                any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            ],
        ) {
            let bytes = written(&text);
            prop_assert_eq!(read(&bytes), text);
            for short in 0..bytes.len() {
                let stop = parse_string(&bytes[..short], MAX);
                let Err(Stop::Need(need)) = stop else {
                    panic!("{stop:?} at {short}");
                };
                prop_assert!(need > short as u64 && need <= bytes.len() as u64);
            }
        }

        #[test]
        fn any_integer_survives(number: i64) {
            let mut out = Vec::new();
            StringWriter::new(true).put_int(number, &mut out);
            prop_assert_eq!(read(&out), number.to_string().into_bytes());
        }
    }
}
