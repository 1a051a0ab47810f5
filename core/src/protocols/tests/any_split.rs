//! Every framing against a plain model, which sees the whole stream at once, over every split.

use std::error::Error;

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Log, World};
use crate::protocols::{
    Framing, IntPrefixed, LineControl, LineProtocol, LineReceiver, Netstring, VarintPrefixed,
};
use crate::{Address, Result};

/// The limit of all strings and lines here.
const LIMIT: usize = 12;

/// The strings in a stream, and whether there is a fault behind them.
type Model = (Vec<Vec<u8>>, bool);

/// What the length is at the front, and how many bytes it takes.
type Length = Option<(u128, usize)>;

/// The model of strings behind a length that `length` reads; `Err` is a fault. `end` is behind them.
fn model(length: impl Fn(&[u8]) -> Result<Length, ()>, end: &[u8], mut rest: &[u8]) -> Model {
    let mut strings = Vec::new();
    loop {
        let (length, start) = match length(rest) {
            Ok(Some(found)) => found,
            Ok(None) => return (strings, false),
            Err(()) => return (strings, true),
        };
        if length > LIMIT as u128 {
            return (strings, true);
        }
        let behind = start + length as usize;
        let missing = (behind + end.len()).saturating_sub(rest.len());
        if missing > 0 {
            return (strings, false);
        }
        if !rest[behind..].starts_with(end) {
            return (strings, true);
        }
        strings.push(rest[start..behind].to_vec());
        rest = &rest[behind + end.len()..];
    }
}

fn int_length<const BYTES: usize>(bytes: &[u8]) -> Result<Length, ()> {
    let prefix = bytes.get(..BYTES);
    Ok(prefix.map(|prefix| {
        (
            prefix.iter().fold(0, |n, b| n * 256 + u128::from(*b)),
            BYTES,
        )
    }))
}

fn varint_length(bytes: &[u8]) -> Result<Length, ()> {
    match bytes.iter().position(|byte| *byte < 0x80) {
        Some(last @ ..10) => {
            let seven_bits = bytes[..=last].iter().rev();
            let number = seven_bits.fold(0, |n, byte| n * 128 + u128::from(byte & 0x7f));
            u64::try_from(number).map_err(drop)?;
            Ok(Some((number, last + 1)))
        }
        None if bytes.len() < 10 => Ok(None),
        // A tenth byte that goes on is one too many already.
        _ => Err(()),
    }
}

fn netstring_length(bytes: &[u8]) -> Result<Length, ()> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let text = std::str::from_utf8(&bytes[..digits]).map_err(drop)?;
    let number: u128 = text.parse().unwrap_or(0);
    if digits > 1 && text.starts_with('0') || number > LIMIT as u128 {
        return Err(());
    }
    match bytes.get(digits) {
        Some(b':') if digits > 0 => Ok(Some((number, digits + 1))),
        Some(_) => Err(()),
        None => Ok(None),
    }
}

/// What `framing` makes of `bytes`, which are cut wherever a bit of `cuts` is set.
fn decode<F: Framing>(mut framing: F, bytes: &[u8], cuts: u64) -> Model
where
    F::Error: Error,
{
    let (mut strings, mut input) = (Vec::new(), BytesMut::new());
    for piece in pieces(bytes, cuts) {
        input.extend_from_slice(piece);
        loop {
            match framing.decode(&mut input) {
                Ok(Some(string)) => strings.push(string.to_vec()),
                Ok(None) => break,
                Err(_) => return (strings, true),
            }
        }
    }
    (strings, false)
}

/// `bytes`, cut behind each byte whose bit of `cuts` is set; beyond 64 the bits begin again.
fn pieces(bytes: &[u8], cuts: u64) -> impl Iterator<Item = &[u8]> {
    let mut at = 0_u32;
    bytes.split_inclusive(move |_| {
        at += 1;
        cuts.rotate_right(at) & 1 == 1
    })
}

/// Some splits of a stream, and all of its beginning, so many bytes.
fn each_split(bytes: &[u8], some: &[u64], all: usize, mut check: impl FnMut(&[u8], u64)) {
    for cuts in some.iter().copied().chain([0, u64::MAX]) {
        check(bytes, cuts);
    }
    let beginning = &bytes[..bytes.len().min(all)];
    for cuts in 0..1 << beginning.len() {
        check(beginning, cuts << 1);
    }
}

/// Streams that are right for the most part: pieces, each of them a good or a bad one.
fn stream(good: impl Strategy<Value = Vec<u8>>, bad: &[u8]) -> impl Strategy<Value = Vec<u8>> {
    let bad = prop::collection::vec(prop::sample::select(bad.to_vec()), 0..12);
    let piece = prop_oneof![6 => good, 1 => bad];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A string, framed.
fn framed<F: Framing>(framing: F) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=LIMIT).prop_map(move |string| {
        let mut bytes = Vec::new();
        let behind = framing.encode(string.len(), &mut bytes).unwrap();
        [bytes.as_slice(), &string, behind].concat()
    })
}

