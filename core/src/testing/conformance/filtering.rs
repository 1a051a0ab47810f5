//! Filters on a connection, from its beginning or put on it later.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use super::pair::listen_with;
use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side};
use crate::endpoints::Established;
use crate::{
    Address, ConnectStage, ConnectTimedOut, ConnectionDone, ConnectionLost, Deferred, Failure,
    Filter, HandshakeFailed, PlaintextPending, Protocol, Reactor, Result, Stage, Transport,
};

/// A filter that turns all bits over. Each side says `H` first, the answering one when it has
/// heard that; `F` is the farewell. Both travel as they are, and all else behind a `D`.
#[derive(Debug, Default)]
struct Toy {
    answers: bool,
    is_ready: bool,
    is_read_closed: bool,
    /// Whether the next byte is one of data.
    in_data: bool,
}

/// What was to be a [`Toy`]'s stream is none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ToyError {
    NotToy(u8),
    CutOff,
}

impl fmt::Display for ToyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Error for ToyError {}

fn asking() -> Toy {
    Toy::default()
}

fn answering() -> Toy {
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
fn toy_pair(harness: &dyn Harness) -> Pair<'_> {
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
fn start(transport: &Transport, filter: Toy) {
    drop(transport.start_filter(filter).add_errback(|_| Ok(())));
}

pub fn a_filter_starts_in_mid_stream(harness: &dyn Harness) -> Expect {
    // C135, C142
    let pair = toy_pair(harness);
    pair.client().write(b"secret");
    pair.wait_received(Side::Server, 8);
    pair.server().write(b"answer");
    pair.client().lose_write_connection();
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Server), b"GOsecret");
    assert_eq!(pair.received(Side::Client), b"OKanswer");
    QUIET
}

pub fn what_is_written_during_the_handshake_waits_for_it(harness: &dyn Harness) -> Expect {
    // C142: what was written before goes out plain, what is written after it does not.
    let server = Script::new().data(|transport, data| {
        if data.ends_with(b"GO") {
            start(transport, answering());
        }
    });
    let pair = Pair::open(harness, Script::new(), server);
    let client = pair.client();
    client.write(b"GO");
    let order = Rc::new(RefCell::new(Vec::new()));
    pair.wait_received(Side::Server, 2);
    let ready = Rc::clone(&order);
    let started = client
        .start_filter(asking())
        .map(move |()| ready.borrow_mut().push("ready"));
    client.write(b"se");
    client.write(&[b'c'; 50_000]);
    client.lose_connection();
    drop(started);
    pair.assert_both_done();
    assert_eq!(*order.borrow(), ["ready"]);
    let expected = [&b"GOse"[..], &[b'c'; 50_000]].concat();
    assert!(pair.received(Side::Server) == expected);
    QUIET
}

pub fn a_filter_stands_on_a_filter(harness: &dyn Harness) -> Expect {
    let pair = toy_pair(harness);
    // The handshake of the first may still be under way here.
    pair.client().write(b"ping");
    pair.wait_received(Side::Server, 6);
    pair.server().write(b"plain");
    start(&pair.server(), answering());
    pair.wait_received(Side::Client, 7);
    start(&pair.client(), asking());
    pair.client().write(b"deep");
    pair.wait_received(Side::Server, 10);
    pair.server().write(&[b'x'; 10_000]);
    pair.server().lose_connection();
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Server), b"GOpingdeep");
    assert_eq!(pair.journal.received_len(Side::Client), 10_007);
    QUIET
}

pub fn an_inner_filter_hears_what_came_with_the_outer_handshake(harness: &dyn Harness) -> Expect {
    // The server's inner filter speaks at once, so its hello comes with the outer one's.
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'H']);
    });
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking()).with_filter(asking())
    });
    reactor.run_until(opened).expect("both handshakes are done");
    QUIET
}

pub fn held_bytes_refuse_a_filter(harness: &dyn Harness) -> Expect {
    // R86, CVE-2011-0411
    let refused = Rc::new(RefCell::new(None));
    let result = Rc::clone(&refused);
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'x']);
    });
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    log.made.replace(Some(Box::new(Transport::pause_reading)));
    let connected = reactor.run_until(opened).expect("the handshake is done");
    settle(harness, &reactor);
    let started = connected.transport().start_filter(asking());
    drop(started.add_errback(move |failure| {
        result.replace(failure.check::<PlaintextPending>().copied());
        Ok(())
    }));
    assert_eq!(refused.take(), Some(PlaintextPending));
    reactor.run_until(log.lost()).expect("it is lost");
    assert_eq!(
        log.ending.take(),
        Some(Ending::Error(PlaintextPending.to_string()))
    );
    assert_eq!(log.received.take(), b"");
    QUIET
}

