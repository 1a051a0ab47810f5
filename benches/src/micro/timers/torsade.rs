//! The reactor's, in simulated time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade_core::DelayedCall;
use torsade_core::testing::Simulation;

use super::Timers;

pub(super) struct Reactor {
    reactor: torsade_core::Reactor,
    beginning: Instant,
    fired: Rc<Cell<u64>>,
}

impl Reactor {
    fn delay(&self, at: u64) -> Duration {
        let moment = self.beginning + Duration::from_nanos(at);
        moment.saturating_duration_since(self.reactor.now())
    }
}

impl Timers for Reactor {
    type Key = DelayedCall;

    fn new() -> Self {
        let reactor = Simulation::new().reactor();
        Self {
            beginning: reactor.now(),
            reactor,
            fired: Rc::default(),
        }
    }

    fn add(&mut self, at: u64) -> DelayedCall {
        let fired = Rc::clone(&self.fired);
        self.reactor
            .call_later(self.delay(at), move || fired.set(fired.get() + 1))
    }

    fn cancel(&mut self, key: DelayedCall) {
        key.cancel();
    }

    fn pass(&mut self, until: u64) {
        self.reactor
            .advance(self.delay(until))
            .expect("timers do not fail");
    }

    fn fired(&self) -> u64 {
        self.fired.get()
    }

    fn reset(&mut self, key: &mut DelayedCall, at: u64) {
        key.reset(self.delay(at));
    }
}
