//! A protocol around another, which checks the order of what it is told.

use torsade::{Failure, Protocol, Result, Transport};

use crate::{Checks, Plant};

/// See the module.
#[derive(Debug)]
pub struct Watched<P> {
    protocol: P,
    name: &'static str,
    checks: Checks,
    plant: Plant,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Open,
    Lost,
}

impl<P> Watched<P> {
    pub(crate) fn new(protocol: P, name: &'static str, checks: &Checks, plant: Plant) -> Self {
        Self {
            protocol,
            name,
            checks: checks.clone(),
            plant,
            state: State::New,
        }
    }

    fn expect(&self, state: State, what: &str) {
        let (name, is) = (self.name, self.state);
        self.checks
            .holds(is == state, || format!("{name}: {what} while it is {is:?}"));
    }
}

impl<P: Protocol> Protocol for Watched<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.expect(State::New, "connection_made");
        self.state = State::Open;
        self.plant.leak(transport);
        self.protocol.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.expect(State::Open, "data_received");
        let name = self.name;
        self.checks
            .holds(!data.is_empty(), || format!("{name}: it is given nothing"));
        self.protocol.data_received(transport, data)
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.expect(State::Open, "read_closed");
        self.protocol.read_closed(transport);
    }

    fn write_closed(&mut self, transport: &Transport) {
        self.expect(State::Open, "write_closed");
        self.protocol.write_closed(transport);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if self.plant == Plant::NotTold {
            return;
        }
        self.expect(State::Open, "connection_lost");
        self.state = State::Lost;
        match self.plant {
            Plant::ToldTwice => self.expect(State::Open, "connection_lost"),
            Plant::BytesAfterTheEnd => self.expect(State::Open, "data_received"),
            _ => {}
        }
        self.protocol.connection_lost(reason);
    }
}

impl<P> Drop for Watched<P> {
    fn drop(&mut self) {
        let (name, is) = (self.name, self.state);
        self.checks.holds(is != State::Open, || {
            format!("{name}: dropped without connection_lost")
        });
    }
}
