//! One connection to a server, with one exchange at a time.
//!
//! ```text
//!         send                    head                    end
//! Idle ---------> Waiting ---------------> Receiving -----------> Idle, given back to its owner
//!   |                |                        |            '----> closing, if not reusable
//!   | bytes, end     | error, time-out        | error, time-out, abandoned
//!   '----------------'------------------------'-----------------> closed, its owner is told
//! ```

mod sending;
mod watchdog;

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;
use std::time::Instant;

use torsade_core::{Cancelled, Deferred, Failure, Protocol, Reactor, Resolver, Result, Transport};
use watchdog::Watchdog;

use crate::body::SharedProducer;
use crate::error::{RequestError, Stage, WireError, duplicate};
use crate::incoming::{Incoming, Outcome};
use crate::origin::Origin;
use crate::wire::{Event, Exchange, ResponseHead};

pub(crate) use sending::Outgoing;
pub(crate) use watchdog::Timeouts;

/// Whoever made a connection, and has it back when it is idle.
pub(crate) trait Owner {
    /// Its exchange is over, and it can take another. From inside a function of torsade's: no user
    /// function runs.
    fn is_idle(&self, connection: &Rc<Connection>);

    /// It is closed, or about to be, and takes no exchange any more.
    fn is_closed(&self, connection: &Rc<Connection>);
}

/// See the module.
pub(crate) struct Connection {
    origin: Origin,
    reactor: Reactor,
    owner: Weak<dyn Owner>,
    transport: OnceCell<Transport>,
    state: RefCell<State>,
    watchdog: Watchdog,
    /// Counts the requests sent on it.
    requests: Cell<u64>,
    is_counted_out: Cell<bool>,
}

/// What came of a request: the head of the response, and its body to come.
pub(crate) struct Reply {
    pub(crate) head: ResponseHead,
    pub(crate) body: Rc<Incoming>,
    pub(crate) transport: Transport,
}

#[derive(Default)]
struct State {
    /// The exchange under way.
    exchange: Option<Exchange>,
    /// Who waits for the head.
    waiting: Option<Resolver<Reply>>,
    /// The body, once there is a head.
    body: Option<Rc<Incoming>>,
    /// What produces the request's body.
    producer: Option<SharedProducer>,
    /// A request's body that waits for `100 Continue`.
    held_back: Option<sending::HeldBack>,
    /// Why we closed the connection, and at which stage of the exchange.
    cause: Option<(Stage, Failure)>,
    /// Whether it takes no exchange any more.
    is_closed: bool,
    /// Dropped when it is lost: who waits for that knows by it.
    until_lost: Option<Rc<dyn Any>>,
}

