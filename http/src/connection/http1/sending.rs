//! Sending a request: its head, and its body in one piece or from a producer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use torsade_core::{Deferred, Failure, Producer, ProducerKind, Transport};

use super::{Http1, Outgoing, Reply};
use crate::body::{BodyProducer, BodyWriter, RequestBody, SharedProducer};
use crate::error::{RequestError, Stage};
use crate::wire::{Exchange, RequestHead};

/// A body that waits until the server wants it.
pub(super) enum HeldBack {
    Bytes(Bytes),
    Producer(SharedProducer),
}

impl HeldBack {
    fn producer(producer: Box<dyn BodyProducer>) -> Self {
        Self::Producer(Rc::new(RefCell::new(producer)))
    }
}

/// Bodies up to this size are sent in one piece with their head.
const JOINED: usize = 16 * 1024;

/// How long `100 Continue` is waited for before the body is sent all the same: a server may not
/// know of it (RFC 9110 section 10.1.1).
const CONTINUE_TIME: Duration = Duration::from_secs(1);

impl Http1 {
    /// Sends a request. Cancelled, it closes the connection.
    pub(super) fn begin(self: &Rc<Self>, request: Outgoing<'_>) -> Deferred<Reply> {
        let mut head = RequestHead::new(
            request.method,
            request.target,
            request.host,
            request.headers,
        )
        .body(request.body.length());
        if request.close {
            head = head.close();
        }
        let mut wire = Vec::with_capacity(512);
        let mut exchange = match Exchange::start(&head, request.limits, &mut wire) {
            Ok(exchange) => exchange,
            Err(error) => return self.refuse(error),
        };
        self.requests.set(self.requests.get() + 1);
        let number = self.requests.get();
        let awaits_continue = exchange.awaits_continue();
        let (held_back, rest) = match request.body {
            RequestBody::Empty => (None, None),
            RequestBody::Bytes(bytes) if awaits_continue => (Some(HeldBack::Bytes(bytes)), None),
            RequestBody::Bytes(bytes) => match add_bytes(&mut exchange, &mut wire, bytes) {
                Ok(rest) => (None, rest),
                Err(error) => return self.refuse(error),
            },
            RequestBody::Producer(producer) => (Some(HeldBack::producer(producer)), None),
            RequestBody::Producers(make) => (Some(HeldBack::producer(make())), None),
        };
        self.write(&wire, rest);

        let weak = Rc::downgrade(self);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(connection) = weak.upgrade() {
                connection.cancel(number);
            }
        });
        let mut state = self.state.borrow_mut();
        state.exchange = Some(exchange);
        state.waiting = Some(resolver);
        let has_held_back = held_back.is_some();
        state.held_back = held_back;
        drop(state);
        self.watchdog
            .sending(&self.reactor, self, request.timeouts, request.deadline);
        if awaits_continue {
            self.send_after_a_while();
        } else if has_held_back {
            self.send_held_back();
        }
        deferred
    }

    /// Writes a piece of a request, and another behind it that is not copied.
    fn write(&self, piece: &[u8], rest: Option<Bytes>) {
        self.watchdog.wrote(piece.len());
        self.transport.write(piece);
        if let Some(rest) = rest {
            self.watchdog.wrote(rest.len());
            self.transport.write_bytes(rest);
        }
    }

    /// Nothing was sent, so the connection is as good as before.
    fn refuse(self: &Rc<Self>, cause: impl Into<Failure>) -> Deferred<Reply> {
        self.give_back();
        Deferred::fail(RequestError::new(&self.origin, Stage::Sending, cause))
    }

    fn send_after_a_while(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let number = self.requests.get();
        let _ = self.reactor.call_later(CONTINUE_TIME, move || {
            if let Some(connection) = weak.upgrade()
                && connection.requests.get() == number
                && !connection.has_begun_to_answer()
            {
                connection.send_held_back();
            }
        });
    }

    fn has_begun_to_answer(&self) -> bool {
        let state = self.state.borrow();
        state
            .exchange
            .as_ref()
            .is_some_and(Exchange::response_started)
    }

    /// Sends the body that was held back, if there is one.
    pub(super) fn send_held_back(self: &Rc<Self>) {
        let held_back = self.state.borrow_mut().held_back.take();
        match held_back {
            None => {}
            Some(HeldBack::Bytes(bytes)) => {
                let mut wire = Vec::new();
                let mut state = self.state.borrow_mut();
                let Some(exchange) = &mut state.exchange else {
                    return;
                };
                let added = add_bytes(exchange, &mut wire, bytes);
                drop(state);
                match added {
                    Ok(rest) => self.write(&wire, rest),
                    Err(error) => self.fail(error),
                }
            }
            Some(HeldBack::Producer(producer)) => self.start_producer(producer),
        }
    }

    /// Starts a producer when the running user function has returned: it is one itself.
    fn start_producer(self: &Rc<Self>, producer: SharedProducer) {
        self.state.borrow_mut().producer = Some(Rc::clone(&producer));
        let adapter = Upload {
            producer: Rc::clone(&producer),
        };
        // There is no other: a connection has one request at a time.
        let _ = self
            .transport
            .register_producer(adapter, ProducerKind::Push);
        let (this, number) = (Rc::clone(self), self.requests.get());
        Deferred::succeed(())
            .add_callback({
                let this = Rc::clone(&this);
                move |()| {
                    let writer = BodyWriter::new(&this, number);
                    producer.borrow_mut().start_producing(writer)
                }
            })
            .add_both(move |produced| {
                if this.requests.get() != number {
                    return;
                }
                match produced {
                    Ok(()) => this.finish_upload(),
                    Err(failure) if this.is_uploading() => this.fail(failure),
                    Err(_) => {}
                }
            });
    }

    fn is_uploading(&self) -> bool {
        self.state.borrow().producer.is_some()
    }

    /// A producer wrote.
    pub(crate) fn write_body(self: &Rc<Self>, request: u64, data: &[u8]) {
        if self.requests.get() != request {
            return;
        }
        let mut state = self.state.borrow_mut();
        if state.producer.is_none() {
            return;
        }
        let Some(exchange) = &mut state.exchange else {
            return;
        };
        let frame = exchange.body_frame(data.len());
        drop(state);
        match frame {
            Ok(None) => {}
            Ok(Some(frame)) => {
                for piece in [frame.before(), data, frame.after()] {
                    self.write(piece, None);
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn finish_upload(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        if state.producer.take().is_none() {
            return;
        }
        let mut wire = Vec::new();
        let finished = state
            .exchange
            .as_mut()
            .map(|exchange| exchange.finish_body(&mut wire));
        drop(state);
        self.transport.unregister_producer();
        self.write(&wire, None);
        if let Some(Err(error)) = finished {
            self.fail(error);
        }
    }
}

/// Puts a body behind its head: copied if it is small, given back to be sent as it is otherwise.
fn add_bytes(
    exchange: &mut Exchange,
    wire: &mut Vec<u8>,
    bytes: Bytes,
) -> Result<Option<Bytes>, crate::WireError> {
    if bytes.len() <= JOINED {
        exchange.body_chunk(&bytes, wire)?;
        exchange.finish_body(wire)?;
        return Ok(None);
    }
    // Its length is known, so nothing goes around it.
    exchange.body_frame(bytes.len())?;
    exchange.finish_body(wire)?;
    Ok(Some(bytes))
}

/// A body's producer as the transport's.
struct Upload {
    producer: SharedProducer,
}

impl Producer for Upload {
    fn resume_producing(&mut self, _: &Transport) {
        self.producer.borrow_mut().resume_producing();
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.producer.borrow_mut().pause_producing();
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.producer.borrow_mut().stop_producing();
    }
}
