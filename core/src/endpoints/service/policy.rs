//! How long to wait before the next attempt.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// Times that grow with each failure, and are a little different for everybody, so that a server
/// that comes back is not met by all its clients at once.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::endpoints::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// assert!(backoff.delay(1) >= Duration::from_secs(1));
/// assert!(backoff.delay(50) <= Duration::from_secs(61));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "backoffPolicy")]
pub struct Backoff {
    first: Duration,
    most: Duration,
    factor: f64,
    /// At most so much is added.
    jitter: Duration,
    random: RandomState,
    count: u64,
}

impl Default for Backoff {
    /// From one second to a minute, half as much again each time, up to a second more by chance.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }
}

impl Backoff {
    /// From `first` up to `most`.
    #[doc(alias = "initialDelay")]
    #[doc(alias = "maxDelay")]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            factor: 1.5,
            jitter: Duration::from_secs(1),
            random: RandomState::new(),
            count: 0,
        }
    }

    /// By how much it grows each time: at least 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::endpoints::Backoff;
    ///
    /// let second = Duration::from_secs(1);
    /// let mut backoff = Backoff::new(second, 10 * second).factor(2.0).jitter(Duration::ZERO);
    /// let delays: Vec<u64> = (1..=5).map(|failures| backoff.delay(failures).as_secs()).collect();
    /// assert_eq!(delays, [1, 2, 4, 8, 10]);
    /// ```
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// How much is added at most, by chance.
    pub fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// The time to wait after so many failures in a row, of which there is at least one.
    pub fn delay(&mut self, failures: u32) -> Duration {
        let grown = self
            .factor
            .powi(failures.saturating_sub(1).min(1000) as i32);
        let most = self.most.as_secs_f64();
        let delay = (self.first.as_secs_f64() * grown).min(most);
        self.count += 1;
        // A keyed hash of a counter: as random as this needs.
        let chance = self.random.hash_one(self.count) as f64 / u64::MAX as f64;
        Duration::from_secs_f64(delay) + self.jitter.mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_grow_up_to_the_most() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(10));
        let mut backoff = Backoff::new(first, most).factor(2.0).jitter(Duration::ZERO);
        let times: Vec<u64> = (1..7).map(|count| backoff.delay(count).as_secs()).collect();
        assert_eq!(times, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.delay(u32::MAX), most);
    }

    #[test]
    fn chance_adds_no_more_than_it_may_and_not_always_the_same() {
        let mut backoff = Backoff::default();
        let times: Vec<Duration> = (0..50).map(|_| backoff.delay(1)).collect();
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(2));
        assert!(times.iter().all(|time| (least..=most).contains(time)));
        assert!(times.iter().any(|time| *time != times[0]));
    }
}
