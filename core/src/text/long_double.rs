//! The x87 long double of INCRBYFLOAT and HINCRBYFLOAT, in integers.
//!
//! Redis on x86-64 adds with a mantissa of 64 bits and prints 17 decimals, so
//! that 10.1 + 0.1 prints as 10.2 and not with the dust of a double. The type
//! below rounds as that hardware does: to nearest, ties to even.
//!
//! ```text
//! value = ±mantissa * 2^exponent       mantissa: 64 bits, the top one set
//!                                      unless the value is below 2^-16382
//! ```

use super::bignum::Natural;
use super::float_syntax::FloatSyntax;
use super::number;

/// Longer text is no number to Redis, whose buffer is 5 KB with its NUL.
pub const MAX_TEXT_BYTES: usize = 5 * 1024 - 1;

/// The exponent of the last bit of the largest values.
const MAX_EXPONENT: i64 = 16383 - 63;
/// The exponent of the smallest value's only bit.
const MIN_EXPONENT: i64 = -16445;
/// Digits after the point that are printed, before zeros are trimmed.
const DECIMALS: usize = 17;

/// A long double; not a number is not among its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    Infinite,
    /// Zero has the mantissa 0 and the exponent [`MIN_EXPONENT`].
    Finite {
        mantissa: u64,
        exponent: i64,
    },
}

const ZERO: Magnitude = Magnitude::Finite {
    mantissa: 0,
    exponent: MIN_EXPONENT,
};

impl LongDouble {
    /// Reads what `strtold` reads: decimal or hexadecimal, `inf` and `infinity`
    /// in any case. Blanks, NaN, text beyond [`MAX_TEXT_BYTES`], and numbers
    /// that overflow or vanish are refused.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        match FloatSyntax::parse(text)? {
            FloatSyntax::Infinity { negative } => Some(Self {
                negative,
                magnitude: Magnitude::Infinite,
            }),
            FloatSyntax::Decimal {
                negative,
                digits,
                fraction,
                exponent,
            } => parse_decimal(digits, fraction, exponent).map(|magnitude| Self {
                negative,
                magnitude,
            }),
            FloatSyntax::Hex {
                negative,
                mantissa,
                sticky,
                exponent,
            } => in_range(mantissa == 0, || round(mantissa, sticky, exponent)).map(|magnitude| {
                Self {
                    negative,
                    magnitude,
                }
            }),
        }
    }

    /// False for the infinities.
    pub fn is_finite(self) -> bool {
        self.magnitude != Magnitude::Infinite
    }

    /// The rounded sum, or `None` where opposite infinities have none.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        match (self.magnitude, other.magnitude) {
            (Magnitude::Infinite, Magnitude::Infinite) => {
                (self.negative == other.negative).then_some(self)
            }
            (Magnitude::Infinite, _) => Some(self),
            (_, Magnitude::Infinite) => Some(other),
            (
                Magnitude::Finite { mantissa, exponent },
                Magnitude::Finite {
                    mantissa: other_mantissa,
                    exponent: other_exponent,
                },
            ) => {
                let (high, low) = if exponent >= other_exponent {
                    (
                        (self.negative, mantissa, exponent),
                        (other.negative, other_mantissa, other_exponent),
                    )
                } else {
                    (
                        (other.negative, other_mantissa, other_exponent),
                        (self.negative, mantissa, exponent),
                    )
                };
                Some(add_finite(high, low))
            }
        }
    }

    /// Appends the value with up to 17 decimals, trailing zeros trimmed, never
    /// in scientific form.
    pub fn write(self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        match self.magnitude {
            Magnitude::Infinite => out.extend_from_slice(b"inf"),
            Magnitude::Finite { mantissa, exponent } if exponent >= 0 => {
                Natural::from_shifted(mantissa, exponent as usize).write_decimal(out);
            }
            Magnitude::Finite { mantissa, exponent } => {
                write_fraction(out, mantissa, exponent.unsigned_abs());
            }
        }
        if out[start..] == *b"-0" {
            out.remove(start);
        }
    }
}

/// Refuses a result that overflowed, or vanished though the text was not zero.
fn in_range(is_zero: bool, magnitude: impl FnOnce() -> Magnitude) -> Option<Magnitude> {
    if is_zero {
        return Some(ZERO);
    }
    match magnitude() {
        Magnitude::Infinite | Magnitude::Finite { mantissa: 0, .. } => None,
        finite @ Magnitude::Finite { .. } => Some(finite),
    }
}

