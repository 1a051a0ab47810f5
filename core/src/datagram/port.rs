//! A port for datagrams: what the reactor has of it.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::{DatagramOptions, DatagramPort, DatagramProtocol, InvalidAddress, MessageTooLong};
use crate::driver::{DatagramSocket, MOST_DATAGRAMS, Readiness, Token};
use crate::reactor::sources::Source;
use crate::reactor::turn::{Core, call_at};
use crate::watch::Place;
use crate::{Address, CannotListen, ConnectionDone, Deferred, Reactor, Result, UnixName};

#[track_caller]
pub(super) fn listen<P: DatagramProtocol>(
    core: &Rc<Core>,
    address: Address,
    protocol: P,
    options: &DatagramOptions,
) -> Result<DatagramPort> {
    let made_at = Location::caller();
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
        made_at,
        this: Weak::clone(this),
        token,
        host,
        socket: RefCell::new(Some(socket)),
        protocol: RefCell::new(Some(Box::new(protocol))),
        protocol_name: std::any::type_name::<P>(),
        slot: options.longest.map(|longest| longest + 1),
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

pub(super) struct Port {
    core: Weak<Core>,
    /// Where it was asked for.
    made_at: &'static Location<'static>,
    this: Weak<Self>,
    token: Token,
    host: Address,
    /// `None` once closed.
    socket: RefCell<Option<Box<dyn DatagramSocket>>>,
    /// Taken when it is told of the end.
    protocol: RefCell<Option<Box<dyn DatagramProtocol>>>,
    protocol_name: &'static str,
    /// The room for each datagram, if several are received at once: one byte more than the longest.
    slot: Option<usize>,
    is_connected: Cell<bool>,
    /// The peer's host has refused, and that was not told yet.
    is_refused: Cell<bool>,
    may_receive: Cell<bool>,
    on_agenda: Cell<bool>,
    /// It has received its share in this turn, so the agenda leaves the rest to the next.
    gives_way: Cell<bool>,
}

impl Port {
    pub(super) fn is_open(&self) -> bool {
        self.socket.borrow().is_some()
    }

    pub(super) fn reactor(&self) -> Reactor {
        let core = self.core.upgrade();
        core.map_or_else(Reactor::gone, |core| core.handle())
    }

    fn handle(&self) -> DatagramPort {
        DatagramPort {
            port: Weak::clone(&self.this),
            host: self.host.clone(),
        }
    }

    pub(super) fn with_socket<R>(
        &self,
        f: impl FnOnce(&dyn DatagramSocket) -> Result<R>,
    ) -> Result<R> {
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

    pub(super) fn send(&self, data: &[u8], to: Option<&Address>) -> Result<()> {
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

    pub(super) fn connect(&self, peer: &Address) -> Result<()> {
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
        if !self.may_receive.get() {
            return;
        }
        let mut buffer = core.buffers.take_read();
        let mut left = RECEIVED_A_TURN;
        while left > 0 && self.may_receive.get() {
            let received = match self.slot {
                None => self.receive_one(&mut buffer),
                Some(slot) => self.receive_many(&mut buffer, slot),
            };
            match received {
                Ok(count) => left -= count.min(left),
                Err(error) => {
                    left -= 1;
                    self.receiving_failed(&error);
                }
            }
        }
        core.buffers.give_read(buffer);
        if self.may_receive.get() {
            self.schedule(core);
        }
    }

    /// Gives the next, and gives back how many that were.
    fn receive_one(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, from) = match &*self.socket.borrow() {
            Some(socket) => socket.receive(buffer)?,
            None => return Err(io::ErrorKind::WouldBlock.into()),
        };
        // No UDP datagram is as long as the buffer.
        self.give_whole(&buffer[..count], buffer.len(), &from);
        Ok(1)
    }

    /// The same with several.
    fn receive_many(&self, buffer: &mut [u8], slot: usize) -> io::Result<usize> {
        let mut received = Vec::with_capacity(MOST_DATAGRAMS);
        match &*self.socket.borrow() {
            Some(socket) => socket.receive_many(buffer, slot, &mut received)?,
            None => return Err(io::ErrorKind::WouldBlock.into()),
        }
        for ((count, from), data) in received.iter().zip(buffer.chunks(slot)) {
            self.give_whole(&data[..*count], slot, from);
        }
        Ok(received.len())
    }

    /// Gives one, unless it fills its room: then it was longer, and is cut off.
    fn give_whole(&self, data: &[u8], room: usize, from: &Address) {
        if data.len() < room {
            return self.give(data, from);
        }
        log::warn!(
            target: "torsade",
            "a datagram from {from} to {} is longer than {} bytes, and dropped",
            self.host, room - 1
        );
    }

    fn receiving_failed(&self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.may_receive.set(false),
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::ConnectionRefused => self.refused(),
            // Of one datagram, or of the network: the port lives on.
            _ => log::debug!(target: "torsade", "on {}: {error}", self.host),
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
        // A panic is logged, and the port lives on.
        let _ = call_at(place, || {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                call(&mut **protocol);
            }
        });
    }

    pub(super) fn stop(&self) -> Deferred<()> {
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
            "a port for datagrams on {}, of {}, made at {}:{}",
            self.host,
            self.protocol_name,
            self.made_at.file(),
            self.made_at.line()
        )
    }
}
