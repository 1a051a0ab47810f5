//! Filters on a connection, from its beginning or put on it later.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use super::toy_filter::{
    Careless, ToyError, answering, asking, open, serve_raw, settle, start, toy_pair,
};
use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side};
use crate::{
    ConnectStage, ConnectTimedOut, ConnectionDone, ConnectionLost, HandshakeFailed,
    PlaintextPending, Stage, Transport,
};

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