fn some_cuts() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn netstrings_are_those_of_the_model(
        bytes in stream(framed(Netstring::new()), b"0123:,x"),
        cuts in some_cuts(),
    ) {
        // C107
        each_split(&bytes, &cuts, 10, |bytes, cuts| {
            let framing = Netstring::new().max_length(LIMIT);
            assert_eq!(decode(framing, bytes, cuts), model(netstring_length, b",", bytes));
        });
    }

    #[test]
    fn strings_behind_a_varint_are_those_of_the_model(
        bytes in stream(framed(VarintPrefixed::new()), b"\0\x01\x02\x7f\x80\x81\xff"),
        cuts in some_cuts(),
    ) {
        // C107
        each_split(&bytes, &cuts, 10, |bytes, cuts| {
            let framing = VarintPrefixed::new().max_length(LIMIT);
            assert_eq!(decode(framing, bytes, cuts), model(varint_length, b"", bytes));
        });
    }

    #[test]
    fn strings_behind_their_length_are_those_of_the_model(
        one in stream(framed(IntPrefixed::<1>::new()), b"\0\x01\x0c\x0d\xff"),
        two in stream(framed(IntPrefixed::<2>::new()), b"\0\x01\x0c\x0d\xff"),
        four in stream(framed(IntPrefixed::<4>::new()), b"\0\x01\x0c\x0d\xff"),
        cuts in some_cuts(),
    ) {
        // C107
        fn check<const BYTES: usize>(bytes: &[u8], cuts: &[u64]) {
            each_split(bytes, cuts, 10, |bytes, cuts| {
                let framing = IntPrefixed::<BYTES>::new().max_length(LIMIT);
                assert_eq!(decode(framing, bytes, cuts), model(int_length::<BYTES>, b"", bytes));
            });
        }
        check::<1>(&one, &cuts);
        check::<2>(&two, &cuts);
        check::<4>(&four, &cuts);
    }
}

/// Notes lines, and raw bytes up to a full stop. A line `raw` begins with those; at one with a `p`
/// there is a pause.
struct Noting(Log);

impl LineProtocol for Noting {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line).into_owned();
        if line.contains('p') {
            lines.pause();
            let later = lines.clone();
            let reactor = lines.transport().reactor();
            reactor.call_soon(move || later.resume());
        }
        if line == "r" {
            lines.set_raw_mode();
        }
        self.0.borrow_mut().push(line);
        Ok(())
    }

    fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let text = String::from_utf8_lossy(data);
        let (raw, rest) = match text.split_once('.') {
            Some((raw, _)) => (raw, Some(&data[raw.len() + 1..])),
            None => (text.as_ref(), None),
        };
        let mut log = self.0.borrow_mut();
        match log.last_mut().filter(|last| last.starts_with("raw:")) {
            Some(last) => last.push_str(raw),
            None => log.push(format!("raw:{raw}")),
        }
        if let Some(rest) = rest {
            // So the next raw bytes are noted apart from these.
            log.push("end".to_owned());
            lines.set_line_mode(rest);
        }
        Ok(())
    }

    fn line_length_exceeded(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
        self.0.borrow_mut().push("too long".to_owned());
        lines.transport().lose_connection();
        Ok(())
    }
}

/// What is noted of a stream of which all is there at once.
fn line_model(mut rest: &str, delimiter: &str) -> Vec<String> {
    let mut log = Vec::new();
    loop {
        let (line, behind) = match rest.split_once(delimiter) {
            Some((line, behind)) if line.len() <= LIMIT => (line, behind),
            None if rest.len() < LIMIT + delimiter.len() => return log,
            _ => {
                log.push("too long".to_owned());
                return log;
            }
        };
        log.push(line.to_owned());
        rest = behind;
        if line == "r" {
            match rest.split_once('.') {
                Some((raw, behind)) => {
                    log.extend([format!("raw:{raw}"), "end".to_owned()]);
                    rest = behind;
                }
                None if rest.is_empty() => return log,
                None => {
                    log.push(format!("raw:{rest}"));
                    return log;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn lines_are_those_of_the_model(
        bytes in prop::collection::vec(prop::sample::select(b"r\r\n\r\nap.".to_vec()), 0..60),
        starts_raw in any::<bool>(),
        delimiter in prop::sample::select(vec!["\r\n", "\n", "aap"]),
        cuts in some_cuts(),
    ) {
        // C103 to C106
        let mut text = String::from_utf8(bytes).unwrap();
        if starts_raw {
            text.insert_str(0, &format!("r{delimiter}"));
        }
        each_split(text.as_bytes(), &cuts, 7, |bytes, cuts| {
            let log = Log::default();
            let notes = Log::clone(&log);
            let world = World::new(move |_: &Address| {
                let lines = LineReceiver::new(Noting(Log::clone(&notes)));
                lines.delimiter(delimiter).max_length(LIMIT)
            });
            for piece in pieces(bytes, cuts) {
                world.send(piece);
            }
            let expected = line_model(std::str::from_utf8(bytes).unwrap(), delimiter);
            assert_eq!(*log.borrow(), expected, "{bytes:?}, cut as {cuts:b}");
        });
    }
}
