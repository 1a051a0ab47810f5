//! A simulated world of several hosts, in which everything can go wrong that goes wrong in ours.

mod faults;
mod link;
mod seeds;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::driver::simulated::{
    Addresses, HostId, Program, Random, SimulatedDriver, SimulatedWorld, SimulationOptions,
};
use crate::{Reactor, Result};

pub use link::Link;

/// A simulated world: hosts, each with a reactor of its own, and a network between them; one virtual
/// clock, one thread.
///
/// Whoever calls `run`, `run_until` or `iterate` on any of the reactors drives the whole world: the
/// others get their turns meanwhile, and their timers and events come at their exact times. So one
/// that is driven [is running](Reactor::is_running), and may be stopped. When all that is left to do
/// is to wait, the clock jumps to the next thing that happens, on whichever host.
///
/// The seed decides all that is left to chance: what links lose, duplicate and hold up, and whose
/// turn comes first when several hosts have something to do. The same seed gives the same run, to
/// the byte. What the program takes from elsewhere is its own: the keys of TLS, the order of a
/// `HashMap`, the system's time.
///
/// What is given to threads is done by real ones, but piece by piece, in an order that the seed
/// decides, while the world waits. It takes as long as [`thread_time`](Self::thread_time) lets it. So
/// work that waits for something which only happens later in this world waits for ever.
///
/// ```
/// use std::net::SocketAddr;
/// use std::time::Duration;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::World;
/// use torsade_core::{
///     Address, ClientEndpoint, Deferred, HostnameClient, Protocol, Resolver, Result, TcpServer,
///     Transport,
/// };
///
/// /// Sends a word, and waits for its echo.
/// struct Caller(Option<Resolver<Vec<u8>>>);
///
/// impl Protocol for Caller {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"hello");
///     }
///
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         if let Some(resolver) = self.0.take() {
///             resolver.callback(data.to_vec());
///         }
///         transport.lose_connection();
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// World::run(42, |world| {
///     let server = world.host("server", [[10, 0, 0, 1]]);
///     let client = world.host("client", [[10, 0, 0, 2]]);
///     world.link("client", "server").latency(Duration::from_millis(40));
///
///     let address = SocketAddr::from(([10, 0, 0, 1], 7));
///     TcpServer::new(&server, address).listen(|_: &Address| Echo)?;
///
///     let (resolver, answer) = Deferred::new();
///     let connecting = HostnameClient::new(&client, "server", 7).connect_protocol(Caller(Some(resolver)));
///     client.run_until(connecting)?;
///     assert_eq!(client.run_until(answer)?, b"hello");
///     // There and back: to connect, and to ask.
///     assert_eq!(world.elapsed(), Duration::from_millis(160));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct World {
    seed: u64,
    shared: Rc<SimulatedWorld>,
    random: Rc<RefCell<Random>>,
}

