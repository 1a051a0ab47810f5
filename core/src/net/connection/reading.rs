//! Reading: from the stream, through the filters, to the protocol.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::{Connection, Phase};
use crate::net::buffers::READ_SIZE;
use crate::reactor::turn::Core;
use crate::{ConnectionDone, Failure, Result, Stage};

/// Where a short read proves that nothing is left: epoll and kqueue then tell of the next byte.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

impl Connection {
    /// Reads what is there, but no more than fits the buffer once, so that others get their turn.
    pub(super) fn read(self: &Rc<Self>, core: &Rc<Core>) {
        if !self.wants_to_read() {
            return;
        }
        let mut buffer = core.buffers.take_read();
        let mut got = 0;
        while self.wants_to_read() {
            let read = match &*self.stream.borrow() {
                Some(stream) => stream.read(&mut buffer),
                None => break,
            };
            match read {
                Ok(0) => {
                    self.may_read.set(false);
                    self.stream_ended(core);
                    break;
                }
                Ok(count) => {
                    let is_short = count < READ_SIZE;
                    if is_short && SHORT_READ_IS_LAST && !self.end_seen.get() {
                        self.may_read.set(false);
                    }
                    self.received(core, &mut buffer[..count]);
                    got += count;
                    if !self.may_read.get() {
                        break;
                    }
                    if got >= READ_SIZE {
                        // The rest comes in the next turn.
                        self.schedule(core);
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.may_read.set(false);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.may_read.set(false);
                    self.read_failed(error);
                    break;
                }
            }
        }
        core.buffers.give_read(buffer);
    }

    fn wants_to_read(&self) -> bool {
        self.may_read.get()
            && match self.phase.get() {
                Phase::Opening => true,
                Phase::Open => !self.paused.get() && !self.read_done.get(),
                // Only filters have a farewell to wait for.
                Phase::Losing => !self.read_done.get() && self.has_filters(),
                Phase::Lost => false,
            }
    }

    /// Bytes came from the wire.
    fn received(self: &Rc<Self>, core: &Rc<Core>, data: &mut [u8]) {
        if !self.has_filters() {
            return self.give(data);
        }
        let (mut plain, mut wire) = (core.buffers.take_work(), core.buffers.take_work());
        let (decoded, is_ready, is_closed) = self.with_extras(|extras| {
            extras.progress = true;
            let filters = &mut extras.filters;
            let decoded = filters.decode(data, &mut plain, &mut wire, &core.buffers);
            (decoded, filters.is_ready(), filters.is_read_closed())
        });
        self.queue_wire(core, &wire);
        core.buffers.give_work(wire);
        if is_ready {
            self.filters_are_ready(core);
        }
        if !plain.is_empty() {
            self.give_or_hold(core, &plain);
        }
        core.buffers.give_work(plain);
        match decoded {
            Err(failure) => self.filter_failed(core, failure),
            Ok(()) if is_closed => self.read_ended(core),
            Ok(()) => {}
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

    fn give_or_hold(self: &Rc<Self>, core: &Rc<Core>, plain: &[u8]) {
        let must_hold = self.paused.get()
            || self
                .if_extras(|extras| !extras.held.is_empty())
                .unwrap_or(false);
        if must_hold && self.phase.get() == Phase::Open {
            self.with_extras(|extras| extras.held.extend_from_slice(plain));
            self.schedule(core);
        } else {
            self.give(plain);
        }
    }

    /// Gives what was held while the protocol was paused.
    pub(super) fn give_held(self: &Rc<Self>, core: &Rc<Core>) {
        if self.paused.get() {
            return;
        }
        let held = self
            .if_extras(|extras| std::mem::take(&mut extras.held))
            .unwrap_or_default();
        if !held.is_empty() {
            self.give(&held);
            // It may be that the end came while this was held.
            if self.end_is_held() {
                self.read_ended(core);
            }
        }
    }

    fn end_is_held(&self) -> bool {
        !self.read_done.get()
            && self
                .if_extras(|extras| extras.filters.is_read_closed())
                .unwrap_or(false)
    }

    /// The stream has ended.
    fn stream_ended(self: &Rc<Self>, core: &Rc<Core>) {
        let cut_off: Result<()> = self
            .if_extras(|extras| extras.filters.wire_closed())
            .unwrap_or(Ok(()));
        match cut_off {
            // Our farewell was sent, and theirs is not worth an error any more.
            Err(_) if self.phase.get() == Phase::Losing && self.write_done.get() => {
                self.read_ended(core);
            }
            Err(failure) => self.abort_now(failure),
            Ok(()) => self.read_ended(core),
        }
    }

    /// The peer's direction has ended in an orderly way.
    fn read_ended(self: &Rc<Self>, core: &Rc<Core>) {
        if self.paused.get() && self.if_extras(|e| !e.held.is_empty()).unwrap_or(false) {
            // Told when what is held has been given.
            return;
        }
        if self.phase.get() == Phase::Lost || self.read_done.replace(true) {
            return;
        }
        if let Some(error) = self.if_extras(|extras| extras.write_error.take()).flatten() {
            let reason = self.lost(Stage::Writing, error);
            return self.abort_now(reason);
        }
        match self.phase.get() {
            Phase::Open if self.write_done.get() => {
                self.lose(super::ConnectionEnd::Closed, ConnectionDone.into());
            }
            Phase::Open => {
                self.call_protocol("read_closed", |protocol, transport| {
                    protocol.read_closed(transport);
                });
            }
            _ => self.schedule(core),
        }
    }

    fn read_failed(self: &Rc<Self>, error: io::Error) {
        let write_error = self.if_extras(|extras| extras.write_error.take()).flatten();
        let reason = match write_error {
            Some(error) => self.lost(Stage::Writing, error),
            None => self.lost(Stage::Reading, Arc::new(error)),
        };
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
        }
        let starting = self.with_extras(|extras| std::mem::take(&mut extras.starting));
        for resolver in starting {
            resolver.callback(());
        }
        let waits = self
            .if_extras(|extras| !extras.plain.is_empty())
            .unwrap_or(false);
        if waits || self.phase.get() == Phase::Losing {
            self.schedule(core);
        }
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
