//! CooperativeTask: the handle to work that is done in steps.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::cooperator::{Scheduler, is_cancel};
use crate::deferred::{Waiters, run_queue};
use crate::error::{SchedulerStopped, TaskError, TaskStopped};
use crate::{Abandoned, Canceller, Deferred, Failure, Outcome, Resolver, Result, SharedDeferred};

/// The handle to a task of a [`Cooperator`](super::Cooperator), made by
/// [`cooperate`](super::Cooperator::cooperate).
///
/// Dropping it changes nothing for the task. Clones are the same task.
///
/// # Examples
/// ```
/// use torsade_core::error::TaskStopped;
/// use torsade_core::task::Cooperator;
/// use torsade_core::testing::Simulation;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// let for_ever = Cooperator::new(&reactor).cooperate(std::iter::repeat(()));
/// let stops = for_ever.clone();
/// reactor.call_soon(move || stops.stop().unwrap());
/// let failure = reactor.run_until(for_ever.when_done()).unwrap_err();
/// assert!(failure.check::<TaskStopped>().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.CooperativeTask")]
pub struct CooperativeTask {
    task: Rc<Task>,
}

impl CooperativeTask {
    pub(super) fn new(task: Rc<Task>) -> Self {
        Self { task }
    }

    /// Takes no further step until it is [resumed](Self::resume), as often as it was paused.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::TaskError;
    /// use torsade_core::task::Cooperator;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let task = Cooperator::new(&reactor).cooperate((0..3).map(|_| ()));
    /// task.pause()?;
    /// reactor.advance(Duration::from_secs(1))?;
    /// let done = task.when_done();
    /// assert!(!done.is_fired());
    /// task.resume()?;
    /// assert_eq!(task.resume(), Err(TaskError::NotPaused));
    /// reactor.run_until(done)?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`TaskError`] that says how the task has ended.
    #[doc(alias = "CooperativeTask.pause")]
    pub fn pause(&self) -> Result<(), TaskError> {
        self.task.check_running()?;
        self.task.pauses.set(self.task.pauses.get() + 1);
        Ok(())
    }

    /// Takes one pause back.
    ///
    /// # Errors
    /// [`TaskError`] that says how the task has ended, or that it is not paused.
    #[doc(alias = "CooperativeTask.resume")]
    pub fn resume(&self) -> Result<(), TaskError> {
        self.task.check_running()?;
        let pauses = self.task.pauses.get();
        self.task
            .pauses
            .set(pauses.checked_sub(1).ok_or(TaskError::NotPaused)?);
        self.task.go_on();
        Ok(())
    }

    /// Ends the task. A Deferred that it waits for is not cancelled.
    ///
    /// # Errors
    /// [`TaskError`] that says how the task has ended before.
    #[doc(alias = "CooperativeTask.stop")]
    pub fn stop(&self) -> Result<(), TaskError> {
        self.task.check_running()?;
        self.task.end(End::Stopped);
        Ok(())
    }

    /// A Deferred that fires when the task is done; each call gives another one.
    ///
    /// ```
    /// use torsade_core::task::Cooperator;
    /// use torsade_core::Result;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let steps = ["1", "2", "three"].map(|text| -> Result<u32> { Ok(text.parse()?) });
    /// let task = Cooperator::new(&reactor).cooperate(steps);
    /// let (one, other) = (task.when_done(), task.when_done());
    /// for done in [one, other] {
    ///     let failure = reactor.run_until(done).unwrap_err();
    ///     assert!(failure.check::<std::num::ParseIntError>().is_some());
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What a step failed with; [`TaskStopped`]; [`SchedulerStopped`];
    /// [`Abandoned`](crate::Abandoned) when the reactor stopped.
    #[doc(alias = "CooperativeTask.whenDone")]
    #[track_caller]
    pub fn when_done(&self) -> Deferred<()> {
        let end = self.task.end.borrow().clone();
        match end {
            None => self.task.waiters.wait(),
            Some(End::Done) => Deferred::succeed(()),
            Some(End::Stopped) => Deferred::fail(TaskStopped),
            Some(End::SchedulerStopped) => Deferred::fail(SchedulerStopped),
            Some(End::Abandoned) => Deferred::fail(Abandoned),
            Some(End::Failed(failure)) => failure.when_fired(),
        }
    }

    /// Ends the task, and cancels what it waits for.
    pub(super) fn cancel(&self) {
        let awaits = self.task.awaits.take();
        self.task.end(End::Stopped);
        if let Some(awaits) = awaits {
            awaits.cancel();
        }
    }
}

impl fmt::Debug for CooperativeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CooperativeTask")
            .field("state", &self.task.check_running())
            .field("pauses", &self.task.pauses.get())
            .finish()
    }
}

