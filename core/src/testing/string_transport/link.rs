//! What stands behind the transport: it notes what is asked of it, and hands on what it is told.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use bytes::Bytes;

use crate::deferred::run_queue::UserScope;
use crate::net::buffers::READ_SIZE;
use crate::transport::Link;
use crate::{
    Address, AlreadyRegistered, Credentials, Deferred, Failure, Filter, Producer, ProducerKind,
    Protocol, Reactor, Result, SocketOption, Traffic, Transport, WriteQueueFull,
};

/// See [`StringTransport`](super::StringTransport).
pub(super) struct StringLink {
    this: Weak<Self>,
    pub(super) reactor: RefCell<Reactor>,
    pub(super) peer: RefCell<Address>,
    pub(super) host: RefCell<Address>,
    pub(super) protocol: RefCell<Option<Rc<RefCell<dyn Protocol>>>>,
    pub(super) producer: RefCell<Option<(Box<dyn Producer>, ProducerKind)>>,
    /// Whether the producer was taken out to be called, and is still wanted back.
    producer_runs: Cell<Option<ProducerKind>>,
    pub(super) phase: Cell<Phase>,
    /// Why it was aborted, if that was said.
    pub(super) reason: Cell<Option<Failure>>,
    pub(super) written: RefCell<Vec<u8>>,
    max_queued: Cell<Option<usize>>,
    pub(super) write_ended: Cell<bool>,
    write_end_told: Cell<bool>,
    pub(super) paused: Cell<bool>,
    /// What has come and was not received.
    arrived: RefCell<VecDeque<u8>>,
    is_delivering: Cell<bool>,
    pub(super) has_end: Cell<bool>,
    end_told: Cell<bool>,
    traffic: OnceCell<Traffic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// `lose_connection` was called.
    Disconnecting,
    Aborted,
    /// `connection_lost` was called.
    Lost,
}

impl StringLink {
    pub(super) fn new() -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            reactor: RefCell::new(Reactor::gone()),
            peer: RefCell::new(Address::Unnamed),
            host: RefCell::new(Address::Unnamed),
            protocol: RefCell::default(),
            producer: RefCell::default(),
            producer_runs: Cell::default(),
            phase: Cell::new(Phase::Open),
            reason: Cell::default(),
            written: RefCell::default(),
            max_queued: Cell::default(),
            write_ended: Cell::default(),
            write_end_told: Cell::default(),
            paused: Cell::default(),
            arrived: RefCell::default(),
            is_delivering: Cell::default(),
            has_end: Cell::default(),
            end_told: Cell::default(),
            traffic: OnceCell::new(),
        })
    }

    pub(super) fn transport(&self) -> Transport {
        Transport::new(Weak::<Self>::clone(&self.this))
    }

    #[track_caller]
    pub(super) fn assert_callable(&self) {
        match &*self.protocol.borrow() {
            Some(protocol) if protocol.try_borrow_mut().is_ok() => {}
            Some(_) => panic!("the protocol is running right now, further up the stack"),
            None => panic!("the transport has no protocol yet: `connect` one first"),
        }
    }

    /// Calls the protocol, if there is one.
    pub(super) fn call<R>(&self, f: impl FnOnce(&mut dyn Protocol, &Transport) -> R) -> Option<R> {
        let protocol = self.protocol.borrow().clone()?;
        let transport = self.transport();
        // Leaving the scope runs what was fired, so the borrow must have ended before.
        let _scope = UserScope::enter();
        let mut protocol = protocol.borrow_mut();
        Some(f(&mut *protocol, &transport))
    }

    pub(super) fn arrive(&self, data: &[u8]) {
        if self.phase.get() == Phase::Open && !self.has_end.get() {
            self.arrived.borrow_mut().extend(data);
        }
    }

    /// Gives the protocol what it may have now.
    pub(super) fn deliver(&self) -> Result<()> {
        if self.is_delivering.replace(true) {
            return Ok(());
        }
        let delivered = self.deliver_all();
        self.is_delivering.set(false);
        if delivered.is_err() && self.phase.get() != Phase::Lost {
            self.phase.set(Phase::Aborted);
        }
        delivered
    }

    fn deliver_all(&self) -> Result<()> {
        while self.phase.get() == Phase::Open && !self.paused.get() {
            let piece: Vec<u8> = {
                let mut arrived = self.arrived.borrow_mut();
                let len = arrived.len().min(READ_SIZE);
                arrived.drain(..len).collect()
            };
            if piece.is_empty() {
                if self.has_end.get() && !self.end_told.replace(true) {
                    self.call(|protocol, transport| protocol.read_closed(transport));
                }
                break;
            }
            if let Some(traffic) = self.traffic.get() {
                traffic.has_received(piece.len(), self.reactor().now());
            }
            let received =
                self.call(|protocol, transport| protocol.data_received(transport, &piece));
            received.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// Ends our direction, if that was asked for. Gives back whether there was anything to do.
    pub(super) fn finish_writing(&self) -> bool {
        if !self.write_ended.get() || self.write_end_told.replace(true) {
            return false;
        }
        self.call(|protocol, transport| protocol.write_closed(transport));
        if self.end_told.get() && self.phase.get() == Phase::Open {
            self.lose(&crate::ConnectionDone.into());
        }
        true
    }

    pub(super) fn lose(&self, reason: &Failure) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        self.stop_producer();
        self.call(|protocol, _| protocol.connection_lost(reason));
    }

    /// Stops a producer that a close does not wait for, as a connection does.
    pub(super) fn stop_endless_producer(&self) {
        let mut is_endless = false;
        self.call_producer(|producer, _| is_endless = !producer.is_waited_for());
        if is_endless {
            self.stop_producer();
        }
    }

    fn stop_producer(&self) {
        if let Some(mut producer) = self.take_producer() {
            let transport = self.transport();
            let _scope = UserScope::enter();
            producer.stop_producing(&transport);
        }
    }

    pub(super) fn call_producer(&self, f: impl FnOnce(&mut dyn Producer, &Transport)) {
        let Some((mut producer, kind)) = self.producer.take() else {
            return;
        };
        self.producer_runs.set(Some(kind));
        let transport = self.transport();
        let scope = UserScope::enter();
        f(&mut *producer, &transport);
        // Unregistered meanwhile, it is dropped.
        if self.producer_runs.take().is_some() {
            *self.producer.borrow_mut() = Some((producer, kind));
        }
        drop(scope);
    }

    fn take_producer(&self) -> Option<Box<dyn Producer>> {
        self.producer_runs.take();
        self.producer.take().map(|(producer, _)| producer)
    }

    fn has_producer(&self) -> bool {
        self.producer.borrow().is_some() || self.producer_runs.get().is_some()
    }

    /// As with a connection: after the loss only a producer's bytes are waited for.
    fn may_write(&self) -> bool {
        match self.phase.get() {
            Phase::Open if !self.write_ended.get() => true,
            Phase::Open | Phase::Disconnecting => !self.write_end_told.get() && self.has_producer(),
            Phase::Aborted | Phase::Lost => false,
        }
    }

    fn unsupported<T>() -> Result<T> {
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }
}

