//! The watchdog of a connection: what it waits for must come within bounds.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use torsade_core::{DelayedCall, Reactor, TimedOut};

use super::Connection;

/// How long the stages of a request may take. `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// From the end of the request to the end of the response's head.
    pub(crate) head: Option<Duration>,
    /// Between two pieces of a body, of the request as of the response.
    pub(crate) silence: Option<Duration>,
    /// How long it may be idle.
    pub(crate) idle: Option<Duration>,
    /// All of it. Only for the error: the deadline is given with the request.
    pub(crate) total: Option<Duration>,
}

/// One timer for all of them. It is not set anew for each piece that comes: it looks what has
/// happened when it fires.
#[derive(Default)]
pub(super) struct Watchdog {
    connection: RefCell<Weak<Connection>>,
    timer: RefCell<Option<DelayedCall>>,
    /// When the timer will fire, if it is set.
    fires_at: Cell<Option<Instant>>,
    awaits: Cell<Awaits>,
    /// When that began, or when it last moved.
    since: Cell<Option<Instant>>,
    timeouts: Cell<Option<Timeouts>>,
    deadline: Cell<Option<Instant>>,
}

/// What the connection waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaits {
    #[default]
    Nothing,
    /// That the request's body moves, and after that, for the head.
    Head,
    Body,
    NextRequest,
}

impl Watchdog {
    /// A request is being sent.
    pub(super) fn waiting(
        &self,
        reactor: &Reactor,
        connection: &Rc<Connection>,
        timeouts: Timeouts,
        deadline: Option<Instant>,
    ) {
        if self.timer.borrow().is_none() {
            *self.connection.borrow_mut() = Rc::downgrade(connection);
        }
        self.timeouts.set(Some(timeouts));
        self.deadline.set(deadline);
        self.begin(reactor, Awaits::Head);
    }

    /// The request is sent: the time for the head begins.
    pub(super) fn uploaded(&self, reactor: &Reactor) {
        if self.awaits.get() == Awaits::Head {
            self.begin(reactor, Awaits::Head);
        }
    }

    /// The head is there.
    pub(super) fn reading(&self, reactor: &Reactor) {
        self.begin(reactor, Awaits::Body);
    }

    /// The exchange is over, and another may come.
    pub(super) fn idle(&self, reactor: &Reactor) {
        self.deadline.set(None);
        self.begin(reactor, Awaits::NextRequest);
    }

    /// A piece of a body has moved.
    pub(super) fn touch(&self, reactor: &Reactor) {
        self.since.set(Some(reactor.now()));
    }

    /// There is nothing to watch any more.
    pub(super) fn rest(&self) {
        self.awaits.set(Awaits::Nothing);
        self.fires_at.set(None);
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }

    fn begin(&self, reactor: &Reactor, awaits: Awaits) {
        self.awaits.set(awaits);
        self.since.set(Some(reactor.now()));
        self.arm(reactor);
    }

    /// By when something must have happened, and the time that was allowed for it.
    fn limit(&self) -> Option<(Instant, Duration)> {
        let timeouts = self.timeouts.get()?;
        let since = self.since.get()?;
        let allowed = match self.awaits.get() {
            Awaits::Nothing => return None,
            Awaits::Head => timeouts.head,
            Awaits::Body => timeouts.silence,
            Awaits::NextRequest => timeouts.idle,
        };
        let stage = allowed.map(|allowed| (since + allowed, allowed));
        let total = self.deadline.get().zip(timeouts.total);
        match (stage, total) {
            (Some(stage), Some(total)) => Some(if stage.0 <= total.0 { stage } else { total }),
            (stage, total) => stage.or(total),
        }
    }

    /// Sees to it that the timer fires at the limit, or before.
    fn arm(&self, reactor: &Reactor) {
        let Some((limit, _)) = self.limit() else {
            return;
        };
        if self.fires_at.get().is_some_and(|at| at <= limit) {
            return;
        }
        self.fires_at.set(Some(limit));
        let delay = limit.saturating_duration_since(reactor.now());
        if self
            .timer
            .borrow()
            .as_ref()
            .is_some_and(|timer| timer.reset(delay))
        {
            return;
        }
        let connection = self.connection.borrow().clone();
        let timer = reactor.call_later(delay, move || {
            if let Some(connection) = connection.upgrade() {
                connection.look_at_the_clock();
            }
        });
        *self.timer.borrow_mut() = Some(timer);
    }
}

impl Connection {
    fn look_at_the_clock(self: &Rc<Self>) {
        self.watchdog.fires_at.set(None);
        let is_held_up_by_us = self.watchdog.awaits.get() == Awaits::Body
            && self
                .state
                .borrow()
                .body
                .as_ref()
                .is_some_and(|body| !body.is_wanted());
        let now = self.now();
        let is_past_deadline = self.watchdog.deadline.get().is_some_and(|at| at <= now);
        if is_held_up_by_us && !is_past_deadline {
            // Silence counts against the server only while we listen.
            self.watchdog.touch(&self.reactor);
        }
        match self.watchdog.limit() {
            Some((limit, after)) if limit <= now => {
                if self.watchdog.awaits.get() == Awaits::NextRequest {
                    self.close_idle();
                } else {
                    self.fail(TimedOut { after });
                }
            }
            _ => self.watchdog.arm(&self.reactor),
        }
    }
}
