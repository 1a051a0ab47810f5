//! So many bytes at a time: for formats whose every part says how long the next one is.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;

use super::framed::{FrameControl, FramedReceiver};
use super::framing::Decoder;
use crate::Result;

/// Pieces of as many bytes as were asked for, by [`FrameControl::want`].
///
/// A protocol says with each piece how long the next one shall be, and remembers in a state of its
/// own what that is. A number stays wanted until another is. What is wanted is kept until it has
/// come, so look at a length that the peer sent before you want as many bytes.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{ByteCount, FrameControl, FrameProtocol, StatefulReceiver};
/// use torsade_core::Result;
/// use torsade_core::testing::StringTransport;
///
/// /// Records of a kind, a length, and so many bytes: counts them.
/// #[derive(Default)]
/// struct Records {
///     state: State,
///     count: usize,
/// }
///
/// #[derive(Default)]
/// enum State {
///     #[default]
///     Head,
///     Body { kind: u8 },
/// }
///
/// impl FrameProtocol<ByteCount> for Records {
///     fn frame_received(&mut self, bytes: &FrameControl<ByteCount>, piece: BytesMut) -> Result<()> {
///         self.state = match self.state {
///             State::Head => {
///                 bytes.want(usize::from(piece[1]));
///                 State::Body { kind: piece[0] }
///             }
///             State::Body { kind } => {
///                 self.count += 1;
///                 println!("{} of kind {kind}: {piece:?}", self.count);
///                 bytes.want(2);
///                 State::Head
///             }
///         };
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let wire = StringTransport::new();
/// let records = wire.connect(StatefulReceiver::new(ByteCount::new(2), Records::default()));
/// wire.receive(b"\x01\x05hello\x02\x02yo\x01\x09and")?;
/// assert_eq!(records.with(|receiver, _| receiver.get_mut().count)?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "StatefulProtocol")]
pub struct ByteCount {
    wanted: Option<usize>,
}

/// A protocol that is given so many bytes at a time.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{ByteCount, FrameControl, FrameProtocol, StatefulReceiver};
/// use torsade_core::testing::StringTransport;
///
/// /// A byte with a length, then so many bytes.
/// #[derive(Default)]
/// struct Messages {
///     is_inside: bool,
///     all: Vec<Vec<u8>>,
/// }
///
/// impl FrameProtocol<ByteCount> for Messages {
///     fn frame_received(&mut self, frames: &FrameControl<ByteCount>, piece: bytes::BytesMut) -> Result<()> {
///         self.is_inside = !self.is_inside;
///         if self.is_inside {
///             frames.want(usize::from(piece[0]));
///         } else {
///             self.all.push(piece.to_vec());
///             frames.want(1);
///         }
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let messages = wire.connect(StatefulReceiver::new(ByteCount::new(1), Messages::default()));
/// wire.receive(b"\x05hello\x02yo")?;
/// messages.with(|receiver, _| assert_eq!(receiver.get_mut().all, [&b"hello"[..], b"yo"]))?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "StatefulProtocol")]
pub type StatefulReceiver<P> = FramedReceiver<ByteCount, P>;

/// Bytes came, and none are wanted: after the empty piece of a [`want(0)`](FrameControl::want),
/// nothing else was.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::{ByteCount, Decoder, NothingWanted};
///
/// let mut pieces = ByteCount::new(0);
/// let mut input = BytesMut::from(&b"hello"[..]);
/// assert!(pieces.decode(&mut input)?.unwrap().is_empty());
/// // By now the protocol should have said how much it wants.
/// assert_eq!(pieces.decode(&mut input), Err(NothingWanted));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingWanted;

impl ByteCount {
    /// At first, `bytes` are wanted.
    #[doc(alias = "getInitialState")]
    pub fn new(bytes: usize) -> Self {
        let wanted = Some(bytes);
        Self { wanted }
    }
}

impl FrameControl<ByteCount> {
    /// From now on, pieces have so many bytes. With 0 there is one empty piece, and no other until
    /// something is wanted again.
    pub fn want(&self, bytes: usize) {
        self.codec.decoder.borrow_mut().wanted = Some(bytes);
        self.input.pump_later();
    }
}

impl Decoder for ByteCount {
    type Frame = BytesMut;
    type Error = NothingWanted;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, NothingWanted> {
        match self.wanted {
            None if input.is_empty() => Ok(None),
            None => Err(NothingWanted),
            Some(wanted) if input.len() < wanted => Ok(None),
            Some(wanted) => {
                // For ever empty pieces would hold the reactor up.
                if wanted == 0 {
                    self.wanted = None;
                }
                Ok(Some(input.split_to(wanted)))
            }
        }
    }
}

impl fmt::Display for NothingWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes came, and none are wanted")
    }
}

impl Error for NothingWanted {}
