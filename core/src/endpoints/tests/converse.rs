//! Connecting, and waiting for the end.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::{GOOD, Idle, REFUSED, World, at, ms};
use crate::endpoints::{ClientEndpoint, TcpClient};
use crate::task::defer_later;
use crate::{Cancelled, ConnectError, ConnectionAborted, Failure, Protocol, Result, Transport};

/// Does something when it is connected, and notes its end.
struct Does<F> {
    what: F,
    is_over: Rc<Cell<bool>>,
}

impl<F: Fn(&Transport) + 'static> Protocol for Does<F> {
    fn connection_made(&mut self, transport: &Transport) {
        (self.what)(transport);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.is_over.set(true);
    }
}

fn does<F: Fn(&Transport) + 'static>(what: F) -> (Does<F>, Rc<Cell<bool>>) {
    let is_over = Rc::new(Cell::new(false));
    let noted = Rc::clone(&is_over);
    (Does { what, is_over }, noted)
}

#[test]
fn a_conversation_is_over_when_its_protocol_has_been_told() {
    let world = World::new(&[]);
    let (does, is_over) = does(Transport::lose_connection);
    let over = TcpClient::new(&world.reactor, at(GOOD)).converse(does);
    let over = over.map(move |()| assert!(is_over.get()));
    world.reactor.run_until(over).unwrap();
}

#[test]
fn a_conversation_fails_with_what_broke_it() {
    let world = World::new(&[]);
    let client = TcpClient::new(&world.reactor, at(GOOD));
    let (aborts, _) = does(Transport::abort_connection);
    let failure = world
        .reactor
        .run_until(client.converse(aborts))
        .unwrap_err();
    assert!(failure.trap::<ConnectionAborted>().is_ok());
    let (breaks, _) = does(|transport| transport.abort_with(io::Error::other("no more")));
    let failure = world
        .reactor
        .run_until(client.converse(breaks))
        .unwrap_err();
    assert_eq!(failure.trap::<io::Error>().unwrap().to_string(), "no more");
}

#[test]
fn a_conversation_that_does_not_begin_fails_as_connecting_does() {
    let world = World::new(&[]);
    let client = TcpClient::new(&world.reactor, at(REFUSED));
    let failure = world.reactor.run_until(client.converse(Idle)).unwrap_err();
    assert!(failure.check::<ConnectError>().is_some());
    world.assert_clean();
}

#[test]
fn a_cancelled_conversation_ends_at_once_begun_or_not() {
    for time in [ms(1), ms(100)] {
        let world = World::new(&[]);
        let (does, is_over) = does(|_| {});
        let over = TcpClient::new(&world.reactor, at(GOOD)).converse(does);
        let canceller = over.canceller();
        drop(world.reactor.call_later(time, move || canceller.cancel()));
        let failure = world.reactor.run_until(over).unwrap_err();
        assert!(failure.check::<Cancelled>().is_some(), "{failure:?}");
        let later = defer_later(&world.reactor, ms(10), || ());
        world.reactor.run_until(later).unwrap();
        assert_eq!(is_over.get(), time == ms(100), "it was connected");
    }
}
