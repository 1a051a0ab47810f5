//! LoopingCall: calls a function again and again, without drifting.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::error::LoopingCallError;
use crate::{Canceller, Deferred, DelayedCall, Outcome, Reactor, Resolver, Result, maybe_deferred};

/// Calls a function again and again, at an interval.
///
/// Its beats are at the start and at whole intervals after it, so it never drifts. When the
/// function took long, or the Deferred that it returned did, then the beats that were missed are
/// skipped: the next call comes at the next beat, and there is never a burst. The function may
/// return whatever a callback may (see [`Outcome`]); the next beat is not planned until its result
/// is there. If that is a failure then the loop ends with it.
///
/// The function is passed the `LoopingCall`, so that it can stop or reset it without holding it
/// (which would keep it alive for ever). It is a handle: clones are the same loop. A loop that
/// runs goes on without a handle.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use torsade_core::task::LoopingCall;
/// use torsade_core::testing::Simulation;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// let mut left = 3;
/// let countdown = LoopingCall::new(&reactor, move |countdown| {
///     println!("{left}");
///     left -= 1;
///     if left == 0 {
///         countdown.stop()?;
///     }
///     Ok(())
/// });
/// let start = reactor.now();
/// reactor.run_until(countdown.start(Duration::from_secs(1)))?;
/// assert_eq!(reactor.now() - start, Duration::from_secs(2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.LoopingCall")]
pub struct LoopingCall {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    /// Taken while it is called.
    function: Cell<Option<Function>>,
    run: RefCell<Option<Run>>,
    next_id: Cell<u64>,
}

type Function = Box<dyn FnMut(&LoopingCall, u64) -> Deferred<()>>;

/// From a start until the loop ends.
struct Run {
    /// Tells this run from one that was started later.
    id: u64,
    resolver: Resolver<LoopingCall>,
    beats: Beats,
    /// It is to end when the function, or its Deferred, is done.
    is_stopping: bool,
    /// There while the loop waits for a beat.
    timer: Option<DelayedCall>,
    /// What the Deferred that the function returned waits for.
    awaits: Option<Canceller>,
}

impl LoopingCall {
    /// A loop that calls `function`, once it is started.
    pub fn new<O: Outcome>(
        reactor: &Reactor,
        mut function: impl FnMut(&Self) -> O + 'static,
    ) -> Self {
        Self::with_count(reactor, move |looping_call, _| function(looping_call))
    }

    /// The same, for a function that is also told how many beats have come since it was last
    /// called: 1, and one more for each that was skipped.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::task::{LoopingCall, defer_later};
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let counts = Rc::new(RefCell::new(Vec::new()));
    /// let (notes, clock) = (counts.clone(), reactor.clone());
    /// // Each call takes two and a half seconds, so that beats are missed.
    /// let call = LoopingCall::with_count(&reactor, move |_, beats| {
    ///     notes.borrow_mut().push(beats);
    ///     defer_later(&clock, Duration::from_millis(2500), || Ok(()))
    /// });
    /// let _ends = call.start(Duration::from_secs(1));
    /// reactor.advance(Duration::from_secs(8))?;
    /// assert_eq!(*counts.borrow(), [1, 3, 3]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "LoopingCall.withCount")]
    pub fn with_count<O: Outcome>(
        reactor: &Reactor,
        mut function: impl FnMut(&Self, u64) -> O + 'static,
    ) -> Self {
        Self {
            inner: Rc::new(Inner {
                reactor: reactor.clone(),
                function: Cell::new(Some(Box::new(move |looping_call, count| {
                    let called = function(looping_call, count).into_deferred();
                    called.map(drop)
                }))),
                run: RefCell::new(None),
                next_id: Cell::new(0),
            }),
        }
    }

    /// Starts the loop, with the first call at once. The Deferred fires when the loop ends.
    ///
    /// Inside a user function, the first call comes when that has returned. With an interval of
    /// zero, the function is called once in every turn of the reactor.
    ///
    /// Cancelling the Deferred ends the loop, and cancels what the function's Deferred waits for.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::LoopingCall;
    /// use torsade_core::testing::{Simulation, failure_result_of};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let mut left = 2_u32;
    /// let call = LoopingCall::new(&reactor, move |_| {
    ///     left = left.checked_sub(1).ok_or(std::fmt::Error)?;
    ///     torsade_core::Result::Ok(())
    /// });
    /// let ends = call.start(Duration::from_secs(1));
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(call.is_running());
    /// reactor.advance(Duration::from_secs(1))?; // the third call fails, which ends the loop
    /// assert!(failure_result_of(ends).check::<std::fmt::Error>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the function fails with, which ends the loop; [`LoopingCallError::AlreadyRunning`];
    /// [`ReactorError`](crate::ReactorError) when the reactor has stopped already;
    /// [`Abandoned`](crate::Abandoned) when it stops while the loop runs.
    #[doc(alias = "LoopingCall.start")]
    #[track_caller]
    pub fn start(&self, interval: Duration) -> Deferred<Self> {
        self.start_at(interval, true)
    }

