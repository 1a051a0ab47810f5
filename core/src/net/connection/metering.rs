//! Counting and limiting what goes over a connection.

use std::rc::Weak;

use super::{Connection, Wire};
use crate::Traffic;
use crate::driver::Readiness;
use crate::net::metered::Metered;
use crate::transport::Link;

impl Connection {
    /// From now on its stream is metered.
    pub(super) fn count_traffic(&self) -> Traffic {
        let reactor = self.reactor();
        let traffic = Traffic::new(reactor.now());
        let mut wire = self.wire.borrow_mut();
        *wire = match std::mem::replace(&mut *wire, Wire::Lost(None)) {
            Wire::Open(stream) => {
                let this = Weak::clone(&self.this);
                let wake = move |readiness| {
                    if let Some(this) = this.upgrade() {
                        this.has_room_again(readiness);
                    }
                };
                let metered = Metered::new(stream, traffic.clone(), reactor, wake);
                Wire::Open(Box::new(metered))
            }
            lost @ Wire::Lost(_) => lost,
        };
        drop(wire);
        self.with_extras(|extras| extras.traffic = Some(traffic.clone()));
        traffic
    }

    /// Whoever tells this is a timer, which must not call the protocol: the agenda will.
    fn has_room_again(&self, readiness: Readiness) {
        if readiness.readable {
            self.may_read.set(true);
        }
        if readiness.writable {
            self.writable.set(true);
        }
        self.schedule_self();
    }
}
