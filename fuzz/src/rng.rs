//! A small generator of numbers, the same on every machine.

/// SplitMix64: one addition and a mix, with any seed as good as another.
#[derive(Clone, Debug)]
pub struct Rng(u64);

/// The golden ratio as a 64-bit fraction, the generator's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator whose start depends on every byte, for choices that an input
    /// makes itself, such as where it is cut into chunks.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut rng = Self(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            rng.0 ^= u64::from_le_bytes(word);
            rng.0 = rng.next_u64();
        }
        rng
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, and 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these, which may not be none.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &'a [Box<T>]) -> &'a T {
        &from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_stay_below_their_bound() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..1000).map(|_| rng.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!((0..7).all(|n| draw(3).contains(&n)));
        assert!(draw(3).iter().all(|n| *n < 7));
        assert_eq!(Rng::new(1).below(0), 0);
    }

    #[test]
    fn every_byte_and_the_length_matter() {
        let first = |bytes: &[u8]| Rng::of_bytes(bytes).next_u64();
        let base = [7; 20];
        for at in 0..base.len() {
            let mut changed = base;
            changed[at] ^= 1;
            assert_ne!(first(&changed), first(&base));
        }
        assert_ne!(first(&[0]), first(&[0, 0]));
    }
}
