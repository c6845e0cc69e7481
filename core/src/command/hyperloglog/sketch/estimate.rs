//! From registers to an estimate: Otmar Ertl, "New cardinality estimation algorithms
//! for HyperLogLog sketches" (arXiv:1702.01284), the improved raw estimator.
//!
//! The floating-point steps and their order are Redis's, so that the last digit is.

use super::{RANK_BITS, REGISTERS};

/// 1 / (2 ln 2).
const ALPHA_INFINITY: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Histogram([usize; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Histogram {
    /// Counts registers of one value.
    pub(in super::super) const fn count(&mut self, rank: u8, registers: usize) {
        self.0[rank as usize] += registers;
    }
}

/// How many different elements were added, about.
pub(in super::super) fn estimate(histogram: &Histogram) -> u64 {
    let ranks = &histogram.0;
    let last = RANK_BITS as usize + 1;
    let m = REGISTERS as f64;
    let mut z = m * tau((m - ranks[last] as f64) / m);
    for rank in (1..last).rev() {
        z += ranks[rank] as f64;
        z *= 0.5;
    }
    z += m * sigma(ranks[0] as f64 / m);
    (ALPHA_INFINITY * m * m / z).round() as u64
}

/// The paper's tau: corrects for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// The paper's sigma: corrects for registers that are empty.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}
