//! How many connections of a port are in their handshake, and what waits until they are fewer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::connection::Opener;
use crate::{Address, Failure, Protocol, Transport};

/// The handshakes of one port.
pub(super) struct Handshakes {
    limit: Option<usize>,
    under_way: Cell<usize>,
    /// There was something to accept, and no room for it.
    someone_waits: Cell<bool>,
}

impl Handshakes {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            under_way: Cell::new(0),
            someone_waits: Cell::new(false),
        }
    }

    pub(super) fn are_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether nothing more can be accepted now; then [`end`](Self::end) tells when it can.
    pub(super) fn must_wait(&self) -> bool {
        let must_wait = self
            .limit
            .is_some_and(|limit| self.under_way.get() >= limit);
        if must_wait {
            self.someone_waits.set(true);
        }
        must_wait
    }

    pub(super) fn begin(&self) {
        self.under_way.set(self.under_way.get() + 1);
    }

    /// One has ended, well or not. Says whether something waits that can be accepted now.
    pub(super) fn end(&self) -> bool {
        self.under_way.set(self.under_way.get() - 1);
        self.someone_waits.take()
    }
}

/// A port, to be told when a handshake has ended.
pub(super) trait Accepts: Opener {
    fn handshake_ended(&self);
}

/// The opener of a connection that counts among the handshakes: it is dropped when the connection
/// is open, or will never be.
pub(super) struct UnderWay {
    port: Rc<dyn Accepts>,
}

impl UnderWay {
    pub(super) fn new(port: Rc<dyn Accepts>) -> Self {
        Self { port }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.port.handshake_ended();
    }
}

impl Opener for UnderWay {
    fn protocol_name(&self) -> fn() -> &'static str {
        self.port.protocol_name()
    }

    fn build(&self, peer: &Address, transport: &Transport) -> Option<Rc<RefCell<dyn Protocol>>> {
        self.port.build(peer, transport)
    }

    fn opened(&self) {
        self.port.opened();
    }

    fn failed(&self, peer: &Address, failure: Failure) {
        self.port.failed(peer, failure);
    }
}
