//! A small generator of numbers: a test is its seed.

use alloy_primitives::U256;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// With a chance of one in `n`.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Small, large or with few bits: where arithmetic has its corners.
    pub(crate) fn word(&mut self) -> U256 {
        let any = U256::from_limbs([self.next(), self.next(), self.next(), self.next()]);
        match self.below(6) {
            0 => U256::from(self.below(4)),
            1 => U256::from(self.next()),
            2 => U256::ONE << self.below(256) as usize,
            3 => U256::MAX >> self.below(256) as usize,
            4 => !U256::from(self.below(300)),
            _ => any,
        }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}
