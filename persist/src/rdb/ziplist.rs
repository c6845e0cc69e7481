//! The packed encodings of Redis up to 6.2, read and turned into listpacks.
//!
//! ```text
//! ziplist   bytes u32 LE | tail u32 LE | entries u16 LE | entry … | 0xFF
//! entry     length of the entry before it: 1 byte, or 0xFE and u32 LE
//!           00LLLLLL                  string of L bytes
//!           01LLLLLL 1 byte           string, 14-bit length, big-endian
//!           10000000 4 bytes          string, 32-bit length, big-endian
//!           0xC0 0xD0 0xE0 0xF0 0xFE  int16, int32, int64, int24, int8, LE
//!           0xF1 to 0xFD              0 to 12
//!
//! zipmap    entries, 254 for many | [key length | key | value length | free | value | free bytes] … | 0xFF
//! length    1 byte, or 0xFE and u32 LE
//! ```
//! Sources: ziplist.c and zipmap.c of Redis 7.2.

use towline_core::packed::listpack::{Entry, Listpack};

const ZIPLIST_HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
const LONG_LENGTH: u8 = 0xfe;
const UNKNOWN_COUNT: u16 = u16::MAX;
const ZIPMAP_UNKNOWN_COUNT: u8 = 254;

/// Takes slices off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }
}

/// The elements of a ziplist, as a listpack; none where it contradicts itself.
pub(super) fn ziplist_to_listpack(bytes: &[u8]) -> Option<Listpack> {
    let mut reader = Reader(bytes);
    let total = u32::from_le_bytes(reader.array()?) as usize;
    let tail = u32::from_le_bytes(reader.array()?) as usize;
    let count = u16::from_le_bytes(reader.array()?);
    if total != bytes.len() || *bytes.last()? != END {
        return None;
    }
    let mut packed = Listpack::new();
    let (mut elements, mut previous_start) = (0_usize, ZIPLIST_HEADER_BYTES);
    let mut start = ZIPLIST_HEADER_BYTES;
    while reader.0.len() > 1 {
        let expected = start - previous_start;
        if previous_length(&mut reader)? != expected {
            return None;
        }
        let entry = ziplist_entry(&mut reader)?;
        if !packed.has_room_for(Listpack::encoded_len(entry)) {
            return None;
        }
        packed.push_back(entry);
        elements += 1;
        previous_start = start;
        start = bytes.len() - reader.0.len();
    }
    let counted = count == UNKNOWN_COUNT || usize::from(count) == elements;
    (reader.0 == [END] && counted && tail == previous_start).then_some(packed)
}

fn previous_length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.byte()? {
        LONG_LENGTH => Some(u32::from_le_bytes(reader.array()?) as usize),
        END => None,
        short => Some(usize::from(short)),
    }
}

fn ziplist_entry<'a>(reader: &mut Reader<'a>) -> Option<Entry<'a>> {
    let first = reader.byte()?;
    let length = match first >> 6 {
        0b00 => usize::from(first),
        0b01 => usize::from(first & 0x3f) << 8 | usize::from(reader.byte()?),
        0b10 if first == 0x80 => u32::from_be_bytes(reader.array()?) as usize,
        0b10 => return None,
        _ => return ziplist_int(first, reader).map(Entry::from),
    };
    // An element that is the text of an integer becomes one, as XADD and HSET
    // would have made it.
    Some(Entry::from(reader.take(length)?))
}

fn ziplist_int(first: u8, reader: &mut Reader<'_>) -> Option<i64> {
    Some(match first {
        0xc0 => i64::from(i16::from_le_bytes(reader.array()?)),
        0xd0 => i64::from(i32::from_le_bytes(reader.array()?)),
        0xe0 => i64::from_le_bytes(reader.array()?),
        0xf0 => {
            let [a, b, c] = reader.array()?;
            i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)
        }
        0xfe => i64::from(i8::from_le_bytes(reader.array()?)),
        0xf1..=0xfd => i64::from(first & 0x0f) - 1,
        _ => return None,
    })
}

/// The fields and values of a zipmap, as a listpack; none where it contradicts itself.
/// None was ever written without fields.
pub(super) fn zipmap_to_listpack(bytes: &[u8]) -> Option<Listpack> {
    let mut reader = Reader(bytes);
    let count = reader.byte()?;
    let mut packed = Listpack::new();
    let mut fields = 0_usize;
    while let Some(length) = zipmap_length(&mut reader)? {
        let field = reader.take(length)?;
        let length = zipmap_length(&mut reader)??;
        let free = usize::from(reader.byte()?);
        let value = reader.take(length)?;
        reader.take(free)?;
        for entry in [Entry::from(field), Entry::from(value)] {
            if !packed.has_room_for(Listpack::encoded_len(entry)) {
                return None;
            }
            packed.push_back(entry);
        }
        fields += 1;
    }
    let counted = count >= ZIPMAP_UNKNOWN_COUNT || usize::from(count) == fields;
    (reader.0.is_empty() && counted && fields > 0).then_some(packed)
}

