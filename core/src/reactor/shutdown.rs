//! How a reactor stops: the triggers, the connections, the threads.

use std::cell::Cell;
use std::rc::Rc;

use super::turn::{Core, State, run_call};
use crate::deferred::{run_queue, unhandled};
use crate::logged::log_error;
use crate::{Deferred, Outcome, Reactor, Result};

/// When, in the course of a shutdown, a function is called.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::reactor::Phase;
/// use torsade_core::task::defer_later;
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let clock = reactor.clone();
/// // What must be done while everything still works, and is waited for.
/// reactor.on_shutdown(Phase::Before, move || defer_later(&clock, Duration::from_secs(5), || ()));
/// reactor.on_shutdown(Phase::After, || println!("that was all"));
/// let (handle, start) = (reactor.clone(), reactor.now());
/// reactor.call_when_running(move || handle.stop().unwrap());
/// reactor.run()?;
/// assert_eq!(reactor.now() - start, Duration::from_secs(5));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// While everything still works; the Deferreds that are returned are waited for.
    Before,
    /// When all connections have been told.
    During,
    /// At the very end.
    After,
}

/// Names one function that waits for the shutdown.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::reactor::{Phase, TriggerId};
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let called = Rc::new(Cell::new(false));
/// let calls = called.clone();
/// let id: TriggerId = reactor.on_shutdown(Phase::During, move || calls.set(true));
/// assert!(reactor.remove_shutdown_trigger(id));
/// let handle = reactor.clone();
/// reactor.call_soon(move || handle.stop().unwrap());
/// reactor.run()?;
/// assert!(!called.get());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TriggerId(u64);

type Trigger = Box<dyn FnOnce() -> Deferred<()>>;

/// The functions that wait for the shutdown.
#[derive(Default)]
pub(super) struct Triggers {
    waiting: Vec<(TriggerId, Phase, Trigger)>,
    last: u64,
}

impl Triggers {
    pub(super) fn add(&mut self, phase: Phase, trigger: Trigger) -> TriggerId {
        self.last += 1;
        let id = TriggerId(self.last);
        self.waiting.push((id, phase, trigger));
        id
    }

    pub(super) fn remove(&mut self, id: TriggerId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, ..)| *waiting != id);
        self.waiting.len() < before
    }

    /// The next function of a phase, so that one may still take back another.
    fn next(&mut self, phase: Phase) -> Option<Trigger> {
        let index = self
            .waiting
            .iter()
            .position(|(_, waiting, _)| *waiting == phase)?;
        Some(self.waiting.remove(index).2)
    }
}

/// How often the agenda is worked off for the farewells of connections that, when told, write to
/// or close others, before what is left is simply dropped.
const FAREWELL_ROUNDS: usize = 100;

impl Core {
    /// Stops for good.
    pub(super) fn shut_down(self: &Rc<Self>) -> Result<()> {
        while !self.try_to_end() {
            if let Err(error) = self.turn() {
                // Also when it cannot turn any more: it was asked to stop.
                self.end();
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Ends if no trigger has to be waited for; gives back whether it has.
    pub(super) fn try_to_end(self: &Rc<Self>) -> bool {
        if self.state.get() != State::Stopped {
            // Again after each turn: what is waited for may add further ones.
            self.run_triggers(Phase::Before, &self.triggers_pending);
            if self.triggers_pending.get() > 0 {
                return false;
            }
        }
        self.end();
        true
    }

    /// Everything after the last turn; also what a dropped reactor does. Done twice, it is
    /// harmless.
    pub(super) fn end(self: &Rc<Self>) {
        if self.state.replace(State::Stopped) == State::Stopped {
            return;
        }
        self.disconnect_all();
        let nobody_waits = Rc::new(Cell::new(0));
        self.run_triggers(Phase::During, &nobody_waits);
        self.run_triggers(Phase::After, &nobody_waits);
        unhandled::while_forgetting(|| {
            drop_each(self.shared.close());
            self.workers.stop();
            self.names.leave();
            self.forget();
        });
    }

    fn run_triggers(&self, phase: Phase, pending: &Rc<Cell<usize>>) {
        loop {
            let next = self.triggers.borrow_mut().next(phase);
            let Some(trigger) = next else { return };
            let done = match run_queue::call_user(trigger) {
                Ok(done) => done,
                Err(failure) => Deferred::fail(failure),
            };
            pending.set(pending.get() + 1);
            let pending = Rc::clone(pending);
            drop(done.add_both(move |result| {
                pending.set(pending.get() - 1);
                if let Err(failure) = result {
                    log_error!("a shutdown trigger failed: {failure:?}");
                }
            }));
        }
    }

    fn disconnect_all(self: &Rc<Self>) {
        // In rounds, since what is told of its end may make or close others.
        for _ in 0..FAREWELL_ROUNDS {
            let sources = self.sources.borrow().all();
            for source in sources {
                source.shut_down(self);
            }
            self.work_off_agenda();
            if self.agenda_is_empty() && self.sources.borrow().len() == 0 {
                break;
            }
        }
    }

    /// Frees what user code has left here. All is dropped outside the borrow.
    fn forget(&self) {
        let timers = self.timers.borrow_mut().drain();
        drop_each(timers);
        drop_each(self.soon.take());
        drop_each(self.when_running.take());
        drop_each(self.triggers.take().waiting);
        drop_each(self.coroutines.forget());
        drop_each(self.jobs.forget());
    }
}

/// Drops values as user code, since they may own anything. One by one: two that panic in one drop
/// would end the process.
fn drop_each<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        run_call("dropping what had not been called", move || drop(value));
    }
}

impl Reactor {
    /// Has `f` called when the reactor stops, in the given phase.
    ///
    /// In [`Phase::Before`], everything still works, and the Deferreds that are returned there
    /// are waited for. Then every connection is told `connection_lost`; then the functions of
    /// [`Phase::During`] run, then those of [`Phase::After`]. Within a phase they run in the order
    /// they were given; one that fails is logged and does not stop the others.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use torsade_core::reactor::Phase;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let order = Rc::new(RefCell::new(Vec::new()));
    /// for phase in [Phase::After, Phase::During, Phase::Before] {
    ///     let order = order.clone();
    ///     reactor.on_shutdown(phase, move || order.borrow_mut().push(phase));
    /// }
    /// let handle = reactor.clone();
    /// reactor.call_soon(move || handle.stop().unwrap());
    /// reactor.run()?;
    /// assert_eq!(*order.borrow(), [Phase::Before, Phase::During, Phase::After]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "addSystemEventTrigger")]
    pub fn on_shutdown<O: Outcome<Output = ()>>(
        &self,
        phase: Phase,
        f: impl FnOnce() -> O + 'static,
    ) -> TriggerId {
        let call = Box::new(move || Deferred::succeed(()).add_callback(move |()| f()));
        match self.try_core() {
            Ok(core) => core.triggers.borrow_mut().add(phase, call),
            Err(_) => TriggerId::default(),
        }
    }

    /// Takes back what [`on_shutdown`](Self::on_shutdown) asked for; gives back whether it was
    /// still to come.
    #[doc(alias = "removeSystemEventTrigger")]
    pub fn remove_shutdown_trigger(&self, id: TriggerId) -> bool {
        self.core()
            .is_some_and(|core| core.triggers.borrow_mut().remove(id))
    }
}