pub fn bytes_beside_the_handshake_refuse_a_filter(harness: &dyn Harness) -> Expect {
    // R86, CVE-2011-0411: they came before the filter, and so must not be given after its start.
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'x']);
    });
    log.made
        .replace(Some(Box::new(|transport| start(transport, asking()))));
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    reactor.run_until(opened).expect("the handshake is done");
    reactor.run_until(log.lost()).expect("it is lost");
    assert_eq!(
        log.ending.take(),
        Some(Ending::Error(PlaintextPending.to_string()))
    );
    assert_eq!(log.received.take(), b"");
    QUIET
}

pub fn an_end_waits_for_held_bytes(harness: &dyn Harness) -> Expect {
    // C88, R74
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'x', b'F']);
        transport.lose_write_connection();
    });
    log.made.replace(Some(Box::new(Transport::pause_reading)));
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    let connected = reactor.run_until(opened).expect("the handshake is done");
    settle(harness, &reactor);
    assert!(log.received.borrow().is_empty() && connected.transport().is_open());
    connected.transport().resume_reading();
    reactor.run_until(log.lost()).expect("it is lost");
    assert_eq!(log.ending.take(), Some(Ending::Done));
    assert_eq!(log.received.take(), b"x");
    QUIET
}

pub fn a_filter_that_fails_ends_the_connection_with_its_error(harness: &dyn Harness) -> Expect {
    let server = Script::new().data(|transport, data| {
        if data.starts_with(b"GO") {
            transport.write(b"what?");
        }
    });
    let pair = Pair::open(harness, Script::new(), server);
    let failed = Rc::new(RefCell::new(None));
    let result = Rc::clone(&failed);
    pair.client().write(b"GO");
    drop(
        pair.client()
            .start_filter(asking())
            .add_errback(move |failure| {
                assert!(failure.check::<HandshakeFailed>().is_some());
                result.replace(failure.find::<ToyError>().cloned());
                Ok(())
            }),
    );
    let ending = pair.wait_ending(Side::Client);
    let error = ToyError::NotToy(b'w');
    assert_eq!(ending, Ending::Error(error.to_string()));
    assert_eq!(failed.take(), Some(error));
    assert_eq!(pair.received(Side::Client), b"");
    QUIET
}

pub fn a_filter_that_fails_at_once_fails_connect_with_its_error(harness: &dyn Harness) -> Expect {
    let (reactor, address, log) = serve_raw(harness, |transport, _| transport.write(b"what?"));
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    let failure = reactor.run_until(opened).unwrap_err();
    assert_eq!(failure.check(), Some(&ToyError::NotToy(b'w')));
    QUIET
}

pub fn a_handshake_that_never_ends_times_out(harness: &dyn Harness) -> Expect {
    if !harness.is_virtual() {
        return QUIET;
    }
    let (reactor, address, log) = serve_raw(harness, |_, _| {});
    let (start, total) = (reactor.now(), Duration::from_secs(5));
    let opened = open(harness, &reactor, &address, &log, move |stream| {
        stream
            .with_filter(asking())
            .open_by(start + total, total, "toy")
    });
    let failure = reactor.run_until(opened).unwrap_err();
    let stage = ConnectStage::Handshake;
    let expected = ConnectTimedOut {
        peer: "toy".to_owned(),
        after: total,
        stage,
    };
    assert_eq!(failure.check(), Some(&expected));
    assert_eq!(reactor.now() - start, total);
    QUIET
}

pub fn lose_in_a_handshake_ends_at_once(harness: &dyn Harness) -> Expect {
    // C137
    let server = Script::new().read_closed(|_| {});
    let pair = Pair::open(harness, Script::new(), server);
    let failed = Rc::new(RefCell::new(None));
    let result = Rc::clone(&failed);
    let start = pair.reactor.now();
    drop(
        pair.client()
            .start_filter(asking())
            .add_errback(move |failure| {
                result.replace(failure.find::<ConnectionDone>().copied());
                Ok(())
            }),
    );
    pair.client().lose_connection();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Done);
    assert_eq!(failed.take(), Some(ConnectionDone));
    assert!(pair.reactor.now() - start < Duration::from_secs(3));
    QUIET
}

