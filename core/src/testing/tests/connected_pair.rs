//! Two protocols and a wire that moves when the test says so.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::testing::{AccumulatingProtocol, ConnectedPair, Ending, Side, assert_clean};
use crate::{Panicked, Protocol, Result, Transport};

/// Answers each piece with its length and a full stop, a quarter of a second later if it is asked to.
struct Counter {
    later: bool,
    pieces: Rc<Cell<u32>>,
}

impl Protocol for Counter {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.pieces.set(self.pieces.get() + 1);
        let answer = format!("{}.", data.len());
        if self.later {
            let to = transport.clone();
            let answer = move || to.write(answer.as_bytes());
            let _ = transport
                .reactor()
                .call_later(Duration::from_millis(250), answer);
        } else {
            transport.write(answer.as_bytes());
        }
        Ok(())
    }
}

fn counting(
    later: bool,
) -> (
    AccumulatingProtocol,
    ConnectedPair<AccumulatingProtocol, Counter>,
    Rc<Cell<u32>>,
) {
    let (client, pieces) = (AccumulatingProtocol::new(), Rc::default());
    let counter = Counter {
        later,
        pieces: Rc::clone(&pieces),
    };
    let pair = ConnectedPair::new(client.clone(), counter).unwrap();
    (client, pair, pieces)
}

#[test]
fn a_write_is_not_received_until_the_pump_moves_and_answers_wait_for_the_next_round() {
    // C180
    let (client, pair, pieces) = counting(false);
    pair.client().transport().write(b"hello");
    pair.reactor().advance(Duration::from_secs(60)).unwrap();
    assert_eq!(pieces.get(), 0);
    let start = pair.reactor().now();
    assert!(pair.pump().unwrap());
    assert_eq!((pieces.get(), &*client.data()), (1, &b""[..]));
    assert!(pair.pump().unwrap());
    assert_eq!(client.data(), b"5.");
    assert!(!pair.pump().unwrap());
    assert_eq!(pair.reactor().now(), start, "no time has passed");
}

#[test]
fn a_flush_goes_on_until_all_is_quiet() {
    // C180
    struct Down(u32);
    impl Protocol for Down {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            self.0 += 1;
            transport.write(&data[1..]);
            Ok(())
        }
    }
    let pair = ConnectedPair::new(Down(0), Down(0)).unwrap();
    pair.client().transport().write(b"123456789");
    pair.flush().unwrap();
    assert_eq!(pair.client().with(|down, _| down.0), Ok(4));
    assert_eq!(pair.server().with(|down, _| down.0), Ok(5));
}

#[test]
fn two_that_never_stop_answering_are_an_error_and_no_hang() {
    struct Again;
    impl Protocol for Again {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            transport.write(data);
            Ok(())
        }
    }
    let pair = ConnectedPair::new(Again, Again).unwrap();
    pair.client().transport().write(b"x");
    let failure = pair.flush().unwrap_err();
    assert!(failure.check::<crate::ReactorError>().is_some());
}

#[test]
fn a_byte_at_a_time_and_a_part_to_one_side_are_received_so() {
    let (client, pair, pieces) = counting(false);
    pair.client().transport().write(b"hello");
    assert_eq!(pair.deliver(Side::Server, 2).unwrap(), 2);
    assert_eq!((pieces.get(), &*client.data()), (1, &b""[..]));
    assert_eq!(pair.deliver(Side::Client, 1).unwrap(), 1);
    assert_eq!(client.data(), b"2");
    assert_eq!(pair.deliver(Side::Server, 0).unwrap(), 0);
    pair.flush_by(1).unwrap();
    assert_eq!(pieces.get(), 4);
    assert_eq!(client.data(), b"2.1.1.1.");
}

#[test]
fn timers_come_with_the_clock_of_the_pair() {
    // C180
    let (client, pair, _) = counting(true);
    pair.client().transport().write(b"hello");
    pair.flush().unwrap();
    assert_eq!(client.data(), b"");
    pair.reactor().advance(Duration::from_millis(250)).unwrap();
    assert_eq!(client.data(), b"", "it is written, and stands on the wire");
    pair.flush().unwrap();
    assert_eq!(client.data(), b"5.");
}

#[test]
fn much_more_than_a_window_goes_through() {
    let (client, server) = (AccumulatingProtocol::new(), AccumulatingProtocol::new());
    let pair = ConnectedPair::new(client.clone(), server.clone()).unwrap();
    let bytes: Vec<u8> = (0..300_000).map(|i| i as u8).collect();
    pair.client().transport().write(&bytes);
    pair.client().transport().lose_connection();
    pair.flush().unwrap();
    assert!(server.data() == bytes);
    assert_eq!(client.ending(), Some(Ending::Done));
    assert_eq!(server.ending(), Some(Ending::Done));
    assert_clean(pair.reactor());
}

#[test]
fn a_connection_can_be_lost_at_every_byte() {
    // C180
    let mut cuts = 0;
    loop {
        let (client, pair, _) = counting(false);
        pair.client().transport().write(b"12345678901");
        if !pair.lose_at(Side::Client, cuts).unwrap() {
            break;
        }
        assert_eq!(client.data(), &b"11."[..cuts]);
        assert!(client.ending().unwrap().is_reset(), "{:?}", client.ending());
        assert_clean(pair.reactor());
        cuts += 1;
    }
    assert_eq!(cuts, 4, "before each of three bytes, and after the last");
}

#[test]
fn a_protocol_that_panics_at_once_cannot_be_connected() {
    struct Panics;
    impl Protocol for Panics {
        fn connection_made(&mut self, _: &Transport) {
            panic!("too bad");
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
            Ok(())
        }
    }
    for failed in [
        ConnectedPair::new(Panics, AccumulatingProtocol::new()).err(),
        ConnectedPair::new(AccumulatingProtocol::new(), Panics).err(),
    ] {
        assert!(failed.unwrap().check::<Panicked>().is_some());
    }
}
