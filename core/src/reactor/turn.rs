//! The loop itself: what a reactor owns, and what it does in one turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::coroutine::Coroutines;
use super::jobs::Jobs;
use super::remote::Shared;
use super::resolver::Names;
use super::shutdown::Triggers;
use super::signal_handlers::SignalHandlers;
use super::signals::Signals;
use super::sources::{Source, Sources};
use super::threads::ThreadPool;
use super::timed_call::TimedCall;
use super::timers::Timers;
use super::turn_times::Turns;
use crate::deferred::{self, run_queue};
use crate::driver::{Driver, Event, Wait};
use crate::logged::{self, log_error};
use crate::names::NameResolver;
use crate::net::buffers::Buffers;
use crate::process::Children;
use crate::watch::{Place, watch};
use crate::{Deferred, Failure, Reactor, ReactorError, Result};

/// A call that waits for its turn.
pub(crate) type Call = Box<dyn FnOnce()>;

/// All that a reactor owns. Handles refer to it weakly; the [`Reactor`] that made it, strongly.
pub(crate) struct Core {
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) sources: RefCell<Sources>,
    pub(crate) timers: RefCell<Timers<TimedCall>>,
    /// Calls of `call_soon`.
    pub(super) soon: RefCell<VecDeque<Call>>,
    /// Calls of `call_when_running`, until it runs.
    pub(super) when_running: RefCell<Vec<Call>>,
    /// Sources that have something to do at the end of this turn.
    agenda: RefCell<Vec<Rc<dyn Source>>>,
    pub(super) coroutines: Coroutines,
    /// The part of the reactor that other threads reach.
    pub(super) shared: Arc<Shared>,
    /// Runs what `defer_to_thread` is given.
    pub(super) workers: ThreadPool,
    /// Looks host names up; apart from the workers, so that neither starves the other.
    pub(super) names: Names,
    /// Asked instead of the system, if the user has set one.
    pub(super) resolver: RefCell<Option<Rc<dyn NameResolver>>>,
    /// What waits for a thread's answer.
    pub(super) jobs: Jobs,
    pub(super) triggers: RefCell<Triggers>,
    /// How many triggers the shutdown waits for.
    pub(super) triggers_pending: Rc<Cell<usize>>,
    pub(super) signals: RefCell<Option<Signals>>,
    pub(super) signal_handlers: SignalHandlers,
    pub(super) handle_signals: Cell<bool>,
    /// The processes that were started and not waited for.
    pub(crate) children: Children,
    /// A turn waits no longer than this: see [`iterate`](Self::iterate).
    wait_until: Cell<Option<Instant>>,
    pub(super) state: Cell<State>,
    /// Whether it runs without a `run`, by the turns that another reactor gives it.
    pub(super) is_driven: Cell<bool>,
    /// Buffers that every connection of this reactor uses, one after another.
    pub(crate) buffers: Buffers,
    /// What its thread had noted when it was made: see `testing::assert_clean`.
    pub(crate) begun: Begun,
    pub(super) turns: Turns,
    /// How many there have been.
    pub(crate) connections_made: Cell<u64>,
    /// The event buffer, reused by every turn.
    events: Cell<Vec<Event>>,
    /// The other half of the agenda, reused by every turn.
    spare_agenda: Cell<Vec<Rc<dyn Source>>>,
}

/// How much a thread had noted at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) deferreds: u64,
    pub(crate) errors: u64,
}

/// Where a reactor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does not run: not yet, or between two `run_until`.
    Idle,
    Running,
    /// It runs, and has been asked to stop.
    Stopping,
    /// It ran and was stopped, for good.
    Stopped,
}

/// The most timers, and the most calls of each kind, that one turn runs.
const CALLS_A_TURN: usize = 1000;

impl Core {
    pub(super) fn new(driver: Box<dyn Driver>) -> Self {
        Self {
            shared: Shared::new(driver.waker()),
            timers: RefCell::new(Timers::new(driver.now())),
            driver,
            sources: RefCell::default(),
            soon: RefCell::default(),
            when_running: RefCell::default(),
            agenda: RefCell::default(),
            coroutines: Coroutines::default(),
            workers: ThreadPool::new("torsade-worker", 10),
            names: Names::new(),
            resolver: RefCell::default(),
            jobs: Jobs::default(),
            triggers: RefCell::default(),
            triggers_pending: Rc::default(),
            signals: RefCell::default(),
            signal_handlers: SignalHandlers::default(),
            handle_signals: Cell::new(true),
            children: Children::default(),
            wait_until: Cell::default(),
            state: Cell::new(State::Idle),
            is_driven: Cell::default(),
            buffers: Buffers::default(),
            begun: Begun {
                deferreds: deferred::live_count(),
                errors: logged::count(),
            },
            turns: Turns::default(),
            connections_made: Cell::default(),
            events: Cell::default(),
            spare_agenda: Cell::default(),
        }
    }

