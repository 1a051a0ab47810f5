//! Letting time pass, step by step.

use std::time::Duration;

use crate::{Reactor, ReactorError, Result};

impl Reactor {
    /// Lets so much time pass, with all that happens in it, and returns when nothing is left to do at
    /// the end of it. In a simulated world that takes no time; with none to pass, it is what can
    /// happen at once.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Simulation::new().reactor();
    /// let called = Rc::new(Cell::new(false));
    /// let seen = called.clone();
    /// let _ = reactor.call_later(Duration::from_secs(5), move || called.set(true));
    ///
    /// reactor.advance(Duration::from_millis(4999))?;
    /// assert!(!seen.get());
    /// reactor.advance(Duration::from_millis(1))?;
    /// assert!(seen.get());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run); [`ReactorError::NeverQuiet`] when a hundred thousand turns follow each
    /// other and time does not pass.
    #[doc(alias = "task.Clock")]
    #[doc(alias = "Clock.advance")]
    #[doc(alias = "Clock.pump")]
    pub fn advance(&self, time: Duration) -> Result<()> {
        let core = self.any_core()?;
        let end = core.moment_after(time);
        let mut moment = core.now();
        let mut turns = 0;
        loop {
            let left = end.saturating_duration_since(core.now());
            self.iterate(Some(left))?;
            let now = core.now();
            if core.has_stopped() || (now >= end && core.is_quiet()) {
                return Ok(());
            }
            turns = if now > moment { 0 } else { turns + 1 };
            moment = now;
            if turns == MOST_TURNS {
                return Err(ReactorError::NeverQuiet.into());
            }
        }
    }
}

/// How often something may be done before time passes.
const MOST_TURNS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::testing::Simulation;
    use crate::{Address, ClientEndpoint, Deferred, TcpClient, TcpServer};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn calls_come_in_the_order_of_their_times_and_then_of_their_making() {
        // C59
        let reactor = Simulation::new().reactor();
        let calls = Rc::new(RefCell::new(Vec::new()));
        for (seconds, name) in [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (4, "e")] {
            let calls = Rc::clone(&calls);
            let call = move || calls.borrow_mut().push(name);
            let _ = reactor.call_later(seconds * SECOND, call);
        }
        let start = reactor.now();
        reactor.advance(3 * SECOND).unwrap();
        assert_eq!(*calls.borrow(), ["a", "b", "c", "d"]);
        assert_eq!(reactor.now() - start, 3 * SECOND);
        reactor.advance(SECOND).unwrap();
        assert_eq!(calls.borrow().len(), 5);
    }

    #[test]
    fn what_is_made_at_the_last_moment_for_that_moment_still_comes() {
        let reactor = Simulation::new().reactor();
        let (resolver, deferred) = Deferred::new();
        let handle = reactor.clone();
        let _ = reactor.call_later(SECOND, move || {
            let again = handle.clone();
            let _ = handle.call_later(Duration::ZERO, move || {
                again.call_soon(move || resolver.callback(()));
            });
        });
        let spawned = reactor.spawn(deferred.into_future());
        reactor.advance(SECOND).unwrap();
        assert!(spawned.is_fired());
    }

    #[test]
    fn the_network_moves_with_the_clock_and_without_time_as_far_as_it_can() {
        let (instant, slow) = (Duration::ZERO, Duration::from_millis(10));
        for (delay, is_there) in [(instant, true), (slow, false)] {
            let reactor = Simulation::new().delay(delay).reactor();
            let address = "127.0.0.1:7".parse().unwrap();
            let server = TcpServer::new(&reactor, address);
            let _port = server.listen(|_: &Address| super::super::AccumulatingProtocol::new());
            let client = TcpClient::new(&reactor, address);
            let connected = client.connect(|_: &Address| super::super::AccumulatingProtocol::new());
            reactor.advance(Duration::ZERO).unwrap();
            assert_eq!(connected.is_fired(), is_there, "{delay:?}");
            reactor.advance(2 * delay).unwrap();
            assert!(connected.is_fired());
        }
    }

    #[test]
    fn a_program_in_which_time_never_passes_is_an_error() {
        fn again(reactor: &Reactor) {
            let handle = reactor.clone();
            let _ = reactor.call_later(Duration::ZERO, move || again(&handle));
        }
        let reactor = Simulation::new().reactor();
        again(&reactor);
        let failure = reactor.advance(SECOND).unwrap_err();
        assert_eq!(failure.check(), Some(&ReactorError::NeverQuiet));
    }

    #[test]
    fn a_reactor_that_stops_meanwhile_is_waited_for_no_longer() {
        let reactor = Simulation::new().reactor();
        let handle = reactor.clone();
        let _ = reactor.call_later(SECOND, move || handle.stop().unwrap());
        reactor.advance(5 * SECOND).unwrap();
        assert!(reactor.has_stopped());
        let failure = reactor.advance(SECOND).unwrap_err();
        assert_eq!(failure.check(), Some(&ReactorError::NotRestartable));
    }

    #[test]
    fn on_the_system_it_takes_its_time() {
        let reactor = Reactor::new().unwrap();
        let start = reactor.now();
        let (resolver, deferred) = Deferred::new();
        let _ = reactor.call_later(Duration::from_millis(3), move || resolver.callback(()));
        reactor.advance(Duration::from_millis(5)).unwrap();
        assert!(reactor.now() - start >= Duration::from_millis(5));
        assert!(deferred.is_fired());
    }
}