impl World {
    /// A world without hosts.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            shared: SimulatedWorld::new(SimulationOptions::default(), seed),
            random: Rc::new(RefCell::new(Random::new(!seed))),
        }
    }

    /// The seed that it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How long it has existed, by its own clock.
    pub fn elapsed(&self) -> Duration {
        self.shared.network().now()
    }

    /// A number below `end`, by chance: for what a test leaves to the seed.
    ///
    /// ```
    /// use torsade_core::testing::World;
    ///
    /// let (one, same) = (World::new(7), World::new(7));
    /// let numbers = |world: &World| [(); 5].map(|()| world.random(100));
    /// assert_eq!(numbers(&one), numbers(&same));
    /// ```
    pub fn random(&self, end: u64) -> u64 {
        self.random.borrow_mut().below(end)
    }

    /// A new host, and its reactor. Its name leads to its addresses, on every host.
    ///
    /// Every host has `127.0.0.0/8` and `::1` for itself as well, and nobody else's: to bind another's
    /// address fails with `AddrNotAvailable`. What connects to others does so from the first of the
    /// host's addresses of the same family.
    ///
    /// # Panics
    /// When another host has that name or one of the addresses.
    #[track_caller]
    pub fn host<A: Into<IpAddr>>(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = A>,
    ) -> Reactor {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(Into::into).collect();
        {
            let network = self.shared.network();
            assert!(network.host_named(name).is_none(), "two hosts named {name}");
            for address in &addresses {
                let owner = network.owner_of(*address);
                assert!(owner.is_none(), "another host than {name} has {address}");
            }
        }
        self.name(name, addresses.clone());
        self.settle(self.shared.add_host(name, Addresses::These(addresses)))
    }

    /// Another name, and the addresses to which it leads; without any there is no such name.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use torsade_core::testing::World;
    ///
    /// let world = World::new(1);
    /// let reactor = world.host("web-1", [[192, 0, 2, 1]]);
    /// world.name("www.example.com", [[192, 0, 2, 1], [192, 0, 2, 2]]);
    /// let addresses = reactor.run_until(reactor.look_up("www.example.com"))?;
    /// assert_eq!(addresses, [1, 2].map(|last| IpAddr::from([192, 0, 2, last])));
    /// world.name("www.example.com", [] as [IpAddr; 0]); // no more
    /// assert!(reactor.run_until(reactor.look_up("www.example.com")).is_err());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn name<A: Into<IpAddr>>(&self, name: &str, addresses: impl IntoIterator<Item = A>) {
        let addresses = addresses.into_iter().map(Into::into).collect();
        let mut network = self.shared.network();
        let names = &mut network.options().names;
        names.insert(name.to_ascii_lowercase(), addresses);
    }

    /// What lies between two hosts, to set what it is like; between a host and itself, its loopback
    /// interface.
    ///
    /// # Panics
    /// When there is no host of that name.
    #[track_caller]
    pub fn link(&self, one: &str, other: &str) -> Link {
        Link::new(&self.shared, self.id(one), self.id(other))
    }

    /// How many bytes may be under way or unread in one direction of the connections that are made
    /// from now on, at least 1: 64 KiB unless set.
    pub fn window(&self, bytes: usize) {
        self.shared.network().options().window = bytes.max(1);
    }

    /// What is given to a thread from now on is done at any time up to this one later, by chance: at
    /// once unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::World;
    ///
    /// let world = World::new(1);
    /// let reactor = world.host("here", [[192, 0, 2, 1]]);
    /// world.thread_time(Duration::from_secs(1));
    /// assert_eq!(reactor.run_until(reactor.defer_to_thread(|| Ok(6 * 7)))?, 42);
    /// assert!(world.elapsed() <= Duration::from_secs(1));
    /// assert!(world.elapsed() > Duration::ZERO);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn thread_time(&self, most: Duration) {
        self.shared.network().options().thread_time = most;
    }

    /// Notes all that crosses the network from now on, for [`pcap`](Self::pcap).
    pub fn capture(&self) {
        self.shared.network().start_trace();
    }

    /// What crossed the network since [`capture`](Self::capture), as a file for Wireshark or tcpdump.
    ///
    /// Each packet of TCP and UDP is noted when it arrives; what was lost is not there. The clock
    /// starts with the year 1970. Sequence numbers and acknowledgements are made up, and fit together.
    /// All of it is kept in memory.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::{Discard, Echo};
    /// # use torsade_core::testing::World;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let here = world.host("here", [[192, 0, 2, 1]]);
    /// # let address = "127.0.0.1:7".parse()?;
    /// # TcpServer::new(&here, address).listen(|_: &Address| Echo)?;
    /// world.capture();
    /// let client = here.run_until(TcpClient::new(&here, address).connect_protocol(Discard))?;
    /// client.transport().write(b"hello");
    /// here.advance(Duration::from_secs(1))?;
    /// let capture = world.pcap(); // or `world.write_pcap("hello.pcap")`
    /// assert!(capture.windows(5).any(|bytes| bytes == b"hello"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn pcap(&self) -> Vec<u8> {
        self.shared.network().pcap()
    }

    /// Writes [`pcap`](Self::pcap) to a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_pcap(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(std::fs::write(path, self.pcap())?)
    }

    /// A reactor with this driver, which gets its turns.
    fn settle(&self, driver: SimulatedDriver) -> Reactor {
        let host = driver.host();
        let reactor = Reactor::on(Box::new(driver));
        if let Some(core) = reactor.core() {
            let core: Rc<dyn Program> = core;
            self.shared.settle(host, Rc::downgrade(&core) as Weak<_>);
        }
        reactor
    }

    #[track_caller]
    fn id(&self, name: &str) -> HostId {
        let id = self.shared.network().host_named(name);
        match id {
            Some(id) => id,
            None => panic!("there is no host named {name}"),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("elapsed", &self.elapsed())
            .finish()
    }
}
