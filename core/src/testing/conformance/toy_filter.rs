//! A filter that is a toy, and those who speak through it or beside it.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::pair::listen_with;
use super::{Ending, Harness, Pair, Script, Side};
use crate::endpoints::Established;
use crate::{Address, Deferred, Failure, Filter, Protocol, Reactor, Result, Transport};

/// A filter that turns all bits over. Each side says `H` first, the answering one when it has
/// heard that; `F` is the farewell. Both travel as they are, and all else behind a `D`.
#[derive(Debug, Default)]
pub(super) struct Toy {
    answers: bool,
    is_ready: bool,
    is_read_closed: bool,
    /// Whether the next byte is one of data.
    in_data: bool,
}

/// What was to be a [`Toy`]'s stream is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToyError {
    NotToy(u8),
    CutOff,
}

impl fmt::Display for ToyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for ToyError {}

pub(super) fn asking() -> Toy {
    Toy::default()
}

pub(super) fn answering() -> Toy {
    Toy {
        answers: true,
        ..Toy::default()
    }
}

impl Filter for Toy {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        if !self.answers {
            wire.push(b'H');
        }
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()> {
        for &mut byte in input {
            if self.is_read_closed {
                return Ok(());
            }
            match byte {
                _ if self.in_data => {
                    plain.push(!byte);
                    self.in_data = false;
                }
                b'H' if !self.is_ready => {
                    self.is_ready = true;
                    if self.answers {
                        wire.push(b'H');
                    }
                }
                b'D' if self.is_ready => self.in_data = true,
                b'F' if self.is_ready => self.is_read_closed = true,
                other => return Err(ToyError::NotToy(other).into()),
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        assert!(self.is_ready, "nothing is encoded before the handshake");
        wire.extend(plain.iter().flat_map(|byte| [b'D', !byte]));
        Ok(())
    }

    fn close_write(&mut self, wire: &mut Vec<u8>) {
        if self.is_ready {
            wire.push(b'F');
        }
    }

    fn wire_closed(&mut self) -> Result<()> {
        if self.is_read_closed {
            Ok(())
        } else {
            Err(ToyError::CutOff.into())
        }
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn is_read_closed(&self) -> bool {
        self.is_read_closed
    }
}

/// A pair that has agreed on a [`Toy`] in mid-stream: the server started it when it got `GO`, the
/// client when it got `OK`.
pub(super) fn toy_pair(harness: &dyn Harness) -> Pair<'_> {
    let client = Script::new()
        .made(|transport| transport.write(b"GO"))
        .data(|transport, data| {
            if data == b"OK" {
                start(transport, asking());
            }
        });
    let server = Script::new().data(|transport, data| {
        if data == b"GO" {
            transport.write(b"OK");
            start(transport, answering());
        }
    });
    let pair = Pair::open(harness, client, server);
    pair.wait_received(Side::Client, 2);
    pair
}

/// Starts a filter whose failure does not matter here.
pub(super) fn start(transport: &Transport, filter: Toy) {
    drop(transport.start_filter(filter).add_errback(|_| Ok(())));
}

/// Never ready, and content with any end.
#[derive(Debug)]
pub(super) struct Careless;

impl Filter for Careless {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        wire.push(b'?');
        Ok(())
    }

    fn decode(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn encode(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn is_ready(&self) -> bool {
        false
    }
}

/// A server without filters, which on the first bytes of a client does what it is given.
pub(super) fn serve_raw(
    harness: &dyn Harness,
    answer: impl Fn(&Transport, &[u8]) + 'static,
) -> (Reactor, Address, Rc<Log>) {
    struct Raw<F>(Rc<F>, bool);

    impl<F: Fn(&Transport, &[u8]) + 'static> Protocol for Raw<F> {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            if !std::mem::replace(&mut self.1, true) {
                (self.0)(transport, data);
            }
            Ok(())
        }
    }

    let reactor = harness.reactor();
    reactor.handle_signals(false);
    let answer = Rc::new(answer);
    let address = listen_with(harness, &reactor, move |_: &Address| {
        Raw(Rc::clone(&answer), false)
    });
    (reactor, address, Rc::default())
}

pub(super) type Hook = Box<dyn Fn(&Transport)>;

/// What became of a client with filters.
#[derive(Default)]
pub(super) struct Log {
    pub(super) made: RefCell<Option<Hook>>,
    pub(super) received: RefCell<Vec<u8>>,
    pub(super) ending: RefCell<Option<Ending>>,
    waiting: RefCell<Option<crate::Resolver<()>>>,
}

impl Log {
    pub(super) fn lost(&self) -> Deferred<()> {
        if self.ending.borrow().is_some() {
            return Deferred::succeed(());
        }
        let (resolver, deferred) = Deferred::new();
        *self.waiting.borrow_mut() = Some(resolver);
        deferred
    }
}

pub(super) struct Client(Rc<Log>);

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(made) = &*self.0.made.borrow() {
            made(transport);
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        *self.0.ending.borrow_mut() = Some(Ending::of(reason));
        if let Some(waiting) = self.0.waiting.take() {
            waiting.callback(());
        }
    }
}

/// Opens a client with filters.
pub(super) fn open(
    harness: &dyn Harness,
    reactor: &Reactor,
    address: &Address,
    log: &Rc<Log>,
    with_filters: impl FnOnce(Established) -> Established + 'static,
) -> Deferred<crate::ProtocolRef<Client>> {
    let log = Rc::clone(log);
    harness
        .establish(reactor, address)
        .add_callback(move |stream| {
            with_filters(stream).open(move |_: &Address| Client(Rc::clone(&log)))
        })
}

pub(super) fn settle(harness: &dyn Harness, reactor: &Reactor) {
    let time = if harness.is_virtual() {
        Duration::from_secs(1)
    } else {
        Duration::ZERO
    };
    let settled = crate::task::defer_later(reactor, time, || ());
    reactor.run_until(settled).expect("time passes");
}
