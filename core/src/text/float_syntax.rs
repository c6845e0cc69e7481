//! The grammar that the C library's `strtod` and `strtold` share, split from
//! the rounding, which differs between a double and a long double.

/// A number's text taken apart.
pub(super) enum FloatSyntax<'a> {
    /// `inf` or `infinity` in any case.
    Infinity { negative: bool },
    /// `digits` and `fraction` are the digits around the point; the value is
    /// `digits.fraction * 10^exponent`.
    Decimal {
        negative: bool,
        digits: &'a [u8],
        fraction: &'a [u8],
        exponent: i64,
    },
    /// The value is `mantissa * 2^exponent`, with `sticky` set where more bits
    /// followed; the mantissa then has at least 125 bits.
    Hex {
        negative: bool,
        mantissa: u128,
        sticky: bool,
        exponent: i64,
    },
}

/// An exponent beyond this is an overflow or an underflow for every input of a
/// bounded length, so larger ones are clamped to it while they are read.
const EXPONENT_CLAMP: i64 = 1 << 40;

impl<'a> FloatSyntax<'a> {
    /// Takes `text` apart; the whole of it must be one number. NaN is refused.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Self::Infinity { negative });
        }
        match rest {
            [b'0', b'x' | b'X', hex @ ..] => Self::parse_hex(negative, hex),
            _ => Self::parse_decimal(negative, rest),
        }
    }

    fn parse_decimal(negative: bool, text: &'a [u8]) -> Option<Self> {
        let (digits, rest) = split_while(text, u8::is_ascii_digit);
        let (fraction, rest) = split_fraction(rest, u8::is_ascii_digit);
        if digits.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = parse_exponent(rest, b'e')?;
        Some(Self::Decimal {
            negative,
            digits,
            fraction,
            exponent,
        })
    }

    fn parse_hex(negative: bool, text: &'a [u8]) -> Option<Self> {
        let (digits, rest) = split_while(text, u8::is_ascii_hexdigit);
        let (fraction, rest) = split_fraction(rest, u8::is_ascii_hexdigit);
        if digits.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut exponent = parse_exponent(rest, b'p')? - 4 * fraction.len() as i64;
        let (mut mantissa, mut sticky) = (0u128, false);
        for &byte in digits.iter().chain(fraction) {
            let digit = char::from(byte).to_digit(16).expect("checked to be hex");
            if mantissa >> 124 == 0 {
                mantissa = mantissa << 4 | u128::from(digit);
            } else {
                sticky |= digit != 0;
                exponent += 4;
            }
        }
        Some(Self::Hex {
            negative,
            mantissa,
            sticky,
            exponent,
        })
    }
}

fn split_while(text: &[u8], accept: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| accept(byte)).count())
}

fn split_fraction(text: &[u8], accept: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    match text {
        [b'.', rest @ ..] => split_while(rest, accept),
        _ => (&[], text),
    }
}

/// Reads what follows the digits: nothing, or a marker and a whole exponent.
fn parse_exponent(text: &[u8], marker: u8) -> Option<i64> {
    let [first, rest @ ..] = text else {
        return Some(0);
    };
    let (negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, rest),
    };
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if first.to_ascii_lowercase() != marker || !all_digits {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |value, byte| {
        (value * 10 + i64::from(byte - b'0')).min(EXPONENT_CLAMP)
    });
    Some(if negative { -magnitude } else { magnitude })
}
