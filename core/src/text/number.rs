//! Integers in their canonical text form.
//!
//! Canonical means that formatting the parsed value gives back the same bytes,
//! so a value may be stored as an integer without a client seeing a difference.

/// The most bytes an `i64` takes in decimal: a sign and nineteen digits.
pub const I64_TEXT_LEN_MAX: usize = 20;

/// Parses a canonical decimal `i64`.
///
/// Refused, because they would not come back as they were: an empty string,
/// spaces, a leading `+`, leading zeros, `-0`, and anything out of range.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text.len() > I64_TEXT_LEN_MAX {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Summed below zero: the negative half of the range is the larger one.
    let mut value = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_sub(i64::from(digit - b'0'))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_the_range_parse_and_one_beyond_does_not() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_i64(b"99999999999999999999"), None);
    }

    #[test]
    fn text_that_is_not_canonical_is_not_a_number() {
        for text in [
            "", "-", "+1", "01", "-0", "-01", "00", " 1", "1 ", "1a", "0x1", "1.0",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"0"), Some(0));
    }

    proptest! {
        #[test]
        fn every_integer_comes_back(value: i64) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }

        #[test]
        fn whatever_parses_is_canonical(text in "[-+ ]?[0-9]{0,21}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
