//! A connection that speaks HTTP/1.1, with one exchange at a time.
//!
//! ```text
//!         send                    head                    end
//! Idle ---------> Waiting ---------------> Receiving -----------> Idle, given back to its owner
//!   |                |                        |            '----> closing, if not reusable
//!   | bytes, end     | error, time-out        | error, time-out, abandoned
//!   '----------------'------------------------'-----------------> closed, its owner is told
//!                    | 101
//!                    '------> another protocol has it from here on
//! ```

mod pooled;
mod sending;
mod watchdog;

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Instant;

use torsade_core::{Cancelled, Deferred, Failure, Reactor, Resolver, Result, Transport};
use watchdog::Watchdog;

use super::upgrade::Successor;
use super::{Connection, Outgoing, Owner, Reply, Upgraded};
use crate::body::SharedProducer;
use crate::error::{RequestError, Stage, WireError, duplicate};
use crate::incoming::{Incoming, Outcome};
use crate::origin::Origin;
use crate::wire::{Event, Exchange, ResponseHead};

pub(crate) use watchdog::Timeouts;

/// See the module.
pub(crate) struct Http1 {
    origin: Origin,
    reactor: Reactor,
    owner: Weak<dyn Owner>,
    transport: Transport,
    state: RefCell<State>,
    watchdog: Watchdog,
    /// Counts the requests sent on it.
    requests: Cell<u64>,
    is_counted_out: Cell<bool>,
    /// What speaks on it after an upgrade.
    successor: OnceCell<Rc<Successor>>,
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

impl Http1 {
    pub(super) fn new(
        origin: Origin,
        reactor: &Reactor,
        owner: Weak<dyn Owner>,
        transport: &Transport,
    ) -> Rc<Self> {
        Rc::new(Self {
            origin,
            reactor: reactor.clone(),
            owner,
            transport: transport.clone(),
            state: RefCell::default(),
            watchdog: Watchdog::default(),
            requests: Cell::new(0),
            is_counted_out: Cell::new(false),
            successor: OnceCell::new(),
        })
    }

    /// Its owner has it back.
    fn give_back(self: &Rc<Self>) {
        if let Some(owner) = self.owner.upgrade() {
            owner.is_idle(Rc::<Self>::clone(self));
        }
    }

    /// Its owner has it no more.
    fn take_leave(&self) {
        if let Some(owner) = self.owner.upgrade() {
            owner.is_closed(self);
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
        self.transport.queued()
    }

    /// Closes the connection, because of `cause`; whoever waits is told when it is closed.
    fn fail(&self, cause: impl Into<Failure>) {
        let stage = self.stage();
        let mut state = self.state.borrow_mut();
        state.is_closed = true;
        state.cause.get_or_insert_with(|| (stage, cause.into()));
        drop(state);
        self.transport.abort_connection();
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

    pub(super) fn received(self: &Rc<Self>, transport: &Transport, data: &[u8]) -> Result<()> {
        if let Some(successor) = self.successor.get() {
            let taken = successor.call(|protocol| protocol.data_received(transport, data));
            return taken.unwrap_or(Ok(()));
        }
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
                Event::Upgrade(head) => {
                    drop(state);
                    // The server cannot have read all of the request.
                    if self.queued() > 0 {
                        return Err(WireError::UnexpectedUpgrade.into());
                    }
                    self.upgraded(head, rest);
                    return Ok(());
                }
                // Nobody asks for one here: CONNECT is for proxies.
                Event::Tunnel(_) => return Err(WireError::UnexpectedUpgrade.into()),
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
        let body = self.incoming(length);
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
                upgraded: None,
            });
        }
    }

    /// A body to come, of this length if it is known.
    fn incoming(self: &Rc<Self>, length: Option<u64>) -> Rc<Incoming> {
        let this = Rc::<Self>::downgrade(self);
        Incoming::new(this, self.transport.clone(), length)
    }

    /// The server speaks another protocol from here on, and `early` is of that.
    fn upgraded(self: &Rc<Self>, head: ResponseHead, early: &[u8]) {
        let mut state = self.state.borrow_mut();
        (state.exchange, state.producer, state.is_closed) = (None, None, true);
        let waiting = state.waiting.take();
        drop(state);
        self.watchdog.rest();
        self.take_leave();
        let successor = self.successor.get_or_init(Rc::default);
        let upgraded = Upgraded::new(&self.transport, successor, early);
        let body = self.incoming(Some(0));
        body.finish(Outcome::Done(None));
        if let Some(waiting) = waiting {
            waiting.callback(Reply {
                head,
                body,
                transport: self.transport.clone(),
                upgraded: Some(upgraded),
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
        let has_owner = self.owner.strong_count() > 0;
        let is_reusable = obstacle.is_none() && !is_cut_short && !state.is_closed && has_owner;
        state.is_closed |= !is_reusable;
        drop(state);
        if is_reusable {
            // Reading is on while it is idle, to notice its end.
            self.transport.resume_reading();
            self.watchdog.idle(&self.reactor);
            self.give_back();
        } else {
            self.watchdog.rest();
            if is_cut_short {
                self.transport.abort_connection();
            } else {
                self.transport.resume_reading();
                self.transport.lose_connection();
            }
            self.take_leave();
        }
        if let Some(body) = body {
            body.finish(outcome);
        }
    }

    /// The server has ended its direction.
    pub(super) fn peer_ended(self: &Rc<Self>, transport: &Transport) {
        if let Some(successor) = self.successor.get() {
            if successor
                .call(|protocol| protocol.read_closed(transport))
                .is_none()
            {
                transport.lose_connection();
            }
            return;
        }
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

    pub(super) fn write_ended(&self, transport: &Transport) {
        if let Some(successor) = self.successor.get() {
            successor.call(|protocol| protocol.write_closed(transport));
        }
    }

    /// The connection is over; whoever still waits is told why.
    pub(super) fn lost(self: &Rc<Self>, reason: &Failure) {
        if let Some(successor) = self.successor.get() {
            successor.lost(reason);
        }
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
        self.take_leave();
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
