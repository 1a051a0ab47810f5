//! Strings behind their length, as a big-endian number of one, two or four bytes.

use std::error::Error;
use std::fmt;

use bytes::{Buf, BytesMut};

use super::framed::FramedReceiver;
use super::framing::{Decoder, Framing, StringTooLong};
use crate::Result;

/// Strings behind their length, a big-endian number of `BYTES` bytes: 1, 2 or 4.
///
/// Received strings are at most 99,999 bytes long unless told otherwise; the limit is looked at
/// when the length has come, before anything is kept.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, IntPrefixed};
///
/// let mut framing = IntPrefixed::<2>::new().max_length(1000);
/// let mut input = BytesMut::from(&b"\x00\x02yo\x00\x05hel"[..]);
/// assert_eq!(framing.decode(&mut input)?.unwrap(), &b"yo"[..]);
/// // The rest is not all there.
/// assert!(framing.decode(&mut input)?.is_none());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "IntNStringReceiver")]
pub struct IntPrefixed<const BYTES: usize> {
    max_length: usize,
}

/// A length in one byte.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Int8StringReceiver, IntPrefixed, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// struct Echo;
///
/// impl StringProtocol<IntPrefixed<1>> for Echo {
///     fn string_received(&mut self, strings: &StringControl<IntPrefixed<1>>, string: &[u8]) -> Result<()> {
///         Ok(strings.send_string(string)?)
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _echo = wire.connect(Int8StringReceiver::new(IntPrefixed::new(), Echo));
/// wire.receive(b"\x05hello")?;
/// assert_eq!(wire.value(), b"\x05hello");
/// # Result::<()>::Ok(())
/// ```
pub type Int8StringReceiver<P> = FramedReceiver<IntPrefixed<1>, P>;
/// A length in two bytes.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Int16StringReceiver, IntPrefixed, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Speaks first.
/// struct Greets;
///
/// impl StringProtocol<IntPrefixed<2>> for Greets {
///     fn connection_made(&mut self, strings: &StringControl<IntPrefixed<2>>) {
///         let _ = strings.send_string("hello"); // five bytes are not too long
///     }
///
///     fn string_received(&mut self, _: &StringControl<IntPrefixed<2>>, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _greets = wire.connect(Int16StringReceiver::new(IntPrefixed::new(), Greets));
/// assert_eq!(wire.value(), b"\x00\x05hello");
/// ```
pub type Int16StringReceiver<P> = FramedReceiver<IntPrefixed<2>, P>;
/// A length in four bytes.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Int32StringReceiver, IntPrefixed, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Takes no more than a kilobyte at a time.
/// struct Modest;
///
/// impl StringProtocol<IntPrefixed<4>> for Modest {
///     fn string_received(&mut self, strings: &StringControl<IntPrefixed<4>>, _: &[u8]) -> Result<()> {
///         Ok(strings.send_string("thanks")?)
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _modest = wire.connect(Int32StringReceiver::new(IntPrefixed::new().max_length(1000), Modest));
/// wire.receive(b"\0\0\0\x05hello")?;
/// assert_eq!(wire.value(), b"\0\0\0\x06thanks");
/// wire.receive(b"\xff\xff\xff\xff")?;
/// assert!(wire.is_disconnecting());
/// # Result::<()>::Ok(())
/// ```
pub type Int32StringReceiver<P> = FramedReceiver<IntPrefixed<4>, P>;

/// A peer announced a string that is longer than the limit.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, IntPrefixed, LengthLimitExceeded};
///
/// let mut framing = IntPrefixed::<4>::new().max_length(1000);
/// // The length alone decides, before anything is kept of the string.
/// let error = framing.decode(&mut BytesMut::from(&[0, 1, 0, 0][..])).unwrap_err();
/// assert_eq!(error, LengthLimitExceeded { length: 65_536, limit: 1000 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthLimitExceeded {
    /// The length that it announced, in bytes.
    pub length: usize,
    /// The limit.
    pub limit: usize,
}

impl<const BYTES: usize> IntPrefixed<BYTES> {
    const IS_POSSIBLE: () = assert!(matches!(BYTES, 1 | 2 | 4), "a length has 1, 2 or 4 bytes");

    /// The framing, with the default limit.
    pub fn new() -> Self {
        let () = Self::IS_POSSIBLE;
        Self { max_length: 99_999 }
    }

    /// The longest string that is let through, in bytes.
    #[doc(alias = "MAX_LENGTH")]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }
}

impl<const BYTES: usize> Default for IntPrefixed<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize> Decoder for IntPrefixed<BYTES> {
    type Frame = BytesMut;
    type Error = LengthLimitExceeded;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, LengthLimitExceeded> {
        let Some(prefix) = input.get(..BYTES) else {
            return Ok(None);
        };
        let length = prefix
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > self.max_length {
            let limit = self.max_length;
            return Err(LengthLimitExceeded { length, limit });
        }
        if input.len() - BYTES < length {
            return Ok(None);
        }
        input.advance(BYTES);
        Ok(Some(input.split_to(length)))
    }
}

impl<const BYTES: usize> Framing for IntPrefixed<BYTES> {
    fn encode(&self, length: usize, before: &mut Vec<u8>) -> Result<&'static [u8], StringTooLong> {
        let limit = usize::MAX >> (usize::BITS as usize - 8 * BYTES);
        if length > limit {
            return Err(StringTooLong { length, limit });
        }
        let prefix = length.to_be_bytes();
        before.extend_from_slice(&prefix[prefix.len() - BYTES..]);
        Ok(b"")
    }
}

impl fmt::Display for LengthLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, limit } = self;
        write!(
            f,
            "a string of {length} bytes was announced: {limit} are the most"
        )
    }
}

impl Error for LengthLimitExceeded {}
