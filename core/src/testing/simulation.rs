//! A simulated world: a reactor with a virtual clock and a network in memory.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::driver::simulated::{Control, SimulatedDriver, SimulationOptions};
use crate::{Address, Reactor};

/// What a simulated world is like; [`reactor`](Self::reactor) makes one.
///
/// Programs run in it unchanged: connections, names, timers. No socket is opened and nothing is
/// waited for: when all that is left to do is to wait, the clock jumps to the next thing that
/// happens. What happens is the same in every run.
///
/// Work given to `defer_to_thread` takes no time: the clock stands still until it is done. So a
/// job that waits for something that only happens later in this world waits for ever.
///
/// Every address is this one host's. For several hosts, see [`World`](super::World).
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
#[doc(alias = "FakeDatagramTransport")]
#[doc(alias = "RaisingMemoryReactor")]
#[doc(alias = "MemoryReactor")]
#[doc(alias = "Clock")]
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
        self.options.link.segment_size = bytes.max(1);
        self
    }

    /// How long everything takes from one end of a connection to the other.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.link.latency = delay;
        self
    }

    /// How many bytes may be under way or unread in one direction, at least 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// let reactor = Simulation::new().window(1000).reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| AccumulatingProtocol::new())?;
    /// # let port = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// let transport = port.transport();
    /// transport.write(&[0; 5000]);
    /// reactor.iterate(None)?;
    /// assert_eq!(transport.queued(), 4000); // the rest goes as it is read
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(transport.queued(), 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn window(mut self, bytes: usize) -> Self {
        self.options.window = bytes.max(1);
        self
    }

    /// A host name and its addresses, in the order in which a resolver gives them.
    pub fn host(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.options
            .names
            .insert(name.to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// A host that never answers.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{ClientEndpoint, ConnectError, ConnectTimedOut, TcpClient};
    ///
    /// let (silent, nowhere) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    /// let reactor = Simulation::new().silent(silent).unreachable(nowhere).reactor();
    /// let start = reactor.now();
    /// let connected = TcpClient::new(&reactor, (nowhere, 7).into()).connect_protocol(Discard);
    /// let failure = reactor.run_until(connected).unwrap_err();
    /// assert!(failure.check::<ConnectError>().is_some());
    /// let connected = TcpClient::new(&reactor, (silent, 7).into()).connect_protocol(Discard);
    /// let failure = reactor.run_until(connected).unwrap_err();
    /// assert!(failure.check::<ConnectTimedOut>().is_some());
    /// assert!(reactor.now() - start >= Duration::from_secs(30));
    /// ```
    pub fn silent(mut self, address: IpAddr) -> Self {
        self.options.silent.push(address);
        self
    }

    /// A host to which there is no way.
    #[doc(alias = "RaisingMemoryReactor")]
    pub fn unreachable(mut self, address: IpAddr) -> Self {
        self.options.unreachable.push(address);
        self
    }

    /// A reactor in this world.
    pub fn reactor(self) -> Reactor {
        Reactor::on(Box::new(SimulatedDriver::new(self.options)))
    }

    /// A reactor in this world, and a handle to the world's network.
    pub fn start(self) -> (Reactor, Network) {
        let driver = SimulatedDriver::new(self.options);
        let network = Network(driver.control());
        (Reactor::on(Box::new(driver)), network)
    }
}

/// The network of a simulated world: what one wants to know of it, and the faults that one wants to
/// see. From [`Simulation::start`].
///
/// Instead of a list of what a program asked for, as Twisted's MemoryReactor keeps it, there is a
/// world in which it happens: a test listens where the program connects to, and is the server.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// let (reactor, network) = Simulation::new().start();
/// let address = "127.0.0.1:7".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let seen = AccumulatingProtocol::new();
/// reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// assert_eq!(network.attempts().len(), 1);
/// network.reset(address);
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert!(seen.ending().unwrap().is_reset());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ConnectionCompleter")]
pub struct Network(Control);

impl Network {
    /// Breaks the connections that have an end at `address`: both ends see a reset.
    #[doc(alias = "failOnce")]
    pub fn reset(&self, address: SocketAddr) {
        self.0.reset(address);
    }

    /// Holds up the connections that have an end at `address`, those that are and those to come: what
    /// comes over them stands before the ends until it is [released](Self::release).
    #[doc(alias = "FakeTransport")]
    pub fn hold(&self, address: SocketAddr) {
        self.0.hold(address);
    }

    /// How much is held up before the ends at the address `to`: bytes, and one more each for the end
    /// of the direction and for a reset.
    pub fn held(&self, to: SocketAddr) -> usize {
        self.0.held(to)
    }

    /// Lets on `most` of what is held up before the ends at the address `to`, in the order it came.
    /// Gives back how much there was. It is received when time [passes](Reactor::advance).
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let (reactor, network) = Simulation::new().delay(Duration::ZERO).start();
    /// let address = "192.0.2.7:7".parse()?;
    /// network.hold(address);
    /// let received = AccumulatingProtocol::new();
    /// let server = received.clone();
    /// let _port = TcpServer::new(&reactor, address).listen(move |_: &Address| server.clone())?;
    /// let client = TcpClient::new(&reactor, address);
    /// let client = reactor.run_until(client.connect(|_: &Address| AccumulatingProtocol::new()))?;
    ///
    /// client.transport().write(b"hello");
    /// reactor.advance(Duration::ZERO)?;
    /// assert_eq!(network.held(address), 5);
    /// network.release(address, 2);
    /// reactor.advance(Duration::ZERO)?;
    /// assert_eq!(received.data(), b"he");
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(&self, to: SocketAddr, most: usize) -> usize {
        self.0.release(to, most)
    }

    /// The addresses that programs listen on for connections, in the order in which they began.
    #[doc(alias = "tcpServers")]
    #[doc(alias = "unixServers")]
    pub fn listening(&self) -> Vec<Address> {
        self.0.listening()
    }

    /// The addresses that programs tried to connect to, whatever came of it, the oldest first.
    #[doc(alias = "tcpClients")]
    #[doc(alias = "sslClients")]
    #[doc(alias = "unixClients")]
    pub fn attempts(&self) -> Vec<Address> {
        self.0.attempts()
    }

    /// The addresses of the two ends that were made last, also if programs see no names.
    pub(super) fn newest_ends(&self) -> Option<[SocketAddr; 2]> {
        self.0.newest_ends()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}
