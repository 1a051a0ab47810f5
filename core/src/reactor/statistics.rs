//! What a reactor has done and what it has to do, in numbers: for people who run programs.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::turn::Core;
use super::{Signal, SignalHandler, ThreadStatistics};
use crate::{Reactor, Result};

/// How a reactor is doing: given by [`Reactor::statistics`](crate::Reactor::statistics).
///
/// What is asked for here is counted when it is asked for, except the turns, which are always
/// counted: that takes some nanoseconds a turn.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// TcpServer::new(&reactor, "127.0.0.1:7".parse()?).listen(|_: &Address| Echo)?;
/// let statistics = reactor.statistics();
/// assert_eq!((statistics.listening_ports, statistics.connections), (1, 0));
/// print!("{statistics}");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// How long turns took.
    pub turns: TurnTimes,
    /// Connections that are open or being closed, those with child processes included.
    pub connections: usize,
    /// How many connections there have been.
    pub connections_made: u64,
    /// Attempts to connect, and connected streams that no protocol has yet.
    pub attempts: usize,
    /// Ports that listen for connections.
    pub listening_ports: usize,
    /// What else there are events for: ports for datagrams, descriptors, child processes.
    pub other_sources: usize,
    /// Bytes that were written and that the system has not taken yet, of all connections.
    pub queued_bytes: usize,
    /// Timed calls that are still to come.
    pub delayed_calls: usize,
    /// Calls that wait for the next turn: of `call_soon`, and from threads.
    pub calls: usize,
    /// Coroutines that have not ended.
    pub coroutines: usize,
    /// Jobs and look-ups on other threads.
    pub jobs: usize,
    /// The threads of [`defer_to_thread`](crate::Reactor::defer_to_thread).
    pub threads: ThreadStatistics,
}

impl Statistics {
    pub(super) fn of(core: &Core) -> Self {
        let mut statistics = Self {
            turns: core.turns.times(),
            connections_made: core.connections_made.get(),
            delayed_calls: core.timers.borrow().len(),
            calls: core.soon.borrow().len() + core.shared.calls(),
            coroutines: core.coroutines.len(),
            jobs: core.jobs.len(),
            threads: core.workers.statistics(),
            ..Self::default()
        };
        let sources = core.sources.borrow().all();
        for source in sources {
            source.count_in(&mut statistics);
        }
        statistics
    }
}

/// A line each, for logs.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (turns, busy) = (self.turns.count(), self.turns.busy());
        writeln!(f, "{turns} turns, which took {busy:?}")?;
        let slow = self.turns.classes().filter(|(_, count)| *count > 0).skip(1);
        for (bound, count) in slow {
            match bound {
                Some(bound) => writeln!(f, "  {count} of them up to {bound:?}")?,
                None => writeln!(f, "  {count} of them longer")?,
            }
        }
        let (connections, made) = (self.connections, self.connections_made);
        writeln!(
            f,
            "{connections} connections, of {made}, with {} bytes to write",
            self.queued_bytes
        )?;
        let (ports, attempts) = (self.listening_ports, self.attempts);
        writeln!(
            f,
            "{ports} listening ports, {attempts} attempts to connect, {} other sources",
            self.other_sources
        )?;
        let (later, soon) = (self.delayed_calls, self.calls);
        writeln!(
            f,
            "{later} timed calls, {soon} calls for the next turn, {} coroutines",
            self.coroutines
        )?;
        let ThreadStatistics {
            threads,
            idle,
            queued,
        } = self.threads;
        writeln!(
            f,
            "{} jobs elsewhere; {threads} threads, {idle} of them idle, {queued} jobs queued",
            self.jobs
        )
    }
}

impl Reactor {
    /// What it has done and has to do, in numbers: for graphs and alarms.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// let reactor = Simulation::new().reactor();
    /// let _ = reactor.call_later(Duration::from_secs(5), || ());
    /// assert_eq!(reactor.statistics().delayed_calls, 1);
    /// ```
    pub fn statistics(&self) -> Statistics {
        self.core()
            .map_or_else(Statistics::default, |core| Statistics::of(&core))
    }

    /// Has the [statistics](Self::statistics) and what is [pending](Self::pending) logged, at level
    /// `info`, each time the process gets that signal: SIGUSR1, by custom.
    ///
    /// ```
    /// # use torsade_core::Reactor;
    /// use torsade_core::reactor::Signal;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// let _ = reactor.report_on(Signal::User1)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`on_signal`](Self::on_signal).
    pub fn report_on(&self, signal: Signal) -> Result<SignalHandler> {
        let reactor = self.clone();
        self.on_signal(signal, move || {
            let (statistics, pending) = (reactor.statistics(), reactor.pending());
            log::info!(target: "torsade", "the reactor has\n{statistics}and waits for\n{pending}");
        })
    }
}

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
/// let turns = reactor.statistics().turns;
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
    /// for (bound, turns) in reactor.statistics().turns.classes() {
    ///     match bound {
    ///         Some(bound) => println!("{turns} turns took {bound:?} at the most"),
    ///         None => println!("{turns} took longer"),
    ///     }
    /// }
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

    fn times(&self) -> TurnTimes {
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