pub fn half_a_close_in_a_handshake_waits_for_it(harness: &dyn Harness) -> Expect {
    let server = Script::new()
        .made(|transport| start(transport, answering()))
        .read_closed(|transport| {
            transport.write(b"answer");
            transport.lose_connection();
        });
    let pair = Pair::open(harness, Script::new(), server);
    start(&pair.client(), asking());
    pair.client().lose_write_connection();
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Client), b"answer");
    QUIET
}

pub fn a_stream_that_ends_in_a_handshake_fails_connect(harness: &dyn Harness) -> Expect {
    let (reactor, address, log) = serve_raw(harness, |transport, _| transport.lose_connection());
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    let failure = reactor.run_until(opened).unwrap_err();
    assert_eq!(failure.check(), Some(&ToyError::CutOff));
    // A filter that does not mind leaves it to the connection.
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(Careless)
    });
    let failure = reactor.run_until(opened).unwrap_err();
    let lost = failure
        .check::<ConnectionLost>()
        .expect("the connection says so");
    assert_eq!(
        (lost.stage, lost.error.kind()),
        (Stage::Reading, ErrorKind::UnexpectedEof)
    );
    QUIET
}

pub fn a_stream_cut_off_is_told_as_such(harness: &dyn Harness) -> Expect {
    // C134, R71
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'x']);
        transport.lose_connection();
    });
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking())
    });
    reactor.run_until(opened).expect("the handshake is done");
    reactor.run_until(log.lost()).expect("it is lost");
    assert_eq!(
        log.ending.take(),
        Some(Ending::Error(ToyError::CutOff.to_string()))
    );
    assert_eq!(log.received.take(), b"x");
    QUIET
}

pub fn an_outer_farewell_is_not_the_inner_one(harness: &dyn Harness) -> Expect {
    let (reactor, address, log) = serve_raw(harness, |transport, _| {
        transport.write(&[b'H', b'D', !b'H', b'D', !b'D', b'D', b'x', b'F']);
    });
    let opened = open(harness, &reactor, &address, &log, |stream| {
        stream.with_filter(asking()).with_filter(asking())
    });
    reactor.run_until(opened).expect("both handshakes are done");
    reactor.run_until(log.lost()).expect("it is lost");
    assert_eq!(
        log.ending.take(),
        Some(Ending::Error(ToyError::CutOff.to_string()))
    );
    assert_eq!(log.received.take(), [b'x']);
    QUIET
}

pub fn a_filter_after_the_peers_end_is_refused(harness: &dyn Harness) -> Expect {
    let client = Script::new().read_closed(|_| {});
    let pair = Pair::open(harness, client, Script::new());
    pair.server().lose_write_connection();
    pair.wait(|journal| journal.has(Side::Client, &Event::ReadClosed));
    let refused = pair.client().start_filter(asking());
    let failure = refused.try_take().expect("at once").unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectionDone));
    assert!(pair.client().is_open());
    QUIET
}

/// Never ready, and content with any end.
#[derive(Debug)]
struct Careless;

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

    fn close_write(&mut self, _: &mut Vec<u8>) {}

    fn wire_closed(&mut self) -> Result<()> {
        Ok(())
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn is_read_closed(&self) -> bool {
        false
    }
}

/// A server without filters, which on the first bytes of a client does what it is given.
fn serve_raw(
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

type Hook = Box<dyn Fn(&Transport)>;

/// What became of a client with filters.
#[derive(Default)]
struct Log {
    made: RefCell<Option<Hook>>,
    received: RefCell<Vec<u8>>,
    ending: RefCell<Option<Ending>>,
    waiting: RefCell<Option<crate::Resolver<()>>>,
}

impl Log {
    fn lost(&self) -> Deferred<()> {
        if self.ending.borrow().is_some() {
            return Deferred::succeed(());
        }
        let (resolver, deferred) = Deferred::new();
        *self.waiting.borrow_mut() = Some(resolver);
        deferred
    }
}

struct Client(Rc<Log>);

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
fn open(
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

fn settle(harness: &dyn Harness, reactor: &Reactor) {
    let time = if harness.is_virtual() {
        Duration::from_secs(1)
    } else {
        Duration::ZERO
    };
    let settled = crate::task::defer_later(reactor, time, || ());
    reactor.run_until(settled).expect("time passes");
}
