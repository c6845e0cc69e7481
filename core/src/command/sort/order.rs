//! What elements are compared by, and how.

use std::cmp::Ordering;

use super::options::{By, Options};
use crate::command::error::{CommandError, CommandResult};
use crate::engine::key_view::KeyView;
use crate::text::double::{is_plain, parse_f64};

/// What an element is compared by.
enum Weight {
    /// The element itself.
    Own,
    /// A number; the element decides where two are equal.
    Score(f64),
    /// A text; an absent one comes first.
    Text(Option<Vec<u8>>),
}

/// Elements in their order.
pub(super) struct Sorted {
    pub(super) elements: Vec<Vec<u8>>,
    /// Whether every server would sort them so: not all read the same texts as numbers.
    pub(super) everywhere: bool,
}

/// Sorts elements as the options say.
///
/// # Errors
/// Where numbers are to be compared and something is none.
pub(super) fn sort(
    keys: &mut KeyView<'_>,
    elements: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> CommandResult<Sorted> {
    let mut weighed = Vec::with_capacity(elements.len());
    let mut everywhere = true;
    for element in elements {
        let weight = weigh(keys, &element, options, &mut everywhere)?;
        weighed.push((weight, element));
    }
    weighed.sort_by(|one, other| {
        let order = compare(one, other);
        if options.descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(Sorted {
        elements: weighed.into_iter().map(|(_, element)| element).collect(),
        everywhere,
    })
}

/// What `element` is compared by. `everywhere` is taken back where not every server
/// reads the same number.
fn weigh(
    keys: &mut KeyView<'_>,
    element: &[u8],
    options: &Options<'_>,
    everywhere: &mut bool,
) -> CommandResult<Weight> {
    let mut parse = |text: &[u8]| {
        *everywhere &= is_plain(text);
        parse_score(text)
    };
    match (options.by, options.alpha) {
        (By::Other(pattern), true) => {
            let text = |found: Option<&[u8]>| found.map(<[u8]>::to_vec);
            Ok(Weight::Text(pattern.look_up(keys, element, text)))
        }
        (By::Other(pattern), false) => {
            // What is not there weighs nothing.
            let score = |found: Option<&[u8]>| found.map_or(Ok(0.0), &mut parse);
            Ok(Weight::Score(pattern.look_up(keys, element, score)?))
        }
        (_, true) => Ok(Weight::Own),
        (_, false) => Ok(Weight::Score(parse(element)?)),
    }
}

/// A number as C's `strtod` reads it: blanks may stand before it, a NUL ends it,
/// and an empty text is zero.
fn parse_score(text: &[u8]) -> CommandResult<f64> {
    let end = text.iter().position(|byte| *byte == 0);
    let text = &text[..end.unwrap_or(text.len())];
    if text.is_empty() {
        return Ok(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte));
    parse_f64(&text[start.unwrap_or(0)..]).ok_or(CommandError::text(
        "ERR One or more scores can't be converted into double",
    ))
}

fn compare((one, own): &(Weight, Vec<u8>), (other, others): &(Weight, Vec<u8>)) -> Ordering {
    match (one, other) {
        // Without NaN every two numbers have an order.
        (Weight::Score(one), Weight::Score(other)) => one
            .partial_cmp(other)
            .unwrap_or(Ordering::Equal)
            .then_with(|| own.cmp(others)),
        (Weight::Text(one), Weight::Text(other)) => one.cmp(other),
        _ => own.cmp(others),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_strtod_does() {
        for (text, want) in [
            (&b""[..], Some(0.0)),
            (b" \t7", Some(7.0)),
            (b"1\0junk", Some(1.0)),
            (b"0x10", Some(16.0)),
            (b"-inf", Some(f64::NEG_INFINITY)),
            (b"1e400", None),
            (b"nan", None),
            (b" ", None),
            (b"7 ", None),
        ] {
            assert_eq!(parse_score(text).ok(), want, "{}", text.escape_ascii());
        }
    }
}
