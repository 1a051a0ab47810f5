use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Log, World};
use crate::protocols::{
    FramedReceiver, Framing, IntPrefixed, LengthLimitExceeded, Netstring, NetstringError,
    NetstringFault, StringControl, StringProtocol, StringTooLong,
};
use crate::testing::Simulation;
use crate::{Address, Result};

/// Notes strings and faults.
struct Noting<F> {
    log: Log,
    control: Rc<RefCell<Option<StringControl<F>>>>,
}

impl<F: Framing> StringProtocol<F> for Noting<F> {
    fn connection_made(&mut self, strings: &StringControl<F>) {
        *self.control.borrow_mut() = Some(strings.clone());
    }

    fn string_received(&mut self, strings: &StringControl<F>, string: &[u8]) -> Result<()> {
        let string = String::from_utf8_lossy(string).into_owned();
        self.log.borrow_mut().push(string.clone());
        if string == "pause" {
            strings.pause();
        }
        Ok(())
    }

    fn framing_failed(&mut self, strings: &StringControl<F>, error: F::Error) -> Result<()> {
        self.log.borrow_mut().push(format!("failed: {error}"));
        strings.transport().lose_connection();
        Ok(())
    }
}

struct Strings<F> {
    world: World,
    log: Log,
    control: Rc<RefCell<Option<StringControl<F>>>>,
}

impl<F: Framing + Clone> Strings<F> {
    fn new(framing: F) -> Self {
        Self::in_segments(1460, framing)
    }

    fn in_segments(segment: usize, framing: F) -> Self {
        let (log, control) = (Log::default(), Rc::default());
        let (notes, kept) = (Rc::clone(&log), Rc::clone(&control));
        let factory = move |_: &Address| {
            let (log, control) = (Rc::clone(&notes), Rc::clone(&kept));
            FramedReceiver::new(framing.clone(), Noting { log, control })
        };
        let simulation = Simulation::new().segment_size(segment);
        Self {
            world: World::with(simulation, factory),
            log,
            control,
        }
    }

    fn control(&self) -> StringControl<F> {
        self.control.borrow().clone().unwrap()
    }
}

#[test]
fn strings_behind_their_length_are_the_same_however_they_travel() {
    // C107
    for segment in [1, 2, 3, 1460] {
        let strings = Strings::in_segments(segment, IntPrefixed::<2>::new());
        strings.world.send(b"\0\x05hello\0\0\0\x01x\0\x09unfinish");
        assert_eq!(*strings.log.borrow(), ["hello", "", "x"]);
    }
    let one = Strings::new(IntPrefixed::<1>::new());
    one.world.send(b"\x03abc");
    let four = Strings::new(IntPrefixed::<4>::new());
    four.world.send(b"\0\0\0\x03abc");
    assert_eq!(*one.log.borrow(), *four.log.borrow());
}

#[test]
fn strings_are_sent_behind_their_length() {
    // C107
    let strings = Strings::new(IntPrefixed::<2>::new());
    strings.control().send_string("hello").unwrap();
    strings.control().send_string("").unwrap();
    strings.world.pass(Duration::from_secs(1));
    assert_eq!(strings.world.received(), "\0\x05hello\0\0");
}

#[test]
fn a_string_that_no_length_can_tell_of_is_not_sent() {
    // C107
    let strings = Strings::new(IntPrefixed::<1>::new());
    let too_long = strings.control().send_string([0; 256]).unwrap_err();
    assert_eq!(
        too_long,
        StringTooLong {
            length: 256,
            limit: 255
        }
    );
    strings.control().send_string([b'x'; 255]).unwrap();
    strings.world.pass(Duration::from_secs(1));
    assert_eq!(strings.world.received.borrow().len(), 256);
}

#[test]
fn a_length_beyond_the_limit_closes_before_anything_of_it_is_kept() {
    // C107
    let strings = Strings::new(IntPrefixed::<4>::new().max_length(10));
    strings.world.send(b"\0\0\0\x0a1234567890\0\0\0\x0b");
    let expected = LengthLimitExceeded {
        length: 11,
        limit: 10,
    };
    let log = strings.log.borrow();
    assert_eq!(
        *log,
        ["1234567890".to_owned(), format!("failed: {expected}")]
    );
    assert!(strings.world.is_over.get());
}

#[test]
fn nothing_is_delivered_after_a_fault() {
    // C107
    let strings = Strings::new(Netstring::new());
    strings.world.send("1:a,1:bX1:c,");
    let log = strings.log.borrow();
    assert_eq!(log[0], "a");
    assert_eq!(log.len(), 2, "{log:?}");
}

