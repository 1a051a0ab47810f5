//! Reactor: the handle through which everything is asked of the loop.

use std::fmt;
use std::future::Future;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::turn::{Core, State};
use super::{Remote, coroutine};
use crate::driver::Driver;
use crate::driver::system::System;
use crate::{Deferred, Outcome, ReactorError, Result};

/// The event loop of one thread: it waits for events and calls protocols, timers and callbacks.
///
/// The value that [`new`](Self::new) gives owns the reactor, and all that lives in it: when it is
/// dropped, every connection is told `connection_lost`, and everything is freed. Its clones are
/// cheap handles which keep nothing alive; on a reactor that is gone or has stopped, what they are
/// asked for does not happen, and fails where there is a way to say so. (Dropped while it runs, it
/// stops first: see [`stop`](Self::stop).)
///
/// There is no global reactor. A reactor stays in its thread; [`remote`](Self::remote) gives the
/// one handle that leaves it.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::Reactor;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Reactor::new()?;
/// let handle = reactor.clone();
/// reactor.call_later(Duration::from_millis(10), move || {
///     println!("ten milliseconds later");
///     let _ = handle.stop();
/// });
/// reactor.run()?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "IReactorCore")]
#[doc(alias = "IReactorTime")]
#[doc(alias = "IReactorThreads")]
#[doc(alias = "EPollReactor")]
#[doc(alias = "IReactorInThreads")]
#[doc(alias = "IReactorMulticast")]
#[doc(alias = "IReactorPluggableNameResolver")]
#[doc(alias = "IReactorPluggableResolver")]
#[doc(alias = "IReactorProcess")]
#[doc(alias = "IReactorSocket")]
#[doc(alias = "IReactorUDP")]
#[doc(alias = "IReactorUNIXDatagram")]
#[doc(alias = "KQueueReactor")]
#[doc(alias = "PosixReactorBase")]
#[doc(alias = "ReactorBase")]
#[doc(alias = "reactor")]
pub struct Reactor {
    pub(super) core: Weak<Core>,
    /// Only in the value that made the reactor.
    owner: Option<Rc<Core>>,
}

impl Reactor {
    /// A reactor on the operating system.
    ///
    /// # Errors
    /// When the system gives no event queue, mostly for lack of descriptors.
    pub fn new() -> Result<Self> {
        Ok(Self::on(Box::new(System::new()?)))
    }

    pub(crate) fn on(driver: Box<dyn Driver>) -> Self {
        let core = Rc::new(Core::new(driver));
        Self {
            core: Rc::downgrade(&core),
            owner: Some(core),
        }
    }

    pub(super) fn from_core(core: &Rc<Core>) -> Self {
        Self {
            core: Rc::downgrade(core),
            owner: None,
        }
    }

    /// A handle to a reactor that is gone.
    pub(crate) fn gone() -> Self {
        Self {
            core: Weak::new(),
            owner: None,
        }
    }

    pub(crate) fn core(&self) -> Option<Rc<Core>> {
        self.core.upgrade()
    }

    /// The reactor, if it is of any use still.
    pub(crate) fn try_core(&self) -> Result<Rc<Core>, ReactorError> {
        let core = self.any_core()?;
        if core.has_stopped() {
            return Err(ReactorError::Stopped);
        }
        Ok(core)
    }

    pub(crate) fn any_core(&self) -> Result<Rc<Core>, ReactorError> {
        self.core().ok_or(ReactorError::Gone)
    }

    /// Runs until [`stop`](Self::stop), or until SIGINT or SIGTERM asks for the same.
    ///
    /// A second signal, while the first is being obeyed, ends the process at once. (Within half a
    /// second it is the same: many who send one send it twice.)
    ///
    /// ```
    /// use torsade_core::ReactorError;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let handle = reactor.clone();
    /// reactor.call_when_running(move || handle.stop().unwrap());
    /// reactor.run()?;
    /// let failure = reactor.run().unwrap_err();
    /// assert!(matches!(failure.check(), Some(ReactorError::NotRestartable)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ReactorError::AlreadyRunning`]; [`ReactorError::NotRestartable`] when it was stopped
    /// before; what the system says when waiting for events fails.
    pub fn run(&self) -> Result<()> {
        self.any_core()?.run(|| false)
    }