    /// A handle to this reactor, for user code.
    pub(crate) fn handle(self: &Rc<Self>) -> Reactor {
        Reactor::from_core(self)
    }

    /// Has `source` attended to at the end of this turn, or of the next if this one's agenda is
    /// being worked off. The source must see to it that it is not there twice.
    pub(crate) fn put_on_agenda(&self, source: Rc<dyn Source>) {
        self.agenda.borrow_mut().push(source);
    }

    /// One turn, which waits for no longer than `most`, for somebody who has a loop of their own.
    /// Signals are theirs as well.
    pub(super) fn iterate(self: &Rc<Self>, most: Option<Duration>) -> Result<()> {
        let handle_signals = self.handle_signals.replace(false);
        self.wait_until
            .set(most.map(|most| self.moment_after(most)));
        let mut has_turned = false;
        let result = self.run(|| std::mem::replace(&mut has_turned, true));
        self.wait_until.set(None);
        self.handle_signals.set(handle_signals);
        result
    }

    /// Whether there is nothing to do until time passes, or somebody outside does something.
    pub(crate) fn is_quiet(&self) -> bool {
        let may_wait = match self.how_long_to_wait() {
            Wait::No => false,
            Wait::Until(moment) => moment > self.now(),
            Wait::Forever => true,
        };
        may_wait && !self.shared.has_work() && !self.driver.has_events()
    }

