//! A port for datagrams, and the handle to it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::{DatagramOption, DatagramOptions, DatagramProtocol, InvalidAddress, MessageTooLong};
use crate::deferred::run_queue;
use crate::driver::{DatagramSocket, Readiness, Token};
use crate::net::buffers::READ_SIZE;
use crate::reactor::sources::Source;
use crate::reactor::turn::Core;
use crate::watch::{Place, watch};
use crate::{Address, CannotListen, ConnectionDone, Deferred, Reactor, Result, UnixName};

/// A cheap handle to a port for datagrams. It keeps nothing alive; after the end it fails.
#[derive(Clone)]
#[doc(alias = "IUDPTransport")]
#[doc(alias = "IUNIXDatagramTransport")]
pub struct DatagramPort {
    port: Weak<Port>,
    host: Address,
}

impl DatagramPort {
    /// Sends a datagram. It may be lost on its way, and nobody tells.
    ///
    /// # Errors
    /// [`MessageTooLong`]; [`InvalidAddress`]; an [`io::Error`] with what else the system says, such
    /// as `WouldBlock` when its queue is full, and so this one is lost already, or, for a UNIX
    /// socket, that nobody is there; [`ConnectionDone`] when the port is closed.
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

    /// From now on, speaks with this peer alone: what others send is not received, and whether the
    /// peer's host refuses is told by
    /// [`connection_refused`](super::DatagramProtocol::connection_refused).
    ///
    /// # Errors
    /// [`InvalidAddress`]; what the system says; [`ConnectionDone`] when the port is closed.
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

    /// Whether it is not closed.
    pub fn is_open(&self) -> bool {
        self.port().is_ok()
    }