    /// Runs until `deferred` fires, and gives its result.
    ///
    /// The reactor is not stopped by that: connections and timers stay, and it may run again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::defer_later;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let start = reactor.now();
    /// for answer in [1, 2] {
    ///     let later = defer_later(&reactor, Duration::from_secs(1), move || Ok(answer));
    ///     assert_eq!(reactor.run_until(later)?, answer);
    /// }
    /// assert_eq!(reactor.now() - start, Duration::from_secs(2));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// The failure of `deferred`; [`ReactorError::Stopped`] when the reactor was stopped before
    /// it fired; and as [`run`](Self::run).
    pub fn run_until<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        let core = self.any_core()?;
        let result = Rc::new(std::cell::Cell::new(None));
        let slot = Rc::clone(&result);
        drop(deferred.add_both(move |outcome| slot.set(Some(outcome))));
        let is_there = || {
            let outcome = result.take();
            let there = outcome.is_some();
            result.set(outcome);
            there
        };
        core.run(is_there)?;
        result
            .take()
            .unwrap_or_else(|| Err(ReactorError::Stopped.into()))
    }

    /// Makes one turn, which waits for events for `most` at the longest, or for the first one: to
    /// live inside another loop.
    ///
    /// That loop may wait for [`poll_descriptor`](Self::poll_descriptor) to become readable, for
    /// [`time_to_next_call`](Self::time_to_next_call) at the longest. Signals are its business.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::Reactor;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// let called = Rc::new(Cell::new(false));
    /// let calls = called.clone();
    /// reactor.call_soon(move || calls.set(true));
    /// reactor.iterate(Some(Duration::ZERO))?;
    /// assert!(called.get());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(alias = "doIteration")]
    pub fn iterate(&self, most: Option<Duration>) -> Result<()> {
        self.any_core()?.iterate(most)
    }

    /// How long it is until the next timed call is due; `None` if there is none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// assert_eq!(reactor.time_to_next_call(), None);
    /// let _ = reactor.call_later(Duration::from_secs(5), || ());
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert_eq!(reactor.time_to_next_call(), Some(Duration::from_secs(3)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "timeout")]
    pub fn time_to_next_call(&self) -> Option<Duration> {
        let core = self.core()?;
        let deadline = core.next_deadline()?;
        Some(deadline.saturating_duration_since(core.now()))
    }

    /// The descriptor that is readable when there are events; `None` in a simulated world.
    ///
    /// ```
    /// use torsade_core::Reactor;
    /// use torsade_core::testing::Simulation;
    ///
    /// assert!(Reactor::new()?.poll_descriptor().is_some());
    /// assert!(Simulation::new().reactor().poll_descriptor().is_none());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn poll_descriptor(&self) -> Option<RawFd> {
        self.core()?.driver.descriptor()
    }

    /// Asks the reactor to stop when the running function has returned.
    ///
    /// The shutdown triggers run, every connection is told `connection_lost`, timers are
    /// forgotten; then [`run`](Self::run) returns. See [`on_shutdown`](Self::on_shutdown).
    ///
    /// ```
    /// use torsade_core::ReactorError;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let handle = reactor.clone();
    /// reactor.call_soon(move || {
    ///     assert_eq!(handle.stop(), Ok(()));
    ///     assert!(handle.is_running()); // still, until this has returned
    ///     assert_eq!(handle.stop(), Err(ReactorError::NotRunning)); // once is enough
    /// });
    /// reactor.run()?;
    /// assert!(reactor.has_stopped());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ReactorError::NotRunning`] when it does not run or is stopping already.
    pub fn stop(&self) -> Result<(), ReactorError> {
        let core = self.any_core()?;
        if core.state.get() != State::Running {
            return Err(ReactorError::NotRunning);
        }
        core.state.set(State::Stopping);
        Ok(())
    }

    /// Whether it runs: from the moment that its startup calls run until it has stopped.
    #[doc(alias = "running")]
    pub fn is_running(&self) -> bool {
        self.core()
            .is_some_and(|core| matches!(core.state.get(), State::Running | State::Stopping))
    }

    /// Whether it was stopped, and so will not run again.
    pub fn has_stopped(&self) -> bool {
        self.core()
            .is_none_or(|core| core.state.get() == State::Stopped)
    }

    /// Has each function of yours logged, at level `warn` and with its place, that runs for `limit`
    /// or longer: while it runs, nothing else does. `None`, the default, looks at no clock.
    ///
    /// It is for all reactors of this thread, and measures real time, also in a simulated world.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.report_blocking(Some(Duration::from_millis(20)));
    /// let busy = || std::thread::sleep(Duration::from_millis(30));
    /// reactor.call_soon(busy); // a warning: ".. blocked the reactor for 30 ms"
    /// reactor.iterate(None)?;
    /// # reactor.report_blocking(None);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn report_blocking(&self, limit: Option<Duration>) {
        crate::watch::set_limit(limit);
    }

    /// The reactor's time: monotonic, and virtual in a simulated world.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let (start, real_start) = (reactor.now(), Instant::now());
    /// reactor.advance(Duration::from_secs(3600))?;
    /// assert_eq!(reactor.now() - start, Duration::from_secs(3600));
    /// assert!(real_start.elapsed() < Duration::from_secs(60));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "seconds")]
    #[doc(alias = "rightNow")]
    pub fn now(&self) -> Instant {
        self.core().map_or_else(Instant::now, |core| core.now())
    }

    /// The time of day. It may jump, in both directions: nothing of torsade's waits by it.
    ///
    /// In a simulated world it begins with the year 1970, unless it is [set](crate::testing::World::set_clock).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let day = Duration::from_secs(24 * 3600);
    /// reactor.advance(day)?;
    /// assert_eq!(reactor.system_time(), SystemTime::UNIX_EPOCH + day);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn system_time(&self) -> SystemTime {
        self.core()
            .map_or_else(SystemTime::now, |core| core.driver.system_time())
    }

    /// Whether SIGINT and SIGTERM stop the reactor while it runs. On by default.
    ///
    /// ```
    /// use torsade_core::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.handle_signals(false); // the program around it sees to that
    /// let handle = reactor.clone();
    /// reactor.call_when_running(move || handle.stop().unwrap());
    /// reactor.run()?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "installSignalHandlers")]
    pub fn handle_signals(&self, on: bool) {
        if let Some(core) = self.core() {
            core.handle_signals.set(on);
        }
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(match self.core() {
            Some(core) => std::sync::Arc::clone(&core.shared),
            None => super::remote::Shared::closed(),
        })
    }

    /// Runs a future on this reactor, as a coroutine that may await Deferreds.
    ///
    /// It starts at once, or when the running user function has returned. Cancelling the Deferred
    /// cancels what the coroutine awaits: that await gives [`Cancelled`](crate::Cancelled), which
    /// the coroutine may handle. If it awaits no Deferred, it is dropped.
    ///
    /// ```
    /// # use torsade_core::{Deferred, Reactor, Result};
    /// # fn main() -> Result<()> {
    /// let reactor = Reactor::new()?;
    /// let sum = reactor.spawn(async {
    ///     let one = Deferred::succeed(1).await?;
    ///     let two = Deferred::succeed(2).await?;
    ///     Ok(one + two)
    /// });
    /// assert_eq!(reactor.run_until(sum)?, 3);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "inlineCallbacks")]
    #[doc(alias = "ensureDeferred")]
    #[doc(alias = "AsyncioSelectorReactor")]
    #[doc(alias = "fromCoroutine")]
    #[doc(alias = "fromFuture")]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Deferred<<F::Output as Outcome>::Output>
    where
        F: Future + 'static,
        F::Output: Outcome,
    {
        match self.try_core() {
            Ok(core) => coroutine::spawn(&core, future),
            Err(error) => Deferred::fail(error),
        }
    }
}

/// A handle: it keeps the reactor no more alive than any other clone.
impl Clone for Reactor {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            owner: None,
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(core) = self.owner.take() {
            core.disown();
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Reactor");
        match self.core() {
            Some(core) => debug
                .field("state", &core.state.get())
                .field("sources", &core.sources.borrow().len())
                .field("delayed_calls", &core.timers.borrow().len()),
            None => debug.field("state", &"gone"),
        };
        debug.finish()
    }
}
