//! Strings behind their length, as a varint of Protocol Buffers (LEB128).

use std::error::Error;
use std::fmt;

use bytes::{Buf, BytesMut};

use super::framed::FramedReceiver;
use super::framing::{Decoder, Framing, StringTooLong};
use crate::Result;

/// A number of 64 bits takes no more bytes, seven bits in each.
const MOST_BYTES: usize = 10;

/// Strings behind their length, a varint: seven bits in a byte, the lowest first, with the highest
/// bit set in all bytes but the last. So Protocol Buffers delimit messages.
///
/// Received strings are at most 99,999 bytes long unless told otherwise; the limit is looked at
/// when the length has come, before anything is kept. A length may be written with more bytes than
/// it needs, but with ten at most.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, VarintPrefixed};
///
/// let mut framing = VarintPrefixed::new();
/// let mut input = BytesMut::from(&b"\x05hello"[..]);
/// assert_eq!(framing.decode(&mut input)?.unwrap(), &b"hello"[..]);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct VarintPrefixed {
    max_length: usize,
}

/// A protocol of strings behind a varint.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{StringControl, StringProtocol, VarintPrefixed, VarintStringReceiver};
/// use torsade_core::testing::StringTransport;
///
/// struct Echo;
///
/// impl StringProtocol<VarintPrefixed> for Echo {
///     fn string_received(&mut self, strings: &StringControl<VarintPrefixed>, string: &[u8]) -> Result<()> {
///         Ok(strings.send_string(string)?)
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _echo = wire.connect(VarintStringReceiver::new(VarintPrefixed::new(), Echo));
/// wire.receive(b"\x85\x00hello")?; // a length with a byte too many
/// assert_eq!(wire.value(), b"\x05hello");
/// # Result::<()>::Ok(())
/// ```
pub type VarintStringReceiver<P> = FramedReceiver<VarintPrefixed, P>;

/// What came is no string behind a varint.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, VarintError, VarintPrefixed};
///
/// let mut framing = VarintPrefixed::new().max_length(1000);
/// let long = framing.decode(&mut BytesMut::from(&b"\xff\x7f"[..]));
/// assert_eq!(long, Err(VarintError::TooLong { length: 16_383, limit: 1000 }));
/// let endless = framing.decode(&mut BytesMut::from(&[0xff; 11][..]));
/// assert_eq!(endless, Err(VarintError::Overlong));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VarintError {
    /// The length does not end within ten bytes, or has more than 64 bits.
    Overlong,
    /// The length is beyond the limit.
    TooLong {
        /// The length that was announced, in bytes.
        length: u64,
        /// The limit.
        limit: usize,
    },
}

impl VarintPrefixed {
    /// The framing, with the default limit.
    pub fn new() -> Self {
        Self { max_length: 99_999 }
    }

    /// The longest string that is let through, in bytes.
    #[doc(alias = "MAX_LENGTH")]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }
}

impl Default for VarintPrefixed {
    fn default() -> Self {
        Self::new()
    }
}

/// The number at the front, and how many bytes it takes; `None` if it is not complete.
fn varint(input: &[u8]) -> Result<Option<(u64, usize)>, VarintError> {
    let mut number = 0;
    for (at, byte) in input.iter().enumerate() {
        let is_last = byte & 0x80 == 0;
        // 63 bits are in the nine bytes before.
        if at == MOST_BYTES - 1 && *byte > 1 {
            return Err(VarintError::Overlong);
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if is_last {
            return Ok(Some((number, at + 1)));
        }
    }
    Ok(None)
}

impl Decoder for VarintPrefixed {
    type Frame = BytesMut;
    type Error = VarintError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, VarintError> {
        let Some((announced, start)) = varint(input)? else {
            return Ok(None);
        };
        let limit = self.max_length;
        let length = match usize::try_from(announced) {
            Ok(length) if length <= limit => length,
            _ => {
                let length = announced;
                return Err(VarintError::TooLong { length, limit });
            }
        };
        if input.len() - start < length {
            return Ok(None);
        }
        input.advance(start);
        Ok(Some(input.split_to(length)))
    }
}

impl Framing for VarintPrefixed {
    fn encode(&self, length: usize, before: &mut Vec<u8>) -> Result<&'static [u8], StringTooLong> {
        let mut rest = length;
        while rest > 0x7f {
            before.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        before.push(rest as u8);
        Ok(b"")
    }
}

impl fmt::Display for VarintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlong => write!(
                f,
                "a length that has not ended within {MOST_BYTES} bytes or 64 bits"
            ),
            Self::TooLong { length, limit } => write!(
                f,
                "a string of {length} bytes was announced: {limit} are the most"
            ),
        }
    }
}

impl Error for VarintError {}