pub(super) struct Task {
    scheduler: Rc<Scheduler>,
    /// Taken while a step is taken; gone when the task has ended.
    steps: Cell<Option<Steps>>,
    pauses: Cell<usize>,
    /// It waits for the Deferred of its last step.
    is_waiting: Cell<bool>,
    /// What that one waits for.
    awaits: Cell<Option<Canceller>>,
    /// The scheduler has it in its queue.
    pub(super) is_queued: Cell<bool>,
    waiters: Waiters<()>,
    end: RefCell<Option<End>>,
}

type Steps = Box<dyn FnMut() -> Option<Step>>;

enum Step {
    Taken(Result<()>),
    Waits(Deferred<()>),
}

/// How a task has ended.
#[derive(Clone)]
pub(super) enum End {
    Done,
    Stopped,
    SchedulerStopped,
    /// The reactor will not take its steps any more.
    Abandoned,
    /// Shared among all who wait; logged if that is nobody.
    Failed(SharedDeferred<()>),
}

impl Task {
    pub(super) fn new<O: Outcome>(
        scheduler: &Rc<Scheduler>,
        mut iterator: impl Iterator<Item = O> + 'static,
    ) -> Rc<Self> {
        let steps = move || {
            let deferred = iterator.next()?.into_deferred();
            Some(match deferred.try_take() {
                Ok(result) => Step::Taken(result.map(drop)),
                Err(deferred) => Step::Waits(deferred.map(drop)),
            })
        };
        Rc::new(Self {
            scheduler: scheduler.clone(),
            steps: Cell::new(Some(Box::new(steps))),
            pauses: Cell::new(0),
            is_waiting: Cell::new(false),
            awaits: Cell::new(None),
            is_queued: Cell::new(false),
            waiters: Waiters::default(),
            end: RefCell::new(None),
        })
    }

    fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    fn check_running(&self) -> Result<(), TaskError> {
        match &*self.end.borrow() {
            None => Ok(()),
            Some(End::Done) => Err(TaskError::Done),
            Some(End::Stopped | End::SchedulerStopped | End::Abandoned) => Err(TaskError::Stopped),
            Some(End::Failed(_)) => Err(TaskError::Failed),
        }
    }

    pub(super) fn may_step(&self) -> bool {
        self.pauses.get() == 0 && !self.is_waiting.get() && !self.has_ended()
    }

    /// Goes on, if nothing is in the way.
    fn go_on(self: &Rc<Self>) {
        if self.may_step() {
            self.scheduler.enqueue(self);
        }
    }

    /// Takes one step.
    pub(super) fn step(self: &Rc<Self>) {
        let Some(mut steps) = self.steps.take() else {
            return;
        };
        match run_queue::call_user(&mut steps) {
            // It has stopped itself.
            Ok(Some(step)) if self.has_ended() => drop(step),
            Ok(Some(Step::Taken(Ok(())))) => {
                self.steps.set(Some(steps));
                self.go_on();
            }
            Ok(Some(Step::Waits(deferred))) => {
                self.steps.set(Some(steps));
                self.wait_for(deferred);
            }
            Ok(Some(Step::Taken(Err(failure)))) | Err(failure) => self.fail(failure),
            Ok(None) => self.end(End::Done),
        }
    }

    fn wait_for(self: &Rc<Self>, deferred: Deferred<()>) {
        self.is_waiting.set(true);
        self.awaits.set(Some(deferred.canceller()));
        let this = self.clone();
        drop(deferred.add_both(move |result| {
            this.is_waiting.set(false);
            this.awaits.set(None);
            match result {
                Err(failure) if !this.has_ended() => this.fail(failure),
                // Nobody else will see it: it is logged, unless it was asked for.
                Err(failure) if !is_cancel(&failure) => return Err(failure),
                Ok(()) | Err(_) => this.go_on(),
            }
            Ok(())
        }));
    }

    fn fail(&self, failure: Failure) {
        if !self.has_ended() {
            self.end(End::Failed(Deferred::fail(failure).share()));
        }
    }

    /// Ends the task, if it has not ended before.
    pub(super) fn end(&self, end: End) {
        if self.has_ended() {
            return;
        }
        let tell: &dyn Fn(Resolver<()>) = match &end {
            End::Done => &|waiter| waiter.callback(()),
            End::Stopped => &|waiter| waiter.errback(TaskStopped),
            End::SchedulerStopped => &|waiter| waiter.errback(SchedulerStopped),
            End::Abandoned => &drop,
            End::Failed(failure) => &|waiter| failure.when_fired().chain(waiter),
        };
        self.end.replace(Some(end.clone()));
        while let Some(waiter) = self.waiters.next() {
            tell(waiter);
        }
        // Last, as it is the user's to drop.
        drop(self.steps.take());
    }
}
