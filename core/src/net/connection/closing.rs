//! Ending: in an orderly way, at once, or because it broke.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::lingering::Lingering;
use super::{Connection, ConnectionEnd, Phase};
use crate::deferred::run_queue;
use crate::reactor::turn::Core;
use crate::{ConnectionAborted, ConnectionDone, Failure, HandshakeFailed, Stage};

/// How long a closing connection may go without a byte moving before it is aborted.
pub(super) const LINGER: Duration = Duration::from_secs(3);

impl Connection {
    /// `lose_connection`: from now on, only what is queued matters.
    pub(super) fn begin_losing(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Losing);
            self.if_extras(|extras| extras.held = Vec::new());
            self.schedule_self();
        }
    }

    /// `lose_write_connection`: our direction ends when all is sent.
    pub(super) fn begin_ending_write(&self) {
        if self.phase.get() == Phase::Open && !self.write_done.get() {
            self.write_ending.set(true);
            self.schedule_self();
        }
    }

    /// Everything that the agenda is for: sends what is queued, and does what follows from it.
    pub(super) fn work_off(self: &Rc<Self>, core: &Rc<Core>) {
        let mut all_sent = self.flush(core);
        let has_producer = self
            .if_extras(|extras| extras.producing.is_on())
            .unwrap_or(false);
        let is_ending = self.phase.get() == Phase::Losing || self.write_ending.get();
        if is_ending && all_sent && !has_producer {
            all_sent = self.say_farewell(core);
            if all_sent {
                self.end_write();
            }
        }
        if self.phase.get() == Phase::Losing && !has_producer {
            self.linger(core);
        }
        if has_producer && self.phase.get() != Phase::Lost {
            self.ask_producer(core);
        }
    }

    /// Sends the farewell of the filters. Gives back whether all is sent.
    fn say_farewell(self: &Rc<Self>, core: &Rc<Core>) -> bool {
        let pending = self
            .if_extras(|extras| !extras.filters.is_empty() && !extras.filters.is_write_closed())
            .unwrap_or(false);
        if !pending {
            return true;
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
    fn end_write(self: &Rc<Self>) {
        if self.phase.get() == Phase::Losing {
            if self.read_done.get() {
                return self.lose(ConnectionEnd::Closed, ConnectionDone.into());
            }
            if !self.has_filters() {
                return self.lose(ConnectionEnd::Drained, ConnectionDone.into());
            }
        }
        if self.write_done.replace(true) {
            return;
        }
        self.write_ending.set(false);
        let ended = self
            .stream
            .borrow()
            .as_ref()
            .map_or(Ok(()), |stream| stream.shutdown_write());
        if let Err(error) = ended {
            let reason = self.lost(Stage::Writing, Arc::new(error));
            return self.abort_now(reason);
        }
        if self.phase.get() == Phase::Open {
            self.call_protocol("write_closed", |protocol, transport| {
                protocol.write_closed(transport);
            });
            if self.read_done.get() && self.phase.get() == Phase::Open {
                self.lose(ConnectionEnd::Closed, ConnectionDone.into());
            }
        }
    }

    /// Bounds what a closing connection waits for.
    fn linger(self: &Rc<Self>, core: &Rc<Core>) {
        if self.with_extras(|extras| extras.timer.is_some()) {
            return;
        }
        let this = Rc::downgrade(self);
        let timer = core.handle().call_later(LINGER, move || {
            if let Some(this) = this.upgrade() {
                this.linger_is_over();
            }
        });
        self.with_extras(|extras| {
            extras.progress = false;
            extras.timer = Some(timer);
        });
    }

    fn linger_is_over(self: &Rc<Self>) {
        let progress = self.with_extras(|extras| {
            extras.timer = None;
            extras.progress
        });
        // A peer that merely reads slowly gets more time; one that merely sends does not.
        if progress && !self.write_done.get() {
            self.schedule_self();
        } else {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the peer did not close its side");
            let reason = self.lost(Stage::Closing, Arc::new(error));
            self.abort_now(reason);
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

    /// Closes the stream and forgets it; the protocol is told from the agenda.
    pub(super) fn lose(self: &Rc<Self>, end: ConnectionEnd, reason: Failure) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        self.reason.set(Some(reason));
        self.queue.borrow_mut().clear();
        let timer = self.if_extras(|extras| extras.timer.take()).flatten();
        if let Some(timer) = timer {
            timer.cancel();
        }
        let Some(core) = self.core.upgrade() else {
            return;
        };
        if let Some(stream) = self.stream.take() {
            match end {
                ConnectionEnd::Drained => Lingering::start(&core, self.token, stream),
                ConnectionEnd::Closed => drop(core.sources.borrow_mut().remove(self.token)),
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
        let Some(reason) = self.reason.take().map(Arc::new) else {
            return;
        };
        let extras = self.extras.take();
        if let Some(mut extras) = extras {
            extras.producing.stop(&self.transport);
            for resolver in extras.starting.drain(..) {
                resolver.errback(HandshakeFailed {
                    reason: Arc::clone(&reason),
                });
            }
        }
        if let Some(opener) = self.opener.take() {
            let failure =
                Arc::try_unwrap(reason).unwrap_or_else(|reason| HandshakeFailed { reason }.into());
            opener.failed(&self.peer, failure);
            return;
        }
        let Some(protocol) = self.protocol.take() else {
            return;
        };
        let told = run_queue::call_user(move || {
            protocol.borrow_mut().connection_lost(&reason);
            // Dropped as user code: a protocol may own anything.
            drop(protocol);
        });
        if let Err(panicked) = told {
            log::error!(target: "torsade", "connection_lost panicked: {panicked:?}");
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
