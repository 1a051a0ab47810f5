//! How a reactor of a simulated world runs while another one drives: by single turns, which do not
//! wait.

use std::rc::Rc;
use std::time::Instant;

use super::turn::{Core, State};
use crate::driver::simulated::Program;
use crate::logged::log_error;

impl Program for Core {
    fn has_ended(&self) -> bool {
        self.has_stopped()
    }

    fn next_turn(&self) -> Option<Instant> {
        // In any case, so that whoever queues a call from now on wakes the world.
        let has_calls = !self.shared.fall_asleep();
        let is_due = match self.state.get() {
            State::Stopped => return None,
            State::Idle => true,
            State::Stopping => self.triggers_pending.get() == 0,
            State::Running => false,
        };
        if is_due || has_calls || self.has_work() {
            return Some(self.now());
        }
        self.next_deadline()
    }

    fn take_turn(self: Rc<Self>) {
        if self.state.get() == State::Idle {
            self.state.set(State::Running);
            if let Err(error) = self.start() {
                log_error!("a reactor has no threads: {error}");
            }
        }
        self.turns.rest();
        // It is on the stack now: whoever wants it gone has to wait for this turn's end.
        self.is_driven.set(false);
        if self.state.get() != State::Stopping || !self.try_to_end() {
            // Its driver neither waits now nor fails.
            let _ = self.turn();
        }
        self.is_driven.set(true);
        // Whoever owned it has dropped it meanwhile.
        if Rc::strong_count(&self) == 1 {
            self.end();
        }
    }

    fn end_soon(self: Rc<Self>) {
        self.end_when_possible();
    }
}
