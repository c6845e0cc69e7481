//! Doubles in text, as scores, increments and replies carry them.

use super::float_syntax::FloatSyntax;
use super::grisu;
use super::number;

/// Reads a double as Redis does with `strtod`: decimal or hexadecimal, `inf`
/// and `infinity` in any case; no blanks, no NaN. A number too large for a
/// double, or so small that it would become zero, is refused.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    match FloatSyntax::parse(text)? {
        FloatSyntax::Infinity { negative: false } => Some(f64::INFINITY),
        FloatSyntax::Infinity { negative: true } => Some(f64::NEG_INFINITY),
        FloatSyntax::Decimal {
            digits, fraction, ..
        } => {
            let is_zero = digits.iter().chain(fraction).all(|digit| *digit == b'0');
            let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            in_range(value, is_zero)
        }
        FloatSyntax::Hex {
            negative,
            mantissa,
            sticky,
            exponent,
        } => {
            let value = scale(mantissa, sticky, exponent);
            let value = if negative { -value } else { value };
            in_range(value, mantissa == 0)
        }
    }
}

/// Reads a double as a bare `strtod` does, to which Redis leaves a bound: blanks may
/// precede it, nothing at all is 0, and what no double holds is rounded.
pub fn parse_f64_leniently(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
    let number = &text[blanks..];
    parse_f64(number).or_else(|| {
        let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let number = std::str::from_utf8(number).ok()?;
        number.bytes().all(|byte| is_decimal(&byte)).then_some(())?;
        number.parse().ok()
    })
}

/// A score, or a bound of scores, as every server reads it, where `text` is not that:
/// Redis 7.2 leaves them to `strtod`, later ones and Valkey 9 take decimal digits alone.
pub fn plain_spelling(text: &[u8]) -> Option<Vec<u8>> {
    let (mark, number) = match text {
        [b'(', number @ ..] => (&text[..1], number),
        number => (&text[..0], number),
    };
    if is_plain(number) {
        return None;
    }
    let mut plain = mark.to_vec();
    write_f64(&mut plain, parse_f64_leniently(number)?);
    Some(plain)
}

/// Whether every server reads this text as the same double.
pub fn is_plain(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    if digits == b"inf" || digits.len() < 16 && digits.iter().all(u8::is_ascii_digit) {
        return !digits.is_empty();
    }
    let is_number = is_digit(digits.first()) && is_digit(digits.last());
    is_number && digits.iter().all(is_decimal) && parse_f64(number).is_some()
}

fn in_range(value: f64, is_zero: bool) -> Option<f64> {
    (value.is_finite() && (value != 0.0 || is_zero)).then_some(value)
}

/// `mantissa * 2^exponent` rounded once, to nearest and ties to even.
fn scale(mantissa: u128, sticky: bool, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = mantissa.leading_zeros();
    let mantissa = mantissa << shift;
    // The weight of the top bit, which decides how many bits a double keeps.
    let top = exponent - i64::from(shift) + 127;
    if top > 1023 {
        return f64::INFINITY;
    }
    let kept_bits = (top + 1075).min(53);
    if kept_bits < 0 {
        return 0.0;
    }
    let kept = mantissa.checked_shr(128 - kept_bits as u32).unwrap_or(0) as u64;
    let rest = mantissa << kept_bits;
    let half = 1u128 << 127;
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    let rounded = (kept + u64::from(up)) as f64;
    // Both factors are exact: the product has at most 53 significant bits and
    // its last bit lies on the double's grid.
    let last = top + 1 - kept_bits;
    if last < -1022 {
        rounded * f64::from_bits(1 << 52) * 2f64.powi((last + 1022) as i32)
    } else {
        rounded * 2f64.powi(last as i32)
    }
}

/// Appends a double as Redis 7.2 prints it: integers plainly, everything else
/// with the digits of Grisu2 in the layout of `write_layout`.
///
/// ```
/// use towline_core::text::double::write_f64;
/// let mut out = Vec::new();
/// write_f64(&mut out, 3.25);
/// assert_eq!(out, b"3.25");
/// ```
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    /// Integers up to here are printed as integers.
    const LARGEST_INTEGER: f64 = (1i64 << 62) as f64;
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        });
    } else if value.abs() <= LARGEST_INTEGER && value.trunc() == value {
        number::write_i64(out, value as i64);
    } else {
        if value < 0.0 {
            out.push(b'-');
        }
        let digits = grisu::digits(value);
        write_layout(out, digits.as_bytes(), digits.exponent, value < 0.0);
    }
}

/// Appends a double as C's `%.17g` prints it: 17 digits without trailing zeros,
/// in scientific form below 1e-4 and from 1e17 on. ZSCAN shows scores so.
pub fn write_f64_17(out: &mut Vec<u8>, value: f64) {
    const DIGITS: i32 = 17;
    if !value.is_finite() || value == 0.0 {
        return write_f64(out, value);
    }
    let text = format!("{value:.*e}", DIGITS as usize - 1);
    let (digits, exponent) = text
        .split_once('e')
        .expect("scientific form has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is an integer");
    let plain = (-4..DIGITS).contains(&exponent);
    let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
    let text = if plain {
        format!("{value:.decimals$}")
    } else {
        digits.to_owned()
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    out.extend_from_slice(text.as_bytes());
    if !plain {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.abs()).as_bytes());
    }
}

