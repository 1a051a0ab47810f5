//! The handle to a port for datagrams, and how one is come by.

use std::fmt;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use super::port::{Port, listen};
use super::{DatagramOption, DatagramOptions, DatagramProtocol};
use crate::{Address, ConnectionDone, Deferred, NoSocketAddr, Reactor, Result, UnixName};

/// A cheap handle to a port for datagrams. It keeps nothing alive; after the end it fails.
///
/// ```
/// # use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// let reactor = Simulation::new().reactor();
/// let port = reactor.listen_udp("127.0.0.1:0".parse()?, Quiet, &DatagramOptions::new())?;
/// port.send(b"to anybody", &Address::Udp("127.0.0.1:53".parse()?))?;
/// port.connect(&Address::Udp("127.0.0.1:53".parse()?))?;
/// port.write(b"to the one that it is connected with")?;
/// reactor.run_until(port.stop_listening())?;
/// assert!(!port.is_open());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "IUDPTransport")]
#[doc(alias = "IUNIXDatagramTransport")]
#[doc(alias = "ConnectedDatagramPort")]
#[doc(alias = "IUNIXDatagramConnectedTransport")]
pub struct DatagramPort {
    pub(super) port: Weak<Port>,
    pub(super) host: Address,
}

impl DatagramPort {
    /// Sends a datagram. It may be lost on its way, and nobody tells.
    ///
    /// # Errors
    /// [`MessageTooLong`](super::MessageTooLong); [`InvalidAddress`](super::InvalidAddress); an
    /// [`io::Error`](std::io::Error) with what else the system says, such as `WouldBlock` when its
    /// queue is full, and so this one is lost already, or, for a UNIX socket, that nobody is there;
    /// [`ConnectionDone`] when the port is closed.
    #[doc(alias = "write")]
    pub fn send(&self, data: &[u8], to: &Address) -> Result<()> {
        self.port()?.send(data, Some(to))
    }

    /// Sends a datagram to the peer of a [connected](Self::connect) port.
    ///
    /// # Errors
    /// As [`send`](Self::send); `NotConnected` when it is not.
    pub fn write(&self, data: &[u8]) -> Result<()> {
        self.port()?.send(data, None)
    }

