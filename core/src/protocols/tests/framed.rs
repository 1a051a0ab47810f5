use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;

use super::{Log, World};
use crate::protocols::{
    Decoder, FramedReceiver, Framing, IntPrefixed, LengthLimitExceeded, Netstring, NetstringError,
    NetstringFault, StringControl, StringProtocol, StringTooLong, VarintError, VarintPrefixed,
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

#[test]
fn no_length_is_too_much_for_framings_without_a_limit() {
    fn kept<F: Framing>(mut framing: F, bytes: &[u8]) -> usize {
        let mut input = BytesMut::from(bytes);
        assert!(matches!(framing.decode(&mut input), Ok(None)));
        input.len()
    }
    let netstring = Netstring::new().max_length(usize::MAX);
    assert_eq!(kept(netstring, b"99999999999999999999999:a"), 25);
    let prefixed = IntPrefixed::<4>::new().max_length(usize::MAX);
    assert_eq!(kept(prefixed, b"\xff\xff\xff\xffa"), 5);
    let varint = VarintPrefixed::new().max_length(usize::MAX);
    assert_eq!(
        kept(varint, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
        11
    );
}

#[test]
fn strings_behind_a_varint_are_the_same_however_they_travel() {
    // C107
    let long = "x".repeat(300);
    let bytes = [
        b"\x05hello\0\x81\0y\xac\x02",
        long.as_bytes(),
        b"\x09unfinish",
    ]
    .concat();
    for segment in [1, 2, 3, 1460] {
        let strings = Strings::in_segments(segment, VarintPrefixed::new());
        strings.world.send(&bytes);
        assert_eq!(*strings.log.borrow(), ["hello", "", "y", long.as_str()]);
    }
    let strings = Strings::new(VarintPrefixed::new());
    strings.control().send_string("hello").unwrap();
    strings.control().send_string(&long).unwrap();
    strings.world.pass(Duration::from_secs(1));
    let sent = [b"\x05hello\xac\x02", long.as_bytes()].concat();
    assert_eq!(*strings.world.received.borrow(), sent);
}

#[test]
fn a_varint_that_is_too_long_or_too_much_closes() {
    // C107
    let cases: [(&[u8], _); 4] = [
        (
            b"\x0b",
            VarintError::TooLong {
                length: 11,
                limit: 10,
            },
        ),
        (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            VarintError::TooLong {
                length: u64::MAX,
                limit: 10,
            },
        ),
        // 65 bits, and eleven bytes.
        (
            b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
            VarintError::Overlong,
        ),
        (
            b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0",
            VarintError::Overlong,
        ),
    ];
    for (bytes, expected) in cases {
        let strings = Strings::new(VarintPrefixed::new().max_length(10));
        strings.world.send([b"\x01a", bytes, b"\x01b"].concat());
        let log = strings.log.borrow();
        assert_eq!(*log, ["a".to_owned(), format!("failed: {expected}")]);
        assert!(strings.world.is_over.get());
    }
}