    /// Starts the loop, with the first call after one interval; otherwise as
    /// [`start`](Self::start).
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::task::LoopingCall;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let calls = Rc::new(Cell::new(0));
    /// let counts = calls.clone();
    /// let call = LoopingCall::new(&reactor, move |_| counts.set(counts.get() + 1));
    /// let _ends = call.start_later(Duration::from_secs(10));
    /// reactor.advance(Duration::from_secs(9))?;
    /// assert_eq!(calls.get(), 0);
    /// reactor.advance(Duration::from_secs(11))?;
    /// assert_eq!(calls.get(), 2);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[doc(alias = "LoopingCall.start(now=False)")]
    #[track_caller]
    pub fn start_later(&self, interval: Duration) -> Deferred<Self> {
        self.start_at(interval, false)
    }

    #[track_caller]
    fn start_at(&self, interval: Duration, now: bool) -> Deferred<Self> {
        if let Err(error) = self.inner.reactor.try_core() {
            return Deferred::fail(error);
        }
        if self.inner.run.borrow().is_some() {
            return Deferred::fail(LoopingCallError::AlreadyRunning);
        }
        let id = self.inner.next_id.get();
        self.inner.next_id.set(id + 1);
        let weak_inner = Rc::downgrade(&self.inner);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(inner) = weak_inner.upgrade() {
                inner.cancel(id);
            }
        });
        let first = if now { 0 } else { 1 };
        self.inner.run.replace(Some(Run {
            id,
            resolver,
            beats: Beats::new(interval, self.inner.reactor.now(), first),
            is_stopping: false,
            timer: None,
            awaits: None,
        }));
        if now {
            // By the run queue: at once, or when the running user function has returned.
            let this = self.clone();
            drop(Deferred::succeed(()).map(move |()| this.beat(id)));
        } else {
            self.wait(id);
        }
        deferred
    }

    /// Ends the loop: the Deferred of its start then fires with the loop, to be started again.
    ///
    /// That is before this returns, as far as callbacks may run; or, while the function runs or
    /// its Deferred is pending, as soon as that is done.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::LoopingCall;
    /// use torsade_core::testing::{Simulation, success_result_of};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let call = LoopingCall::new(&reactor, |_| ());
    /// let ends = call.start(Duration::from_secs(1));
    /// call.stop()?;
    /// // It is the same one, and starts anew.
    /// let _ends = success_result_of(ends).start(Duration::from_secs(5));
    /// assert!(call.is_running());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`LoopingCallError::NotRunning`], also if it was stopped and is not done yet.
    #[doc(alias = "LoopingCall.stop")]
    pub fn stop(&self) -> Result<(), LoopingCallError> {
        let timer = self.with_running(|run| {
            run.is_stopping = true;
            (run.id, run.timer.clone())
        })?;
        if let (id, Some(timer)) = timer {
            self.end(id, Ok(()));
            timer.cancel();
        }
        Ok(())
    }

    /// Has the next call come one interval from now, and those after it at intervals from that.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::task::LoopingCall;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let calls = Rc::new(Cell::new(0));
    /// let counts = calls.clone();
    /// // A ping, for when nothing was said for ten seconds.
    /// let ping = LoopingCall::new(&reactor, move |_| counts.set(counts.get() + 1));
    /// let _ends = ping.start_later(Duration::from_secs(10));
    /// for _ in 0..3 {
    ///     reactor.advance(Duration::from_secs(6))?;
    ///     ping.reset()?; // something was said
    /// }
    /// assert_eq!(calls.get(), 0);
    /// reactor.advance(Duration::from_secs(10))?;
    /// assert_eq!(calls.get(), 1);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`LoopingCallError::NotRunning`], also if it was stopped and is not done yet.
    #[doc(alias = "LoopingCall.reset")]
    pub fn reset(&self) -> Result<(), LoopingCallError> {
        let now = self.inner.reactor.now();
        self.with_running(|run| {
            run.beats.reset(now);
            if let Some(timer) = &run.timer {
                timer.reset(run.beats.interval);
            }
        })
    }

    /// Whether it was started, and has not ended or been stopped.
    #[doc(alias = "LoopingCall.running")]
    pub fn is_running(&self) -> bool {
        self.with_running(|_| ()).is_ok()
    }

    fn with_running<R>(&self, f: impl FnOnce(&mut Run) -> R) -> Result<R, LoopingCallError> {
        let mut run = self.inner.run.borrow_mut();
        match &mut *run {
            Some(run) if !run.is_stopping => Ok(f(run)),
            _ => Err(LoopingCallError::NotRunning),
        }
    }

    /// Waits for the next beat.
    fn wait(&self, id: u64) {
        let now = self.inner.reactor.now();
        let Some(delay) = self.inner.with_run(id, |run| run.beats.until_next(now)) else {
            return;
        };
        let next = Next {
            waiting: Some(self.clone()),
            id,
        };
        let timer = self.inner.reactor.call_later(delay, move || next.come());
        self.inner.with_run(id, |run| run.timer = Some(timer));
    }

    /// Calls the function, unless the loop was stopped before it came to that.
    fn beat(&self, id: u64) {
        let now = self.inner.reactor.now();
        let begun = self.inner.with_run(id, |run| {
            run.timer = None;
            (!run.is_stopping).then(|| run.beats.count(now))
        });
        let Some(count) = begun else { return };
        let Some(count) = count else {
            return self.end(id, Ok(()));
        };
        let Some(mut function) = self.inner.function.take() else {
            // It runs further up the stack; beats come by the run queue, so that cannot be.
            return;
        };
        let called = maybe_deferred(|| function(self, count));
        self.inner.function.set(Some(function));
        let awaits = called.canceller();
        self.inner.with_run(id, |run| run.awaits = Some(awaits));
        let this = self.clone();
        drop(called.add_both(move |result| this.called(id, result)));
    }

    /// The function, and its Deferred, are done.
    fn called(&self, id: u64, result: Result<()>) {
        let is_stopping = self.inner.with_run(id, |run| {
            run.awaits = None;
            run.is_stopping
        });
        match (result, is_stopping) {
            (Ok(()), Some(false)) => self.wait(id),
            (result, _) => self.end(id, result),
        }
    }

    fn end(&self, id: u64, result: Result<()>) {
        if let Some(run) = self.inner.take_run(id) {
            run.resolver.resolve(result.map(|()| self.clone()));
        }
    }
}

