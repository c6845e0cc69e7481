//! Integers in text.
//!
//! A value is stored as an integer only if its text can be recovered from the
//! integer, so the parsers accept the canonical form and nothing else: no `+`,
//! no leading zeros, no blanks, no `-0`.

/// The most bytes an `i64` takes in decimal: a sign and nineteen digits.
pub const I64_TEXT_LEN_MAX: usize = 20;

/// Reads the digits of a canonical non-negative integer.
fn parse_digits(digits: &[u8]) -> Option<u64> {
    match digits {
        [] => None,
        [b'0'] => Some(0),
        [b'0', ..] => None,
        // 20 digits are the most a u64 can have.
        _ if digits.len() > 20 => None,
        _ => digits.iter().try_fold(0u64, |value, byte| {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value.checked_mul(10)?.checked_add(u64::from(digit))
        }),
    }
}

/// Reads a signed integer in canonical form; `None` for everything else.
///
/// ```
/// use towline_core::text::number::parse_i64;
/// assert_eq!(parse_i64(b"-12"), Some(-12));
/// assert_eq!(parse_i64(b"+12"), None);
/// assert_eq!(parse_i64(b"012"), None);
/// ```
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => match parse_digits(digits)? {
            0 => None,
            magnitude => 0i64.checked_sub_unsigned(magnitude),
        },
        _ => i64::try_from(parse_digits(text)?).ok(),
    }
}

/// Reads an unsigned integer in canonical form.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_digits(text)
}

/// Reads a count or a size in canonical form.
pub fn parse_usize(text: &[u8]) -> Option<usize> {
    usize::try_from(parse_digits(text)?).ok()
}

/// Reads an amount of memory as the configuration writes it: digits and an
/// optional unit in any case. `k`, `m` and `g` are powers of 1000, `kb`, `mb`
/// and `gb` powers of 1024, `b` or nothing is bytes.
///
/// Digits are required, unlike in Redis, which reads a bare `mb` as 0; an
/// amount beyond `u64` is refused instead of wrapping round.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let amount: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    amount.checked_mul(factor)
}

/// Parses a span of time: digits, then a unit, alone a number of seconds.
pub fn parse_duration_s(text: &[u8]) -> Option<u64> {
    let (digits, seconds) = match text.split_last()? {
        (b's' | b'S', digits) => (digits, 1),
        (b'm' | b'M', digits) => (digits, 60),
        (b'h' | b'H', digits) => (digits, 3600),
        (b'd' | b'D', digits) => (digits, 24 * 3600),
        (b'w' | b'W', digits) => (digits, 7 * 24 * 3600),
        _ => (text, 1),
    };
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let amount: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    amount.checked_mul(seconds).filter(|_| is_number)
}

/// Appends an integer in decimal.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an unsigned integer in decimal.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_integers_only() {
        assert_eq!(parse_i64(b"0"), Some(0));
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        for wrong in [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999999",
            "--1",
        ] {
            assert_eq!(parse_i64(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
        assert_eq!(parse_usize(b"7"), Some(7));
    }

    #[test]
    fn memory_units() {
        let cases: [(&[u8], Option<u64>); 16] = [
            (b"0", Some(0)),
            (b"1", Some(1)),
            (b"1b", Some(1)),
            (b"1k", Some(1000)),
            (b"1Kb", Some(1024)),
            (b"2m", Some(2_000_000)),
            (b"2MB", Some(2 << 20)),
            (b"3g", Some(3_000_000_000)),
            (b"3gB", Some(3 << 30)),
            (b"007", Some(7)),
            (b"", None),
            (b"mb", None),
            (b"-1", None),
            (b"1 mb", None),
            (b"1tb", None),
            (b"18446744073709551615kb", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_memory(text), want, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn spans_of_time_have_units() {
        for (text, want) in [
            ("0", Some(0)),
            ("90", Some(90)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("2H", Some(7200)),
            ("7d", Some(604_800)),
            ("1w", Some(604_800)),
            ("", None),
            ("d", None),
            ("+5", None),
            ("-5s", None),
            ("1.5h", None),
            ("5 m", None),
            ("5mm", None),
            ("18446744073709551615w", None),
        ] {
            assert_eq!(parse_duration_s(text.as_bytes()), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value: i64) {
            let mut out = Vec::new();
            write_i64(&mut out, value);
            prop_assert!(out.len() <= I64_TEXT_LEN_MAX);
            prop_assert_eq!(parse_i64(&out), Some(value));
        }

        #[test]
        fn what_is_read_is_written_back(text in "[-+ 0-9]{0,21}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
