//! Cooperator: does long work in slices, so that the reactor gets to the rest in between.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::cooperative_task::{CooperativeTask, End, Task};
use crate::error::Cancelled;
use crate::{Deferred, Outcome, Reactor};

/// Does long work in slices: each turn of the reactor it takes steps of its tasks, one of each in
/// turn, for about ten milliseconds, and a thousand steps at most.
///
/// A task is an iterator. Its items are what a callback may return (see [`Outcome`]): after `()`
/// or a value comes the next step; a Deferred is waited for first; a failure ends the task.
///
/// It is a handle: clones are the same cooperator. Tasks go on without a handle. In a simulated
/// world, the clock stands still while there are steps to take.
///
/// # Examples
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::task::Cooperator;
/// use torsade_core::testing::Simulation;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// let cooperator = Cooperator::new(&reactor);
/// let sum = Rc::new(Cell::new(0));
/// let total = sum.clone();
/// let work = (1..=1_000_000_u64).step_by(1000).map(move |n| {
///     total.set(total.get() + (n..n + 1000).sum::<u64>());
/// });
/// reactor.run_until(cooperator.coiterate(work))?;
/// assert_eq!(sum.get(), 500_000_500_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.task.Cooperator")]
#[doc(alias = "coiterate")]
#[doc(alias = "cooperate")]
pub struct Cooperator {
    scheduler: Rc<Scheduler>,
}

impl Cooperator {
    /// A cooperator without tasks.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            scheduler: Rc::new(Scheduler {
                reactor: reactor.clone(),
                ready: RefCell::default(),
                is_ticking: Cell::new(false),
                is_stopped: Cell::new(false),
            }),
        }
    }

    /// Starts a task. Its first step is taken in the next turn.
    ///
    /// On a cooperator that is stopped, the task has ended already, as
    /// [`when_done`](CooperativeTask::when_done) says.
    #[doc(alias = "Cooperator.cooperate")]
    pub fn cooperate<I>(&self, steps: I) -> CooperativeTask
    where
        I: IntoIterator<IntoIter: 'static, Item: Outcome>,
    {
        let task = Task::new(&self.scheduler, steps.into_iter());
        self.scheduler.enqueue(&task);
        CooperativeTask::new(task)
    }

    /// Starts a task, and gives a Deferred that fires when it is done.
    ///
    /// Cancelling it stops the task, and cancels the Deferred that it waits for, if it does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::{Cooperator, defer_later};
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let (start, second) = (reactor.now(), Duration::from_secs(1));
    /// let clock = reactor.clone();
    /// // A step that gives a Deferred is waited for.
    /// let steps = (0..3).map(move |_| defer_later(&clock, second, || Ok(())));
    /// reactor.run_until(Cooperator::new(&reactor).coiterate(steps))?;
    /// assert_eq!(reactor.now() - start, 3 * second);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`CooperativeTask::when_done`].
    #[doc(alias = "Cooperator.coiterate")]
    #[track_caller]
    pub fn coiterate<I>(&self, steps: I) -> Deferred<()>
    where
        I: IntoIterator<IntoIter: 'static, Item: Outcome>,
    {
        let task = self.cooperate(steps);
        let to_stop = task.clone();
        let (resolver, deferred) = Deferred::with_canceller(move || to_stop.cancel());
        task.when_done().chain(resolver);
        deferred
    }

    /// Stops it: all tasks that are ready for a step end with
    /// [`SchedulerStopped`](crate::error::SchedulerStopped), and others as soon as they become
    /// ready.
    ///
    /// ```
    /// use torsade_core::SchedulerStopped;
    /// use torsade_core::task::Cooperator;
    /// use torsade_core::testing::{Simulation, failure_result_of};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let cooperator = Cooperator::new(&reactor);
    /// cooperator.stop();
    /// let refused = cooperator.coiterate([()]);
    /// assert!(failure_result_of(refused).check::<SchedulerStopped>().is_some());
    /// cooperator.start();
    /// reactor.run_until(cooperator.coiterate([()]))?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "Cooperator.stop")]
    pub fn stop(&self) {
        self.scheduler.is_stopped.set(true);
        self.scheduler.end_all(&End::SchedulerStopped);
    }

    /// Starts it again after a [`stop`](Self::stop), for new tasks. A new one is started already.
    #[doc(alias = "Cooperator.start")]
    pub fn start(&self) {
        self.scheduler.is_stopped.set(false);
    }

    /// Whether it takes tasks.
    #[doc(alias = "Cooperator.running")]
    pub fn is_running(&self) -> bool {
        !self.scheduler.is_stopped.get()
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cooperator")
            .field("is_running", &self.is_running())
            .field("ready", &self.scheduler.ready.borrow().len())
            .finish()
    }
}

pub(super) struct Scheduler {
    reactor: Reactor,
    /// The tasks that are to take a step, the next one first. Some may have been paused or stopped
    /// meanwhile. While there are any, a tick is to come.
    ready: RefCell<VecDeque<Rc<Task>>>,
    is_ticking: Cell<bool>,
    is_stopped: Cell<bool>,
}

impl Scheduler {
    /// Puts a task that may take a step behind all others.
    pub(super) fn enqueue(self: &Rc<Self>, task: &Rc<Task>) {
        if self.is_stopped.get() {
            task.end(End::SchedulerStopped);
        } else if !task.is_queued.replace(true) {
            self.ready.borrow_mut().push_back(task.clone());
            self.tick_soon();
        }
    }

    fn tick_soon(self: &Rc<Self>) {
        if !self.is_ticking.replace(true) {
            let tick = Tick {
                scheduler: Some(self.clone()),
            };
            self.reactor.call_soon(move || tick.come());
        }
    }

    /// Takes a step, and goes on so until the time is up. No step calls the next one: what a step
    /// has fired comes before that.
    fn slice(self: Rc<Self>, until: Instant, steps_left: u32) {
        if steps_left == 0 || self.reactor.now() >= until {
            self.is_ticking.set(false);
            return self.tick_soon();
        }
        let Some(task) = self.next() else {
            self.is_ticking.set(false);
            return;
        };
        task.step();
        drop(Deferred::succeed(()).map(move |()| self.slice(until, steps_left - 1)));
    }

    fn next(&self) -> Option<Rc<Task>> {
        loop {
            let task = self.ready.borrow_mut().pop_front()?;
            task.is_queued.set(false);
            if task.may_step() {
                return Some(task);
            }
        }
    }

    fn end_all(&self, end: &End) {
        for task in self.ready.take() {
            task.is_queued.set(false);
            task.end(end.clone());
        }
    }
}

/// The next slice, which the reactor will call for. If it forgets it then all tasks have ended.
struct Tick {
    scheduler: Option<Rc<Scheduler>>,
}

impl Tick {
    fn come(mut self) {
        if let Some(scheduler) = self.scheduler.take() {
            let until = scheduler.reactor.now() + SLICE;
            scheduler.slice(until, STEPS_A_SLICE);
        }
    }
}

impl Drop for Tick {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler.take() {
            scheduler.is_ticking.set(false);
            scheduler.end_all(&End::Abandoned);
        }
    }
}

/// Whether a failure of what an ended task waited for is just what was asked for.
pub(super) fn is_cancel(failure: &crate::Failure) -> bool {
    failure.check::<Cancelled>().is_some()
}

/// How long a slice is: as in Twisted.
const SLICE: Duration = Duration::from_millis(10);

/// The most steps of a slice. Not all time shows: in a simulated world, steps take none.
const STEPS_A_SLICE: u32 = 1000;