impl Link for StringLink {
    fn write(&self, data: &[u8]) {
        if !self.may_write() {
            return;
        }
        self.written.borrow_mut().extend_from_slice(data);
        if let Some(traffic) = self.traffic.get() {
            traffic.has_sent(data.len(), self.reactor().now());
        }
        match self.max_queued.get() {
            Some(limit) if self.queued() > limit => {
                self.abort_with(WriteQueueFull { limit }.into());
            }
            _ => {}
        }
    }

    fn write_bytes(&self, data: Bytes) {
        self.write(&data);
    }

    fn queued(&self) -> usize {
        self.written.borrow().len()
    }

    fn set_max_queued(&self, bytes: Option<usize>) {
        self.max_queued.set(bytes);
    }

    fn lose_connection(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Disconnecting);
        }
    }

    fn lose_write_connection(&self) {
        if self.phase.get() == Phase::Open {
            self.write_ended.set(true);
        }
    }

    fn abort_connection(&self) {
        if self.phase.get() != Phase::Lost {
            self.phase.set(Phase::Aborted);
        }
    }

    fn abort_with(&self, reason: Failure) {
        if !matches!(self.phase.get(), Phase::Aborted | Phase::Lost) {
            self.phase.set(Phase::Aborted);
            self.reason.set(Some(reason));
        }
    }

    fn is_open(&self) -> bool {
        self.is_connected() && !self.write_ended.get()
    }

    fn is_connected(&self) -> bool {
        self.phase.get() == Phase::Open
    }

    fn has_input(&self) -> bool {
        !self.arrived.borrow().is_empty() || (self.has_end.get() && !self.end_told.get())
    }

    fn pause_reading(&self) {
        self.paused.set(true);
    }

    fn resume_reading(&self) {
        if !self.paused.replace(false) || self.is_delivering.get() || !self.has_input() {
            return;
        }
        let Some(this) = self.this.upgrade() else {
            return;
        };
        // When the running function has returned.
        drop(Deferred::succeed(()).map(move |()| {
            if let Err(failure) = this.deliver() {
                this.reason.set(Some(failure));
            }
        }));
    }

    fn register_producer(
        &self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        if self.phase.get() == Phase::Lost || self.write_end_told.get() {
            self.transport().stop_later(producer);
            return Ok(());
        }
        if self.has_producer() {
            return Err(AlreadyRegistered);
        }
        *self.producer.borrow_mut() = Some((producer, kind));
        Ok(())
    }

    fn unregister_producer(&self) {
        drop(self.take_producer());
    }

    fn peer(&self) -> Address {
        self.peer.borrow().clone()
    }

    fn host(&self) -> Address {
        self.host.borrow().clone()
    }

    /// There is no socket whose option it could be.
    fn set_option(&self, _option: SocketOption) -> Result<()> {
        Ok(())
    }

    fn send_descriptor(&self, _descriptor: OwnedFd) -> Result<()> {
        Self::unsupported()
    }

    fn peer_credentials(&self) -> Result<Credentials> {
        Self::unsupported()
    }

    fn start_filter(&self, _filter: Box<dyn Filter>) -> Deferred<()> {
        Deferred::from(Self::unsupported())
    }

    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        None
    }

    fn traffic(&self) -> Traffic {
        let traffic = self
            .traffic
            .get_or_init(|| Traffic::new(self.reactor().now()));
        traffic.clone()
    }

    fn reactor(&self) -> Reactor {
        self.reactor.borrow().clone()
    }
}
