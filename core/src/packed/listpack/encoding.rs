//! The bytes of a listpack.
//!
//! ```text
//! | total bytes u32 LE | elements u16 LE | entry … entry | 0xFF |
//!
//! entry = encoding and data | back length (bytes of encoding and data)
//!
//! first byte   what follows                                    value
//! 0xxxxxxx     -                                               0 to 127
//! 10xxxxxx     xxxxxx bytes                                    string, up to 63 bytes
//! 110xxxxx     1 byte, low bits                                13-bit signed
//! 1110xxxx     1 byte, low bits of the length, then the bytes  string, up to 4095 bytes
//! 0xF0         length u32 LE, then the bytes                   string
//! 0xF1..0xF4   2, 3, 4, 8 bytes LE                             16, 24, 32, 64-bit signed
//! 0xFF         -                                               end of the listpack
//! ```
//!
//! The back length is big-endian in groups of seven bits; every byte but the
//! first has its high bit set, so that it is read from its last byte backwards.
//! (Facts from the format in Redis 7.2, `listpack.c`.)

use super::Entry;

/// Bytes before the first entry: the total and the count.
pub(super) const HEADER_LEN: usize = 6;
/// The byte after the last entry.
pub(super) const END: u8 = 0xFF;
/// A count that no longer fits its field: the entries must be walked.
pub(super) const COUNT_UNKNOWN: u16 = u16::MAX;
/// The most bytes that encoding and data of an integer, or a string's head, take.
const HEAD_LEN_MAX: usize = 9;
/// The most bytes of a back length.
const BACK_LEN_MAX: usize = 5;

const TAG_STR_32: u8 = 0xF0;
const TAG_INT_16: u8 = 0xF1;
const TAG_INT_24: u8 = 0xF2;
const TAG_INT_32: u8 = 0xF3;
const TAG_INT_64: u8 = 0xF4;

/// Reads the entry that starts `bytes`: its value, and its length without the
/// back length. `None` where the encoding is unknown or the bytes run out.
pub(super) fn decode(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let (&tag, rest) = bytes.split_first()?;
    let (value, data_len) = match tag {
        0x00..=0x7F => (i64::from(tag), 0),
        0x80..=0xBF => return string(bytes, 1, usize::from(tag & 0x3F)),
        0xC0..=0xDF => {
            let raw = i64::from(tag & 0x1F) << 8 | i64::from(*rest.first()?);
            // Moves bit 12 to the sign bit and back.
            (raw << 51 >> 51, 1)
        }
        0xE0..=0xEF => {
            let len = usize::from(tag & 0x0F) << 8 | usize::from(*rest.first()?);
            return string(bytes, 2, len);
        }
        TAG_STR_32 => {
            let len = u32::from_le_bytes(*rest.first_chunk()?);
            return string(bytes, 5, usize::try_from(len).ok()?);
        }
        TAG_INT_16 => (i64::from(i16::from_le_bytes(*rest.first_chunk()?)), 2),
        TAG_INT_24 => {
            let &[a, b, c] = rest.first_chunk()?;
            (i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 3)
        }
        TAG_INT_32 => (i64::from(i32::from_le_bytes(*rest.first_chunk()?)), 4),
        TAG_INT_64 => (i64::from_le_bytes(*rest.first_chunk()?), 8),
        _ => return None,
    };
    Some((Entry::Int(value), 1 + data_len))
}

fn string(bytes: &[u8], head_len: usize, len: usize) -> Option<(Entry<'_>, usize)> {
    let end = head_len.checked_add(len)?;
    #[cfg(not(towline_canary = "packed"))]
    let data = bytes.get(head_len..end)?;
    // Without this bound the fuzzer must find something.
    #[cfg(towline_canary = "packed")]
    let data = &bytes[head_len..end];
    Some((Entry::Str(data), end))
}

