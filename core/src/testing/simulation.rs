//! A simulated world: a reactor with a virtual clock and a network in memory.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::Reactor;
use crate::driver::simulated::{Faults, SimulatedDriver, SimulationOptions};

/// What a simulated world is like; [`reactor`](Self::reactor) makes one.
///
/// Programs run in it unchanged: connections, names, timers. No socket is opened and nothing is
/// waited for: when all that is left to do is to wait, the clock jumps to the next thing that
/// happens. What happens is the same in every run.
///
/// Work given to `defer_to_thread` takes no time: the clock stands still until it is done. So a
/// job that waits for something that only happens later in this world waits for ever.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::Deferred;
/// use torsade_core::testing::Simulation;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// let start = reactor.now();
/// let (resolver, deferred) = Deferred::new();
/// let _ = reactor.call_later(Duration::from_secs(3600), move || resolver.callback(()));
/// reactor.run_until(deferred)?;
/// assert_eq!(reactor.now() - start, Duration::from_secs(3600));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "MemoryReactorClock")]
#[doc(alias = "MemoryReactor")]
pub struct Simulation {
    options: SimulationOptions,
}

impl Simulation {
    /// Segments of 1460 bytes, a delay of 1 ms, windows of 64 KiB, and `localhost` as the only name.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bytes that travel together, at least 1.
    pub fn segment_size(mut self, bytes: usize) -> Self {
        self.options.segment_size = bytes.max(1);
        self
    }

    /// How long everything takes from one end of a connection to the other.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.delay = delay;
        self
    }

    /// How many bytes may be under way or unread in one direction, at least 1.
    pub fn window(mut self, bytes: usize) -> Self {
        self.options.window = bytes.max(1);
        self
    }

    /// A host name and its addresses, in the order in which a resolver gives them.
    pub fn host(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.options
            .hosts
            .insert(name.to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// A host that never answers.
    pub fn silent(mut self, address: IpAddr) -> Self {
        self.options.silent.push(address);
        self
    }

    /// A host to which there is no way.
    pub fn unreachable(mut self, address: IpAddr) -> Self {
        self.options.unreachable.push(address);
        self
    }

    /// A reactor in this world.
    pub fn reactor(self) -> Reactor {
        self.start().0
    }

    /// A reactor in this world, and a handle to the world's network.
    pub fn start(self) -> (Reactor, Network) {
        let driver = SimulatedDriver::new(self.options);
        let network = Network(driver.faults());
        (Reactor::on(Box::new(driver)), network)
    }
}

/// The network of a simulated world, for the faults that one wants to see.
#[derive(Clone)]
pub struct Network(Faults);

impl Network {
    /// Breaks the connections that have an end at `address`: both ends see a reset.
    pub fn reset(&self, address: SocketAddr) {
        self.0.reset(address);
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}