/// Lays digits out: an integer with its zeros, a plain decimal fraction where
/// it stays short, else `d.ddde±x` with an exponent without padding.
fn write_layout(out: &mut Vec<u8>, digits: &[u8], exponent: i32, negative: bool) {
    let len = digits.len() as i32;
    let scientific = exponent + len - 1;
    if exponent >= 0 && scientific.abs() < len + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + exponent as usize, b'0');
    } else if exponent < 0 && (exponent > -7 || scientific.abs() < 4) {
        let point = len + exponent;
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    } else {
        write_scientific(out, digits, scientific, negative);
    }
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], scientific: i32, negative: bool) {
    // Redis's buffer has room for so many digits and cuts the rest.
    let digits = &digits[..digits.len().min(18 - usize::from(negative))];
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.push(b'e');
    out.push(if scientific < 0 { b'-' } else { b'+' });
    number::write_u64(out, u64::from(scientific.unsigned_abs()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).expect("doubles are printed in ASCII")
    }

    #[test]
    fn what_only_strtod_reads_is_spelled_plainly() {
        for plain in [
            "0", "-7", "1.5", "(1.5", "inf", "-inf", "(-inf", "1e-7", "1e+21", "007",
        ] {
            assert_eq!(plain_spelling(plain.as_bytes()), None, "{plain}");
        }
        for (text, want) in [
            ("0x10", "16"),
            ("(0x10", "(16"),
            ("-0x1p-1", "-0.5"),
            (" 2", "2"),
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("", "0"),
            ("+inf", "inf"),
            ("Infinity", "inf"),
            ("1e400", "inf"),
            ("(-1e400", "(-inf"),
            ("1e-400", "0"),
        ] {
            let plain = plain_spelling(text.as_bytes()).expect("it is not plain");
            assert_eq!(String::from_utf8_lossy(&plain), want, "{text:?}");
        }
    }

    #[test]
    fn prints_as_redis() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (3.5, "3.5"),
            (-3.14158, "-3.14158"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1e-4, "0.0001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (1.234e-5, "1.234e-5"),
            (1.2e-5, "0.000012"),
            (123_456.789, "123456.789"),
            (1e18, "1000000000000000000"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (1e19, "1e+19"),
            (1e20, "1e+20"),
            (1.5e300, "1.5e+300"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), want);
        }
    }

    #[test]
    fn prints_17_digits_as_c() {
        for (value, want) in [
            (0.1, "0.10000000000000001"),
            (1.5, "1.5"),
            (-3.0, "-3"),
            (0.0, "0"),
            (-0.0, "-0"),
            (100.0, "100"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e-4, "0.0001"),
            (0.00012345, "0.00012344999999999999"),
            (1e-5, "1.0000000000000001e-05"),
            (1e100, "1e+100"),
            (-2.5e-300, "-2.5e-300"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut out = Vec::new();
            write_f64_17(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), want);
        }
    }

    #[test]
    fn reads_what_strtod_reads() {
        for (text, want) in [
            ("1", 1.0),
            ("+1.5", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5e1", -5.0),
            ("1e+3", 1000.0),
            ("0x10", 16.0),
            ("0x1.8p1", 3.0),
            ("-0X.8P-1", -0.25),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080001p0", 1.0 + f64::EPSILON),
            ("0x1p-1074", 5e-324),
            ("0x0.8p-1073", 5e-324),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("0e999999999999999999999", 0.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(want), "{text}");
        }
    }

    #[test]
    fn refuses_what_redis_refuses() {
        for text in [
            "",
            " 1",
            "1 ",
            "1x",
            "e5",
            "1e",
            "1e+",
            ".",
            "-",
            "+",
            "nan",
            "-nan",
            "nan(1)",
            "0x",
            "0x1p",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p1024",
            "0x1p-1080",
            "1\0",
            "1,5",
            "--1",
            "infi",
            "1_0",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            prop_assert_eq!(parse_f64(text(value).as_bytes()), Some(value));
        }

        #[test]
        fn hexadecimal_is_exact(bits in 1u64..0x7ff0_0000_0000_0000) {
            let value = f64::from_bits(bits);
            let (mantissa, exponent) = match bits >> 52 {
                0 => (bits, -1074),
                biased => (bits & ((1 << 52) - 1) | 1 << 52, biased as i64 - 1075),
            };
            let hex = format!("0x{mantissa:x}p{exponent}");
            prop_assert_eq!(parse_f64(hex.as_bytes()), Some(value));
        }

        #[test]
        fn any_bytes_are_answered(text: Vec<u8>) {
            parse_f64(&text);
        }
    }
}
