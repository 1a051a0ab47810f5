//! What the way between two hosts is like.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::driver::simulated::{HostId, LinkOptions, SimulatedWorld};

/// The two directions between two hosts of a [`World`](super::World): 1 ms of latency, and nothing
/// else, unless set.
///
/// What is set holds at once, for all that is sent from then on. A direction is a queue: nothing
/// overtakes what was sent before, but for datagrams that [`reordering`](Self::reordering) holds up.
///
/// ```
/// use std::time::Duration;
/// # use torsade_core::protocols::wire::{Discard, Echo};
/// use torsade_core::testing::World;
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// let world = World::new(1);
/// let here = world.host("here", [[192, 0, 2, 1]]);
/// let there = world.host("there", [[192, 0, 2, 2]]);
/// // A poor line: slow, and now and then a datagram is lost.
/// world
///     .link("here", "there")
///     .latency(Duration::from_millis(80))
///     .jitter(Duration::from_millis(20))
///     .bandwidth(100_000)
///     .loss(0.01);
/// # let address = "192.0.2.2:7".parse()?;
/// # TcpServer::new(&there, address).listen(|_: &Address| Echo)?;
/// here.run_until(TcpClient::new(&here, address).connect_protocol(Discard))?;
/// assert!(world.elapsed() >= Duration::from_millis(160)); // there and back
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct Link {
    world: Rc<SimulatedWorld>,
    between: (HostId, HostId),
}

impl Link {
    pub(super) fn new(world: &Rc<SimulatedWorld>, one: HostId, other: HostId) -> Self {
        Self {
            world: Rc::clone(world),
            between: (one, other),
        }
    }

    /// How long everything takes from one end to the other.
    pub fn latency(self, latency: Duration) -> Self {
        self.set(|link| link.latency = latency)
    }

    /// By how much longer it may take, by chance: any time up to this is as likely.
    pub fn jitter(self, most: Duration) -> Self {
        self.set(|link| link.jitter = most)
    }

    /// How many bytes pass in a second. What is sent faster waits in a queue.
    ///
    /// Each segment counts with its headers (40 bytes with TCP, 28 with UDP), and so do the packets
    /// that only open, acknowledge and close.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::{AccumulatingProtocol, World};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let server = world.host("server", [[192, 0, 2, 1]]);
    /// let client = world.host("client", [[192, 0, 2, 2]]);
    /// # let address = "192.0.2.1:17".parse()?;
    /// world.link("client", "server").bandwidth(10_000);
    /// # TcpServer::new(&server, address).listen(|_: &Address| Telling::new(|| vec![0; 50_000]))?;
    /// let download = TcpClient::new(&client, address).converse(AccumulatingProtocol::new());
    /// client.run_until(download)?; // 50,000 bytes
    /// assert_eq!(world.elapsed().as_secs(), 5);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn bandwidth(self, bytes_a_second: u64) -> Self {
        self.set(|link| link.bandwidth = Some(bytes_a_second.max(1)))
    }

    /// How many bytes may wait in the queue before datagrams are dropped: 256 KiB unless set. Those
    /// of connections always find room, since they are bounded by their windows.
    pub fn queue(self, bytes: usize) -> Self {
        self.set(|link| link.queue = bytes)
    }

    /// The most bytes of a connection that travel together, at least 1: 1460 unless set.
    pub fn segment_size(self, bytes: usize) -> Self {
        self.set(|link| link.segment_size = bytes.max(1))
    }

    /// The probability that a datagram is lost, from 0 to 1. (TCP would send it again: for
    /// connections, set a jitter.)
    pub fn loss(self, probability: f64) -> Self {
        self.set(|link| link.loss = probability)
    }

    /// The probability that a datagram comes twice.
    ///
    /// ```
    /// # use std::cell::Cell;
    /// # use std::rc::Rc;
    /// # use std::time::Duration;
    /// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
    /// use torsade_core::testing::World;
    /// use torsade_core::{Address, Result};
    ///
    /// /// Counts what comes.
    /// struct Count(Rc<Cell<u32>>);
    ///
    /// impl DatagramProtocol for Count {
    ///     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
    ///         self.0.set(self.0.get() + 1);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let world = World::new(1);
    /// let here = world.host("here", [[192, 0, 2, 1]]);
    /// let there = world.host("there", [[192, 0, 2, 2]]);
    /// world.link("here", "there").duplication(1.0);
    /// let count = Rc::new(Cell::new(0));
    /// # let (unused, options) = (Count(Rc::default()), DatagramOptions::new());
    /// let counts = Count(count.clone());
    /// let server = there.listen_udp("192.0.2.2:7".parse()?, counts, &options)?;
    /// let client = here.listen_udp("192.0.2.1:0".parse()?, unused, &options)?;
    /// client.send(b"hello", server.host())?;
    /// here.advance(Duration::from_secs(1))?;
    /// assert_eq!(count.get(), 2);
    /// # Result::<()>::Ok(())
    /// ```
    pub fn duplication(self, probability: f64) -> Self {
        self.set(|link| link.duplication = probability)
    }

    /// The probability that a datagram is held up, by as much as the latency (at least 1 ms), so that
    /// others may overtake it.
    pub fn reordering(self, probability: f64) -> Self {
        self.set(|link| link.reordering = probability)
    }

    fn set(self, change: impl Fn(&mut LinkOptions)) -> Self {
        let (one, other) = self.between;
        let mut network = self.world.network();
        change(network.link(one, other));
        change(network.link(other, one));
        drop(network);
        self
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}
