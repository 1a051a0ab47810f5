//! What is told, in which order, and how bytes travel.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;

use super::pair::listen_with;
use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side, alone, pattern};
use crate::{AccessError, Address, Factory, NoProtocol};

pub fn made_then_data_then_lost_once(harness: &dyn Harness) -> Expect {
    // C70, C81, C115
    let client = Script::new()
        .made(|transport| transport.write(b"hello"))
        .data(|transport, _| transport.lose_connection());
    let server = Script::new().data(|transport, data| transport.write(data));
    let pair = Pair::open(harness, client, server);
    pair.assert_both_done();
    pair.settle();
    let lost = Event::Lost(Ending::Done);
    let client = pair.events(Side::Client);
    assert_eq!(client, [Event::Made, Event::Data(5), lost.clone()]);
    let server = pair.events(Side::Server);
    assert_eq!(
        server,
        [Event::Made, Event::Data(5), Event::ReadClosed, lost]
    );
    QUIET
}

pub fn addresses_name_both_ends(harness: &dyn Harness) -> Expect {
    // C94
    let pair = Pair::open(harness, Script::new(), Script::new());
    let (client, server) = (pair.client(), pair.server());
    assert_ne!(client.peer(), Address::Unnamed);
    assert_ne!(client.peer().port(), Some(0));
    assert_eq!(client.peer(), server.host());
    assert_eq!(client.host(), server.peer());
    QUIET
}

pub fn small_writes_of_one_turn_arrive_together(harness: &dyn Harness) -> Expect {
    // C139
    let client = Script::new().made(|transport| {
        for _ in 0..10 {
            transport.write(b"a");
            transport.write_bytes(Bytes::from_static(b"b"));
        }
    });
    let pair = Pair::open(harness, client, Script::new());
    pair.wait_received(Side::Server, 20);
    assert_eq!(pair.events(Side::Server)[1..], [Event::Data(20)]);
    QUIET
}

pub fn every_kind_of_write_keeps_its_place(harness: &dyn Harness) -> Expect {
    let bytes = pattern(150_000);
    let expected = bytes.clone();
    let client = Script::new().made(move |transport| {
        let shared = Bytes::from(bytes.clone());
        transport.write(&bytes[..10]);
        transport.write_bytes(shared.slice(10..30_000));
        transport.write(&[]);
        transport.write_sequence([&bytes[30_000..30_001], &[], &bytes[30_001..30_100]]);
        transport.write(&bytes[30_100..80_000]);
        transport.write_bytes(shared.slice(80_000..80_010));
        transport.write_bytes(shared.slice(80_010..149_999));
        transport.write(&bytes[149_999..]);
    });
    let pair = Pair::open(harness, client, Script::new());
    pair.wait_received(Side::Server, expected.len());
    assert!(pair.received(Side::Server) == expected);
    QUIET
}

pub fn much_goes_both_ways_at_once(harness: &dyn Harness) -> Expect {
    // C138
    let bytes = Bytes::from(pattern(harness.volume()));
    let script = || {
        let bytes = bytes.clone();
        Script::new().made(move |transport| transport.write_bytes(bytes.clone()))
    };
    let pair = Pair::open(harness, script(), script());
    pair.wait_received(Side::Server, bytes.len());
    pair.wait_received(Side::Client, bytes.len());
    assert!(pair.received(Side::Client) == bytes);
    assert!(pair.received(Side::Server) == bytes);
    pair.client().lose_connection();
    pair.assert_both_done();
    QUIET
}

pub fn a_protocol_is_reached_from_outside_until_it_is_gone(harness: &dyn Harness) -> Expect {
    let seen = Rc::new(RefCell::new(None));
    let slot: Rc<RefCell<Option<crate::ProtocolRef<_>>>> = Rc::default();
    let (inside, result) = (Rc::clone(&slot), Rc::clone(&seen));
    let client = Script::new().data(move |_, _| {
        let access = inside.borrow().as_ref().map(|own| own.with(|_, _| ()));
        *result.borrow_mut() = access;
    });
    let mut pair = Pair::open(harness, client, Script::new());
    let connected = std::mem::replace(&mut pair.connected, Err(crate::Cancelled.into()));
    let own = connected.expect("it is connected");
    *slot.borrow_mut() = Some(own.clone());

    let host = own.with(|_, transport| transport.host());
    assert_eq!(host, Ok(pair.client().host()));
    pair.server().write(b"now");
    pair.wait_received(Side::Client, 3);
    assert_eq!(seen.take(), Some(Err(AccessError::Running)));
    own.transport().lose_connection();
    pair.assert_both_done();
    assert_eq!(own.with(|_, _| ()), Err(AccessError::Gone));
    QUIET
}

pub fn opening_a_stream_inside_a_callback_calls_nobody_yet(harness: &dyn Harness) -> Expect {
    let (is_inside, was_inside) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let reactor = harness.reactor();
    let address = listen_with(harness, &reactor, |_: &Address| Quiet);
    let connected = harness.establish(&reactor, &address).add_callback({
        let (inside, was_inside) = (Rc::clone(&is_inside), Rc::clone(&was_inside));
        move |stream| {
            is_inside.set(true);
            let opened = stream.open(move |_: &Address| {
                was_inside.set(inside.get());
                Quiet
            });
            is_inside.set(false);
            opened
        }
    });
    reactor.run_until(connected).expect("it connects");
    assert!(!was_inside.get(), "the factory ran inside a callback");
    QUIET
}

pub fn a_factory_that_builds_nothing_closes_the_connection(harness: &dyn Harness) -> Expect {
    // C71, C116
    struct Nothing;
    impl Factory for Nothing {
        type Protocol = Quiet;

        fn build_protocol(&mut self, _: &Address) -> Option<Quiet> {
            alone(|| None)
        }
    }
    let reactor = harness.reactor();
    let address = listen_with(harness, &reactor, |_: &Address| Quiet);
    let connected = harness
        .establish(&reactor, &address)
        .add_callback(|s| s.open(Nothing));
    let failure = reactor.run_until(connected).unwrap_err();
    assert_eq!(failure.check(), Some(&NoProtocol { peer: address }));

    let address = listen_with(harness, &reactor, Nothing);
    let (told, lost) = crate::Deferred::new();
    let mut told = Some(told);
    let connected = harness
        .establish(&reactor, &address)
        .add_callback(move |stream| stream.open(move |_: &Address| Ends(told.take())));
    reactor
        .run_until(connected)
        .expect("the server accepts it first");
    reactor.run_until(lost).expect("and then closes it");
    QUIET
}

/// Says nothing.
#[derive(Debug)]
struct Quiet;

impl crate::Protocol for Quiet {
    fn data_received(&mut self, _: &crate::Transport, _: &[u8]) -> crate::Result<()> {
        Ok(())
    }
}

/// Tells its end.
struct Ends(Option<crate::Resolver<()>>);

impl crate::Protocol for Ends {
    fn data_received(&mut self, _: &crate::Transport, _: &[u8]) -> crate::Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, reason: &crate::Failure) {
        assert!(
            reason.check::<crate::ConnectionDone>().is_some(),
            "{reason:?}"
        );
        if let Some(told) = self.0.take() {
            told.callback(());
        }
    }
}
