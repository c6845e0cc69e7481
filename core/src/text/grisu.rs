//! Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and
//! Accurately with Integers", 2010): the digits of a double.
//!
//! Redis prints with Grisu2, whose digits always read back as the same double
//! but are not the shortest in about one double of a thousand. A shortest
//! algorithm would therefore disagree with Redis now and then, in replies and
//! in what DEBUG DIGEST sums up, so the same algorithm is used here.

/// A floating-point number with a 64-bit mantissa: `mantissa * 2^exponent`.
#[derive(Clone, Copy)]
struct Wide {
    mantissa: u64,
    exponent: i32,
}

impl Wide {
    fn normalized(self) -> Self {
        let shift = self.mantissa.leading_zeros();
        Self {
            mantissa: self.mantissa << shift,
            exponent: self.exponent - shift as i32,
        }
    }

    /// The product, its upper 64 bits rounded half up.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self {
            mantissa: ((product + (1 << 63)) >> 64) as u64,
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// Digits of a double, at most 18, most significant first.
pub(super) struct Digits {
    bytes: [u8; 20],
    len: usize,
    /// The value is the digits as an integer times `10^exponent`.
    pub(super) exponent: i32,
}

impl Digits {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, digit: u64) {
        // A leading zero is no digit.
        if digit != 0 || self.len > 0 {
            self.bytes[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// Lowers the last digit while that brings the result nearer to the value
    /// and keeps it inside the interval. `rest` is the distance from the upper
    /// bound, `wanted` the value's own, `unit` one step of the last digit.
    fn round(&mut self, delta: u64, mut rest: u64, unit: u64, wanted: u64) {
        while rest < wanted
            && delta - rest >= unit
            && (rest.wrapping_add(unit) < wanted
                || wanted - rest > rest.wrapping_add(unit).wrapping_sub(wanted))
        {
            self.bytes[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

/// The digits of `value`, which must be finite and not zero; its sign is
/// ignored.
pub(super) fn digits(value: f64) -> Digits {
    let (value, lower, upper) = boundaries(value);
    let (power, decimal) = cached_power(upper.exponent);
    let value = value.times(power);
    // The products may be off by one unit; the interval shrinks by it so that
    // every number inside still reads back as the same double.
    let upper = upper.times(power).mantissa - 1;
    let lower = lower.times(power).mantissa + 1;
    generate(value, lower, upper, -decimal)
}

/// The value and the middles to both its neighbours, with one exponent.
fn boundaries(value: f64) -> (Wide, Wide, Wide) {
    const HIDDEN_BIT: u64 = 1 << 52;
    let bits = value.to_bits();
    let fraction = bits & (HIDDEN_BIT - 1);
    let biased = (bits >> 52 & 0x7ff) as i32;
    let (mantissa, exponent) = match biased {
        0 => (fraction, 1 - 1075),
        _ => (fraction | HIDDEN_BIT, biased - 1075),
    };
    let upper = Wide {
        mantissa: (mantissa << 1) + 1,
        exponent: exponent - 1,
    }
    .normalized();
    // Below a power of two the neighbour is half as far away.
    let shift = if mantissa == HIDDEN_BIT { 2 } else { 1 };
    let lower = Wide {
        mantissa: ((mantissa << shift) - 1) << (exponent - shift - upper.exponent),
        exponent: upper.exponent,
    };
    (Wide { mantissa, exponent }.normalized(), lower, upper)
}

/// A power of ten that brings `exponent` between -60 and -32 by a product, and
/// its decimal exponent.
fn cached_power(exponent: i32) -> (Wide, i32) {
    let estimate =
        (f64::from(-(exponent + POWERS_OF_TEN.len() as i32)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (estimate - FIRST_POWER) / POWER_STEP;
    loop {
        let (mantissa, power_exponent) = POWERS_OF_TEN[index as usize];
        match exponent + power_exponent + 64 {
            ..-60 => index += 1,
            -60..=-32 => {
                let power = Wide {
                    mantissa,
                    exponent: power_exponent,
                };
                return (power, FIRST_POWER + index * POWER_STEP);
            }
            _ => index -= 1,
        }
    }
}

/// Writes digits from the upper bound down until the rest lies inside the
/// interval.
fn generate(value: Wide, lower: u64, upper: u64, exponent: i32) -> Digits {
    let mut out = Digits {
        bytes: [0; 20],
        len: 0,
        exponent,
    };
    let shift = -value.exponent;
    let one = 1u64 << shift;
    let wanted = upper - value.mantissa;
    let mut delta = upper - lower;
    let mut whole = upper >> shift;
    let mut part = upper & (one - 1);

    let mut unit = 1_000_000_000;
    for left in (0..10).rev() {
        out.push(whole / unit);
        whole %= unit;
        let rest = (whole << shift) + part;
        if rest <= delta {
            out.exponent += left;
            out.round(delta, rest, unit << shift, wanted);
            return out;
        }
        unit /= 10;
    }

    let mut scale = 1u64;
    loop {
        part *= 10;
        delta *= 10;
        scale = scale.wrapping_mul(10);
        out.exponent -= 1;
        out.push(part >> shift);
        part &= one - 1;
        if part < delta {
            out.round(delta, part, one, wanted.wrapping_mul(scale));
            return out;
        }
    }
}

/// Decimal exponent of the first entry of [`POWERS_OF_TEN`].
const FIRST_POWER: i32 = -348;
/// Step between two entries of [`POWERS_OF_TEN`].
const POWER_STEP: i32 = 8;

/// `10^(FIRST_POWER + i * POWER_STEP)` as mantissa and binary exponent, rounded
/// to nearest; the test recomputes what integers can hold exactly.
#[rustfmt::skip]
const POWERS_OF_TEN: [(u64, i32); 87] = [
    (0xfa8f_d5a0_081c_0288, -1220), (0xbaae_e17f_a23e_bf76, -1193), (0x8b16_fb20_3055_ac76, -1166),
    (0xcf42_894a_5dce_35ea, -1140), (0x9a6b_b0aa_5565_3b2d, -1113), (0xe61a_cf03_3d1a_45df, -1087),
    (0xab70_fe17_c79a_c6ca, -1060), (0xff77_b1fc_bebc_dc4f, -1034), (0xbe56_91ef_416b_d60c, -1007),
    (0x8dd0_1fad_907f_fc3c, -980), (0xd351_5c28_3155_9a83, -954), (0x9d71_ac8f_ada6_c9b5, -927),
    (0xea9c_2277_23ee_8bcb, -901), (0xaecc_4991_4078_536d, -874), (0x823c_1279_5db6_ce57, -847),
    (0xc210_9436_4dfb_5637, -821), (0x9096_ea6f_3848_984f, -794), (0xd774_85cb_2582_3ac7, -768),
    (0xa086_cfcd_97bf_97f4, -741), (0xef34_0a98_172a_ace5, -715), (0xb238_67fb_2a35_b28e, -688),
    (0x84c8_d4df_d2c6_3f3b, -661), (0xc5dd_4427_1ad3_cdba, -635), (0x936b_9fce_bb25_c996, -608),
    (0xdbac_6c24_7d62_a584, -582), (0xa3ab_6658_0d5f_daf6, -555), (0xf3e2_f893_dec3_f126, -529),
    (0xb5b5_ada8_aaff_80b8, -502), (0x8762_5f05_6c7c_4a8b, -475), (0xc9bc_ff60_34c1_3053, -449),
    (0x964e_858c_91ba_2655, -422), (0xdff9_7724_7029_7ebd, -396), (0xa6df_bd9f_b8e5_b88f, -369),
    (0xf8a9_5fcf_8874_7d94, -343), (0xb944_7093_8fa8_9bcf, -316), (0x8a08_f0f8_bf0f_156b, -289),
    (0xcdb0_2555_6531_31b6, -263), (0x993f_e2c6_d07b_7fac, -236), (0xe45c_10c4_2a2b_3b06, -210),
    (0xaa24_2499_6973_92d3, -183), (0xfd87_b5f2_8300_ca0e, -157), (0xbce5_0864_9211_1aeb, -130),
    (0x8cbc_cc09_6f50_88cc, -103), (0xd1b7_1758_e219_652c, -77), (0x9c40_0000_0000_0000, -50),
    (0xe8d4_a510_0000_0000, -24), (0xad78_ebc5_ac62_0000, 3), (0x813f_3978_f894_0984, 30),
    (0xc097_ce7b_c907_15b3, 56), (0x8f7e_32ce_7bea_5c70, 83), (0xd5d2_38a4_abe9_8068, 109),
    (0x9f4f_2726_179a_2245, 136), (0xed63_a231_d4c4_fb27, 162), (0xb0de_6538_8cc8_ada8, 189),
    (0x83c7_088e_1aab_65db, 216), (0xc45d_1df9_4271_1d9a, 242), (0x924d_692c_a61b_e758, 269),
    (0xda01_ee64_1a70_8dea, 295), (0xa26d_a399_9aef_774a, 322), (0xf209_787b_b47d_6b85, 348),
    (0xb454_e4a1_79dd_1877, 375), (0x865b_8692_5b9b_c5c2, 402), (0xc835_53c5_c896_5d3d, 428),
    (0x952a_b45c_fa97_a0b3, 455), (0xde46_9fbd_99a0_5fe3, 481), (0xa59b_c234_db39_8c25, 508),
    (0xf6c6_9a72_a398_9f5c, 534), (0xb7dc_bf53_54e9_bece, 561), (0x88fc_f317_f222_41e2, 588),
    (0xcc20_ce9b_d35c_78a5, 614), (0x9816_5af3_7b21_53df, 641), (0xe2a0_b5dc_971f_303a, 667),
    (0xa8d9_d153_5ce3_b396, 694), (0xfb9b_7cd9_a4a7_443c, 720), (0xbb76_4c4c_a7a4_4410, 747),
    (0x8bab_8eef_b640_9c1a, 774), (0xd01f_ef10_a657_842c, 800), (0x9b10_a4e5_e991_3129, 827),
    (0xe710_9bfb_a19c_0c9d, 853), (0xac28_20d9_623b_f429, 880), (0x8044_4b5e_7aa7_cf85, 907),
    (0xbf21_e440_03ac_dd2d, 933), (0x8e67_9c2f_5e44_ff8f, 960), (0xd433_179d_9c8c_b841, 986),
    (0x9e19_db92_b4e3_1ba9, 1013), (0xeb96_bf6e_badf_77d9, 1039), (0xaf87_023b_9bf0_ee6b, 1066),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_equals_the_powers_that_fit() {
        for (index, &(mantissa, exponent)) in POWERS_OF_TEN.iter().enumerate() {
            assert!(mantissa >> 63 == 1, "entry {index} is not normalized");
            let decimal = FIRST_POWER + index as i32 * POWER_STEP;
            if let (0..=36, Ok(power)) = (decimal, u32::try_from(decimal)) {
                let power = 10u128.pow(power);
                let shifted = power << power.leading_zeros();
                let rounded = (shifted >> 64) as u64 + u64::from(shifted as u64 >> 63 == 1);
                assert_eq!(mantissa, rounded, "10^{decimal}");
                assert_eq!(exponent, 64 - power.leading_zeros() as i32, "10^{decimal}");
            }
        }
    }

    fn read_back(value: f64) -> f64 {
        let digits = digits(value);
        let text = std::str::from_utf8(digits.as_bytes()).expect("digits are ASCII");
        format!("{text}e{}", digits.exponent)
            .parse()
            .expect("digits and an exponent are a number")
    }

    #[test]
    fn extremes_read_back() {
        for value in [
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::from_bits((1 << 52) - 1),
            0.1,
            1.0 / 3.0,
            5e-324,
            123_456_789.123,
        ] {
            assert_eq!(read_back(value), value);
        }
    }

    proptest! {
        #[test]
        fn digits_read_back_as_the_same_double(bits in 1u64..0x7ff0_0000_0000_0000) {
            let value = f64::from_bits(bits);
            prop_assert_eq!(read_back(value), value);
        }
    }

    /// Grisu2 is known to miss the shortest form in 0.1 % to 0.2 % of random
    /// doubles; a port that is off shows as a rate far from that.
    #[test]
    fn misses_the_shortest_form_as_rarely_as_grisu2() {
        let (mut state, mut longer, total) = (1u64, 0u32, 200_000u32);
        for _ in 0..total {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let value = f64::from_bits((state ^ state >> 33) & !(1 << 63));
            if !value.is_normal() {
                continue;
            }
            let shortest = format!("{value:e}");
            let count = shortest
                .bytes()
                .take_while(|byte| *byte != b'e')
                .filter(u8::is_ascii_digit);
            longer += u32::from(digits(value).as_bytes().len() > count.count());
        }
        assert!(
            (total / 2000..total / 300).contains(&longer),
            "{longer} of {total}"
        );
    }
}
