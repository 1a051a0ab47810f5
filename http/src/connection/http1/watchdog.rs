//! The watchdog of a connection: what it waits for must come within bounds.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use torsade_core::{DelayedCall, Reactor, TimedOut};

use super::{Connection, Http1};
use crate::wire::Exchange;

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

/// A request of this size is taken for sent when it is written: any system buffers that much.
const SENT_AT_ONCE: usize = 64 * 1024;

/// How long the rest of a body that nobody wants may take: others may want the connection.
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// One timer for all of them. It is not set anew for each piece that comes: it looks what has
/// happened when it fires.
#[derive(Default)]
pub(super) struct Watchdog {
    connection: RefCell<Weak<Http1>>,
    timer: RefCell<Option<DelayedCall>>,
    /// When the timer will fire, if it is set.
    fires_at: Cell<Option<Instant>>,
    awaits: Cell<Awaits>,
    /// When that began, or when it last moved.
    since: Cell<Option<Instant>>,
    timeouts: Cell<Option<Timeouts>>,
    deadline: Cell<Option<Instant>>,
    /// How many bytes of requests were written, those that are still queued included.
    written: Cell<u64>,
    /// How many of them had gone out when last looked at.
    gone: Cell<u64>,
}

/// What the connection waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaits {
    #[default]
    Nothing,
    /// That what is written of the request goes out.
    Sent,
    Head,
    Body,
    /// The rest of a body that nobody wants.
    Rest,
    NextRequest,
}

impl Watchdog {
    /// A request is being sent.
    pub(super) fn sending(
        &self,
        reactor: &Reactor,
        connection: &Rc<Http1>,
        timeouts: Timeouts,
        deadline: Option<Instant>,
    ) {
        if self.timer.borrow().is_none() {
            *self.connection.borrow_mut() = Rc::downgrade(connection);
        }
        self.timeouts.set(Some(timeouts));
        self.deadline.set(deadline);
        let is_sent_at_once = connection.is_all_written() && connection.queued() <= SENT_AT_ONCE;
        self.gone.set(self.gone_by_now(connection.queued()));
        self.begin(
            reactor,
            if is_sent_at_once {
                Awaits::Head
            } else {
                Awaits::Sent
            },
        );
    }

    /// So many bytes more of a request are written.
    pub(super) fn wrote(&self, count: usize) {
        self.written.set(self.written.get() + count as u64);
    }

    /// How much has gone out when so much is queued.
    fn gone_by_now(&self, queued: usize) -> u64 {
        // A filter's own bytes may be queued as well.
        self.written.get().saturating_sub(queued as u64)
    }

    /// The head is there.
    pub(super) fn reading(&self, reactor: &Reactor) {
        self.begin(reactor, Awaits::Body);
    }

    /// Nobody wants the rest of the body.
    pub(super) fn draining(&self, reactor: &Reactor) {
        self.begin(reactor, Awaits::Rest);
    }

    /// The exchange is over, and another may come.
    pub(super) fn idle(&self, reactor: &Reactor) {
        self.deadline.set(None);
        self.begin(reactor, Awaits::NextRequest);
    }

    /// How long the exchange has been over, if it is.
    pub(super) fn idle_for(&self, reactor: &Reactor) -> Option<Duration> {
        let since = self
            .since
            .get()
            .filter(|_| self.awaits.get() == Awaits::NextRequest)?;
        Some(reactor.now() - since)
    }

    /// A piece of a body has moved.
    pub(super) fn touch(&self, reactor: &Reactor) {
        if self.awaits.get() != Awaits::Rest {
            self.since.set(Some(reactor.now()));
        }
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
            Awaits::Sent | Awaits::Body => timeouts.silence,
            Awaits::Rest => Some(DRAIN_TIME),
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

impl Http1 {
    /// Whether the whole request is written, be it sent or queued.
    fn is_all_written(&self) -> bool {
        let state = self.state.borrow();
        let exchange = state.exchange.as_ref();
        exchange.is_none_or(Exchange::upload_is_complete)
    }

    fn look_at_the_clock(self: &Rc<Self>) {
        self.watchdog.fires_at.set(None);
        let is_excused = match self.watchdog.awaits.get() {
            Awaits::Sent => self.look_at_the_upload(),
            Awaits::Body => {
                let state = self.state.borrow();
                state.body.as_ref().is_some_and(|body| !body.is_wanted())
            }
            _ => false,
        };
        let now = self.now();
        let is_past_deadline = self.watchdog.deadline.get().is_some_and(|at| at <= now);
        if is_excused && !is_past_deadline {
            // Silence counts against the server only while we listen, or have something to say.
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

    /// Whether more of the request has gone out, or nothing is queued because our side is slow. When
    /// all is sent, the time for the head begins.
    fn look_at_the_upload(&self) -> bool {
        let queued = self.queued();
        let gone = self.watchdog.gone_by_now(queued);
        let before = self.watchdog.gone.replace(gone);
        if queued == 0 && self.is_all_written() {
            self.watchdog.begin(&self.reactor, Awaits::Head);
        }
        queued == 0 || gone > before
    }
}