    /// From now on, speaks with this peer alone: what others send after this is not received, and
    /// whether the peer's host refuses is told by
    /// [`connection_refused`](super::DatagramProtocol::connection_refused).
    ///
    /// ```
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Result};
    /// # use std::cell::Cell;
    /// # use std::rc::Rc;
    /// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
    ///
    /// /// Notes that there is nobody.
    /// struct Noted(Rc<Cell<bool>>);
    ///
    /// impl DatagramProtocol for Noted {
    ///     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
    ///         Ok(())
    ///     }
    ///
    ///     fn connection_refused(&mut self, _: &DatagramPort) {
    ///         self.0.set(true);
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// let refused = Rc::new(Cell::new(false));
    /// let noted = Noted(refused.clone());
    /// let port = reactor.listen_udp("127.0.0.1:0".parse()?, noted, &DatagramOptions::new())?;
    /// port.connect(&Address::Udp("127.0.0.1:53".parse()?))?;
    /// port.write(b"is there anybody?")?;
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert!(refused.get());
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidAddress`](super::InvalidAddress); what the system says; [`ConnectionDone`] when the
    /// port is closed.
    #[doc(alias = "connectionFailed")]
    pub fn connect(&self, peer: &Address) -> Result<()> {
        self.port()?.connect(peer)
    }

    /// Sets an option of the socket.
    ///
    /// # Errors
    /// What the system says; [`ConnectionDone`] when the port is closed.
    pub fn set_option(&self, option: DatagramOption) -> Result<()> {
        self.port()?
            .with_socket(|socket| Ok(socket.set_option(option)?))
    }

    /// The address that it is bound to.
    #[doc(alias = "getHost")]
    pub fn host(&self) -> &Address {
        &self.host
    }

    /// The same as IP address and port, for whoever is to send to it.
    ///
    /// # Errors
    /// [`NoSocketAddr`] for a UNIX socket.
    #[doc(alias = "getHost")]
    pub fn socket_addr(&self) -> Result<SocketAddr, NoSocketAddr> {
        self.host.require_socket_addr()
    }

    /// Whether it is not closed.
    pub fn is_open(&self) -> bool {
        self.port().is_ok()
    }

    /// Closes the port. The Deferred fires when `stop_protocol` has returned.
    ///
    /// ```
    /// # use std::cell::Cell;
    /// # use std::rc::Rc;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ConnectionDone, Result};
    /// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
    ///
    /// /// Notes that it is over.
    /// struct Noted(Rc<Cell<bool>>);
    ///
    /// impl DatagramProtocol for Noted {
    ///     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
    ///         Ok(())
    ///     }
    ///
    ///     fn stop_protocol(&mut self) {
    ///         self.0.set(true);
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// let is_over = Rc::new(Cell::new(false));
    /// let noted = Noted(is_over.clone());
    /// let port = reactor.listen_udp("127.0.0.1:0".parse()?, noted, &DatagramOptions::new())?;
    /// reactor.run_until(port.stop_listening())?;
    /// assert!(is_over.get());
    /// let failure = port.send(b"hello", port.host()).unwrap_err();
    /// assert!(failure.check::<ConnectionDone>().is_some());
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Panicked`](crate::Panicked) when `stop_protocol` panicked.
    #[doc(alias = "stopListening")]
    #[doc(alias = "loseConnection")]
    pub fn stop_listening(&self) -> Deferred<()> {
        match self.port.upgrade() {
            Some(port) => port.stop(),
            None => Deferred::succeed(()),
        }
    }

    /// The reactor that drives it; one that is gone once the port is closed.
    pub fn reactor(&self) -> Reactor {
        let port = self.port.upgrade();
        port.map_or_else(Reactor::gone, |port| port.reactor())
    }

    fn port(&self) -> Result<Rc<Port>> {
        let port = self.port.upgrade();
        let open = port.filter(|port| port.is_open());
        Ok(open.ok_or(ConnectionDone)?)
    }
}

impl fmt::Debug for DatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramPort")
            .field("host", &self.host)
            .field("is_open", &self.is_open())
            .finish()
    }
}

impl Reactor {
    /// Opens a UDP port for `protocol`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen) with the address and what the system said, at once.
    #[doc(alias = "listenUDP")]
    #[doc(alias = "listenMulticast")]
    #[doc(alias = "IReactorUDP")]
    #[track_caller]
    pub fn listen_udp<P: DatagramProtocol>(
        &self,
        address: SocketAddr,
        protocol: P,
        options: &DatagramOptions,
    ) -> Result<DatagramPort> {
        listen(&self.try_core()?, Address::Udp(address), protocol, options)
    }

    /// Opens a UNIX socket for datagrams. [`UnixName::Unnamed`] is for who only asks, and gets no
    /// answers.
    ///
    /// The file is removed when the port is closed. One that was left behind is replaced.
    ///
    /// ```
    /// # use std::cell::RefCell;
    /// # use std::rc::Rc;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Result};
    /// use torsade_core::UnixName;
    /// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
    ///
    /// /// Keeps what it is told.
    /// struct Log(Rc<RefCell<Vec<u8>>>);
    ///
    /// impl DatagramProtocol for Log {
    ///     fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
    ///         self.0.borrow_mut().extend_from_slice(data);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let (log, unused) = (Rc::default(), Rc::default());
    /// let options = DatagramOptions::new();
    /// let syslog = reactor.listen_unix_datagrams("/run/log", Log(Rc::clone(&log)), &options)?;
    /// let client = reactor.listen_unix_datagrams(UnixName::Unnamed, Log(unused), &options)?;
    /// client.send(b"all is well", syslog.host())?;
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert_eq!(*log.borrow(), b"all is well");
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen) with the name and what the system said, at once.
    #[doc(alias = "listenUNIXDatagram")]
    #[doc(alias = "connectUNIXDatagram")]
    #[track_caller]
    pub fn listen_unix_datagrams<P: DatagramProtocol>(
        &self,
        name: impl Into<UnixName>,
        protocol: P,
        options: &DatagramOptions,
    ) -> Result<DatagramPort> {
        let address = Address::Unix(name.into());
        listen(&self.try_core()?, address, protocol, options)
    }
}