impl Connection {
    pub(crate) fn new(origin: Origin, reactor: &Reactor, owner: Weak<dyn Owner>) -> Rc<Self> {
        Rc::new(Self {
            origin,
            reactor: reactor.clone(),
            owner,
            transport: OnceCell::new(),
            state: RefCell::default(),
            watchdog: Watchdog::default(),
            requests: Cell::new(0),
            is_counted_out: Cell::new(false),
        })
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Tells, once, that its owner does not count it any more.
    pub(crate) fn count_out(&self) -> bool {
        !self.is_counted_out.replace(true)
    }

    /// Whether it can be given a request: neither closed, nor with something to read that nobody
    /// asked for (R48).
    pub(crate) fn is_usable(&self, may_probe: bool) -> bool {
        let state = self.state.borrow();
        !state.is_closed
            && state.exchange.is_none()
            && self.transport.get().is_some_and(|transport| {
                transport.is_open() && !(may_probe && transport.has_input())
            })
    }

    /// Whether it was read from so short a time ago that to look again would tell nothing new.
    pub(crate) fn was_just_used(&self) -> bool {
        const SHORT: Duration = Duration::from_millis(1);
        let idle = self.watchdog.idle_for(&self.reactor);
        idle.is_some_and(|idle| idle < SHORT)
    }

    /// Closes it when it is idle.
    pub(crate) fn close_idle(&self) {
        if self.state.borrow().exchange.is_none() {
            self.state.borrow_mut().is_closed = true;
            self.with_transport(Transport::lose_connection);
        }
    }

    /// Keeps something until the connection is lost.
    pub(crate) fn keep_until_lost(&self, it: Rc<dyn Any>) {
        self.state.borrow_mut().until_lost = Some(it);
    }

    fn with_transport(&self, f: impl FnOnce(&Transport)) {
        if let Some(transport) = self.transport.get() {
            f(transport);
        }
    }

    /// Where the exchange is, for errors.
    fn stage(&self) -> Stage {
        let state = self.state.borrow();
        match &state.exchange {
            _ if state.body.is_some() => Stage::ReadingBody,
            Some(exchange) if exchange.response_started() => Stage::ReadingHead,
            Some(exchange) if exchange.upload_is_complete() && self.queued() == 0 => {
                Stage::WaitingForResponse
            }
            _ => Stage::Sending,
        }
    }

    /// How much of the request has not gone out yet.
    fn queued(&self) -> usize {
        self.transport.get().map_or(0, Transport::queued)
    }

    /// Closes the connection, because of `cause`; whoever waits is told when it is closed.
    fn fail(&self, cause: impl Into<Failure>) {
        let stage = self.stage();
        let mut state = self.state.borrow_mut();
        state.is_closed = true;
        state.cause.get_or_insert_with(|| (stage, cause.into()));
        drop(state);
        self.with_transport(Transport::abort_connection);
    }

    /// The Deferred of a request was cancelled: it fails now, and the connection is closed.
    pub(crate) fn cancel(&self, request: u64) {
        if self.requests.get() != request {
            return;
        }
        let waiting = self.state.borrow_mut().waiting.take();
        if let Some(waiting) = waiting {
            waiting.errback(self.error(Cancelled));
            self.fail(Cancelled);
        }
    }

    fn error(&self, cause: impl Into<Failure>) -> RequestError {
        RequestError::new(&self.origin, self.stage(), cause)
    }

    // Receiving.

    fn received(self: &Rc<Self>, transport: &Transport, data: &[u8]) -> Result<()> {
        let mut rest = data;
        loop {
            let mut state = self.state.borrow_mut();
            let Some(exchange) = &mut state.exchange else {
                if !rest.is_empty() {
                    log::debug!(
                        target: "torsade::http",
                        "{}: closing, {} bytes came that nobody asked for", self.origin, rest.len()
                    );
                    drop(state);
                    self.close_idle();
                }
                return Ok(());
            };
            let (used, event) = exchange.receive(rest)?;
            rest = &rest[used..];
            let Some(event) = event else { return Ok(()) };
            match event {
                Event::Body(bytes) => {
                    let body = state.body.clone();
                    drop(state);
                    self.watchdog.touch(&self.reactor);
                    if let Some(body) = body {
                        body.feed(bytes);
                    }
                }
                Event::Head(head) => {
                    drop(state);
                    self.got_head(transport, head);
                }
                Event::Informational(head) => {
                    drop(state);
                    log::debug!(target: "torsade::http", "{}: {}", self.origin, head.status);
                    self.send_held_back();
                }
                Event::End(end) => {
                    drop(state);
                    let outcome = if end.until_close {
                        Outcome::UntilClose
                    } else {
                        Outcome::Done(end.trailers)
                    };
                    self.ended(outcome, end.reuse.err());
                }
                Event::Upgrade(_) | Event::Tunnel(_) => {
                    return Err(WireError::UnexpectedUpgrade.into());
                }
                Event::Surplus(_) => {}
            }
        }
    }

    fn got_head(self: &Rc<Self>, transport: &Transport, head: ResponseHead) {
        let mut state = self.state.borrow_mut();
        let must_stop = state
            .exchange
            .as_ref()
            .is_some_and(Exchange::upload_must_stop);
        let length = state.exchange.as_ref().and_then(Exchange::body_length);
        let body = Incoming::new(transport.clone(), length);
        state.body = Some(Rc::clone(&body));
        let waiting = state.waiting.take();
        let producer = if must_stop {
            state.producer.take()
        } else {
            None
        };
        if must_stop {
            state.held_back = None;
        }
        drop(state);
        if let Some(producer) = producer {
            transport.unregister_producer();
            Deferred::succeed(()).map(move |()| producer.borrow_mut().stop_producing());
        }
        // Until somebody takes the body.
        transport.pause_reading();
        self.watchdog.reading(&self.reactor);
        if let Some(waiting) = waiting {
            waiting.callback(Reply {
                head,
                body,
                transport: transport.clone(),
            });
        }
    }

    /// The response is complete.
    fn ended(self: &Rc<Self>, outcome: Outcome, obstacle: Option<crate::wire::CloseReason>) {
        let mut state = self.state.borrow_mut();
        state.exchange = None;
        state.producer = None;
        state.held_back = None;
        let body = state.body.take();
        // A server that has answered already may not take the rest of a request that is queued.
        let is_cut_short = self.queued() > 0;
        let owner = self.owner.upgrade();
        let is_reusable =
            obstacle.is_none() && !is_cut_short && !state.is_closed && owner.is_some();
        state.is_closed |= !is_reusable;
        drop(state);
        if is_reusable {
            // Reading is on while it is idle, to notice its end.
            self.with_transport(Transport::resume_reading);
            self.watchdog.idle(&self.reactor);
            if let Some(owner) = &owner {
                owner.is_idle(self);
            }
        } else {
            self.watchdog.rest();
            self.with_transport(|transport| {
                if is_cut_short {
                    transport.abort_connection();
                } else {
                    transport.resume_reading();
                    transport.lose_connection();
                }
            });
            if let Some(owner) = &owner {
                owner.is_closed(self);
            }
        }
        if let Some(body) = body {
            body.finish(outcome);
        }
    }

    /// The server has ended its direction.
    fn peer_ended(self: &Rc<Self>, transport: &Transport) {
        let mut state = self.state.borrow_mut();
        let ended = state.exchange.as_mut().map(Exchange::eof);
        drop(state);
        match ended {
            Some(Ok(Some(Event::End(end)))) => {
                let outcome = if end.until_close {
                    Outcome::UntilClose
                } else {
                    Outcome::Done(end.trailers)
                };
                self.ended(outcome, end.reuse.err());
            }
            Some(Err(error)) => self.fail(error),
            _ => {}
        }
        transport.lose_connection();
    }

    /// The connection is over; whoever still waits is told why.
    fn lost(self: &Rc<Self>, reason: &Failure) {
        let stage = self.stage();
        self.watchdog.rest();
        let mut state = self.state.borrow_mut();
        state.is_closed = true;
        let was_busy = state.exchange.take().is_some();
        let cause = state.cause.take();
        let (waiting, body) = (state.waiting.take(), state.body.take());
        let producer = state.producer.take();
        state.held_back = None;
        let until_lost = state.until_lost.take();
        drop(state);
        if let Some(owner) = self.owner.upgrade() {
            owner.is_closed(self);
        }
        drop(until_lost);
        // The transport has stopped the producer that was registered with it.
        drop(producer);
        if !was_busy {
            return;
        }
        let (stage, cause) = cause.unwrap_or_else(|| (stage, duplicate(reason)));
        let failure = Failure::from(RequestError::new(&self.origin, stage, cause));
        if let Some(waiting) = waiting {
            waiting.errback(failure);
        } else if let Some(body) = body {
            body.finish(Outcome::Failed(failure));
        }
    }

    fn now(&self) -> Instant {
        self.reactor.now()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("origin", &self.origin)
            .field("requests", &self.requests.get())
            .finish_non_exhaustive()
    }
}

/// What the transport calls; the connection's state is shared with its owner and with bodies.
pub(crate) struct HttpProtocol(pub(crate) Rc<Connection>);

impl Protocol for HttpProtocol {
    fn connection_made(&mut self, transport: &Transport) {
        // Set once: a protocol has one connection.
        let _ = self.0.transport.set(transport.clone());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.0.received(transport, data)
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.0.peer_ended(transport);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.0.lost(reason);
    }
}
