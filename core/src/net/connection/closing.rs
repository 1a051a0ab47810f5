//! Ending: in an orderly way, at once, or because it broke.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::lingering::Lingering;
use super::{Connection, ConnectionEnd, Extras, Owner, Phase, Wire};
use crate::driver::Stream;
use crate::failure::SharedFailure;
use crate::reactor::turn::{Core, call_at};
use crate::watch::Place;
use crate::{
    ConnectionAborted, ConnectionDone, DescriptorOverrun, Failure, HandshakeFailed, Stage,
};

/// How long a closing connection may go without a byte moving before it is aborted.
pub(super) const LINGER: Duration = Duration::from_secs(3);

impl Connection {
    /// `lose_connection`: from now on, only what is queued matters.
    pub(super) fn begin_losing(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Losing);
            if self.holds_bytes() {
                self.with_held(|held| *held = Vec::new());
            }
            self.schedule_self();
        }
    }

    /// `lose_write_connection`: our direction ends when all is sent.
    pub(super) fn begin_ending_write(&self) {
        if self.phase.get() == Phase::Open {
            self.write_ending.set(true);
            self.schedule_self();
        }
    }

    /// Everything that the agenda is for: sends what is queued, and does what follows from it.
    pub(super) fn work_off(self: &Rc<Self>, core: &Rc<Core>) {
        let all_sent = self.flush(core);
        let has_failed = |extras: &mut Extras| extras.write_error.is_some();
        if self.write_done.get() && self.if_extras(has_failed) == Some(true) {
            return self.outlive_failed_write(core);
        }
        if self.phase.get() == Phase::Losing && self.has_producer() {
            self.stop_endless_producer();
        }
        let has_producer = self.has_producer();
        let is_ending = self.phase.get() == Phase::Losing || self.write_ending.get();
        if is_ending && all_sent && !has_producer && self.say_farewell(core) {
            self.end_write(core);
        }
        // A producer may take its time, but not the peer.
        if self.phase.get() == Phase::Losing && (!has_producer || self.queued_bytes() > 0) {
            self.linger(core);
        }
        if self.phase.get() == Phase::Losing && has_producer && self.end_seen.get() {
            // Neither a read nor a write would tell that there is nobody to produce for.
            self.probe();
        }
        if has_producer && self.phase.get() != Phase::Lost {
            self.ask_producer();
        }
    }

    /// A write has failed: nothing can be produced any more, but perhaps still be read.
    fn outlive_failed_write(self: &Rc<Self>, core: &Rc<Core>) {
        self.stop_producer();
        if self.phase.get() == Phase::Losing {
            if let Some(reason) = self.take_write_error() {
                self.abort_now(reason);
            }
        } else if self.phase.get() == Phase::Open && !self.paused.get() {
            self.linger(core);
        }
    }

    /// Nobody will ever use this connection: it says farewell, as far as that goes at once.
    pub(super) fn lose_unused(self: &Rc<Self>) {
        let mut end = ConnectionEnd::Closed;
        if self.has_filters()
            && let Some(core) = self.core.upgrade()
        {
            let _ = self.flush(&core) && self.say_farewell(&core);
            // A reset would destroy the farewell.
            end = ConnectionEnd::Drained;
        }
        self.finish(end);
    }

    /// Sends the farewell of the filters. Gives back whether all is sent.
    fn say_farewell(self: &Rc<Self>, core: &Rc<Core>) -> bool {
        let (pending, is_ready) = self
            .if_extras(|extras| {
                let filters = &extras.filters;
                let pending = !filters.is_empty() && !filters.is_write_closed();
                (pending, filters.is_ready())
            })
            .unwrap_or((false, true));
        if !pending {
            return true;
        }
        if !is_ready {
            // Nothing waits for the handshake except an end, which needs none.
            if self.phase.get() == Phase::Losing {
                self.finish(ConnectionEnd::Drained);
            }
            return false;
        }
        let mut wire = core.buffers.take_work();
        let closed =
            self.with_extras(|extras| extras.filters.close_write(&mut wire, &core.buffers));
        self.queue.borrow_mut().push(&wire, &core.buffers);
        core.buffers.give_work(wire);
        if let Err(failure) = closed {
            self.abort_now(failure);
            return false;
        }
        self.flush(core)
    }

    /// All is sent: our direction ends, and with it, perhaps, the connection.
    fn end_write(self: &Rc<Self>, core: &Rc<Core>) {
        let wire = self.wire.borrow();
        let has_unsent = wire.stream().is_some_and(Stream::has_unsent_descriptors);
        drop(wire);
        if has_unsent {
            return self.abort_now(DescriptorOverrun.into());
        }
        if self.phase.get() == Phase::Losing {
            if self.read_done.get() {
                return self.finish(ConnectionEnd::Closed);
            }
            if !self.has_farewell() {
                return self.finish(ConnectionEnd::Drained);
            }
        }
        if self.write_done.replace(true) {
            return;
        }
        self.write_ending.set(false);
        let ended = self
            .wire
            .borrow()
            .stream()
            .map_or(Ok(()), Stream::shutdown_write);
        if ended.is_err() {
            // The connection is broken, and reading tells by what.
            self.may_read.set(true);
            self.end_seen.set(true);
            return self.schedule(core);
        }
        if self.phase.get() == Phase::Open {
            self.call_protocol("write_closed", |protocol, transport| {
                protocol.write_closed(transport);
            });
            if self.end_told.get() && self.phase.get() == Phase::Open {
                self.finish(ConnectionEnd::Closed);
            }
        } else {
            // The peer has all of the time for its answer.
            self.stop_timer();
        }
    }

    /// Bounds what a connection waits for that is closing, or cannot be written.
    fn linger(self: &Rc<Self>, core: &Rc<Core>) {
        if self.if_extras(|extras| extras.timer.is_some()) == Some(true) {
            return;
        }
        let this = Rc::downgrade(self);
        let timer = core.handle().call_later(LINGER, move || {
            if let Some(this) = this.upgrade() {
                this.linger_is_over();
            }
        });
        self.has_progressed.set(false);
        self.with_extras(|extras| extras.timer = Some(timer));
    }

    fn linger_is_over(self: &Rc<Self>) {
        self.with_extras(|extras| extras.timer = None);
        if self.phase.get() == Phase::Open {
            // A write has failed. If there is nothing to read either, there will never be.
            if self.may_read.get() {
                self.schedule_self();
            } else if !self.paused.get()
                && let Some(reason) = self.take_write_error()
            {
                self.abort_now(reason);
            }
        } else if self.has_progressed.get() && !self.write_done.get() {
            // A peer that merely reads slowly gets more time; one that merely sends does not.
            self.schedule_self();
        } else {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the peer did not close its side");
            let reason = self.lost(Stage::Closing, Arc::new(error));
            let end = if self.write_done.get() {
                // It has all been sent, and a reset would destroy what the peer has not read yet.
                ConnectionEnd::Closed
            } else {
                ConnectionEnd::Reset
            };
            self.lose(end, reason);
        }
    }

    fn stop_timer(&self) {
        let timer = self.if_extras(|extras| extras.timer.take()).flatten();
        if let Some(timer) = timer {
            timer.cancel();
        }
    }

    /// Ends at once, by a reset.
    pub(super) fn abort_now(&self, reason: Failure) {
        if let Some(this) = self.this.upgrade() {
            this.lose(ConnectionEnd::Reset, reason);
        }
    }

    pub(super) fn abort(&self) {
        self.abort_now(ConnectionAborted.into());
    }

    /// Closes the stream in the orderly way, which is told without a backtrace: it is no error.
    pub(super) fn finish(self: &Rc<Self>, end: ConnectionEnd) {
        self.lose(end, Failure::without_backtrace(ConnectionDone));
    }

    /// Closes the stream and forgets it; the protocol is told from the agenda.
    pub(super) fn lose(self: &Rc<Self>, end: ConnectionEnd, reason: Failure) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        let wire = self.wire.replace(Wire::Lost(Some(reason)));
        self.queue.borrow_mut().clear();
        self.if_extras(|extras| extras.plain.clear());
        self.stop_timer();
        let Some(core) = self.core.upgrade() else {
            return;
        };
        if let Wire::Open(stream) = wire {
            match end {
                ConnectionEnd::Drained if stream.lingers() => {
                    Lingering::start(&core, self.token, stream);
                }
                ConnectionEnd::Drained | ConnectionEnd::Closed => {
                    drop(core.sources.borrow_mut().remove(self.token));
                }
                ConnectionEnd::Reset => {
                    stream.reset_on_close();
                    drop(core.sources.borrow_mut().remove(self.token));
                }
            }
        }
        self.schedule(&core);
    }

    /// Tells whoever has to know that this connection is over.
    pub(super) fn tell_lost(&self) {
        let reason = match &mut *self.wire.borrow_mut() {
            Wire::Lost(reason) => reason.take(),
            Wire::Open(_) => None,
        };
        let Some(reason) = reason.map(Arc::new) else {
            return;
        };
        self.stop_producer();
        let mut ending = None;
        if let Some(mut extras) = self.extras.take() {
            ending = extras.ending.take();
            for resolver in extras.starting.drain(..) {
                resolver.errback(HandshakeFailed {
                    reason: Arc::clone(&reason),
                });
            }
        }
        if let Some(opener) = self.take_opener() {
            let failure =
                Arc::try_unwrap(reason).unwrap_or_else(|reason| HandshakeFailed { reason }.into());
            opener.failed(&self.peer.address(), failure);
            return;
        }
        let Owner::Protocol(protocol) = self.owner.take() else {
            return;
        };
        let place = || Place::Method((self.protocol_name)(), "connection_lost");
        // Logged is all that can be done about a panic here.
        let told = &*reason;
        let _ = call_at(place, move || {
            protocol.borrow_mut().connection_lost(told);
            // Dropped as user code: a protocol may own anything.
            drop(protocol);
        });
        if let Some(resolver) = ending {
            let failure = Arc::try_unwrap(reason)
                .unwrap_or_else(|reason| SharedFailure::from(reason).failure());
            resolver.resolve(match failure.check::<ConnectionDone>() {
                Some(ConnectionDone) => Ok(()),
                None => Err(failure),
            });
        }
    }

    /// The reactor stops: what is queued is tried once, then it is over.
    pub(super) fn end_with_reactor(self: &Rc<Self>, core: &Rc<Core>) {
        if self.phase.get() == Phase::Open || self.phase.get() == Phase::Losing {
            let _ = self.flush(core) && self.say_farewell(core);
        }
        if self.phase.get() != Phase::Lost {
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "the reactor stopped");
            let reason = self.lost(Stage::ShuttingDown, Arc::new(error));
            self.lose(ConnectionEnd::Closed, reason);
        }
    }
}
