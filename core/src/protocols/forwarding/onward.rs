//! The connection that is made for another.

use std::rc::Rc;

use super::joint::{Joint, Side};
use crate::endpoints::ClientEndpoint;
use crate::{Address, Deferred, Failure, Protocol, Result, Transport};

/// Its protocol.
struct Onward(Rc<Joint>);

impl Protocol for Onward {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.received(Side::Outgoing, data);
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        self.0.read_closed(Side::Outgoing);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.0.lost(Side::Outgoing, reason);
    }
}

/// Connects `incoming` by `endpoint`: it is not read until that is done. The Deferred fires with the
/// other connection, which is not joined yet.
pub(super) fn connect(
    endpoint: &dyn ClientEndpoint,
    joint: &Rc<Joint>,
    incoming: &Transport,
) -> Deferred<Transport> {
    incoming.pause_reading();
    let joint = Rc::clone(joint);
    let factory = move |_: &Address| Onward(Rc::clone(&joint));
    let connected = endpoint
        .establish()
        .add_callback(|stream| stream.open(factory));
    connected.map(|protocol| protocol.transport().clone())
}
