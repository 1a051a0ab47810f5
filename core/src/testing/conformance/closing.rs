//! Closing in an orderly way: the whole connection, or half of it.

use std::io::ErrorKind;
use std::time::Duration;

use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side, pattern};
use crate::{Address, ConnectionDone, ProducerKind, Stage, Transport};

/// What is written at once and cannot go out while the peer does not read.
fn flood(transport: &Transport, harness: &dyn Harness) {
    transport.write_bytes(vec![7; harness.flood()]);
}

fn paused() -> Script {
    Script::new().made(Transport::pause_reading)
}

pub fn lose_sends_all_that_was_written_before(harness: &dyn Harness) -> Expect {
    // C81, R72, R76
    let bytes = pattern(harness.volume() / 4);
    let expected = bytes.clone();
    let client = Script::new().made(move |transport| {
        transport.write(&bytes);
        transport.lose_connection();
        assert!(!transport.is_open());
        transport.lose_connection();
    });
    let pair = Pair::open(harness, client, Script::new());
    pair.assert_both_done();
    assert!(pair.received(Side::Server) == expected);
    assert!(!pair.events(Side::Client).contains(&Event::ReadClosed));
    QUIET
}

pub fn what_is_written_after_lose_is_dropped(harness: &dyn Harness) -> Expect {
    // C79, C80
    let pair = Pair::open(harness, Script::new(), Script::new());
    let client = pair.client();
    client.write(b"early");
    client.lose_connection();
    client.write(b"late");
    client.write_bytes(vec![1; 100_000]);
    client.write_sequence(["later"]);
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Server), b"early");
    client.write(b"dead");
    assert_eq!(client.queued(), 0);
    QUIET
}

pub fn nothing_is_received_after_lose(harness: &dyn Harness) -> Expect {
    // C82
    let client = Script::new().data(|transport, _| transport.lose_connection());
    let server = Script::new()
        .made(|transport| transport.write(b"first"))
        .read_closed(|transport| {
            transport.write(b"second");
            transport.lose_connection();
        });
    let pair = Pair::open(harness, client, server);
    pair.wait_received(Side::Client, 5);
    pair.server().write(b"more");
    pair.assert_both_done();
    pair.settle();
    assert_eq!(pair.received(Side::Client), b"first");
    QUIET
}

pub fn a_connection_may_be_lost_before_it_was_used(harness: &dyn Harness) -> Expect {
    // C83
    let pair = Pair::open(
        harness,
        Script::new().made(Transport::lose_connection),
        Script::new(),
    );
    pair.assert_both_done();
    QUIET
}

pub fn half_a_close_leaves_the_other_half_open(harness: &dyn Harness) -> Expect {
    // C90, C91, C118, C143, R95
    let answer = pattern(harness.volume() / 10);
    let expected = answer.clone();
    let client = Script::new().made(|transport| {
        transport.write(b"question");
        transport.lose_write_connection();
    });
    let server = Script::new().read_closed(move |transport| {
        transport.write(&answer);
        transport.lose_connection();
    });
    let pair = Pair::open(harness, client, server);
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Server), b"question");
    assert!(pair.received(Side::Client) == expected);
    assert_eq!(
        pair.events(Side::Client)[..2],
        [Event::Made, Event::WriteClosed]
    );
    QUIET
}

pub fn the_peers_end_closes_after_what_was_answered(harness: &dyn Harness) -> Expect {
    // C91, R95
    let answer = pattern(100_000);
    let expected = answer.clone();
    let client = Script::new().made(|transport| {
        transport.write(b"question");
        transport.lose_write_connection();
    });
    let server = Script::new().data(move |transport, _| transport.write(&answer));
    let pair = Pair::open(harness, client, server);
    pair.assert_both_done();
    assert!(pair.received(Side::Client) == expected);
    QUIET
}

pub fn half_a_close_twice_is_one_and_ends_writing(harness: &dyn Harness) -> Expect {
    // C90
    let server = Script::new().read_closed(|_| {});
    let pair = Pair::open(harness, Script::new(), server);
    let client = pair.client();
    client.write(b"all");
    client.lose_write_connection();
    client.lose_write_connection();
    client.write(b"late");
    assert!(!client.is_open());
    pair.wait(|journal| journal.has(Side::Server, &Event::ReadClosed));
    client.lose_write_connection();
    client.write(b"later");
    pair.settle();
    assert_eq!(pair.received(Side::Server), b"all");
    assert_eq!(pair.events(Side::Client)[1..], [Event::WriteClosed]);
    assert!(pair.server().is_open());
    QUIET
}

pub fn two_halves_make_a_whole_close(harness: &dyn Harness) -> Expect {
    // C90
    let server = Script::new().read_closed(|transport| transport.write(b"rest"));
    let pair = Pair::open(harness, Script::new(), server);
    pair.client().lose_write_connection();
    pair.wait_received(Side::Client, 4);
    pair.server().lose_write_connection();
    pair.assert_both_done();
    QUIET
}

