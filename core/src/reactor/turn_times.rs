//! How long the turns of a reactor take, counted in classes, with a clock that costs next to nothing.

use std::cell::Cell;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Up to where the classes of turns go, in milliseconds; what takes longer is in one more.
const BOUNDS: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500];

/// How long the turns of a reactor took, in classes. Waiting for events is no part of it, and what
/// is measured is real time, also in a simulated world.
///
/// The times are those of a coarse clock, exact to some milliseconds: a few turns are put in the
/// class beside theirs, and the sum is right in the long run.
///
/// ```
/// use torsade_core::Reactor;
///
/// let reactor = Reactor::new()?;
/// reactor.run_until(reactor.spawn(async { Ok(()) }))?;
/// reactor.iterate(Some(std::time::Duration::ZERO))?;
/// let turns = reactor.statistics().turns;
/// assert!(turns.count() >= 1);
/// println!("{} turns took {:?} together", turns.count(), turns.busy());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnTimes {
    counts: [u64; BOUNDS.len() + 1],
    busy: Duration,
}

impl TurnTimes {
    /// How many turns there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together: the time in which the reactor did not wait.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// The classes, the fastest first: how many turns took no longer than this and were in none
    /// before. The last one has no bound.
    ///
    /// ```
    /// use torsade_core::Reactor;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// reactor.run_until(reactor.spawn(async { Ok(()) }))?;
    /// let turns = reactor.statistics().turns;
    /// for (bound, turns) in turns.classes() {
    ///     match bound {
    ///         Some(bound) => println!("{turns} turns took {bound:?} at the most"),
    ///         None => println!("{turns} took longer"),
    ///     }
    /// }
    /// assert_eq!(turns.classes().map(|(_, turns)| turns).sum::<u64>(), turns.count());
    /// # Ok(())
    /// # }
    /// ```
    pub fn classes(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + use<> {
        let bounds = BOUNDS.map(|bound| Some(Duration::from_millis(bound)));
        let counts = self.counts;
        bounds.into_iter().chain([None]).zip(counts)
    }
}

/// Counts turns, and how long they take.
#[derive(Debug, Default)]
pub(super) struct Turns {
    counts: [Cell<u64>; BOUNDS.len() + 1],
    busy: Cell<Duration>,
    /// Since when the reactor has been at work; `None` while others are.
    since: Cell<Option<Duration>>,
}

impl Turns {
    /// What comes now is not the reactor's work: it waits, or somebody else's loop goes on.
    pub(super) fn rest(&self) {
        self.since.set(None);
    }

    /// A turn's work begins: now, or when the one before ended if nothing was waited for.
    #[inline]
    pub(super) fn begin(&self) {
        if self.since.get().is_none() {
            self.since.set(Some(coarse_time()));
        }
    }

    /// A turn's work has ended.
    #[inline]
    pub(super) fn end(&self) {
        let now = coarse_time();
        let took = now.saturating_sub(self.since.replace(Some(now)).unwrap_or(now));
        // Most turns take no tick of the clock.
        let mut class = 0;
        if !took.is_zero() {
            class = class_of(took);
            self.busy.set(self.busy.get() + took);
        }
        self.counts[class].set(self.counts[class].get() + 1);
    }

    pub(super) fn times(&self) -> TurnTimes {
        TurnTimes {
            counts: std::array::from_fn(|class| self.counts[class].get()),
            busy: self.busy.get(),
        }
    }
}

#[cold]
fn class_of(took: Duration) -> usize {
    let is_above = |bound: &&u64| took > Duration::from_millis(**bound);
    BOUNDS.iter().take_while(is_above).count()
}

/// A monotonic time that is cheap to read, and moves in steps of some milliseconds where the
/// system has such a clock.
#[inline]
fn coarse_time() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::CLOCK_MONOTONIC;
    // By the C library, which finds the kernel's page for it under valgrind as well.
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_in_the_first_class_that_it_fits_into() {
        let class = |millis| class_of(Duration::from_millis(millis));
        assert_eq!((class(0), class(5), class(6)), (0, 0, 1));
        assert_eq!((class(2500), class(2501), class(100_000)), (8, 9, 9));
    }

    #[test]
    fn the_time_of_a_turn_begins_when_the_one_before_ended_unless_it_rested() {
        let turns = Turns::default();
        turns.begin();
        let begun = turns.since.get().unwrap();
        let earlier = begun.saturating_sub(Duration::from_secs(1));
        turns.since.set(Some(earlier));
        turns.begin();
        assert_eq!(turns.since.get(), Some(earlier));
        turns.end();
        assert!(turns.times().busy() >= begun - earlier);
        assert!(turns.since.get() >= Some(begun));
        turns.since.set(Some(earlier));
        turns.rest();
        turns.begin();
        assert!(turns.since.get() >= Some(begun));
        turns.end();
        assert_eq!(turns.times().count(), 2);
    }
}
