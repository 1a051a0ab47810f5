//! Reading: from the stream, through the filters, to the protocol.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use super::{Connection, Phase};
use crate::net::buffers::READ_SIZE;
use crate::reactor::turn::Core;
use crate::{Failure, Result, Stage};

/// Where a short read proves that nothing is left: epoll and kqueue then tell of the next byte.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

impl Connection {
    /// Gives what was held back, tells what was not told, and reads on.
    pub(super) fn go_on_reading(self: &Rc<Self>, core: &Rc<Core>) {
        self.give_held();
        self.tell_read_end(core);
        self.read(core);
    }

    /// Reads what is there, but no more than fits the buffer once, so that others get their turn.
    pub(super) fn read(self: &Rc<Self>, core: &Rc<Core>) {
        if !self.wants_to_read() {
            return;
        }
        let mut buffer = core.buffers.take_read();
        let mut left = READ_SIZE;
        while left > 0 && self.wants_to_read() {
            let (read, descriptors) = match self.wire.borrow().stream() {
                Some(stream) => (stream.read(&mut buffer[..left]), stream.take_descriptors()),
                None => break,
            };
            let short_is_last =
                SHORT_READ_IS_LAST && !self.end_seen.get() && descriptors.is_empty();
            self.give_descriptors(descriptors);
            match read {
                Ok(0) => {
                    self.may_read.set(false);
                    self.stream_ended(core);
                }
                Ok(count) => {
                    if count < left && short_is_last {
                        self.may_read.set(false);
                    }
                    left -= count;
                    self.received(core, &mut buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.may_read.set(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.may_read.set(false);
                    self.read_failed(error);
                }
            }
        }
        core.buffers.give_read(buffer);
        if self.wants_to_read() {
            // The rest comes in the next turn.
            self.schedule(core);
        }
    }

    pub(super) fn wants_to_read(&self) -> bool {
        self.may_read.get()
            && !self.read_done.get()
            && match self.phase.get() {
                Phase::Opening => true,
                Phase::Open => !self.paused.get() && !self.holds_bytes(),
                // Only filters have a farewell to wait for.
                Phase::Losing => self.has_farewell(),
                Phase::Fresh | Phase::Lost => false,
            }
    }

    /// Bytes came from the wire.
    fn received(self: &Rc<Self>, core: &Rc<Core>, data: &mut [u8]) {
        if !self.has_filters() {
            return self.give_decoded(data);
        }
        let (mut plain, mut wire) = (core.buffers.take_work(), core.buffers.take_work());
        let (decoded, becomes_ready) = self.with_extras(|extras| {
            let filters = &mut extras.filters;
            let was_ready = filters.is_ready();
            let decoded = filters.decode(data, &mut plain, &mut wire, &core.buffers);
            let decoded = decoded.and_then(|()| filters.is_read_closed());
            let becomes_ready = !was_ready && filters.is_ready();
            (decoded, becomes_ready)
        });
        if becomes_ready {
            // Whoever hears of it may start one more filter, and what came before that must
            // not be given as if it had come after.
            self.with_held(|held| held.append(&mut plain));
        }
        self.queue_wire(core, &wire);
        core.buffers.give_work(wire);
        if becomes_ready {
            self.filters_are_ready(core);
            self.give_held();
        }
        self.give_decoded(&plain);
        core.buffers.give_work(plain);
        match decoded {
            Err(failure) => self.cut_off(core, failure),
            Ok(true) => self.read_ended(core),
            Ok(false) => {}
        }
    }

    fn give_descriptors(&self, descriptors: Vec<OwnedFd>) {
        for descriptor in descriptors {
            if self.phase.get() == Phase::Open {
                self.call_protocol("descriptor_received", |protocol, transport| {
                    protocol.descriptor_received(transport, descriptor);
                });
            }
        }
    }

    /// Gives bytes to the protocol.
    fn give(self: &Rc<Self>, data: &[u8]) {
        if self.phase.get() != Phase::Open {
            return;
        }
        let given = self.call_protocol("data_received", |protocol, transport| {
            protocol.data_received(transport, data)
        });
        if let Some(Err(failure)) = given {
            log::warn!(target: "torsade", "closing the connection to {}: {failure:#}", self.peer);
            self.abort_now(failure);
        }
    }

    /// Gives what came, or holds it if the protocol is paused: a descriptor that came with it, or
    /// bytes before it, may have made it so.
    fn give_decoded(self: &Rc<Self>, plain: &[u8]) {
        if !self.paused.get() && plain.len() <= READ_SIZE {
            if !plain.is_empty() {
                self.give(plain);
            }
        } else if self.phase.get() == Phase::Open {
            self.with_held(|held| held.extend_from_slice(plain));
            self.give_held();
        }
    }

    /// Gives what is held, as long as the protocol is not paused.
    fn give_held(self: &Rc<Self>) {
        while self.phase.get() == Phase::Open && !self.paused.get() && self.holds_bytes() {
            let piece = self.with_held(|held| {
                let rest = held.split_off(held.len().min(READ_SIZE));
                std::mem::replace(held, rest)
            });
            self.give(&piece);
        }
    }

    pub(super) fn holds_bytes(&self) -> bool {
        self.holds_bytes.get()
    }

    /// Changes something about what is held.
    pub(super) fn with_held<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.with_extras(|extras| {
            let result = f(&mut extras.held);
            self.holds_bytes.set(!extras.held.is_empty());
            result
        })
    }

    /// The stream has ended.
    fn stream_ended(self: &Rc<Self>, core: &Rc<Core>) {
        if let Some(reason) = self.take_write_error() {
            // The system tells of a reset only once, and it was the write that was told.
            return self.abort_now(reason);
        }
        let ended: Result<()> = self
            .if_extras(|extras| extras.filters.wire_closed())
            .unwrap_or(Ok(()));
        match ended {
            Ok(()) => self.read_ended(core),
            Err(failure) => self.cut_off(core, failure),
        }
    }

    /// A filter says that its stream is broken.
    fn cut_off(self: &Rc<Self>, core: &Rc<Core>, failure: Failure) {
        if self.phase.get() == Phase::Losing && self.write_done.get() {
            // Our farewell was sent, and theirs is not worth an error any more.
            self.read_ended(core);
        } else {
            self.filter_failed(core, failure);
        }
    }

    fn read_ended(self: &Rc<Self>, core: &Rc<Core>) {
        self.read_done.set(true);
        self.tell_read_end(core);
    }

    /// Does what follows from the end of the peer's direction, once all before it was given.
    fn tell_read_end(self: &Rc<Self>, core: &Rc<Core>) {
        if !self.read_done.get() || self.end_told.get() {
            return;
        }
        match self.phase.get() {
            // Told when the protocol reads again.
            Phase::Open if self.paused.get() || self.holds_bytes() => return,
            _ => self.end_told.set(true),
        }
        if let Some(reason) = self.take_write_error() {
            return self.abort_now(reason);
        }
        match self.phase.get() {
            Phase::Open if self.write_done.get() => {
                self.finish(super::ConnectionEnd::Closed);
            }
            Phase::Open => {
                self.call_protocol("read_closed", |protocol, transport| {
                    protocol.read_closed(transport);
                });
                // Who goes on writing has to know whether somebody reads: a UNIX socket that was
                // closed altogether tells that only now, and by no other event.
                if self.phase.get() == Phase::Open || self.has_producer() {
                    self.probe();
                }
            }
            Phase::Opening => {
                let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                let reason = self.lost(Stage::Reading, Arc::new(error));
                self.abort_now(reason);
            }
            _ => self.schedule(core),
        }
    }

    /// The peer has ended its direction before, and now something has happened to the rest.
    pub(super) fn probe(self: &Rc<Self>) {
        // Reading tells only of that end; a write of nothing tells whether a write can still go.
        let probed = match self.wire.borrow().stream() {
            Some(stream) if !self.write_done.get() => stream.write_vectored(&[IoSlice::new(&[])]),
            _ => return,
        };
        if let Err(error) = probed
            && error.kind() != io::ErrorKind::WouldBlock
        {
            let reason = self.lost(Stage::Writing, Arc::new(error));
            self.abort_now(reason);
        }
    }

    fn read_failed(self: &Rc<Self>, error: io::Error) {
        let reason = self
            .take_write_error()
            .unwrap_or_else(|| self.lost(Stage::Reading, Arc::new(error)));
        self.abort_now(reason);
    }

    /// The filters of this connection are to begin, or to go on to the next.
    pub(super) fn start_filters(self: &Rc<Self>, core: &Rc<Core>) {
        let mut wire = core.buffers.take_work();
        let started = self.with_extras(|extras| extras.filters.start(&mut wire, &core.buffers));
        self.queue_wire(core, &wire);
        core.buffers.give_work(wire);
        match started {
            Ok(()) if self.with_extras(|extras| extras.filters.is_ready()) => {
                self.filters_are_ready(core);
            }
            Ok(()) => {}
            Err(failure) => self.filter_failed(core, failure),
        }
    }

    /// Plain bytes can travel: the protocol may begin, or go on.
    fn filters_are_ready(self: &Rc<Self>, core: &Rc<Core>) {
        if self.phase.get() == Phase::Opening {
            self.become_open();
            return;
        }
        let starting = self.with_extras(|extras| std::mem::take(&mut extras.starting));
        if starting.is_empty() {
            return;
        }
        for resolver in starting {
            resolver.callback(());
        }
        // What was written meanwhile, and an end that was asked for, have waited for this.
        self.schedule(core);
    }

    /// A filter gave up. Its last words (an alert) are tried to be sent.
    pub(super) fn filter_failed(self: &Rc<Self>, core: &Rc<Core>, failure: Failure) {
        self.flush_queue(core);
        let has_all = self.queue.borrow().is_empty();
        let end = if has_all {
            super::ConnectionEnd::Drained
        } else {
            super::ConnectionEnd::Closed
        };
        self.lose(end, failure);
    }
}