pub fn lose_after_half_a_close_ends_it(harness: &dyn Harness) -> Expect {
    // R76
    let client = Script::new().write_closed(Transport::lose_connection);
    let pair = Pair::open(harness, client, Script::new());
    pair.client().lose_write_connection();
    pair.assert_both_done();
    QUIET
}

pub fn calls_after_the_end_are_harmless(harness: &dyn Harness) -> Expect {
    // C79, C89, C137
    let pair = Pair::open(harness, Script::new(), Script::new());
    let client = pair.client();
    client.lose_connection();
    pair.assert_both_done();
    pair.settle();
    for _ in 0..2 {
        client.write(b"late");
        client.lose_connection();
        client.lose_write_connection();
        client.abort_connection();
        client.abort_with(ConnectionDone);
        client.pause_reading();
        client.resume_reading();
        client.unregister_producer();
        client.set_max_queued(Some(1));
        assert!(!client.is_open() && client.queued() == 0);
        assert!(client.set_no_delay(true).is_err() && client.set_keep_alive(None).is_err());
        assert!(client.negotiated::<()>().is_none());
        assert_eq!(
            (client.peer(), client.host()),
            (Address::Unnamed, Address::Unnamed)
        );
        assert!(
            client
                .register_producer(client.clone(), ProducerKind::Push)
                .is_ok()
        );
        let _ = format!("{client:?}");
        pair.settle();
    }
    QUIET
}

pub fn a_peer_that_never_reads_does_not_keep_us(harness: &dyn Harness) -> Expect {
    // C136, R75
    if !harness.is_virtual() {
        return QUIET;
    }
    let pair = Pair::open(harness, Script::new(), paused());
    let start = pair.reactor.now();
    flood(&pair.client(), harness);
    pair.client().lose_connection();
    let ending = pair.wait_ending(Side::Client);
    assert_eq!(ending, Ending::Lost(Stage::Closing, ErrorKind::TimedOut));
    assert!(pair.reactor.now() - start < Duration::from_secs(8));
    QUIET
}

pub fn a_peer_that_talks_and_never_reads_does_not_keep_us(harness: &dyn Harness) -> Expect {
    // C136
    if !harness.is_virtual() {
        return QUIET;
    }
    let pair = Pair::open(harness, Script::new(), paused());
    let start = pair.reactor.now();
    flood(&pair.client(), harness);
    pair.client().lose_connection();
    for _ in 0..20 {
        pair.server().write(b"still here");
        pair.pass(Duration::from_millis(500));
    }
    assert_eq!(
        pair.wait_ending(Side::Client),
        Ending::Lost(Stage::Closing, ErrorKind::TimedOut)
    );
    assert!(pair.reactor.now() - start < Duration::from_secs(11));
    QUIET
}

pub fn a_peer_that_never_closes_does_not_keep_us(harness: &dyn Harness) -> Expect {
    // C135, C136
    if !harness.is_virtual() {
        return QUIET;
    }
    let pair = Pair::open(harness, Script::new(), Script::new().read_closed(|_| {}));
    let (start, sources) = (pair.reactor.now(), pair.reactor.open_sources());
    pair.client().lose_connection();
    let ending = pair.wait_ending(Side::Client);
    let expected = if harness.has_farewell() {
        Ending::Lost(Stage::Closing, ErrorKind::TimedOut)
    } else {
        Ending::Done
    };
    assert_eq!(ending, expected);
    assert!(pair.reactor.now() - start < Duration::from_secs(4));
    pair.pass(Duration::from_secs(4));
    // C96
    assert!(
        pair.reactor.open_sources() < sources,
        "the client's stream is closed"
    );
    QUIET
}

pub fn a_slow_peer_gets_all_of_it(harness: &dyn Harness) -> Expect {
    if !harness.is_virtual() {
        return QUIET;
    }
    // It rests for two seconds after each piece.
    let server = Script::new().data(|transport, _| {
        transport.pause_reading();
        let transport = transport.clone();
        let _ = transport
            .reactor()
            .call_later(Duration::from_secs(2), move || transport.resume_reading());
    });
    let bytes = pattern(harness.flood().min(1_000_000));
    let pair = Pair::open(harness, Script::new(), server);
    pair.client().write(&bytes);
    pair.client().lose_connection();
    // Its answer may be too late for us, but not what we have sent for it.
    let (client, server) = pair.wait_lost();
    let too_late = Ending::Lost(Stage::Closing, ErrorKind::TimedOut);
    assert!(client == Ending::Done || harness.has_farewell() && client == too_late);
    assert_eq!(server, Ending::Done);
    assert!(pair.received(Side::Server) == bytes);
    QUIET
}
