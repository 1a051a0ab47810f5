//! Options of sockets, as values.

use std::time::Duration;

/// One setting of a connected socket, for [`Transport::set_option`](crate::Transport::set_option).
///
/// ```
/// use std::time::Duration;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, KeepAlive, Reactor, SocketOption};
/// # use torsade_core::{ClientEndpoint, TcpClient, TcpServer};
///
/// let reactor = Reactor::new()?;
/// # let port = TcpServer::new(&reactor, "127.0.0.1:0".parse()?).listen(|_: &Address| Echo)?;
/// # let endpoint = TcpClient::new(&reactor, port.address().socket_addr().unwrap());
/// let client = reactor.run_until(endpoint.connect_protocol(Echo))?;
/// let times = KeepAlive::after(Duration::from_secs(60));
/// client.transport().set_option(SocketOption::KeepAlive(Some(times)))?;
/// client.transport().set_option(SocketOption::TypeOfService(0x10))?;
/// client.transport().abort_connection();
/// assert!(client.transport().set_option(SocketOption::NoDelay(true)).is_err());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "setsockopt")]
pub enum SocketOption {
    /// TCP_NODELAY: small segments are sent at once instead of being gathered. Off by default.
    #[doc(alias = "setTcpNoDelay")]
    NoDelay(bool),
    /// SO_KEEPALIVE with its times: the peer is probed when it is silent. Off by default.
    #[doc(alias = "setTcpKeepAlive")]
    KeepAlive(Option<KeepAlive>),
    /// SO_LINGER: how long the close of a process that ends may wait for what is unsent, in whole
    /// seconds. torsade itself waits for that before it closes.
    Linger(Option<Duration>),
    /// IP_TTL, or IPV6_UNICAST_HOPS: how many routers a packet may pass.
    TimeToLive(u8),
    /// IP_TOS, or IPV6_TCLASS: the class of service, as the byte that is sent.
    TypeOfService(u8),
    /// SO_SNDBUF, in bytes. Linux doubles it, and rounds it.
    SendBuffer(usize),
    /// SO_RCVBUF, in bytes. Linux doubles it, and rounds it.
    ReceiveBuffer(usize),
}

/// How a silent peer is probed. Times are whole seconds for the system, rounded down.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::KeepAlive;
///
/// let seconds = Duration::from_secs;
/// let impatient = KeepAlive::after(seconds(60)).every(seconds(10)).probes(3);
/// // As the system has it: on Linux, the first probe comes after two hours.
/// assert_ne!(impatient, KeepAlive::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    pub(crate) idle: Option<Duration>,
    pub(crate) interval: Option<Duration>,
    pub(crate) probes: Option<u32>,
}

impl KeepAlive {
    /// The first probe comes after so much silence; the rest is as the system has it.
    pub fn after(idle: Duration) -> Self {
        Self {
            idle: Some(idle),
            ..Self::default()
        }
    }

    /// The time from one unanswered probe to the next (TCP_KEEPINTVL).
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// After so many unanswered probes the connection is lost (TCP_KEEPCNT).
    pub fn probes(mut self, count: u32) -> Self {
        self.probes = Some(count);
        self
    }
}