    /// When the next timed call is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.borrow_mut().next_deadline()
    }

    /// Runs until `done`, or until the reactor is stopped, which it then is when this returns.
    pub(super) fn run(self: &Rc<Self>, mut done: impl FnMut() -> bool) -> Result<()> {
        match self.state.get() {
            State::Running | State::Stopping if !self.is_driven.get() => {
                return Err(ReactorError::AlreadyRunning.into());
            }
            State::Stopped => return Err(ReactorError::NotRestartable.into()),
            _ if run_queue::in_user_function() => {
                return Err(ReactorError::InsideCallback.into());
            }
            State::Idle => self.state.set(State::Running),
            State::Running | State::Stopping => self.is_driven.set(false),
        }
        let result = self.run_started(&mut done);
        *self.signals.borrow_mut() = None;
        if self.state.get() != State::Stopped {
            self.state.set(State::Idle);
        }
        result
    }

    fn run_started(self: &Rc<Self>, done: &mut dyn FnMut() -> bool) -> Result<()> {
        if self.handle_signals.get() {
            *self.signals.borrow_mut() = Signals::install(&*self.driver)?;
        }
        self.start()?;
        self.turns.rest();
        loop {
            match self.state.get() {
                // First, so that a stop asked for by what also makes it `done` is not forgotten.
                State::Stopping => return self.shut_down(),
                // It was ended from outside.
                State::Stopped => return Ok(()),
                State::Idle | State::Running => {}
            }
            if done() {
                return Ok(());
            }
            self.turn()?;
        }
    }

    /// What comes before the first turn.
    pub(super) fn start(&self) -> io::Result<()> {
        self.workers.start()?;
        self.names.start()?;
        for call in self.when_running.take() {
            run_call("a call of call_when_running", call);
        }
        Ok(())
    }

    /// One turn; its steps are numbered as in the documentation of [the module](super).
    pub(crate) fn turn(self: &Rc<Self>) -> io::Result<()> {
        let mut events = self.events.take();
        let polled = self.poll(&mut events);
        self.turns.begin();
        self.run_signals();
        self.run_remote_calls();
        for event in events.drain(..) {
            let source = self.sources.borrow().get(event.token);
            if let Some(source) = source {
                source.ready(self, event.readiness);
            }
        }
        self.events.set(events);
        self.run_timers();
        self.run_soon();
        self.run_coroutines();
        self.work_off_agenda();
        self.turns.end();
        polled
    }

    fn poll(&self, events: &mut Vec<Event>) -> io::Result<()> {
        let wait = self.how_long_to_wait();
        // Whoever queues a call after this wakes us; whoever did before is seen here.
        let wait = if wait != Wait::No && self.shared.fall_asleep() {
            wait
        } else {
            Wait::No
        };
        if wait != Wait::No {
            self.turns.rest();
        }
        let polled = self.driver.poll(events, wait);
        self.shared.wake_up();
        polled
    }

    fn how_long_to_wait(&self) -> Wait {
        if self.has_work() {
            return Wait::No;
        }
        let moments = [self.next_deadline(), self.wait_until.get()];
        match moments.into_iter().flatten().min() {
            Some(moment) => Wait::Until(moment),
            None => Wait::Forever,
        }
    }

    fn run_signals(self: &Rc<Self>) {
        self.signal_handlers.run();
        let stop = self
            .signals
            .borrow()
            .as_ref()
            .is_some_and(Signals::stop_asked);
        if stop && self.state.get() == State::Running {
            log::info!(target: "torsade", "stopping on a signal");
            self.state.set(State::Stopping);
        }
    }

    fn run_remote_calls(self: &Rc<Self>) {
        let mut calls = self.shared.take_calls(CALLS_A_TURN);
        if calls.is_empty() {
            return;
        }
        let reactor = self.handle();
        for call in calls.drain(..) {
            run_call("a call from a thread", || call(&reactor));
        }
    }

    fn run_timers(&self) {
        if self.timers.borrow().len() == 0 {
            return;
        }
        let now = self.driver.now();
        self.timers.borrow_mut().start_pass(now);
        for _ in 0..CALLS_A_TURN {
            let due = self.timers.borrow_mut().pop_due();
            let Some(call) = due else { break };
            run_call_of(
                Place::Given("the timed call made at", call.made_at),
                call.call,
            );
        }
    }

    fn run_soon(&self) {
        let waiting = self.soon.borrow().len().min(CALLS_A_TURN);
        for _ in 0..waiting {
            let call = self.soon.borrow_mut().pop_front();
            let Some(call) = call else { break };
            run_call("a call of call_soon", call);
        }
    }

    fn run_coroutines(&self) {
        for key in self.shared.take_woken() {
            self.coroutines.poll(key);
        }
    }

    pub(super) fn work_off_agenda(self: &Rc<Self>) {
        if self.agenda.borrow().is_empty() {
            return;
        }
        let mut agenda = self.agenda.replace(self.spare_agenda.take());
        for source in agenda.drain(..) {
            source.attend(self);
        }
        self.spare_agenda.set(agenda);
    }

    pub(super) fn agenda_is_empty(&self) -> bool {
        self.agenda.borrow().is_empty()
    }

    pub(crate) fn now(&self) -> Instant {
        self.driver.now()
    }

    /// The moment that is `delay` from now.
    pub(crate) fn moment_after(&self, delay: Duration) -> Instant {
        moment_after(self.now(), delay)
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.state.get() == State::Stopped
    }

    /// The value that owns the reactor was dropped.
    pub(super) fn disown(self: Rc<Self>) {
        match self.state.get() {
            // `run`, further up the stack, holds it, and ends it as soon as that is possible.
            State::Running | State::Stopping if !self.is_driven.get() => {
                self.state.set(State::Stopping);
            }
            _ => self.end_when_possible(),
        }
    }

    /// Ends it for good now, or after the user function that runs: that calls others.
    pub(super) fn end_when_possible(self: Rc<Self>) {
        if run_queue::in_user_function() {
            drop(Deferred::succeed(()).map(move |()| self.end()));
        } else {
            self.end();
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.agenda.borrow().is_empty() || !self.soon.borrow().is_empty()
    }
}

/// `delay` after `start`; what lies beyond the clock's range becomes a century.
pub(crate) fn moment_after(start: Instant, delay: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    start.checked_add(delay.min(CENTURY)).unwrap_or(start)
}

/// Runs one call of the user's; a panic is logged, and the loop goes on.
pub(crate) fn run_call(what: &'static str, call: impl FnOnce()) {
    run_call_of(Place::Some(what), call);
}

/// The same for a call whose place is known.
fn run_call_of(place: Place, call: impl FnOnce()) {
    // Logged is all that can be done about it.
    let _ = call_at(|| place, call);
}

/// Calls a user function; a panic is logged, and given back to whom it concerns.
#[inline]
pub(crate) fn call_at<R>(place: impl Fn() -> Place, call: impl FnOnce() -> R) -> Result<R> {
    let called = run_queue::call_user(|| watch(&place, call));
    if let Err(panicked) = &called {
        log_panic(place(), panicked);
    }
    called
}

#[cold]
fn log_panic(place: Place, panicked: &Failure) {
    log_error!("{place} panicked: {panicked:?}");
}
