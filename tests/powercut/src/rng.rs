//! Chance that can be repeated: SplitMix64 (Steele, Lea, Flood 2014), seeded by the trial.
//!
//! Knows nothing of what is decided with it.

/// A stream of chance; the same seed gives the same stream.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for `part` of what this seed stands for (a round, a sender).
    pub fn branch(&self, part: u64) -> Self {
        let mut rng = Self(self.0 ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        // One step, or the streams of neighbouring parts begin with neighbouring numbers.
        Self(rng.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end` - 1, or 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The bias of the remainder is far below what a few thousand cuts can show.
        self.bits().checked_rem(end as u64).unwrap_or(0) as usize
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_stream_again_and_branches_differ() {
        let first: Vec<u64> = std::iter::repeat_with({
            let mut rng = Rng::new(7);
            move || rng.bits()
        })
        .take(5)
        .collect();
        let mut again = Rng::new(7);
        assert!(first.iter().all(|n| *n == again.bits()));
        assert_ne!(Rng::new(7).branch(1).bits(), Rng::new(7).branch(2).bits());
        // The reference implementation's first number for seed 0.
        assert_eq!(Rng::new(0).bits(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn chance_keeps_to_its_bounds() {
        let mut rng = Rng::new(1);
        assert!((0..1000).all(|_| rng.below(3) < 3 && !rng.chance(0) && rng.chance(100)));
        assert_eq!(rng.below(0), 0);
    }
}
