//! Reading, paused and resumed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::producing::{Call, Recorder};
use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side, pattern};
use crate::{ProducerKind, Transport};

fn paused() -> Script {
    Script::new().made(Transport::pause_reading)
}

pub fn a_pause_when_made_keeps_all_back(harness: &dyn Harness) -> Expect {
    // C87
    let server = Script::new().made(|transport| transport.write(b"eager"));
    let pair = Pair::open(harness, paused(), server);
    pair.settle();
    assert_eq!(pair.events(Side::Client), [Event::Made]);
    pair.client().resume_reading();
    pair.wait_received(Side::Client, 5);
    QUIET
}

pub fn the_end_waits_for_resume(harness: &dyn Harness) -> Expect {
    // C88
    let server = Script::new().made(|transport| {
        transport.write(b"last words");
        transport.lose_write_connection();
    });
    let pair = Pair::open(harness, paused(), server);
    pair.settle();
    assert_eq!(pair.events(Side::Client), [Event::Made]);
    pair.client().resume_reading();
    pair.assert_both_done();
    let events = pair.events(Side::Client);
    assert_eq!(events[1..3], [Event::Data(10), Event::ReadClosed]);
    QUIET
}

pub fn a_reset_waits_for_resume(harness: &dyn Harness) -> Expect {
    // C88, R89
    let pair = Pair::open(harness, paused(), Script::new());
    pair.server().abort_connection();
    pair.settle();
    assert_eq!(pair.events(Side::Client), [Event::Made]);
    pair.client().resume_reading();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset(&ending);
    QUIET
}

pub fn a_paused_connection_can_be_lost(harness: &dyn Harness) -> Expect {
    // C88, R75
    let pair = Pair::open(harness, paused(), Script::new());
    pair.server().write(b"unread");
    pair.settle();
    pair.client().lose_connection();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Done);
    assert_eq!(pair.received(Side::Client), b"");
    QUIET
}

pub fn a_paused_connection_can_be_aborted(harness: &dyn Harness) -> Expect {
    let pair = Pair::open(harness, paused(), Script::new());
    pair.client().abort_connection();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Aborted);
    QUIET
}

pub fn pausing_at_each_piece_loses_nothing(harness: &dyn Harness) -> Expect {
    // C89, R74
    let client = Script::new().data(|transport, _| {
        transport.pause_reading();
        let transport = transport.clone();
        let _ = transport
            .reactor()
            .call_later(Duration::ZERO, move || transport.resume_reading());
    });
    let bytes = pattern(300_000);
    let pair = Pair::open(harness, client, Script::new());
    pair.server().write(&bytes);
    pair.server().lose_connection();
    pair.assert_both_done();
    assert!(pair.received(Side::Client) == bytes);
    QUIET
}

pub fn pauses_do_not_nest(harness: &dyn Harness) -> Expect {
    let pair = Pair::open(harness, paused(), Script::new());
    let client = pair.client();
    client.pause_reading();
    client.resume_reading();
    client.resume_reading();
    pair.server().write(b"now");
    pair.wait_received(Side::Client, 3);
    QUIET
}

pub fn resume_after_lose_delivers_nothing(harness: &dyn Harness) -> Expect {
    // C82, C89
    let pair = Pair::open(harness, paused(), Script::new());
    pair.server().write(b"unread");
    pair.settle();
    pair.client().lose_connection();
    pair.client().resume_reading();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Done);
    assert_eq!(pair.received(Side::Client), b"");
    QUIET
}

pub fn a_paused_reader_holds_its_peer_back(harness: &dyn Harness) -> Expect {
    // C87
    let pair = Pair::open(harness, Script::new(), paused());
    pair.client().write(&vec![7; harness.flood()]);
    pair.settle();
    assert!(pair.client().queued() > 0);
    pair.server().resume_reading();
    pair.wait_received(Side::Server, harness.flood());
    assert_eq!(pair.client().queued(), 0);
    QUIET
}

pub fn a_write_that_fails_while_paused_stops_the_producer(harness: &dyn Harness) -> Expect {
    // C88, C101, R94
    let pair = Pair::open(harness, paused(), paused());
    let calls = Rc::new(RefCell::new(Vec::new()));
    let recorder = Recorder::new(&calls, &pair.journal);
    pair.client()
        .register_producer(recorder, ProducerKind::Push)
        .expect("it is the first");
    pair.client().write(&vec![7; harness.flood()]);
    pair.settle();
    pair.server().abort_connection();
    let told = Rc::clone(&calls);
    pair.wait(move |_| told.borrow().contains(&Call::Stop));
    pair.settle();
    assert_eq!(pair.events(Side::Client), [Event::Made]);
    pair.client().resume_reading();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset(&ending);
    assert_eq!(*calls.borrow(), [Call::Pause, Call::Stop]);
    QUIET
}
