//! How fast connections may be.

use super::peer_bandwidth::{PeerBandwidths, PeerPlace};
use super::{Guard, Policy, Refusal};
use crate::{Address, Bandwidth, Transport};

/// Limits the bytes a second of connections: each for itself, all of them together, or those of each
/// address.
///
/// ```
/// use torsade_core::policies::Throttling;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient, TcpServer};
/// use torsade_core::{Address, Bandwidth, Factory};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:17".parse()?;
/// # let page = |_: &Address| Telling::new(|| vec![0; 100_000]);
/// let for_all = Bandwidth::new(&reactor, 10_000_000);
/// let limits = Throttling::new().write_limit(&for_all).write_limit_of_each(10_000);
/// TcpServer::new(&reactor, address).listen(page.policy(limits))?; // 100,000 bytes
/// let start = reactor.now();
/// let download = TcpClient::new(&reactor, address).converse(AccumulatingProtocol::new());
/// reactor.run_until(download)?;
/// assert_eq!((reactor.now() - start).as_secs(), 9);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "ThrottlingFactory")]
#[doc(alias = "twisted.protocols.htb")]
#[doc(alias = "ShapedConsumer")]
#[doc(alias = "ShapedProtocolFactory")]
#[doc(alias = "ShapedTransport")]
pub struct Throttling {
    reading: Vec<Limit>,
    writing: Vec<Limit>,
}

#[derive(Clone, Debug)]
enum Limit {
    Together(Bandwidth),
    Each(u64),
    EachPeer(PeerBandwidths),
}

impl Throttling {
    /// No limit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of them together read no faster than this.
    #[doc(alias = "readLimit")]
    #[must_use]
    pub fn read_limit(mut self, bandwidth: &Bandwidth) -> Self {
        self.reading.push(Limit::Together(bandwidth.clone()));
        self
    }

    /// All of them together write no faster than this.
    ///
    /// ```
    /// use torsade_core::Bandwidth;
    /// use torsade_core::policies::Throttling;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer, gather};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:17".parse()?;
    /// # let page = |_: &Address| Telling::new(|| vec![0; 10_000]);
    /// let for_all = Bandwidth::new(&reactor, 2_000);
    /// let factory = page.policy(Throttling::new().write_limit(&for_all)); // 10,000 bytes for each
    /// TcpServer::new(&reactor, address).listen(factory)?;
    /// # let client = TcpClient::new(&reactor, address);
    /// let start = reactor.now();
    /// let downloads = [(); 2].map(|()| client.converse(AccumulatingProtocol::new()));
    /// reactor.run_until(gather(downloads))?;
    /// assert_eq!((reactor.now() - start).as_secs(), 9); // 20,000 bytes, less what goes at once
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "writeLimit")]
    #[must_use]
    pub fn write_limit(mut self, bandwidth: &Bandwidth) -> Self {
        self.writing.push(Limit::Together(bandwidth.clone()));
        self
    }

    /// Each reads no more than so many bytes a second.
    #[must_use]
    pub fn read_limit_of_each(mut self, bytes_a_second: u64) -> Self {
        self.reading.push(Limit::Each(bytes_a_second));
        self
    }

    /// Each writes no more than so many bytes a second.
    #[must_use]
    pub fn write_limit_of_each(mut self, bytes_a_second: u64) -> Self {
        self.writing.push(Limit::Each(bytes_a_second));
        self
    }

    /// Those of one IP address read no faster together than the bandwidth that `make` gives for it.
    #[must_use]
    pub fn read_limit_of_each_peer(mut self, make: impl Fn() -> Bandwidth + 'static) -> Self {
        self.reading
            .push(Limit::EachPeer(PeerBandwidths::new(make)));
        self
    }

    /// Those of one IP address write no faster together than the bandwidth that `make` gives for it.
    ///
    /// An address whose connections have all ended finds its bandwidth as it left it: to come anew
    /// does not bring another [burst](Bandwidth::burst).
    ///
    /// ```
    /// use torsade_core::Bandwidth;
    /// use torsade_core::policies::Throttling;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:17".parse()?;
    /// # let page = |_: &Address| Telling::new(|| vec![0; 10_000]);
    /// let clock = reactor.clone();
    /// let for_each = move || Bandwidth::new(&clock, 1_000).burst(10_000);
    /// let policy = Throttling::new().write_limit_of_each_peer(for_each);
    /// TcpServer::new(&reactor, address).listen(page.policy(policy))?; // 10,000 bytes
    /// for seconds in [0, 10] {
    ///     let start = reactor.now();
    ///     let again = TcpClient::new(&reactor, address).converse(AccumulatingProtocol::new());
    ///     reactor.run_until(again)?;
    ///     assert_eq!((reactor.now() - start).as_secs_f64().round() as u64, seconds);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "FilterByHost")]
    #[doc(alias = "HierarchicalBucketFilter")]
    pub fn write_limit_of_each_peer(mut self, make: impl Fn() -> Bandwidth + 'static) -> Self {
        self.writing
            .push(Limit::EachPeer(PeerBandwidths::new(make)));
        self
    }
}

