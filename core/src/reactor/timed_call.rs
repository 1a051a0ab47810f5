//! DelayedCall: the handle to a call that waits for its time.

use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::timers::TimerKey;
use super::turn::{Call, Core};

/// A call that [`call_later`](crate::Reactor::call_later) has scheduled.
///
/// Dropping it does not cancel the call. All its methods are total: on a call that was made,
/// cancelled or forgotten they change nothing and say so.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let call = reactor.call_later(Duration::from_secs(5), || println!("late"));
/// // Five seconds from now, whatever it was.
/// assert!(call.reset(Duration::from_secs(5)));
/// assert!(call.cancel());
/// assert!(!call.is_active());
/// ```
#[derive(Clone)]
#[doc(alias = "IDelayedCall")]
#[must_use = "keep it to cancel the call, or say `let _ =` if you never will"]
pub struct DelayedCall {
    core: Weak<Core>,
    /// `None` when the reactor had stopped, or was gone, already.
    key: Option<TimerKey>,
}

/// What the timers keep of a call.
pub(crate) struct TimedCall {
    pub(super) call: Call,
    pub(super) made_at: &'static Location<'static>,
}

impl DelayedCall {
    #[track_caller]
    pub(super) fn schedule(core: &Weak<Core>, delay: Duration, call: Call) -> Self {
        let made_at = Location::caller();
        let core_that_runs = core.upgrade().filter(|core| !core.has_stopped());
        let key = core_that_runs.map(|core| {
            let call = TimedCall { call, made_at };
            core.timers.borrow_mut().add(core.now(), delay, call)
        });
        Self {
            core: core.clone(),
            key,
        }
    }

    fn parts(&self) -> Option<(Rc<Core>, TimerKey)> {
        Some((self.core.upgrade()?, self.key?))
    }

    /// Takes the call back. Gives back whether it was still to come.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// let reactor = Simulation::new().reactor();
    /// let call = reactor.call_later(Duration::from_secs(5), || ());
    /// reactor.advance(Duration::from_secs(5))?;
    /// assert!(!call.cancel()); // too late
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "AlreadyCalled")]
    #[doc(alias = "AlreadyCancelled")]
    pub fn cancel(&self) -> bool {
        // Dropped here, outside the borrow: it may own anything.
        let call = self
            .parts()
            .and_then(|(core, key)| core.timers.borrow_mut().remove(key));
        call.is_some()
    }

    /// Has the call come `delay` from now instead. Gives back whether it was still to come.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// let reactor = Simulation::new().reactor();
    /// let call = reactor.call_later(Duration::from_secs(5), || ());
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert!(call.reset(Duration::from_secs(4)));
    /// assert_eq!(call.time(), Some(reactor.now() + Duration::from_secs(4)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn reset(&self, delay: Duration) -> bool {
        self.parts()
            .is_some_and(|(core, key)| core.timers.borrow_mut().reset(key, core.now(), delay))
    }

    /// Has the call come later than planned, by `delay`. Gives back whether it was still to come.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// let reactor = Simulation::new().reactor();
    /// let call = reactor.call_later(Duration::from_secs(5), || ());
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert!(call.delay(Duration::from_secs(4)));
    /// assert_eq!(call.time(), Some(reactor.now() + Duration::from_secs(7)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn delay(&self, delay: Duration) -> bool {
        self.parts().is_some_and(|(core, key)| {
            let mut timers = core.timers.borrow_mut();
            match timers.deadline(key) {
                Some(deadline) => timers.reset(key, deadline, delay),
                None => false,
            }
        })
    }

    /// Whether the call is still to come; false already while it runs.
    #[doc(alias = "active")]
    pub fn is_active(&self) -> bool {
        self.time().is_some()
    }

    /// When the call is due, in the reactor's time, if it is still to come.
    #[doc(alias = "getTime")]
    pub fn time(&self) -> Option<Instant> {
        self.parts()
            .and_then(|(core, key)| core.timers.borrow().deadline(key))
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedCall")
            .field("time", &self.time())
            .finish()
    }
}
