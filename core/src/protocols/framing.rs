//! What cuts a stream of bytes into frames: sans-io.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;

use crate::Result;

/// Makes frames of a stream of bytes: the reading half of a codec. It sees bytes and nothing else.
///
/// A frame is a string of bytes, or whatever else the codec makes of them. With a
/// [`FramedReceiver`](super::FramedReceiver), a codec of your own becomes a protocol. Here is one
/// whose frames are numbers, each of them in seven bits of its bytes:
///
/// ```
/// use std::fmt;
///
/// use bytes::BytesMut;
/// use torsade_core::protocols::{Decoder, FrameControl, FrameProtocol, FramedReceiver};
/// use torsade_core::Result;
/// use torsade_core::testing::StringTransport;
///
/// /// Numbers of at most 32 bits, the last byte of each with its highest bit unset.
/// struct Numbers;
///
/// #[derive(Debug)]
/// struct NumberTooLarge;
///
/// impl Decoder for Numbers {
///     type Frame = u32;
///     type Error = NumberTooLarge;
///
///     fn decode(&mut self, input: &mut BytesMut) -> Result<Option<u32>, NumberTooLarge> {
///         let mut number: u32 = 0;
///         for at in 0..input.len() {
///             number = number.checked_mul(128).ok_or(NumberTooLarge)? | u32::from(input[at] & 0x7f);
///             if input[at] & 0x80 == 0 {
///                 let _ = input.split_to(at + 1);
///                 return Ok(Some(number));
///             }
///         }
///         Ok(None)
///     }
/// }
///
/// impl fmt::Display for NumberTooLarge {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("a number of more than 32 bits")
///     }
/// }
///
/// impl std::error::Error for NumberTooLarge {}
///
/// /// Answers each number with what they are together.
/// struct Sum(u64);
///
/// impl FrameProtocol<Numbers> for Sum {
///     fn frame_received(&mut self, numbers: &FrameControl<Numbers>, number: u32) -> Result<()> {
///         self.0 += u64::from(number);
///         numbers.transport().write(format!("{}\n", self.0).as_bytes());
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let wire = StringTransport::new();
/// let _sum = wire.connect(FramedReceiver::new(Numbers, Sum(0)));
/// wire.receive(b"\x07\x81\x00\x82")?; // 7, 128, and the beginning of another one
/// assert_eq!(wire.value(), b"7\n135\n");
/// # Ok(())
/// # }
/// ```
pub trait Decoder: 'static {
    /// What it makes of the bytes.
    type Frame;
    /// What can be wrong with the bytes.
    type Error: Error + 'static;

    /// Takes the next frame from the front of `input`; `None` when it is not complete yet. Called
    /// again when more has come.
    ///
    /// What is taken counts as used, so an incomplete frame stays where it is, unless it is
    /// remembered in the decoder itself. What stays is kept, and is seen again with each piece that
    /// comes: so look at its length first, refuse what is too long, and do not search twice.
    ///
    /// # Errors
    /// The bytes are no such frame, or one that is too long. Nothing that follows can be trusted.
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Self::Frame>, Self::Error>;
}

/// A way to frame strings of bytes: they are sent between what goes before and behind them.
///
/// ```
/// use torsade_core::protocols::{Framing, Netstring};
///
/// let mut before = Vec::new();
/// let behind = Netstring::new().encode(5, &mut before)?;
/// assert_eq!((&before[..], behind), (&b"5:"[..], &b","[..]));
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait Framing: Decoder<Frame = BytesMut> {
    /// Appends to `before` what goes before a string of that length on the wire, and gives back what
    /// goes behind it.
    ///
    /// # Errors
    /// [`StringTooLong`]: it cannot be framed.
    fn encode(&self, length: usize, before: &mut Vec<u8>) -> Result<&'static [u8], StringTooLong>;
}

/// A string that its framing has no room for: nothing was sent of it.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Int8StringReceiver, IntPrefixed, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Answers with as many dots, in pieces if need be.
/// struct Dots;
///
/// impl StringProtocol<IntPrefixed<1>> for Dots {
///     fn string_received(&mut self, strings: &StringControl<IntPrefixed<1>>, string: &[u8]) -> Result<()> {
///         let dots = ".".repeat(std::str::from_utf8(string)?.parse()?);
///         match strings.send_string(&dots) {
///             Ok(()) => Ok(()),
///             Err(error) => Ok(strings.send_string(&dots[..error.limit])?),
///         }
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _dots = wire.connect(Int8StringReceiver::new(IntPrefixed::new(), Dots));
/// wire.receive(b"\x03300")?;
/// assert_eq!(wire.value().len(), 1 + 255);
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "StringTooLongError")]
pub struct StringTooLong {
    /// How long it is, in bytes.
    pub length: usize,
    /// How long it may be.
    pub limit: usize,
}

impl fmt::Display for StringTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, limit } = self;
        write!(
            f,
            "a string of {length} bytes cannot be sent: {limit} are the most"
        )
    }
}

impl Error for StringTooLong {}
