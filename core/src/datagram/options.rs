//! How a port for datagrams is opened, and what can be set on it.

use std::net::{IpAddr, Ipv4Addr};

/// How a port for datagrams is opened.
///
/// ```
/// # use torsade_core::datagram::{DatagramPort, DatagramProtocol};
/// # use torsade_core::{Address, Reactor, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// use torsade_core::datagram::DatagramOptions;
///
/// let reactor = Reactor::new()?;
/// // Several programs on one port, as multicast wants it.
/// let shared = DatagramOptions::new().reuse_address(true).reuse_port(true);
/// let first = reactor.listen_udp("127.0.0.1:0".parse()?, Quiet, &shared)?;
/// let address = first.host().socket_addr().unwrap();
/// assert!(reactor.listen_udp(address, Quiet, &DatagramOptions::new()).is_err());
/// assert!(reactor.listen_udp(address, Quiet, &shared).is_ok());
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DatagramOptions {
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) only_v6: bool,
    pub(crate) mode: Option<u32>,
    pub(crate) longest: Option<usize>,
}

impl DatagramOptions {
    /// The port is for nobody else; an IPv6 port takes IPv4 as well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets several sockets have one address, each of which gets what comes for a multicast group
    /// (SO_REUSEADDR).
    #[doc(alias = "listenMultiple")]
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// Lets several sockets share one address, each of which gets a part of what comes
    /// (SO_REUSEPORT).
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// On an IPv6 address: refuses IPv4 peers.
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = on;
        self
    }

    /// Promises that no datagram is longer than so many bytes, from 1 to 65,535: one that is, is
    /// dropped, and logged. Then a system call receives several of them, as many as fit into 64 KiB,
    /// up to 64 (on Linux; one by one elsewhere).
    #[doc(alias = "maxPacketSize")]
    #[doc(alias = "recvmmsg")]
    pub fn longest(mut self, bytes: usize) -> Self {
        self.longest = Some(bytes.clamp(1, 65_535));
        self
    }

    /// The permissions of a UNIX socket's file.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }
}

/// One setting of a port, for [`DatagramPort::set_option`](super::DatagramPort::set_option).
///
/// ```
/// # use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
/// # use torsade_core::{Address, Reactor, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// use torsade_core::datagram::DatagramOption;
///
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_udp("127.0.0.1:0".parse()?, Quiet, &DatagramOptions::new())?;
/// port.set_option(DatagramOption::Broadcast(true))?;
/// port.set_option(DatagramOption::MulticastTimeToLive(2))?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "IMulticastTransport")]
pub enum DatagramOption {
    /// SO_BROADCAST: it may send to broadcast addresses. Off by default.
    #[doc(alias = "setBroadcastAllowed")]
    Broadcast(bool),
    /// Receives what is sent to a group.
    #[doc(alias = "joinGroup")]
    Join(IpAddr, MulticastInterface),
    /// Receives it no more.
    #[doc(alias = "leaveGroup")]
    Leave(IpAddr, MulticastInterface),
    /// By which interface it sends to groups.
    #[doc(alias = "setOutgoingInterface")]
    Outgoing(MulticastInterface),
    /// How many routers may pass on what it sends to groups: 1, so none, by default.
    #[doc(alias = "setTTL")]
    MulticastTimeToLive(u8),
    /// Whether this host receives as well what it sends to groups. On by default.
    #[doc(alias = "setLoopbackMode")]
    MulticastLoop(bool),
    /// IP_TTL, or IPV6_UNICAST_HOPS.
    TimeToLive(u8),
    /// IP_TOS, or IPV6_TCLASS.
    TypeOfService(u8),
    /// SO_SNDBUF, in bytes.
    SendBuffer(usize),
    /// SO_RCVBUF, in bytes.
    ReceiveBuffer(usize),
}

/// One of this host's interfaces.
///
/// ```
/// # use std::net::IpAddr;
/// # use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// use torsade_core::datagram::{DatagramOption, MulticastInterface};
///
/// # let reactor = Simulation::new().reactor();
/// let port = reactor.listen_udp("0.0.0.0:5353".parse()?, Quiet, &DatagramOptions::new())?;
/// let group = IpAddr::from([224, 0, 0, 251]);
/// let lan = MulticastInterface::Address([192, 0, 2, 1].into());
/// port.set_option(DatagramOption::Join(group, lan))?;
/// port.set_option(DatagramOption::Outgoing(lan))?;
/// assert_eq!(MulticastInterface::default(), MulticastInterface::Any);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MulticastInterface {
    /// The one that the system chooses.
    #[default]
    Any,
    /// The one that has this address: for IPv4.
    Address(Ipv4Addr),
    /// The one of this number: for IPv6.
    Index(u32),
}
