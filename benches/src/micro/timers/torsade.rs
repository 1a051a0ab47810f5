//! The reactor's, in simulated time.
//!
//! The program stands still while time passes, and then has a turn. Left to itself, a simulated one has a turn of its own
//! for each moment, and it would be turns that are measured; a real one is woken for a millisecond at a time.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::DelayedCall;
use torsade_core::testing::World;

use super::Timers;

const PROGRAM: &str = "program";

pub(super) struct Reactor {
    world: World,
    /// Lets time pass.
    outside: torsade_core::Reactor,
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
        let world = World::new(1);
        Self {
            outside: world.host("outside", [Ipv4Addr::new(10, 0, 0, 2)]),
            reactor: world.host(PROGRAM, [Ipv4Addr::new(10, 0, 0, 1)]),
            world,
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
        let advance = |time| self.outside.advance(time).expect("timers do not fail");
        self.world.freeze(PROGRAM);
        advance(self.delay(until));
        self.world.thaw(PROGRAM);
        advance(Duration::ZERO);
        self.passed = until;
    }

    fn fired(&self) -> u64 {
        self.fired.get()
    }

    fn reset(&mut self, key: &mut DelayedCall, at: u64) {
        key.reset(self.delay(at));
    }
}
