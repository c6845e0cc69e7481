//! Ids and intervals among arguments.

use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;
use crate::value::stream::StreamId;

/// The longest text of an id that is looked at.
const ID_TEXT_BYTES_MAX: usize = 127;

fn invalid_id() -> CommandError {
    CommandError::text("ERR Invalid stream ID specified as stream command argument")
}

/// Reads half of an id as Redis does: a canonical integer that is not negative,
/// or whatever C's `strtoull` takes as a whole, which includes blanks in front,
/// a sign and leading zeros.
fn half(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let magnitude = digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        let value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        (digit <= 9).then_some(value)
    });
    let magnitude = magnitude.filter(|_| !digits.is_empty())?;
    Some(if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    })
}

/// An id, `-` for the lowest and `+` for the highest; `missing_seq` stands for a
/// sequence that is left out.
///
/// # Errors
/// Where it is none.
pub(super) fn id_or_end(text: &[u8], missing_seq: u64) -> CommandResult<StreamId> {
    match text {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(StreamId::MAX),
        _ => match parse_id(text, missing_seq, false) {
            Some((id, _)) => Ok(id),
            None => Err(invalid_id()),
        },
    }
}

/// An id in digits. A sequence that is left out is 0.
///
/// # Errors
/// Where it is none.
pub(super) fn id(text: &[u8]) -> CommandResult<StreamId> {
    id_with(text, 0)
}

fn id_with(text: &[u8], missing_seq: u64) -> CommandResult<StreamId> {
    match parse_id(text, missing_seq, false) {
        Some((id, _)) => Ok(id),
        None => Err(invalid_id()),
    }
}

/// The id of an entry to be added, and whether its sequence was given; `5-*`
/// leaves it open.
///
/// # Errors
/// Where it is none.
pub(super) fn id_to_add(text: &[u8]) -> CommandResult<(StreamId, bool)> {
    parse_id(text, 0, true).ok_or_else(invalid_id)
}

fn parse_id(text: &[u8], missing_seq: u64, may_be_open: bool) -> Option<(StreamId, bool)> {
    if text.len() > ID_TEXT_BYTES_MAX {
        return None;
    }
    // Redis reads a C string.
    let end = text.iter().position(|byte| *byte == 0);
    let text = &text[..end.unwrap_or(text.len())];
    let Some(dash) = text.iter().position(|byte| *byte == b'-') else {
        return Some((StreamId::new(half(text)?, missing_seq), true));
    };
    let ms = half(&text[..dash])?;
    match &text[dash + 1..] {
        b"*" if may_be_open => Some((StreamId::new(ms, 0), false)),
        seq => Some((StreamId::new(ms, half(seq)?), true)),
    }
}

/// A bound of an interval; `(` in front leaves the id itself out.
fn bound(text: &[u8], missing_seq: u64) -> CommandResult<(StreamId, bool)> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => Ok((id_with(rest, missing_seq)?, true)),
        _ => Ok((id_or_end(text, missing_seq)?, false)),
    }
}

/// The start of an interval.
///
/// # Errors
/// Where it is no id, or excludes the last one.
pub(super) fn start(text: &[u8]) -> CommandResult<StreamId> {
    match bound(text, 0)? {
        (id, false) => Ok(id),
        (id, true) => {
            let message = "ERR invalid start ID for the interval";
            id.next().ok_or(CommandError::text(message))
        }
    }
}

/// The end of an interval.
///
/// # Errors
/// Where it is no id, or excludes the first one.
pub(super) fn end(text: &[u8]) -> CommandResult<StreamId> {
    match bound(text, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => {
            let message = "ERR invalid end ID for the interval";
            id.prev().ok_or(CommandError::text(message))
        }
    }
}

/// Whether an argument is this word, in any case.
pub(super) fn is(text: &[u8], word: &str) -> bool {
    text.eq_ignore_ascii_case(word.as_bytes())
}

/// The error about a group that a stream does not have.
pub(super) fn no_group_of_key(group: &[u8], key: &[u8]) -> CommandError {
    CommandError::text(format!(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        String::from_utf8_lossy(group),
        String::from_utf8_lossy(key)
    ))
}

/// The error about a stream or a group that is not there.
pub(super) fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::text(format!(
        "NOGROUP No such key '{}' or consumer group '{}'",
        String::from_utf8_lossy(key),
        String::from_utf8_lossy(group)
    ))
}