fn parse_decimal(digits: &[u8], fraction: &[u8], exponent: i64) -> Option<Magnitude> {
    let exponent = exponent - fraction.len() as i64;
    let significant = digits.iter().chain(fraction).copied();
    let significant = significant.skip_while(|digit| *digit == b'0');
    let count = significant.clone().count();
    // The decimal exponent of the leading digit; beyond these the value is
    // certainly out of range, and within them every power fits in memory.
    let leading = exponent + count as i64;
    if count > 0 && !(-5000..=5000).contains(&leading) {
        return None;
    }
    in_range(count == 0, || match (count, exponent) {
        (..=19, -27..=19) => {
            let value = significant.fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
            scale_small(value, exponent as i32)
        }
        _ => scale_large(significant, exponent),
    })
}

/// `value * 10^exponent` for the numbers that people write.
fn scale_small(value: u64, exponent: i32) -> Magnitude {
    if exponent >= 0 {
        let exact = u128::from(value) * 10u128.pow(exponent.unsigned_abs());
        return round(exact, false, 0);
    }
    // 10^-n = 5^-n * 2^-n, and 5^27 still fits beside a shifted 64-bit value.
    let divisor = 5u128.pow(exponent.unsigned_abs());
    let shift = u128::from(value).leading_zeros();
    let dividend = u128::from(value) << shift;
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    round(quotient, rest != 0, i64::from(exponent) - i64::from(shift))
}

/// `digits * 10^exponent` for all others, by long division to 68 bits.
fn scale_large(digits: impl Iterator<Item = u8>, exponent: i64) -> Magnitude {
    let zeros = exponent.unsigned_abs() as usize;
    let (above, below) = if exponent >= 0 {
        (zeros, 0)
    } else {
        (0, zeros)
    };
    let mut dividend = Natural::from_digits(digits, above);
    let mut divisor = Natural::from_digits([b'1'].into_iter(), below);
    let shift = dividend.bit_len() as i64 - divisor.bit_len() as i64;
    if shift >= 0 {
        divisor.shift_left(shift as usize);
    } else {
        dividend.shift_left(shift.unsigned_abs() as usize);
    }
    let mut quotient = 0u128;
    for _ in 0..68 {
        quotient <<= 1;
        if dividend.compare(&divisor).is_ge() {
            dividend.subtract(&divisor);
            quotient |= 1;
        }
        dividend.shift_left(1);
    }
    round(quotient, !dividend.is_zero(), shift - 67)
}

/// Rounds `wide * 2^exponent` to nearest, ties to even; `sticky` says that more
/// lies below the last bit of `wide`, which must then have spare bits.
fn round(wide: u128, sticky: bool, exponent: i64) -> Magnitude {
    if wide == 0 {
        return ZERO;
    }
    let shift = wide.leading_zeros();
    let wide = wide << shift;
    // The exponent of the top bit decides how many bits are kept.
    let top = exponent - i64::from(shift) + 127;
    let kept_bits = (top - MIN_EXPONENT + 1).min(64);
    if kept_bits < 0 {
        return ZERO;
    }
    let dropped = 128 - kept_bits as u32;
    let kept = wide.checked_shr(dropped).unwrap_or(0) as u64;
    let rest = wide << kept_bits;
    let half = 1u128 << 127;
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    let exponent = top + 1 - kept_bits;
    let (mantissa, exponent) = match kept.checked_add(u64::from(up)) {
        Some(mantissa) => (mantissa, exponent),
        None => (1 << 63, exponent + 1),
    };
    if exponent > MAX_EXPONENT {
        return Magnitude::Infinite;
    }
    Magnitude::Finite { mantissa, exponent }
}

/// Adds two finite values given as sign, mantissa and exponent, the one with
/// the higher exponent first.
fn add_finite(high: (bool, u64, i64), low: (bool, u64, i64)) -> LongDouble {
    /// Spare bits below both mantissas; whatever is shifted out further down
    /// cannot decide a rounding except by being there.
    const GUARD_BITS: u32 = 62;
    let distance = (high.2 - low.2).min(127) as u32;
    let above = u128::from(high.1) << GUARD_BITS;
    let unshifted = u128::from(low.1) << GUARD_BITS;
    let lost = unshifted & ((1u128 << distance) - 1) != 0;
    let below = unshifted >> distance | u128::from(lost);
    let (negative, sum) = if high.0 == low.0 {
        (high.0, above + below)
    } else if above >= below {
        (high.0, above - below)
    } else {
        (low.0, below - above)
    };
    LongDouble {
        // An exact zero from opposite signs is positive.
        negative: negative && (sum != 0 || high.0 == low.0),
        magnitude: round(sum, false, high.2 - i64::from(GUARD_BITS)),
    }
}

