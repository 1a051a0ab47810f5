//! Chance that can be repeated: SplitMix64, which is small, and good enough for everything but secrets.

use std::time::Duration;

/// The same seed gives the same numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The high half of the product: every number is as likely as the others, but for 2^-64.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// Whether something happens that does with this probability. What is certain draws no number,
    /// and so changes nothing of what comes after.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        const STEPS: u64 = 1 << 53;
        if probability <= 0.0 || probability >= 1.0 {
            return probability >= 1.0;
        }
        (self.below(STEPS) as f64) < probability * STEPS as f64
    }

    /// A time up to `most`, which may be it.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        if most.is_zero() {
            return most;
        }
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, other as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The first three that its reference gives for this seed.
        let mut random = Random::new(1_234_567);
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn chances_are_kept() {
        let mut random = Random::new(1);
        let hits = (0..10_000).filter(|_| random.happens(0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!(!random.happens(0.0) && random.happens(1.0));
        let most = Duration::from_nanos(2);
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| random.up_to(most)).collect();
        assert_eq!(drawn.len(), 3);
        assert_eq!(drawn.last(), Some(&most));
    }
}