/// `Some(None)` at the end of the zipmap. A length that fits into one byte was never
/// written in the long form.
fn zipmap_length(reader: &mut Reader<'_>) -> Option<Option<usize>> {
    match reader.byte()? {
        END => Some(None),
        LONG_LENGTH => {
            let length = u32::from_le_bytes(reader.array()?) as usize;
            (length >= usize::from(LONG_LENGTH)).then_some(Some(length))
        }
        short => Some(Some(usize::from(short))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(packed: &Listpack) -> Vec<Vec<u8>> {
        packed.iter().map(Entry::to_vec).collect()
    }

    /// A ziplist of entries given as their encoding and data.
    fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![0; ZIPLIST_HEADER_BYTES];
        let (mut previous, mut tail) = (0, ZIPLIST_HEADER_BYTES);
        for entry in entries {
            tail = out.len();
            if previous < 254 {
                out.push(previous as u8);
            } else {
                out.push(LONG_LENGTH);
                out.extend_from_slice(&(previous as u32).to_le_bytes());
            }
            out.extend_from_slice(entry);
            previous = out.len() - tail;
        }
        out.push(END);
        let total = out.len() as u32;
        out[..4].copy_from_slice(&total.to_le_bytes());
        out[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
        out[8..10].copy_from_slice(&(entries.len() as u16).to_le_bytes());
        out
    }

    fn sample() -> Vec<u8> {
        let long = [&[0x41, 0x2c][..], &[b'x'; 300]].concat();
        ziplist(&[
            b"\x03abc",
            &long,
            b"\x80\x00\x00\x00\x02hi",
            b"\xc0\x00\x80",
            b"\xd0\x00\x00\x00\x80",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            b"\xf0\xff\xff\xff",
            b"\xfe\x9c",
            b"\xf1",
            b"\xfd",
            b"\x0242",
        ])
    }

    #[test]
    fn every_encoding_of_a_ziplist_is_read() {
        let packed = ziplist_to_listpack(&sample()).expect("it is valid");
        let long = "x".repeat(300);
        let expected = [
            "abc",
            &long,
            "hi",
            "-32768",
            "-2147483648",
            "-9223372036854775808",
            "-1",
            "-100",
            "0",
            "12",
            "42",
        ];
        assert_eq!(
            texts(&packed),
            expected.map(|text| text.as_bytes().to_vec())
        );
        assert_eq!(
            texts(&ziplist_to_listpack(&ziplist(&[])).expect("valid")).len(),
            0
        );
    }

    #[test]
    fn a_zipmap_is_read() {
        let mut bytes = vec![2];
        bytes.extend_from_slice(b"\x01a\x02\x0111\x00");
        let long = "k".repeat(254);
        bytes.extend_from_slice(b"\xfe\xfe\x00\x00\x00");
        bytes.extend_from_slice(long.as_bytes());
        bytes.extend_from_slice(b"\x00\x00\xff");
        let packed = zipmap_to_listpack(&bytes).expect("it is valid");
        assert_eq!(
            texts(&packed),
            ["a", "11", &long, ""].map(|text| text.as_bytes().to_vec())
        );
        for cut in 0..bytes.len() {
            assert!(zipmap_to_listpack(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_short_length_in_the_long_form_is_refused() {
        assert!(zipmap_to_listpack(b"\x01\x01k\x04\x00val1\xff").is_some());
        let field = b"\x01\xfe\x01\x00\x00\x00k\x04\x00val1\xff";
        assert!(zipmap_to_listpack(field).is_none());
        let value = b"\x01\x01k\xfe\x04\x00\x00\x00\x00val1\xff";
        assert!(zipmap_to_listpack(value).is_none());
        assert!(zipmap_to_listpack(b"\x00\xff").is_none(), "no fields");
    }

    #[test]
    fn a_shortened_ziplist_is_refused() {
        let whole = sample();
        for cut in 0..whole.len() {
            assert!(ziplist_to_listpack(&whole[..cut]).is_none(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_panics(at in 0..400_usize, byte: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Some(packed) = ziplist_to_listpack(&bytes) {
                prop_assert!(packed.len() <= bytes.len());
            }
            if let Some(packed) = zipmap_to_listpack(&bytes) {
                prop_assert!(packed.len() <= bytes.len());
            }
        }
    }
}
