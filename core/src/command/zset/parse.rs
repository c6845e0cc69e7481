//! What several commands of the family read from their arguments.

use crate::command::error::{CommandError, CommandResult};
use crate::text::double::{parse_f64, parse_f64_leniently};
use crate::text::number::parse_i64;
use crate::value::zset::{LexBound, LexRange, ScoreRange};

/// An integer of 64 bits.
pub(super) fn integer(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// An integer that is at least `least`, with one text for all that is wrong.
pub(super) fn at_least(least: i64, text: &[u8], message: &'static str) -> CommandResult<usize> {
    let number = parse_i64(text).filter(|number| *number >= least);
    let count = number.and_then(|number| usize::try_from(number).ok());
    count.ok_or(CommandError::text(message))
}

/// A count that may be zero.
pub(super) fn count(text: &[u8]) -> CommandResult<usize> {
    at_least(0, text, "ERR value is out of range, must be positive")
}

/// A score, which is never NaN.
pub(super) fn score(text: &[u8]) -> CommandResult<f64> {
    parse_f64(text).ok_or(CommandError::NotFloat)
}

/// The two bounds of a range of scores.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> CommandResult<ScoreRange> {
    let (min, min_exclusive) = score_bound(min)?;
    let (max, max_exclusive) = score_bound(max)?;
    Ok(ScoreRange {
        min,
        min_exclusive,
        max,
        max_exclusive,
    })
}

fn score_bound(text: &[u8]) -> CommandResult<(f64, bool)> {
    let (number, exclusive) = match text {
        [b'(', number @ ..] => (number, true),
        number => (number, false),
    };
    let bound = parse_f64_leniently(number).ok_or(CommandError::MinMaxNotFloat)?;
    Ok((bound, exclusive))
}

/// The two bounds of a range of members.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> CommandResult<LexRange<'a>> {
    Ok(LexRange {
        min: lex_bound(min)?,
        max: lex_bound(max)?,
    })
}

fn lex_bound(text: &[u8]) -> CommandResult<LexBound<'_>> {
    match text {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', member @ ..] => Ok(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Ok(LexBound::Exclusive(member)),
        _ => Err(CommandError::MinMaxNotLex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_strtod_does() {
        for (text, want) in [
            ("", (0.0, false)),
            ("(", (0.0, true)),
            ("(1.5", (1.5, true)),
            (" 2", (2.0, false)),
            ("1e400", (f64::INFINITY, false)),
            ("(-1e400", (f64::NEG_INFINITY, true)),
            ("1e-400", (0.0, false)),
            ("+inf", (f64::INFINITY, false)),
            ("0x10", (16.0, false)),
        ] {
            assert_eq!(score_bound(text.as_bytes()), Ok(want), "{text:?}");
        }
        for text in ["x", "1x", " ", "nan", "((1", "1 ", "e", "."] {
            let refused = Err(CommandError::MinMaxNotFloat);
            assert_eq!(score_bound(text.as_bytes()), refused, "{text:?}");
        }
    }

    #[test]
    fn bounds_of_members_need_their_mark() {
        assert_eq!(lex_bound(b"[a"), Ok(LexBound::Inclusive(b"a")));
        assert_eq!(lex_bound(b"("), Ok(LexBound::Exclusive(b"")));
        for text in ["", "a", "-a", "+x"] {
            let refused = Err(CommandError::MinMaxNotLex);
            assert_eq!(lex_bound(text.as_bytes()), refused, "{text:?}");
        }
    }
}
