//! What a reactor has done and what it has to do, in numbers: for people who run programs.

use std::fmt;

use super::turn::Core;
use super::{Signal, SignalHandler, ThreadStatistics, TurnTimes};
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
