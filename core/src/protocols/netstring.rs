//! Netstrings: `5:hello,`.

use std::error::Error;
use std::fmt;
use std::io::Write;

use bytes::{Buf, BytesMut};

use super::framed::FramedReceiver;
use super::framing::{Decoder, Framing, StringTooLong};
use crate::Result;

/// Netstrings, as Bernstein described them: the length in decimal digits, a colon, the string, a
/// comma. An empty one is `0:,`; a leading zero is wrong otherwise.
///
/// Received strings are at most 99,999 bytes long unless told otherwise.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, Netstring};
///
/// let mut framing = Netstring::new().max_length(1000);
/// let mut input = BytesMut::from(&b"5:hello,"[..]);
/// assert_eq!(framing.decode(&mut input)?.unwrap(), &b"hello"[..]);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Netstring {
    max_length: usize,
    /// How many bytes were taken before: where a fault is.
    taken: u64,
}

/// A protocol of netstrings.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Netstring, NetstringReceiver, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// struct Echo;
///
/// impl StringProtocol<Netstring> for Echo {
///     fn string_received(&mut self, strings: &StringControl<Netstring>, string: &[u8]) -> Result<()> {
///         Ok(strings.send_string(string)?)
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _echo = wire.connect(NetstringReceiver::new(Netstring::new().max_length(1000), Echo));
/// wire.receive(b"5:hello,")?;
/// assert_eq!(wire.value(), b"5:hello,");
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub type NetstringReceiver<P> = FramedReceiver<Netstring, P>;

/// What came is no netstring.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, Netstring};
///
/// let error = Netstring::new().decode(&mut BytesMut::from(&b"5;hello,"[..])).unwrap_err();
/// assert_eq!(error.to_string(), "no netstring: at byte 1, 0x3b in the length");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "NetstringParseError")]
#[doc(alias = "IncompleteNetstring")]
pub struct NetstringError {
    /// What is wrong.
    pub fault: NetstringFault,
    /// Where in the stream, in bytes from its beginning.
    pub offset: u64,
}

/// What can be wrong with a netstring.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, Netstring, NetstringFault};
///
/// let fault = |bytes: &[u8]| {
///     let decoded = Netstring::new().max_length(1000).decode(&mut BytesMut::from(bytes));
///     decoded.unwrap_err().fault
/// };
/// assert_eq!(fault(b"hello"), NetstringFault::NoLength(b'h'));
/// assert_eq!(fault(b"05:hello,"), NetstringFault::LeadingZero);
/// assert_eq!(fault(b"5:hello;"), NetstringFault::NoComma(b';'));
/// assert!(matches!(fault(b"1001:"), NetstringFault::TooLong { limit: 1000, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetstringFault {
    /// Another byte than a digit where the length must begin.
    NoLength(u8),
    /// Another byte than a digit or a colon in the length.
    NoColon(u8),
    /// A length with a zero before other digits.
    LeadingZero,
    /// A length beyond the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Another byte than a comma behind the string.
    NoComma(u8),
}

impl Netstring {
    /// The framing, with the default limit.
    pub fn new() -> Self {
        Self {
            max_length: 99_999,
            taken: 0,
        }
    }

    /// The longest string that is let through, in bytes.
    #[doc(alias = "MAX_LENGTH")]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// The length, and how many bytes its digits and the colon are; `None` if they are not complete.
    fn length(&self, input: &[u8]) -> Result<Option<(usize, usize)>, NetstringError> {
        let fail = |fault, at: usize| NetstringError {
            fault,
            offset: self.taken + at as u64,
        };
        let mut length: usize = 0;
        for (at, byte) in input.iter().enumerate() {
            match byte {
                b':' if at > 0 => return Ok(Some((length, at + 1))),
                b'0'..=b'9' if at == 1 && input[0] == b'0' => {
                    return Err(fail(NetstringFault::LeadingZero, 0));
                }
                b'0'..=b'9' => {
                    let digit = usize::from(byte - b'0');
                    length = length.saturating_mul(10).saturating_add(digit);
                    if length > self.max_length {
                        let limit = self.max_length;
                        return Err(fail(NetstringFault::TooLong { limit }, at));
                    }
                }
                _ if at == 0 => return Err(fail(NetstringFault::NoLength(*byte), at)),
                _ => return Err(fail(NetstringFault::NoColon(*byte), at)),
            }
        }
        Ok(None)
    }
}

impl Default for Netstring {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for Netstring {
    type Frame = BytesMut;
    type Error = NetstringError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, NetstringError> {
        let Some((length, start)) = self.length(input)? else {
            return Ok(None);
        };
        match input[start..].get(length) {
            None => return Ok(None),
            Some(b',') => {}
            Some(&other) => {
                return Err(NetstringError {
                    fault: NetstringFault::NoComma(other),
                    offset: self.taken + (start + length) as u64,
                });
            }
        }
        input.advance(start);
        let string = input.split_to(length);
        input.advance(1);
        self.taken += (start + length) as u64 + 1;
        Ok(Some(string))
    }
}

impl Framing for Netstring {
    fn encode(&self, length: usize, before: &mut Vec<u8>) -> Result<&'static [u8], StringTooLong> {
        // A vector takes what is written.
        let _ = write!(before, "{length}:");
        Ok(b",")
    }
}

impl fmt::Display for NetstringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no netstring: at byte {}, ", self.offset)?;
        match self.fault {
            NetstringFault::NoLength(byte) => write!(f, "0x{byte:02x} instead of a length"),
            NetstringFault::NoColon(byte) => write!(f, "0x{byte:02x} in the length"),
            NetstringFault::LeadingZero => f.write_str("a length with a leading zero"),
            NetstringFault::TooLong { limit } => write!(f, "a length of more than {limit} bytes"),
            NetstringFault::NoComma(byte) => write!(f, "0x{byte:02x} instead of a comma"),
        }
    }
}

impl Error for NetstringError {}
