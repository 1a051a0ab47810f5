//! Errors and panics in what the user wrote.

use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side};
use crate::{Panicked, Transport};

fn is_panic(ending: &Ending) -> bool {
    matches!(ending, Ending::Error(text) if text.contains("oh no"))
}

pub fn an_error_from_data_received_ends_the_connection(harness: &dyn Harness) -> Expect {
    // C85
    let client = Script::new().try_data(|_, _| Err(std::fmt::Error.into()));
    let pair = Pair::open(harness, client, Script::new());
    pair.server().write(b"nonsense");
    let (client, server) = pair.wait_lost();
    assert_eq!(client, Ending::Error(std::fmt::Error.to_string()));
    pair.assert_reset(&server);
    QUIET
}

pub fn a_panic_in_data_received_ends_the_connection(harness: &dyn Harness) -> Expect {
    // C85
    let client = Script::new().data(|_, _| panic!("oh no"));
    let pair = Pair::open(harness, client, Script::new());
    pair.server().write(b"nonsense");
    let (client, server) = pair.wait_lost();
    assert!(is_panic(&client), "{client:?}");
    pair.assert_reset(&server);
    Expect(&["data_received panicked"])
}

pub fn a_panic_in_connection_made_ends_both(harness: &dyn Harness) -> Expect {
    // C86
    // With filters, one side may not have been ready yet, and then is never made.
    let check = |pair: &Pair<'_>, side| {
        let ending = pair.journal.ending(side);
        ending.inspect(|ending| pair.assert_reset(ending));
    };
    let pair = Pair::connect(
        harness,
        Script::new(),
        Script::new().made(|_| panic!("oh no")),
    );
    assert!(is_panic(&pair.wait_ending(Side::Server)));
    pair.settle();
    check(&pair, Side::Client);

    let pair = Pair::connect(
        harness,
        Script::new().made(|_| panic!("oh no")),
        Script::new(),
    );
    let failure = pair.connected.as_ref().unwrap_err();
    assert!(failure.check::<Panicked>().is_some(), "{failure:?}");
    assert!(is_panic(&pair.wait_ending(Side::Client)));
    pair.settle();
    check(&pair, Side::Server);
    Expect(&["connection_made panicked", "connection_made panicked"])
}

pub fn a_panic_in_build_protocol_fails_connect(harness: &dyn Harness) -> Expect {
    // C116
    let reactor = harness.reactor();
    let quiet = || Script::new();
    let pair = Pair::open(harness, quiet(), quiet());
    drop(pair);
    let address = super::pair::listen_with(harness, &reactor, |_: &crate::Address| Never);
    let connected = harness
        .establish(&reactor, &address)
        .add_callback(|stream| stream.open(|_: &crate::Address| -> Never { panic!("oh no") }));
    let failure = reactor.run_until(connected).unwrap_err();
    assert!(failure.check::<Panicked>().is_some(), "{failure:?}");
    Expect(&["build_protocol panicked"])
}

struct Never;

impl crate::Protocol for Never {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> crate::Result<()> {
        Ok(())
    }
}

pub fn a_panic_in_read_closed_ends_the_connection(harness: &dyn Harness) -> Expect {
    // C92
    let client = Script::new().read_closed(|_| panic!("oh no"));
    let pair = Pair::open(harness, client, Script::new());
    pair.server().lose_write_connection();
    let (client, server) = pair.wait_lost();
    assert!(is_panic(&client), "{client:?}");
    pair.assert_reset(&server);
    Expect(&["read_closed panicked"])
}

pub fn a_panic_in_write_closed_ends_the_connection(harness: &dyn Harness) -> Expect {
    // C92
    let client = Script::new().write_closed(|_| panic!("oh no"));
    let pair = Pair::open(harness, client, Script::new());
    pair.client().lose_write_connection();
    assert!(is_panic(&pair.wait_ending(Side::Client)));
    Expect(&["write_closed panicked"])
}

pub fn a_panic_in_connection_lost_is_logged(harness: &dyn Harness) -> Expect {
    let client = Script::new().lost(|| panic!("oh no"));
    let pair = Pair::open(harness, client, Script::new());
    pair.client().lose_connection();
    pair.assert_both_done();
    assert_eq!(
        pair.events(Side::Client),
        [Event::Made, Event::Lost(Ending::Done)]
    );
    Expect(&["connection_lost panicked"])
}
