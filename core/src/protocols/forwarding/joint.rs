//! Two connections, of which each one's input is the other's output.

use std::cell::RefCell;
use std::rc::Rc;

use crate::{ConnectionDone, Failure, Producer, ProducerKind, Transport};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that was accepted.
    Incoming,
    /// The one that was made for it.
    Outgoing,
}

/// See the module.
#[derive(Default)]
pub(super) struct Joint {
    incoming: RefCell<Option<Transport>>,
    outgoing: RefCell<Option<Transport>>,
}

impl Joint {
    fn at(&self, side: Side) -> &RefCell<Option<Transport>> {
        match side {
            Side::Incoming => &self.incoming,
            Side::Outgoing => &self.outgoing,
        }
    }

    fn opposite(&self, side: Side) -> Option<Transport> {
        let other = match side {
            Side::Incoming => Side::Outgoing,
            Side::Outgoing => Side::Incoming,
        };
        self.at(other).borrow().clone()
    }

    /// The two are connected: what waits for one keeps the other from being read.
    pub(super) fn join(self: &Rc<Self>, incoming: &Transport, outgoing: &Transport) {
        *self.incoming.borrow_mut() = Some(incoming.clone());
        *self.outgoing.borrow_mut() = Some(outgoing.clone());
        for (consumer, producer) in [(incoming, outgoing), (outgoing, incoming)] {
            // They have none, or else they are not ours.
            let _ = consumer.register_producer(producer.clone(), ProducerKind::Push);
        }
        incoming.resume_reading();
    }

    pub(super) fn received(&self, side: Side, data: &[u8]) {
        if let Some(other) = self.opposite(side) {
            other.write(data);
        }
    }

    /// One direction has ended: the other end is told so, and goes on in its own.
    pub(super) fn read_closed(&self, side: Side) {
        if let Some(other) = self.opposite(side) {
            other.unregister_producer();
            other.lose_write_connection();
        }
    }

    /// One connection is over, and so is the other, once what waits has gone. If it broke, so does the
    /// other: what was cut off must not look like an end.
    pub(super) fn lost(&self, side: Side, reason: &Failure) {
        self.at(side).borrow_mut().take();
        if let Some(other) = self.opposite(side) {
            other.unregister_producer();
            // It may be kept from reading by the one that is gone.
            other.resume_reading();
            if reason.check::<ConnectionDone>().is_none() {
                // It has none now; if it is gone, there is nobody to tell.
                let _ = other.register_producer(BreakOff, ProducerKind::Pull);
            }
            other.lose_connection();
        }
    }
}

/// Asked for more when all is sent, it breaks the connection off.
struct BreakOff;

impl Producer for BreakOff {
    fn resume_producing(&mut self, consumer: &Transport) {
        consumer.abort_connection();
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}
