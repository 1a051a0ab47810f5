//! What a reactor waits for, for people who look for what holds a program up.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::turn::Core;
use crate::{Reactor, deferred};

/// What a reactor waits for: given by [`Reactor::pending`](crate::Reactor::pending).
///
/// Its `Display` is a list, a line each.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let _ = reactor.call_later(Duration::from_secs(5), || ());
/// let pending = reactor.pending();
/// assert_eq!(pending.calls.len(), 1);
/// print!("{pending}"); // a call in 5s, made at src/main.rs:5
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Pending {
    /// Timed calls: how long from now, and where they were made. In the order of their times.
    pub calls: Vec<(Duration, &'static Location<'static>)>,
    /// Connections, listening ports and connection attempts, each with its addresses.
    pub sources: Vec<String>,
    /// Where the coroutines were spawned that have not ended.
    pub coroutines: Vec<&'static Location<'static>>,
    /// How many jobs and look-ups are on other threads.
    pub jobs: usize,
    /// Where the Deferreds of this thread were made that have not been fired, and how many at each
    /// place: of those that are noted, see [`set_debugging`](crate::deferred::set_debugging).
    pub deferreds: Vec<(&'static Location<'static>, usize)>,
}

impl Pending {
    pub(super) fn of(core: &Core) -> Self {
        let now = core.now();
        let timers = core.timers.borrow();
        let mut calls: Vec<_> = timers
            .iter()
            .map(|(deadline, call)| (deadline.saturating_duration_since(now), call.made_at))
            .collect();
        calls.sort();
        let sources = core.sources.borrow().all();
        Self {
            calls,
            sources: sources.iter().map(|source| source.describe()).collect(),
            coroutines: core.coroutines.places(),
            jobs: core.jobs.len(),
            deferreds: deferred::live_places_since(0),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (time, at) in &self.calls {
            writeln!(f, "a call in {time:?}, made at {}:{}", at.file(), at.line())?;
        }
        for source in &self.sources {
            writeln!(f, "{source}")?;
        }
        for at in &self.coroutines {
            writeln!(f, "a coroutine, spawned at {}:{}", at.file(), at.line())?;
        }
        if self.jobs > 0 {
            writeln!(f, "{} jobs on other threads", self.jobs)?;
        }
        for (at, count) in &self.deferreds {
            writeln!(
                f,
                "{count} unfired Deferreds, made at {}:{}",
                at.file(),
                at.line()
            )?;
        }
        Ok(())
    }
}

impl Reactor {
    /// How many timed calls are pending.
    #[doc(alias = "getDelayedCalls")]
    pub fn delayed_calls(&self) -> usize {
        self.core().map_or(0, |core| core.timers.borrow().len())
    }

    /// How many connections, listening ports and connection attempts this reactor has.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// assert_eq!(reactor.open_sources(), 1);
    /// reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Echo))?;
    /// assert_eq!(reactor.open_sources(), 3); // the port, and both ends of a connection
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "getReaders")]
    #[doc(alias = "getWriters")]
    pub fn open_sources(&self) -> usize {
        self.core().map_or(0, |core| core.sources.borrow().len())
    }

    /// What it waits for, and where that was made: for a person who looks for what holds a program
    /// up, or keeps it from ending.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// let reactor = Simulation::new().reactor();
    /// let _ = reactor.call_later(Duration::from_secs(5), || ());
    /// let pending = reactor.pending();
    /// assert_eq!(pending.calls[0].0, Duration::from_secs(5));
    /// assert!(pending.to_string().starts_with("a call in 5s, made at "));
    /// ```
    pub fn pending(&self) -> Pending {
        self.core()
            .map_or_else(Pending::default, |core| Pending::of(&core))
    }
}
