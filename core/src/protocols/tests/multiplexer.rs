use std::rc::Rc;

use super::{Log, World};
use crate::protocols::{Multiplexer, Picked};
use crate::{Address, Failure, Protocol, Result, Transport};

/// Answers with its name before what comes.
struct Named(&'static str, Log);

impl Protocol for Named {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.0.as_bytes());
        transport.write(b":");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.1.borrow_mut().push(format!("{} lost", self.0));
    }
}

/// `GET ` and `SSH-` are known, `QUIT` is not wanted.
fn world() -> (World, Log) {
    let log = Log::default();
    let notes = Rc::clone(&log);
    let world = World::new(move |_: &Address| {
        let notes = Rc::clone(&notes);
        Multiplexer::new(move |bytes| match bytes {
            _ if bytes.len() < 4 => Picked::More,
            _ if bytes.starts_with(b"GET ") => Picked::protocol(Named("http", Rc::clone(&notes))),
            _ if bytes.starts_with(b"QUIT") => Picked::None,
            _ => Picked::protocol(Named("other", Rc::clone(&notes))),
        })
    });
    (world, log)
}

#[test]
fn the_first_bytes_pick_the_protocol_and_are_given_to_it() {
    for (text, expected) in [("GET /x", "http:GET /x"), ("SSH-2", "other:SSH-2")] {
        for cut in 0..text.len() {
            let (world, log) = world();
            for piece in [&text[..cut], &text[cut..]] {
                if !piece.is_empty() {
                    world.send(piece);
                }
            }
            assert_eq!(world.received(), expected, "cut at {cut}");
            world.peer.transport().lose_connection();
            world.pass(std::time::Duration::from_secs(1));
            assert_eq!(log.borrow().len(), 1);
        }
    }
}

#[test]
fn one_that_nobody_wants_is_closed() {
    let (world, log) = world();
    world.send("QUIT");
    assert!(world.is_over.get());
    assert!(log.borrow().is_empty());

    let never = World::new(|_: &Address| Multiplexer::new(|_| Picked::More));
    never.send([b'x'; 4096]);
    assert!(!never.is_over.get());
    never.send("x");
    assert!(never.is_over.get());
}
