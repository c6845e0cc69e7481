//! Integers among arguments, with the errors that tell their ranges.

use super::error::{CommandError, CommandResult};
use crate::text::number::parse_i64;

/// A 64-bit integer.
///
/// # Errors
/// Where it is none.
pub fn parse_integer(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// An integer of C's `int`, as database numbers are read.
///
/// # Errors
/// Where it is none, or does not fit.
pub fn parse_int(text: &[u8]) -> CommandResult<i32> {
    i32::try_from(parse_integer(text)?).map_err(|_| {
        CommandError::text(format!(
            "ERR value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        ))
    })
}

/// The number of a database that is there.
///
/// # Errors
/// Where it is no number, or no database has it.
pub fn parse_db(text: &[u8], databases: usize) -> CommandResult<usize> {
    let number = usize::try_from(parse_int(text)?).ok();
    let there = number.filter(|number| *number < databases);
    there.ok_or(CommandError::DbIndex)
}