impl Policy for Throttling {
    type Guard = ThrottlingGuard;

    fn admit(&mut self, _: &Address) -> Result<ThrottlingGuard, Refusal> {
        Ok(ThrottlingGuard {
            limits: self.clone(),
            places: Vec::new(),
        })
    }
}

/// Sets the limits of one connection.
///
/// It is what a policy gives that decides by the peer whether there is a limit:
///
///
/// ```
/// use torsade_core::Address;
/// use torsade_core::policies::{Policy, Refusal, Throttling, ThrottlingGuard};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, ConnectOptions, Factory, TcpClient, TcpServer};
///
/// /// Limits all but this machine.
/// struct Abroad(Throttling);
///
/// impl Policy for Abroad {
///     type Guard = ThrottlingGuard;
///
///     fn admit(&mut self, peer: &Address) -> Result<ThrottlingGuard, Refusal> {
///         match peer.socket_addr() {
///             Some(peer) if peer.ip().is_loopback() => Throttling::new().admit(&peer.into()),
///             _ => self.0.admit(peer),
///         }
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:17".parse()?;
/// # let page = |_: &Address| Telling::new(|| vec![0; 10_000]);
/// let policy = Abroad(Throttling::new().write_limit_of_each(1000));
/// TcpServer::new(&reactor, address).listen(page.policy(policy))?; // 10,000 bytes
/// for (from, seconds) in [("127.0.0.1:0", 0), ("192.0.2.1:0", 9)] {
///     let start = reactor.now();
///     let from = ConnectOptions::new().bind_address(from.parse()?);
///     let client = TcpClient::new(&reactor, address).options(from);
///     reactor.run_until(client.converse(AccumulatingProtocol::new()))?;
///     assert_eq!((reactor.now() - start).as_secs(), seconds);
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub struct ThrottlingGuard {
    limits: Throttling,
    places: Vec<PeerPlace>,
}

impl ThrottlingGuard {
    fn bandwidth(&mut self, limit: &Limit, transport: &Transport) -> Bandwidth {
        match limit {
            Limit::Together(bandwidth) => bandwidth.clone(),
            Limit::Each(bytes_a_second) => Bandwidth::new(&transport.reactor(), *bytes_a_second),
            Limit::EachPeer(peers) => {
                let (bandwidth, place) = peers.of(&transport.peer());
                self.places.push(place);
                bandwidth
            }
        }
    }
}

impl Guard for ThrottlingGuard {
    fn connection_made(&mut self, transport: &Transport) {
        let limits = std::mem::take(&mut self.limits);
        let traffic = transport.traffic();
        for limit in &limits.reading {
            traffic.limit_reading(&self.bandwidth(limit, transport));
        }
        for limit in &limits.writing {
            traffic.limit_writing(&self.bandwidth(limit, transport));
        }
    }
}
