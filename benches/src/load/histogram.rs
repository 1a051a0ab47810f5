//! Times by their length.

/// Counts times in buckets whose width is a sixteenth of what they hold at most.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

const BITS: u32 = 5;
const STEPS: u64 = 1 << BITS;

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; bucket(u64::MAX) + 1],
            count: 0,
        }
    }
}

impl Histogram {
    pub fn add(&mut self, nanoseconds: u64) {
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
    }

    /// The time that such a share of all did not exceed, in microseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(f64::NAN, |index| lowest(index) as f64 / 1e3)
    }
}

/// Up to `STEPS` each has its own bucket; then each power of two has half as many as `STEPS`.
fn bucket(value: u64) -> usize {
    let shift = (64 - BITS).saturating_sub(value.leading_zeros());
    (u64::from(shift) * (STEPS / 2) + (value >> shift)) as usize
}

/// The lowest value of a bucket.
fn lowest(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / (STEPS / 2)).saturating_sub(1);
    (index - shift * (STEPS / 2)) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_close() {
        for value in [
            0,
            1,
            31,
            32,
            33,
            63,
            64,
            100,
            1_000,
            123_456_789,
            u64::MAX / 3,
        ] {
            let low = lowest(bucket(value));
            assert!(
                low <= value && value - low <= value / 16,
                "{value} in {low}"
            );
        }
    }

    #[test]
    fn quantiles_are_near_what_was_added() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|number| histogram.add(number * 1000));
        let median = histogram.quantile(0.5);
        assert!((470.0..=500.0).contains(&median), "{median}");
    }
}