impl Inner {
    fn with_run<R>(&self, id: u64, f: impl FnOnce(&mut Run) -> R) -> Option<R> {
        let mut run = self.run.borrow_mut();
        run.as_mut().filter(|run| run.id == id).map(f)
    }

    fn take_run(&self, id: u64) -> Option<Run> {
        self.run.borrow_mut().take_if(|run| run.id == id)
    }

    /// The Deferred of the start was cancelled.
    fn cancel(&self, id: u64) {
        let Some(run) = self.take_run(id) else { return };
        if let Some(timer) = run.timer {
            timer.cancel();
        }
        if let Some(awaits) = run.awaits {
            awaits.cancel();
        }
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopingCall")
            .field("is_running", &self.is_running())
            .finish()
    }
}

/// The beat that a timer waits for. If the reactor forgets it then the loop has ended.
struct Next {
    waiting: Option<LoopingCall>,
    id: u64,
}

impl Next {
    fn come(mut self) {
        if let Some(looping_call) = self.waiting.take() {
            looping_call.beat(self.id);
        }
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        if let Some(looping_call) = self.waiting.take() {
            // With it goes its Resolver, and says that.
            drop(looping_call.inner.take_run(self.id));
        }
    }
}

/// When a loop calls: at whole intervals after its start.
struct Beats {
    start: Instant,
    interval: Duration,
    /// The number of the first beat that has not been called for, nor counted as skipped.
    next: u128,
}

impl Beats {
    fn new(interval: Duration, start: Instant, first: u128) -> Self {
        Self {
            start,
            interval,
            next: first,
        }
    }

    fn reset(&mut self, now: Instant) {
        *self = Self::new(self.interval, now, 1);
    }

    /// The number of the last beat that has come by `now`; none if time has no beat.
    fn last(&self, now: Instant) -> Option<u128> {
        let passed = now.saturating_duration_since(self.start);
        passed.as_nanos().checked_div(self.interval.as_nanos())
    }

    /// How many beats have come since this was asked before, at least one.
    fn count(&mut self, now: Instant) -> u64 {
        let Some(last) = self.last(now) else { return 1 };
        let count = (last + 1).saturating_sub(self.next);
        self.next = last + 1;
        u64::try_from(count).unwrap_or(u64::MAX).max(1)
    }

    /// How long it is to the next beat: never zero, unless the interval is.
    fn until_next(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.start);
        let Some(into) = passed.as_nanos().checked_rem(self.interval.as_nanos()) else {
            return Duration::ZERO;
        };
        // The remainder is less than the interval, but may be more than `from_nanos` takes.
        let into = Duration::new(
            u64::try_from(into / NANOS).unwrap_or(u64::MAX),
            (into % NANOS) as u32,
        );
        self.interval.saturating_sub(into)
    }
}

const NANOS: u128 = 1_000_000_000;
