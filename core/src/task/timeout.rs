//! A time limit for a Deferred.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::{Deferred, Failure, Reactor, TimedOut};

impl<T: 'static> Deferred<T> {
    /// Cancels this Deferred if it has not fired after `limit`; it then fails with [`TimedOut`].
    ///
    /// However the cancelled work fails, the failure is [`TimedOut`]; if it gives a value after
    /// all, that stands. Callbacks that are added later are not part of what is limited. The timer
    /// is gone once the Deferred has fired.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::{Deferred, Reactor, Result, TimedOut};
    /// # fn main() -> Result<()> {
    /// let reactor = Reactor::new()?;
    /// let (_resolver, never) = Deferred::<()>::new();
    /// let failure = reactor
    ///     .run_until(never.add_timeout(&reactor, Duration::from_millis(5)))
    ///     .unwrap_err();
    /// assert!(failure.check::<TimedOut>().is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "addTimeout")]
    #[track_caller]
    pub fn add_timeout(self, reactor: &Reactor, limit: Duration) -> Self {
        self.fail_after(reactor, limit, move |_| TimedOut { after: limit }.into())
    }

    /// As [`add_timeout`](Self::add_timeout), with an error of one's own in the place of that with
    /// which the cancelled work failed.
    ///
    /// ```
    /// # use std::fmt;
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Cancelled, Deferred};
    /// #[derive(Debug)]
    /// struct NobodyAnswers;
    /// # impl fmt::Display for NobodyAnswers {
    /// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("nobody answers") }
    /// # }
    /// # impl std::error::Error for NobodyAnswers {}
    ///
    /// let reactor = Simulation::new().reactor();
    /// let (_resolver, never) = Deferred::<u32>::new();
    /// let answer = never.fail_after(&reactor, Duration::from_secs(5), |cancelled| {
    ///     assert!(cancelled.check::<Cancelled>().is_some());
    ///     NobodyAnswers.into()
    /// });
    /// let failure = reactor.run_until(answer).unwrap_err();
    /// assert!(failure.check::<NobodyAnswers>().is_some());
    /// ```
    #[track_caller]
    pub fn fail_after(
        self,
        reactor: &Reactor,
        limit: Duration,
        error: impl FnOnce(Failure) -> Failure + 'static,
    ) -> Self {
        if self.is_fired() {
            return self;
        }
        let is_late = Rc::new(Cell::new(false));
        let canceller = self.canceller();
        let timer = {
            let is_late = Rc::clone(&is_late);
            reactor.call_later(limit, move || {
                is_late.set(true);
                canceller.cancel();
            })
        };
        self.add_both(move |result| {
            timer.cancel();
            match result {
                Err(failure) if is_late.get() => Err(error(failure)),
                other => other,
            }
        })
    }
}
