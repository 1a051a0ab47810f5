//! The calls that a program asks the reactor for: at its start, soon, later.

use std::time::Duration;

use super::turn::{Call, State};
use super::{DelayedCall, Reactor};

impl Reactor {
    /// Calls `f` once the reactor runs; if it does, that is in the next turn.
    ///
    /// Twisted calls `f` at once when the reactor runs; here it waits, since user functions
    /// never nest.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let ran = Rc::new(Cell::new(false));
    /// let (runs, handle) = (ran.clone(), reactor.clone());
    /// reactor.call_when_running(move || {
    ///     runs.set(handle.is_running());
    ///     handle.stop().unwrap();
    /// });
    /// assert!(!ran.get());
    /// reactor.run()?;
    /// assert!(ran.get());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "callWhenRunning")]
    pub fn call_when_running(&self, f: impl FnOnce() + 'static) {
        let Some(core) = self.core() else { return };
        match core.state.get() {
            State::Idle => core.when_running.borrow_mut().push(Box::new(f)),
            State::Running | State::Stopping => core.soon.borrow_mut().push_back(Box::new(f)),
            State::Stopped => {}
        }
    }

    /// Calls `f` in the next turn, after events were looked for; in the order of these calls.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let calls = Rc::new(RefCell::new(Vec::new()));
    /// for name in ["first", "second"] {
    ///     let calls = calls.clone();
    ///     reactor.call_soon(move || calls.borrow_mut().push(name));
    /// }
    /// assert!(calls.borrow().is_empty()); // not before the next turn
    /// reactor.iterate(None)?;
    /// assert_eq!(*calls.borrow(), ["first", "second"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "callLater(0)")]
    pub fn call_soon(&self, f: impl FnOnce() + 'static) {
        if let Ok(core) = self.try_core() {
            core.soon.borrow_mut().push_back(Box::new(f));
        }
    }

    /// Calls `f` when `delay` has passed: never before, and never while this returns.
    ///
    /// Calls that are due at the same moment come in the order they were made. A panic in `f` is
    /// logged, and the reactor goes on.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let calls = Rc::new(RefCell::new(Vec::new()));
    /// for (name, seconds) in [("late", 2), ("early", 1), ("later", 2)] {
    ///     let calls = calls.clone();
    ///     let note = move || calls.borrow_mut().push(name);
    ///     let _ = reactor.call_later(Duration::from_secs(seconds), note);
    /// }
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert_eq!(*calls.borrow(), ["early", "late", "later"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "callLater")]
    #[track_caller]
    pub fn call_later(&self, delay: Duration, f: impl FnOnce() + 'static) -> DelayedCall {
        DelayedCall::schedule(&self.core, delay, Box::new(f) as Call)
    }
}
