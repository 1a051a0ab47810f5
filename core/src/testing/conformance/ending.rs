//! Ending at once: aborts, resets, and what is left of the bytes.

use std::io::ErrorKind;

use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side};
use crate::{Stage, Transport, WriteQueueFull};

fn paused() -> Script {
    Script::new().made(Transport::pause_reading)
}

pub fn abort_drops_the_queue_and_resets_the_peer(harness: &dyn Harness) -> Expect {
    // C84, C93
    let pair = Pair::open(harness, Script::new(), paused());
    pair.client().write_bytes(vec![7; harness.flood()]);
    pair.settle();
    assert!(pair.client().queued() > 0);
    pair.client().abort_connection();
    assert_eq!(pair.client().queued(), 0);
    assert_eq!(pair.wait_ending(Side::Client), Ending::Aborted);
    pair.server().resume_reading();
    let ending = pair.wait_ending(Side::Server);
    pair.assert_reset_while_reading(&ending);
    assert!(pair.journal.received_len(Side::Server) < harness.flood());
    QUIET
}

pub fn abort_may_follow_lose_and_itself(harness: &dyn Harness) -> Expect {
    // C84
    let pair = Pair::open(harness, Script::new(), paused());
    let client = pair.client();
    client.write_bytes(vec![7; harness.flood()]);
    client.lose_connection();
    client.abort_connection();
    client.abort_connection();
    client.lose_connection();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Aborted);
    QUIET
}

pub fn abort_takes_a_reason(harness: &dyn Harness) -> Expect {
    let pair = Pair::open(harness, Script::new(), Script::new());
    pair.client().abort_with(std::fmt::Error);
    let (client, server) = pair.wait_lost();
    assert_eq!(client, Ending::Error(std::fmt::Error.to_string()));
    pair.assert_reset_while_reading(&server);
    QUIET
}

pub fn abort_while_receiving_delivers_no_more(harness: &dyn Harness) -> Expect {
    // C83, C84
    let client = Script::new().data(|transport, _| transport.abort_connection());
    let server = Script::new().made(|transport| transport.write(&[7; 200_000]));
    let pair = Pair::open(harness, client, server);
    let (client, server) = pair.wait_lost();
    assert_eq!(client, Ending::Aborted);
    pair.assert_reset(&server);
    assert_eq!(
        pair.events(Side::Client).len(),
        3,
        "{:?}",
        pair.events(Side::Client)
    );
    QUIET
}

pub fn abort_beside_queued_bytes_while_reading_on(harness: &dyn Harness) -> Expect {
    // What was just written must not be tried on the stream that is gone, nor keep the loop busy.
    let client = Script::new()
        .made(Transport::pause_reading)
        .data(|transport, _| {
            transport.write(b"small");
            transport.abort_connection();
        });
    let server = Script::new().made(|transport| transport.write(&[7; 10_000]));
    let pair = Pair::open(harness, client, server);
    pair.settle();
    pair.client().resume_reading();
    assert_eq!(pair.wait_ending(Side::Client), Ending::Aborted);
    QUIET
}

pub fn a_reset_keeps_its_cause(harness: &dyn Harness) -> Expect {
    // C93, R89
    let pair = Pair::open(harness, Script::new(), Script::new());
    pair.server().abort_connection();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset_while_reading(&ending);
    QUIET
}

pub fn a_reset_while_losing_is_no_clean_end(harness: &dyn Harness) -> Expect {
    let pair = Pair::open(harness, Script::new(), paused());
    pair.client().write_bytes(vec![7; harness.flood()]);
    pair.client().lose_connection();
    pair.server().abort_connection();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset(&ending);
    QUIET
}

pub fn what_came_before_a_reset_is_received(harness: &dyn Harness) -> Expect {
    // R93
    let client = Script::new().data(|transport, _| transport.pause_reading());
    let pair = Pair::open(harness, client, Script::new());
    pair.server().write(b"first");
    pair.wait_received(Side::Client, 5);
    pair.server().write(b"last words");
    pair.settle();
    pair.server().abort_connection();
    pair.settle();
    assert_eq!(pair.journal.ending(Side::Client), None);
    pair.client().resume_reading();
    pair.wait_received(Side::Client, 15);
    pair.client().resume_reading();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset(&ending);
    QUIET
}

pub fn a_reset_is_noticed_after_the_peers_end(harness: &dyn Harness) -> Expect {
    // R89, R95
    let client = Script::new().read_closed(|_| {});
    let pair = Pair::open(harness, client, Script::new());
    pair.server().lose_write_connection();
    pair.wait(|journal| journal.has(Side::Client, &Event::ReadClosed));
    pair.server().abort_connection();
    let ending = pair.wait_ending(Side::Client);
    pair.assert_reset(&ending);
    QUIET
}

pub fn more_queued_than_allowed_aborts(harness: &dyn Harness) -> Expect {
    // R96
    let pair = Pair::open(harness, Script::new(), paused());
    let limit = harness.flood() * 2;
    pair.client().set_max_queued(Some(limit));
    pair.client().write(&vec![7; harness.flood()]);
    pair.settle();
    assert!(pair.client().is_open());
    pair.client().write(&vec![7; harness.flood() * 2]);
    let ending = pair.wait_ending(Side::Client);
    assert_eq!(ending, Ending::Error(WriteQueueFull { limit }.to_string()));
    QUIET
}

pub fn a_stopping_reactor_tells_both(harness: &dyn Harness) -> Expect {
    let pair = Pair::open(harness, Script::new(), Script::new());
    let handle = pair.reactor.clone();
    pair.reactor
        .call_soon(move || assert_eq!(handle.stop(), Ok(())));
    pair.reactor.run().expect("it runs until it is stopped");
    let ending = Some(Ending::Lost(
        Stage::ShuttingDown,
        ErrorKind::ConnectionAborted,
    ));
    for side in [Side::Client, Side::Server] {
        assert_eq!(pair.journal.ending(side), ending);
    }
    QUIET
}
