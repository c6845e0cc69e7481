//! What the arguments of list commands say.

use std::ops::Range;

use crate::command::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;
use crate::value::list::Side;

/// Any integer.
pub(super) fn integer(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// An integer whose sign may be turned.
pub(super) fn signed(text: &[u8]) -> CommandResult<i64> {
    match integer(text)? {
        i64::MIN => Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        )),
        value => Ok(value),
    }
}

/// An integer of at least `least`; anything else fails with `message`.
pub(super) fn at_least(least: i64, text: &[u8], message: &'static str) -> CommandResult<usize> {
    let value = parse_i64(text).filter(|&value| value >= least);
    let value = value.ok_or(CommandError::text(message))?;
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

/// LEFT or RIGHT.
pub(super) fn side(text: &[u8]) -> CommandResult<Side> {
    if text.eq_ignore_ascii_case(b"left") {
        Ok(Side::Left)
    } else if text.eq_ignore_ascii_case(b"right") {
        Ok(Side::Right)
    } else {
        Err(CommandError::Syntax)
    }
}

/// The element that `index` means, from the end if negative, if it is there.
pub(super) fn resolve_index(index: i64, len: usize) -> Option<usize> {
    let index = match index {
        0.. => usize::try_from(index).ok()?,
        _ => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (index < len).then_some(index)
}

/// The elements from `start` to `end`, both included and counted from the end if
/// negative. What is beyond the list is left out.
pub(super) fn resolve_range(start: i64, end: i64, len: usize) -> Range<usize> {
    let len_i = i64::try_from(len).expect("a length fits 63 bits");
    let from_end = |index: i64| if index < 0 { len_i + index } else { index };
    let start = from_end(start).max(0);
    let end = from_end(end).min(len_i - 1);
    if start > end {
        return 0..0;
    }
    start as usize..end as usize + 1
}
