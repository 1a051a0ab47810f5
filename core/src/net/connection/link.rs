//! What a [`Transport`](crate::Transport) asks of its connection.
//!
//! No method here calls user code: each changes state and leaves the rest to the agenda.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::Bytes;

use super::{Connection, Phase};
use crate::driver::Stream;
use crate::transport::Link;
use crate::{
    Address, AlreadyRegistered, ConnectionDone, Credentials, Deferred, Failure, Filter,
    PlaintextPending, Producer, ProducerKind, Reactor, Result, SocketOption, Traffic,
};

impl Link for Connection {
    fn write(&self, data: &[u8]) {
        self.accept_write(data);
    }

    fn write_bytes(&self, data: Bytes) {
        self.accept_bytes(data);
    }

    fn queued(&self) -> usize {
        self.queued_bytes()
    }

    fn set_max_queued(&self, bytes: Option<usize>) {
        self.is_limited.set(bytes.is_some());
        self.with_extras(|extras| extras.max_queued = bytes);
    }

    fn lose_connection(&self) {
        self.begin_losing();
    }

    fn lose_write_connection(&self) {
        self.begin_ending_write();
    }

    fn abort_connection(&self) {
        self.abort();
    }

    fn abort_with(&self, reason: Failure) {
        self.abort_now(reason);
    }

    fn is_open(&self) -> bool {
        self.phase.get() == Phase::Open && !self.write_ending.get() && !self.write_done.get()
    }

    fn is_connected(&self) -> bool {
        self.phase.get() == Phase::Open
    }

    fn has_input(&self) -> bool {
        self.may_read.get() || self.wire.borrow().stream().is_some_and(Stream::has_input)
    }

    fn pause_reading(&self) {
        self.paused.set(true);
    }

    fn resume_reading(&self) {
        if self.paused.replace(false) && self.phase.get() == Phase::Open {
            self.schedule_self();
        }
    }

    fn register_producer(
        &self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        if self.phase.get() == Phase::Lost || self.write_done.get() {
            self.transport().stop_later(producer);
            return Ok(());
        }
        self.add_producer(producer, kind)?;
        self.schedule_self();
        Ok(())
    }

    fn unregister_producer(&self) {
        // Dropped outside the borrow, and as user code further up the stack is: it owns anything.
        drop(self.take_producer());
        if self.phase.get() == Phase::Losing || self.write_ending.get() {
            self.schedule_self();
        }
    }

    fn peer(&self) -> Address {
        self.known_peer()
    }

    fn host(&self) -> Address {
        let known = self.if_extras(|extras| extras.filters.host()).flatten();
        known.unwrap_or_else(|| {
            self.with_stream(|stream| Ok(stream.local_address()?))
                .unwrap_or(Address::Unnamed)
        })
    }

    fn set_option(&self, option: SocketOption) -> Result<()> {
        self.with_stream(|stream| Ok(stream.set_option(option)?))
    }

    fn send_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        if !self.is_open() {
            return Err(ConnectionDone.into());
        }
        self.with_stream(|stream| Ok(stream.send_descriptor(descriptor)?))
    }

    fn peer_credentials(&self) -> Result<Credentials> {
        self.with_stream(|stream| Ok(stream.peer_credentials()?))
    }

    fn when_lost(&self) -> Deferred<()> {
        let this = self.this.clone();
        let (resolver, lost) = Deferred::with_canceller(move || {
            if let Some(this) = this.upgrade() {
                this.abort();
            }
        });
        self.with_extras(|extras| extras.ending = Some(resolver));
        lost
    }

    fn start_filter(&self, filter: Box<dyn Filter>) -> Deferred<()> {
        let (Some(core), Some(this)) = (self.core.upgrade(), self.this.upgrade()) else {
            return Deferred::fail(ConnectionDone);
        };
        if !self.is_open() || self.read_done.get() {
            return Deferred::fail(ConnectionDone);
        }
        // What was written before must not go through the new filter, nor may what came before
        // seem to have come through it.
        let is_clean = !self.has_filters() || self.flush_plain(&core);
        if self.holds_bytes() || !is_clean {
            self.abort_now(PlaintextPending.into());
            return Deferred::fail(PlaintextPending);
        }
        let (resolver, deferred) = Deferred::new();
        self.is_filtered.set(true);
        self.with_extras(|extras| {
            extras.filters.push(filter);
            extras.starting.push(resolver);
        });
        this.start_filters(&core);
        deferred
    }

    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        self.if_extras(|extras| extras.filters.negotiated())
            .flatten()
    }

    fn filters(&self) -> usize {
        self.if_extras(|extras| extras.filters.len()).unwrap_or(0)
    }

    fn traffic(&self) -> Traffic {
        let known = self.if_extras(|extras| extras.traffic.clone()).flatten();
        known.unwrap_or_else(|| self.count_traffic())
    }

    fn reactor(&self) -> Reactor {
        self.core
            .upgrade()
            .map_or_else(Reactor::gone, |core| core.handle())
    }
}

impl Connection {
    fn with_stream<R>(&self, f: impl FnOnce(&dyn Stream) -> Result<R>) -> Result<R> {
        match self.wire.borrow().stream() {
            Some(stream) => f(stream),
            None => Err(ConnectionDone.into()),
        }
    }
}
