//! Just enough arithmetic on long natural numbers to round and to print a long
//! double exactly. Speed does not matter: only numbers of more than 19 digits
//! or far from 1 come here.

use std::cmp::Ordering;

/// A natural number in little-endian limbs, without leading zero limbs.
#[derive(Clone)]
pub(super) struct Natural(Vec<u64>);

impl Natural {
    /// Reads decimal digits and multiplies by `10^zeros`.
    pub(super) fn from_digits(digits: impl Iterator<Item = u8>, zeros: usize) -> Self {
        let mut value = Self(Vec::new());
        for digit in digits {
            value.multiply_add(10, u64::from(digit - b'0'));
        }
        for _ in 0..zeros {
            value.multiply_add(10, 0);
        }
        value
    }

    /// `mantissa * 2^shift`.
    pub(super) fn from_shifted(mantissa: u64, shift: usize) -> Self {
        let mut value = Self(vec![mantissa]);
        value.trim();
        value.shift_left(shift);
        value
    }

    /// `self = self * factor + term`.
    fn multiply_add(&mut self, factor: u64, term: u64) {
        let mut carry = term;
        for limb in &mut self.0 {
            let wide = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = wide as u64;
            carry = (wide >> 64) as u64;
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    pub(super) fn shift_left(&mut self, bits: usize) {
        if self.is_zero() {
            return;
        }
        if !bits.is_multiple_of(64) {
            self.multiply_add(1 << (bits % 64), 0);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 64));
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of the highest bit set plus one; 0 for zero.
    pub(super) fn bit_len(&self) -> usize {
        let last = self.0.last().copied().unwrap_or(0);
        self.0.len() * 64 - last.leading_zeros() as usize * usize::from(!self.is_zero())
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_len = self.0.len().cmp(&other.0.len());
        by_len.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// `self -= other`, which must not be larger.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let term = other.0.get(index).copied().unwrap_or(0);
            let (partial, first) = limb.overflowing_sub(term);
            let (result, second) = partial.overflowing_sub(u64::from(borrow));
            *limb = result;
            borrow = first || second;
        }
        assert!(!borrow, "the subtrahend is not larger");
        self.trim();
    }

    /// Divides by `divisor` and returns the remainder.
    fn divide_small(&mut self, divisor: u64) -> u64 {
        let mut rest = 0u64;
        for limb in self.0.iter_mut().rev() {
            let wide = u128::from(rest) << 64 | u128::from(*limb);
            *limb = (wide / u128::from(divisor)) as u64;
            rest = (wide % u128::from(divisor)) as u64;
        }
        self.trim();
        rest
    }

    /// Appends the number in decimal.
    pub(super) fn write_decimal(mut self, out: &mut Vec<u8>) {
        const CHUNK: u64 = 10_000_000_000_000_000_000;
        let mut chunks = Vec::new();
        while !self.is_zero() {
            chunks.push(self.divide_small(CHUNK));
        }
        let mut chunks = chunks.into_iter().rev();
        let first = chunks.next().unwrap_or(0);
        out.extend_from_slice(first.to_string().as_bytes());
        for chunk in chunks {
            out.extend_from_slice(format!("{chunk:019}").as_bytes());
        }
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}
