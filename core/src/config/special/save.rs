//! `save <seconds> <changes> …`: when to save by itself.

use super::{Special, words};
use crate::text::number::parse_i64;

/// The grammar of `save`.
pub(in crate::config) const SAVE: Special = Special {
    many: true,
    parse,
    lines,
};

/// Save after `seconds` if `changes` keys were changed since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// The time since the last snapshot.
    pub seconds: u64,
    /// The number of changes since then.
    pub changes: u64,
}

/// Lines of one file add up; anything else replaces what was there.
fn parse(given: &[&[u8]], current: &[u8], adds: bool) -> Result<Vec<u8>, String> {
    let invalid = || "Invalid save parameters".to_string();
    if let [b""] = given {
        return Ok(Vec::new());
    }
    let mut points = if adds {
        save_points(current)
    } else {
        Vec::new()
    };
    for pair in given.chunks(2) {
        let [seconds, changes] = *pair else {
            return Err(invalid());
        };
        let number = |word, least| {
            parse_i64(word)
                .filter(|n| *n >= least)
                .map(i64::cast_unsigned)
        };
        points.push(SavePoint {
            seconds: number(seconds, 1).ok_or_else(invalid)?,
            changes: number(changes, 0).ok_or_else(invalid)?,
        });
    }
    let texts: Vec<_> = points
        .iter()
        .map(|p| format!("{} {}", p.seconds, p.changes))
        .collect();
    Ok(texts.join(" ").into())
}

/// The points of a canonical text.
pub(in crate::config) fn save_points(text: &[u8]) -> Vec<SavePoint> {
    let numbers: Vec<u64> = words(text)
        .map(|word| parse_i64(word).expect("canonical text").cast_unsigned())
        .collect();
    let point = |pair: &[u64]| SavePoint {
        seconds: pair[0],
        changes: pair[1],
    };
    numbers.chunks_exact(2).map(point).collect()
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return super::one_line(text);
    }
    let line = |p: SavePoint| format!("{} {}", p.seconds, p.changes).into_bytes();
    save_points(text).into_iter().map(line).collect()
}
