//! Inline commands: a line of words, as a person types them.

use super::parser::{ArgRange, ProtocolError};
use crate::text::quote;

/// Splits the line that takes up the first `len` bytes of `buf`, its end not
/// included, and decodes quoted arguments where they stand.
pub(super) fn parse_line(
    buf: &mut [u8],
    len: usize,
    args: &mut Vec<ArgRange>,
) -> Result<(), ProtocolError> {
    let line = match &mut buf[..len] {
        [line @ .., b'\r'] => line,
        line => line,
    };
    quote::split_in_place(line, |range| {
        args.push(ArgRange {
            start: range.start,
            len: range.len(),
        });
    })
    .map_err(|_| ProtocolError::UnbalancedQuotes)
}