#[test]
fn netstrings_are_the_same_however_they_travel() {
    // C107
    for segment in [1, 2, 3, 1460] {
        let strings = Strings::in_segments(segment, Netstring::new());
        strings.world.send("5:hello,0:,12:with, commas,3:abc");
        assert_eq!(*strings.log.borrow(), ["hello", "", "with, commas"]);
    }
    let strings = Strings::new(Netstring::new());
    strings.control().send_string("hello").unwrap();
    strings.world.pass(Duration::from_secs(1));
    assert_eq!(strings.world.received(), "5:hello,");
}

/// The fault in some bytes.
fn fault(bytes: &str) -> NetstringError {
    let mut framing = Netstring::new().max_length(1000);
    let mut input = BytesMut::from(bytes);
    loop {
        match framing.decode(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("there is no fault in {bytes:?}"),
            Err(error) => return error,
        }
    }
}

#[test]
fn each_fault_of_a_netstring_is_told_with_its_place() {
    // C107
    let cases = [
        ("x", NetstringFault::NoLength(b'x'), 0),
        (":", NetstringFault::NoLength(b':'), 0),
        ("-1:,", NetstringFault::NoLength(b'-'), 0),
        ("1x", NetstringFault::NoColon(b'x'), 1),
        ("05:hello,", NetstringFault::LeadingZero, 0),
        ("00:,", NetstringFault::LeadingZero, 0),
        ("1:ab", NetstringFault::NoComma(b'b'), 3),
        ("1001", NetstringFault::TooLong { limit: 1000 }, 3),
        ("5:hello,1:ab", NetstringFault::NoComma(b'b'), 11),
        (
            "99999999999999999999999999999999",
            NetstringFault::TooLong { limit: 1000 },
            3,
        ),
    ];
    for (bytes, expected, offset) in cases {
        let error = fault(bytes);
        assert_eq!((error.fault, error.offset), (expected, offset), "{bytes}");
    }
}

#[test]
fn a_pause_holds_back_strings_that_have_come() {
    let strings = Strings::new(Netstring::new());
    strings.world.send("1:a,5:pause,1:b,");
    assert_eq!(*strings.log.borrow(), ["a", "pause"]);
    strings.control().resume();
    strings.world.pass(Duration::from_secs(1));
    assert_eq!(*strings.log.borrow(), ["a", "pause", "b"]);
}

#[test]
fn a_receiver_with_nothing_unfinished_owns_no_buffer() {
    let strings = Strings::new(Netstring::new());
    strings.world.send("5:hello,");
    let input = strings.control().input;
    assert_eq!(input.take_with(|buffer| buffer.capacity()), 0);
    strings.world.send("5:h");
    assert!(input.take_with(|buffer| buffer.capacity()) > 0);
}

/// Decodes all of `bytes`, which come in pieces of `size`.
fn decode_all<F: Framing>(mut framing: F, bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, String)
where
    F::Error: Error,
{
    let (mut strings, mut input) = (Vec::new(), BytesMut::new());
    for piece in bytes.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            match framing.decode(&mut input) {
                Ok(Some(string)) => strings.push(string.to_vec()),
                Ok(None) => break,
                Err(error) => return (strings, error.to_string()),
            }
        }
    }
    (strings, String::new())
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_in_any_pieces(
        strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..10),
        size in 1..20_usize,
    ) {
        fn encoded<F: Framing>(framing: &F, strings: &[Vec<u8>]) -> Vec<u8> {
            strings
                .iter()
                .flat_map(|string| {
                    let (before, behind) = framing.encode(string.len()).unwrap();
                    [before.as_slice(), string, behind].concat()
                })
                .collect()
        }
        let (netstring, prefixed) = (Netstring::new(), IntPrefixed::<2>::new());
        let bytes = encoded(&netstring, &strings);
        prop_assert_eq!(&decode_all(netstring, &bytes, size).0, &strings);
        let bytes = encoded(&prefixed, &strings);
        prop_assert_eq!(&decode_all(prefixed, &bytes, size).0, &strings);
    }

    #[test]
    fn any_bytes_mean_the_same_in_any_pieces(
        bytes in prop::collection::vec(prop::sample::select(b"0123:,x\0".to_vec()), 0..60),
        size in 1..10_usize,
    ) {
        let framing = Netstring::new().max_length(30);
        let whole = decode_all(framing.clone(), &bytes, 100);
        prop_assert_eq!(decode_all(framing, &bytes, size), whole);
        let framing = IntPrefixed::<1>::new().max_length(30);
        let whole = decode_all(framing.clone(), &bytes, 100);
        prop_assert_eq!(decode_all(framing, &bytes, size), whole);
    }
}
