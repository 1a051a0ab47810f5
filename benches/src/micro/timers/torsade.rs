//! The reactor's, in simulated time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::DelayedCall;
use torsade_core::testing::Simulation;

use super::Timers;

pub(super) struct Reactor {
    reactor: torsade_core::Reactor,
    passed: u64,
    fired: Rc<Cell<u64>>,
}

impl Reactor {
    fn delay(&self, at: u64) -> Duration {
        Duration::from_nanos(at.saturating_sub(self.passed))
    }
}

impl Timers for Reactor {
    type Key = DelayedCall;

    fn new() -> Self {
        Self {
            reactor: Simulation::new().reactor(),
            passed: 0,
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
        self.passed = until;
    }

    fn fired(&self) -> u64 {
        self.fired.get()
    }

    fn reset(&mut self, key: &mut DelayedCall, at: u64) {
        key.reset(self.delay(at));
    }
}