    /// Closes the port. The Deferred fires when `stop_protocol` has returned.
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
        let core = self.port.upgrade().and_then(|port| port.core.upgrade());
        core.map_or_else(Reactor::gone, |core| core.handle())
    }

    fn port(&self) -> Result<Rc<Port>> {
        let port = self.port.upgrade();
        let open = port.filter(|port| port.socket.borrow().is_some());
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
    /// [`CannotListen`] with the address and what the system said, at once.
    #[doc(alias = "listenUDP")]
    #[doc(alias = "listenMulticast")]
    #[doc(alias = "IReactorUDP")]
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
    /// # Errors
    /// [`CannotListen`] with the name and what the system said, at once.
    #[doc(alias = "listenUNIXDatagram")]
    #[doc(alias = "connectUNIXDatagram")]
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

fn listen<P: DatagramProtocol>(
    core: &Rc<Core>,
    address: Address,
    protocol: P,
    options: &DatagramOptions,
) -> Result<DatagramPort> {
    let token = core.sources.borrow_mut().reserve();
    let bound = core.driver.bind_datagrams(&address, options, token);
    let bound = bound.and_then(|socket| Ok((socket.local_address()?, socket)));
    let (host, socket) = bound.map_err(|error| {
        drop(core.sources.borrow_mut().remove(token));
        CannotListen {
            address,
            error: Arc::new(error),
        }
    })?;
    let port = Rc::new_cyclic(|this| Port {
        core: Rc::downgrade(core),
        this: Weak::clone(this),
        token,
        host,
        socket: RefCell::new(Some(socket)),
        protocol: RefCell::new(Some(Box::new(protocol))),
        protocol_name: std::any::type_name::<P>(),
        is_connected: Cell::new(false),
        is_refused: Cell::new(false),
        may_receive: Cell::new(false),
        on_agenda: Cell::new(false),
        gives_way: Cell::new(false),
    });
    core.sources
        .borrow_mut()
        .fill(token, Rc::<Port>::clone(&port));
    let handle = port.handle();
    // A user function, so it waits if one is running.
    drop(Deferred::succeed(()).map(move |()| port.start()));
    Ok(handle)
}

/// The most that one turn receives on one port.
const RECEIVED_A_TURN: usize = 64;

struct Port {
    core: Weak<Core>,
    this: Weak<Self>,
    token: Token,
    host: Address,
    /// `None` once closed.
    socket: RefCell<Option<Box<dyn DatagramSocket>>>,
    /// Taken when it is told of the end.
    protocol: RefCell<Option<Box<dyn DatagramProtocol>>>,
    protocol_name: &'static str,
    is_connected: Cell<bool>,
    /// The peer's host has refused, and that was not told yet.
    is_refused: Cell<bool>,
    may_receive: Cell<bool>,
    on_agenda: Cell<bool>,
    /// It has received its share in this turn, so the agenda leaves the rest to the next.
    gives_way: Cell<bool>,
}

impl Port {
    fn handle(&self) -> DatagramPort {
        DatagramPort {
            port: Weak::clone(&self.this),
            host: self.host.clone(),
        }
    }

    fn with_socket<R>(&self, f: impl FnOnce(&dyn DatagramSocket) -> Result<R>) -> Result<R> {
        match &*self.socket.borrow() {
            Some(socket) => f(&**socket),
            None => Err(ConnectionDone.into()),
        }
    }

    fn schedule(self: &Rc<Self>, core: &Core) {
        if !self.on_agenda.replace(true) {
            core.put_on_agenda(Rc::<Self>::clone(self));
        }
    }

    fn schedule_self(&self) {
        if let (Some(this), Some(core)) = (self.this.upgrade(), self.core.upgrade()) {
            this.schedule(&core);
        }
    }

    fn check(&self, address: &Address) -> Result<()> {
        let fits = match (&self.host, address) {
            (Address::Unix(_), Address::Unix(name)) => *name != UnixName::Unnamed,
            (Address::Udp(host), Address::Udp(peer)) => host.is_ipv4() == peer.is_ipv4(),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(InvalidAddress {
            host: self.host.clone(),
            address: address.clone(),
        }
        .into())
    }

    fn send(&self, data: &[u8], to: Option<&Address>) -> Result<()> {
        match to {
            Some(to) => self.check(to)?,
            None if !self.is_connected.get() => {
                return Err(io::Error::from(io::ErrorKind::NotConnected).into());
            }
            None => {}
        }
        self.with_socket(|socket| {
            let mut sent = socket.send(data, to);
            if is_refusal(&sent) {
                // That is about one that was sent before, and told once; this one was not sent.
                self.refused();
                sent = socket.send(data, to);
            }
            match sent {
                // On Linux: EMSGSIZE.
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    Err(MessageTooLong { len: data.len() }.into())
                }
                other => Ok(other?),
            }
        })
    }

    fn connect(&self, peer: &Address) -> Result<()> {
        self.check(peer)?;
        self.with_socket(|socket| Ok(socket.connect(peer)?))?;
        self.is_connected.set(true);
        Ok(())
    }

    fn refused(&self) {
        if self.is_connected.get() {
            self.is_refused.set(true);
            self.schedule_self();
        }
    }

    fn start(&self) {
        let handle = self.handle();
        if let Some(protocol) = &mut *self.protocol.borrow_mut() {
            protocol.start_protocol(&handle);
        }
    }

    /// Receives what is there, so many at most that others get their turn.
    fn receive(self: &Rc<Self>, core: &Rc<Core>) {
        let mut buffer = core.buffers.take_read();
        let mut left = RECEIVED_A_TURN;
        while left > 0 && self.may_receive.get() {
            let received = match &*self.socket.borrow() {
                Some(socket) => socket.receive(&mut buffer),
                None => break,
            };
            left -= 1;
            match received {
                // No UDP datagram is that long, so it is one of a UNIX socket, and cut off.
                Ok((READ_SIZE, from)) => log::warn!(
                    target: "torsade",
                    "a datagram from {from} to {} was longer than {READ_SIZE} bytes, and is dropped",
                    self.host
                ),
                Ok((count, from)) => self.give(&buffer[..count], &from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.may_receive.set(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.refused(),
                // Of one datagram, or of the network: the port lives on.
                Err(error) => log::debug!(target: "torsade", "on {}: {error}", self.host),
            }
        }
        core.buffers.give_read(buffer);
        if self.may_receive.get() {
            self.schedule(core);
        }
    }

    fn give(&self, data: &[u8], from: &Address) {
        let handle = self.handle();
        self.call("datagram_received", |protocol| {
            if let Err(failure) = protocol.datagram_received(&handle, data, from) {
                log::warn!(target: "torsade", "a datagram from {from}: {failure:#}");
            }
        });
    }

    fn call(&self, method: &'static str, call: impl FnOnce(&mut dyn DatagramProtocol)) {
        let place = || Place::Method(self.protocol_name, method);
        let called = run_queue::call_user(|| {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                watch(place, || call(&mut **protocol));
            }
        });
        if let Err(panicked) = called {
            log::error!(target: "torsade", "{method} panicked: {panicked:?}");
        }
    }

    fn stop(&self) -> Deferred<()> {
        let Some(socket) = self.socket.take() else {
            return Deferred::succeed(());
        };
        drop(socket);
        let this = self.this.upgrade();
        if let Some(core) = self.core.upgrade() {
            let source = core.sources.borrow_mut().remove(self.token);
            drop(source);
        }
        // It may be running now, and is told when it has returned.
        Deferred::succeed(()).map(move |()| {
            let taken = this.and_then(|this| this.protocol.take());
            if let Some(mut protocol) = taken {
                protocol.stop_protocol();
            }
        })
    }
}

fn is_refusal(result: &io::Result<()>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Source for Port {
    fn ready(self: Rc<Self>, core: &Rc<Core>, readiness: Readiness) {
        if readiness.readable {
            self.may_receive.set(true);
            self.receive(core);
            self.gives_way.set(self.may_receive.get());
        }
    }

    fn attend(self: Rc<Self>, core: &Rc<Core>) {
        self.on_agenda.set(false);
        if self.is_refused.take() {
            let handle = self.handle();
            self.call("connection_refused", |protocol| {
                protocol.connection_refused(&handle);
            });
        }
        if self.gives_way.take() {
            self.schedule(core);
        } else {
            self.receive(core);
        }
    }

    fn shut_down(self: Rc<Self>, _: &Rc<Core>) {
        drop(self.stop());
    }

    fn describe(&self) -> String {
        format!(
            "a port for datagrams on {}, of {}",
            self.host, self.protocol_name
        )
    }
}