/// The number of bytes that the back length of an entry of `len` bytes takes.
///
/// Two limits are one lower than seven-bit groups would allow. They are part of
/// the format: readers derive the size of this field from the length.
pub(super) fn back_len_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The back length of an entry of `len` bytes, and how many bytes of it count.
pub(super) fn back_len(len: usize) -> ([u8; BACK_LEN_MAX], usize) {
    let size = back_len_size(len);
    let mut out = [0; BACK_LEN_MAX];
    for (i, byte) in out[..size].iter_mut().enumerate() {
        let group = (len >> (7 * (size - 1 - i))) as u8 & 0x7F;
        *byte = if i == 0 { group } else { group | 0x80 };
    }
    (out, size)
}

/// The length that the back length at the end of `bytes` states.
pub(super) fn read_back_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for (i, &byte) in bytes.iter().rev().take(BACK_LEN_MAX).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            break;
        }
    }
    len
}

/// One entry ready to be copied into a listpack.
pub(super) struct Encoded<'a> {
    head: [u8; HEAD_LEN_MAX],
    head_len: usize,
    data: &'a [u8],
    tail: [u8; BACK_LEN_MAX],
    tail_len: usize,
}

impl<'a> Encoded<'a> {
    pub(super) fn new(entry: Entry<'a>) -> Self {
        let (head, head_len, data) = match entry {
            Entry::Int(value) => {
                let (head, head_len) = int_head(value);
                (head, head_len, &[] as &[u8])
            }
            Entry::Str(data) => {
                let (head, head_len) = str_head(data.len());
                (head, head_len, data)
            }
        };
        let (tail, tail_len) = back_len(head_len + data.len());
        Self {
            head,
            head_len,
            data,
            tail,
            tail_len,
        }
    }

    /// Bytes in the listpack, with the back length.
    pub(super) fn len(&self) -> usize {
        self.head_len + self.data.len() + self.tail_len
    }

    /// Fills `out`, which is `len()` bytes long.
    pub(super) fn write(&self, out: &mut [u8]) {
        let (head, rest) = out.split_at_mut(self.head_len);
        let (data, tail) = rest.split_at_mut(self.data.len());
        head.copy_from_slice(&self.head[..self.head_len]);
        data.copy_from_slice(self.data);
        tail.copy_from_slice(&self.tail[..self.tail_len]);
    }
}

/// The smallest encoding that holds `value`.
fn int_head(value: i64) -> ([u8; HEAD_LEN_MAX], usize) {
    let mut head = [0; HEAD_LEN_MAX];
    let bytes = value.to_le_bytes();
    let (tag, data_len) = match value {
        0..=127 => {
            head[0] = bytes[0];
            return (head, 1);
        }
        -4096..=4095 => {
            head[0] = 0xC0 | bytes[1] & 0x1F;
            head[1] = bytes[0];
            return (head, 2);
        }
        -32_768..=32_767 => (TAG_INT_16, 2),
        -8_388_608..=8_388_607 => (TAG_INT_24, 3),
        -2_147_483_648..=2_147_483_647 => (TAG_INT_32, 4),
        _ => (TAG_INT_64, 8),
    };
    head[0] = tag;
    head[1..=data_len].copy_from_slice(&bytes[..data_len]);
    (head, 1 + data_len)
}

fn str_head(len: usize) -> ([u8; HEAD_LEN_MAX], usize) {
    let mut head = [0; HEAD_LEN_MAX];
    let len = u32::try_from(len).expect("an element is at most 512 MB");
    let bytes = len.to_le_bytes();
    match len {
        0..=63 => {
            head[0] = 0x80 | bytes[0];
            (head, 1)
        }
        64..=4095 => {
            head[0] = 0xE0 | bytes[1];
            head[1] = bytes[0];
            (head, 2)
        }
        _ => {
            head[0] = TAG_STR_32;
            head[1..5].copy_from_slice(&bytes);
            (head, 5)
        }
    }
}
