//! Offsets and ranges among the arguments.

use std::ops::Range;

use crate::command::Ctx;
use crate::command::error::{CommandError, CommandResult};
use crate::command::integer::parse_integer;
use crate::text::number::parse_i64;

/// The offset of a bit that a string of the longest size can hold.
pub(super) fn bit_offset(ctx: &Ctx<'_>, text: &[u8]) -> CommandResult<u64> {
    let max_bytes = ctx.server.config.proto_max_bulk_len;
    let offset = parse_i64(text).and_then(|offset| u64::try_from(offset).ok());
    let offset = offset.filter(|offset| offset >> 3 < max_bytes);
    offset.ok_or(BAD_OFFSET)
}

/// The offset of a field of `width` bits: `#n` counts fields.
pub(super) fn field_offset(ctx: &Ctx<'_>, text: &[u8], width: u32) -> CommandResult<u64> {
    let Some(count) = text.strip_prefix(b"#") else {
        return bit_offset(ctx, text);
    };
    let max_bytes = ctx.server.config.proto_max_bulk_len;
    let count = parse_i64(count).and_then(|count| u64::try_from(count).ok());
    let offset = count.and_then(|count| count.checked_mul(u64::from(width)));
    let offset = offset.filter(|offset| offset >> 3 < max_bytes);
    offset.ok_or(BAD_OFFSET)
}

const BAD_OFFSET: CommandError = CommandError::Text(std::borrow::Cow::Borrowed(
    "ERR bit offset is not an integer or out of range",
));

/// The range of BITCOUNT and BITPOS as it was asked for: both ends included, and
/// counted from the string's end where negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskedRange {
    start: i64,
    /// None is the end of the string.
    end: Option<i64>,
    in_bits: bool,
}

impl AskedRange {
    /// Reads BITCOUNT's `[start [end [BYTE|BIT]]]`; the end may be left out since
    /// Valkey 8.
    pub(super) fn of_bitcount(args: &[&[u8]]) -> CommandResult<Self> {
        match *args {
            [] => Ok(Self::from(0)),
            [start] => parse_integer(start).map(Self::from),
            [start, end, ref unit @ ..] if unit.len() < 2 => {
                let (start, end) = (parse_integer(start)?, parse_integer(end)?);
                Self::from(start).to(end).measured_in(unit.first())
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// Reads BITPOS's `[start [end [BYTE|BIT]]]`, the unit before the end.
    pub(super) fn of_bitpos(args: &[&[u8]]) -> CommandResult<Self> {
        match *args {
            [] => Ok(Self::from(0)),
            [start] => parse_integer(start).map(Self::from),
            [start, end, ref unit @ ..] if unit.len() < 2 => {
                let range = Self::from(parse_integer(start)?).measured_in(unit.first())?;
                Ok(range.to(parse_integer(end)?))
            }
            _ => Err(CommandError::Syntax),
        }
    }

    const fn from(start: i64) -> Self {
        Self {
            start,
            end: None,
            in_bits: false,
        }
    }

    const fn to(self, end: i64) -> Self {
        Self {
            end: Some(end),
            ..self
        }
    }

    fn measured_in(self, unit: Option<&&[u8]>) -> CommandResult<Self> {
        let is = |name: &[u8]| unit.is_some_and(|unit| unit.eq_ignore_ascii_case(name));
        if unit.is_some() && !is(b"bit") && !is(b"byte") {
            return Err(CommandError::Syntax);
        }
        Ok(Self {
            in_bits: is(b"bit"),
            ..self
        })
    }

    /// Whether an end was named, be it the last one.
    pub(super) const fn has_end(self) -> bool {
        self.end.is_some()
    }

    /// True where both ends count from the string's end, the wrong way round. BITCOUNT
    /// finds nothing then, while BITPOS goes by what remains in a short string.
    pub(super) fn is_reversed(self) -> bool {
        self.start < 0 && self.end.is_some_and(|end| end < 0 && self.start > end)
    }

    /// The bits of a string of `bytes` bytes that are meant, or none where the
    /// range is empty.
    pub(super) fn bits(self, bytes: usize) -> Option<Range<u64>> {
        let unit_bits = if self.in_bits { 1 } else { 8 };
        let units = bytes as u64 * 8 / unit_bits;
        let total = i64::try_from(units).expect("a string is at most 512 MB");
        let from_end = |place: i64| if place < 0 { total + place } else { place };
        let start = from_end(self.start).max(0);
        let end = from_end(self.end.unwrap_or(-1)).max(0).min(total - 1);
        // Only a range that is not empty is sure to be inside of the string.
        (start <= end)
            .then(|| start.cast_unsigned() * unit_bits..(end + 1).cast_unsigned() * unit_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(words: &[&str], bytes: usize) -> Option<Range<u64>> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        AskedRange::of_bitpos(&words).expect("a range").bits(bytes)
    }

    #[test]
    fn ranges_count_bytes_or_bits_from_both_ends() {
        assert_eq!(bits(&[], 2), Some(0..16));
        assert_eq!(bits(&["1"], 2), Some(8..16));
        assert_eq!(bits(&["0", "0"], 2), Some(0..8));
        assert_eq!(bits(&["-1", "-1"], 2), Some(8..16));
        assert_eq!(bits(&["-100", "100"], 2), Some(0..16));
        assert_eq!(bits(&["5", "-10", "BIT"], 2), Some(5..7));
        assert_eq!(bits(&["1", "0"], 2), None);
        assert_eq!(bits(&["-1", "-2", "bit"], 2), None);
        assert_eq!(bits(&["-5", "-9"], 2), Some(0..8));
        assert_eq!(bits(&["2", "9"], 2), None);
        assert_eq!(bits(&["9223372036854775807", "-1"], 2), None);
        assert_eq!(bits(&["0", "-1"], 0), None);
        assert_eq!(
            bits(&["-9223372036854775808", "9223372036854775807"], 1),
            Some(0..8)
        );
    }
}