/// Writes `mantissa * 2^-shift`, `shift` being at least 1.
fn write_fraction(out: &mut Vec<u8>, mantissa: u64, shift: u64) {
    const SCALE: u128 = 10u128.pow(DECIMALS as u32);
    // At most 121 bits, so a shift of 127 leaves less than a half.
    let scaled = u128::from(mantissa) * SCALE;
    let shift = shift.min(127) as u32;
    let rest = scaled & ((1u128 << shift) - 1);
    let half = 1u128 << (shift - 1);
    let quotient = scaled >> shift;
    let up = rest > half || (rest == half && quotient & 1 == 1);
    let quotient = quotient + u128::from(up);
    let whole = u64::try_from(quotient / SCALE).expect("half of a 64-bit mantissa, rounded");
    number::write_u64(out, whole);
    let fraction = format!(".{:017}", quotient % SCALE);
    let trimmed = fraction.trim_end_matches('0').trim_end_matches('.');
    out.extend_from_slice(trimmed.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: LongDouble) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).expect("numbers are printed in ASCII")
    }

    fn sum(one: &str, other: &str) -> String {
        let one = LongDouble::parse(one.as_bytes()).expect("a number");
        let other = LongDouble::parse(other.as_bytes()).expect("a number");
        one.checked_add(other).map_or("nan".to_owned(), text)
    }

    /// The sums were computed by the C library and an x87 unit.
    #[test]
    fn sums_of_the_hardware() {
        for (one, other, want) in [
            ("10.1", "0.1", "10.2"),
            ("10.5", "0.1", "10.6"),
            ("3.0e3", "200", "3200"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1.1", "-0.1"),
            ("0.1", "-0.1", "0"),
            ("-1e-30", "0", "0"),
            ("72", "-6.11034100192088197754e-11", "71.99999999993889659"),
            (
                "1.9676922501281440170e27",
                "-3.1097696421731344768e-18",
                "1967692250128144017058168832",
            ),
            (
                "-0x14f1a6d.1b7b9cafp-11",
                "1919293211131251315118852153.129185160068574097",
                "1919293211131251315093536768",
            ),
            (
                "0x3e488b7c.4f51d36cp30",
                "-0x5a6461d6.61f3180ep-2",
                "1121997598295284837.375",
            ),
            (
                "2004266055.20273030621588780855788902401837286410e3",
                "-119.831",
                "2004266055082.89930629730224609",
            ),
            ("-2.347127667e-1452", "562.300", "562.29999999999999999"),
            (
                "-0.928976689e-4564",
                "-5.2927853941904842225e8",
                "-529278539.41904842224903405",
            ),
            (
                "9.1434655113e-2510",
                "-188282392215910180201788883451.696349448693348275",
                "-188282392215910180208546676736",
            ),
        ] {
            assert_eq!(sum(one, other), want, "{one} + {other}");
        }
    }

    #[test]
    fn infinities() {
        assert_eq!(sum("inf", "1"), "inf");
        assert_eq!(sum("1", "-Infinity"), "-inf");
        assert_eq!(sum("inf", "-inf"), "nan");
        assert_eq!(sum("1.1e4932", "1.1e4932"), "inf");
        assert!(!LongDouble::parse(b"inf").expect("a number").is_finite());
    }

    #[test]
    fn the_largest_number_is_printed_in_full() {
        let largest = sum("0xffffffffffffffffp16320", "0");
        assert_eq!(largest.len(), 4933);
        assert!(largest.starts_with("118973149535723176502126385303"));
        assert!(largest.ends_with("419552086811989770240"));
    }

    #[test]
    fn text_that_is_no_long_double() {
        let long = "1".repeat(MAX_TEXT_BYTES + 1);
        for text in [
            "",
            " 1",
            "1 ",
            "abc",
            "nan",
            "1e5000",
            "-1e5000",
            "1e-5000",
            "0x1p-16500",
            &long,
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        let zeros = "0".repeat(MAX_TEXT_BYTES);
        assert_eq!(
            LongDouble::parse(zeros.as_bytes()).map(text),
            Some("0".to_owned())
        );
        assert!(LongDouble::parse(b"3.7e-4951").is_some());
    }

    proptest! {
        #[test]
        fn integers_of_64_bits_are_exact(value: i64) {
            let value = value.to_string();
            prop_assert_eq!(sum(&value, "0"), value);
        }

        #[test]
        // Up to 16 the dust of a sum lies below the decimals that are printed.
        fn short_decimals_add_as_on_paper(a in -8000i64..8000, b in -8000i64..8000) {
            let write = |thousandths: i64| {
                let text = format!("{}.{:03}", thousandths.abs() / 1000, thousandths.abs() % 1000);
                let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
                if thousandths < 0 { format!("-{text}") } else { text }
            };
            prop_assert_eq!(sum(&write(a), &write(b)), write(a + b));
        }

        #[test]
        fn both_ways_of_scaling_agree(value: u64, exponent in -27i32..=19) {
            let digits = value.to_string();
            let large = scale_large(digits.bytes(), i64::from(exponent));
            prop_assume!(value != 0);
            prop_assert_eq!(scale_small(value, exponent), large);
        }

        #[test]
        fn any_bytes_are_answered(text: Vec<u8>) {
            LongDouble::parse(&text);
        }
    }
}
