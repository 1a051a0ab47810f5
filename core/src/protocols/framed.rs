//! Strings and other frames, cut in one way or another.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::BytesMut;

use super::framing::{Decoder, Framing, StringTooLong};
use super::input::{Input, input_methods, new_input};
use super::receiving::{Cutter, Receiving, protocol_by_receiving};
use crate::{Failure, Protocol, Result, Transport};

/// What is told of frames: the user's part of a [`FramedReceiver`].
///
/// For strings of bytes there is [`StringProtocol`], which is one.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::Result;
/// use torsade_core::protocols::{FrameControl, FrameProtocol, FramedReceiver, Netstring};
/// use torsade_core::testing::StringTransport;
///
/// /// Adds up the lengths.
/// #[derive(Default)]
/// struct Lengths(usize);
///
/// impl FrameProtocol<Netstring> for Lengths {
///     fn frame_received(&mut self, _: &FrameControl<Netstring>, frame: BytesMut) -> Result<()> {
///         self.0 += frame.len();
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let lengths = wire.connect(FramedReceiver::new(Netstring::new(), Lengths::default()));
/// wire.receive(b"5:hello,2:yo,")?;
/// assert_eq!(lengths.with(|receiver, _| receiver.get_mut().0)?, 7);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait FrameProtocol<D: Decoder>: 'static {
    /// The connection is ready to use.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, frames: &FrameControl<D>) {
        let _ = frames;
    }

    /// A frame came.
    ///
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    fn frame_received(&mut self, frames: &FrameControl<D>, frame: D::Frame) -> Result<()>;

    /// What came is no such frame, or one that is too long. Nothing of it is delivered. Unless
    /// overridden, that closes the connection; nothing more is delivered in any case.
    ///
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    fn framing_failed(&mut self, frames: &FrameControl<D>, error: D::Error) -> Result<()> {
        log::debug!(target: "torsade", "closing, as {error}");
        frames.transport().lose_connection();
        Ok(())
    }

    /// A descriptor came over a UNIX socket, before the bytes that it was sent with, also while this is
    /// paused. Unless overridden, that closes it.
    #[doc(alias = "fileDescriptorReceived")]
    fn descriptor_received(&mut self, frames: &FrameControl<D>, descriptor: OwnedFd) {
        let _ = (frames, descriptor);
    }

    /// The peer will send no more. Unless overridden, that closes the connection.
    #[doc(alias = "readConnectionLost")]
    fn read_closed(&mut self, frames: &FrameControl<D>) {
        frames.transport().lose_connection();
    }

    /// Our direction has ended.
    #[doc(alias = "writeConnectionLost")]
    fn write_closed(&mut self, frames: &FrameControl<D>) {
        let _ = frames;
    }

    /// The connection is over.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

/// What is told of strings: the user's part of a [`FramedReceiver`].
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Int16StringReceiver, IntPrefixed, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Answers each string with its length.
/// struct Length;
///
/// impl StringProtocol<IntPrefixed<2>> for Length {
///     fn string_received(&mut self, strings: &StringControl<IntPrefixed<2>>, string: &[u8]) -> Result<()> {
///         Ok(strings.send_string(string.len().to_string())?)
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _length = wire.connect(Int16StringReceiver::new(IntPrefixed::new(), Length));
/// wire.receive(b"\x00\x05hello")?;
/// assert_eq!(wire.value(), b"\x00\x015");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "StatefulStringProtocol")]
#[doc(alias = "stringReceived")]
pub trait StringProtocol<F: Framing>: 'static {
    /// The connection is ready to use.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, strings: &StringControl<F>) {
        let _ = strings;
    }

    /// A string came.
    ///
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    #[doc(alias = "stringReceived")]
    fn string_received(&mut self, strings: &StringControl<F>, string: &[u8]) -> Result<()>;

    /// What came is no such string, or one that is too long. Nothing of it is delivered. Unless
    /// overridden, that closes the connection; nothing more is delivered in any case.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{Netstring, NetstringError, NetstringReceiver, StringControl, StringProtocol};
    /// use torsade_core::testing::StringTransport;
    ///
    /// /// Says what is wrong, and closes.
    /// struct Polite;
    ///
    /// impl StringProtocol<Netstring> for Polite {
    ///     fn string_received(&mut self, _: &StringControl<Netstring>, _: &[u8]) -> Result<()> {
    ///         Ok(())
    ///     }
    ///
    ///     fn framing_failed(&mut self, strings: &StringControl<Netstring>, error: NetstringError) -> Result<()> {
    ///         strings.send_string(error.to_string())?;
    ///         strings.transport().lose_connection();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _polite = wire.connect(NetstringReceiver::new(Netstring::new(), Polite));
    /// wire.receive(b"hello")?;
    /// assert_eq!(wire.value(), b"49:no netstring: at byte 0, 0x68 instead of a length,");
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    #[doc(alias = "lengthLimitExceeded")]
    fn framing_failed(&mut self, strings: &StringControl<F>, error: F::Error) -> Result<()> {
        log::debug!(target: "torsade", "closing, as {error}");
        strings.transport().lose_connection();
        Ok(())
    }

    /// A descriptor came over a UNIX socket, before the bytes that it was sent with, also while this is
    /// paused. Unless overridden, that closes it.
    #[doc(alias = "fileDescriptorReceived")]
    fn descriptor_received(&mut self, strings: &StringControl<F>, descriptor: OwnedFd) {
        let _ = (strings, descriptor);
    }

    /// The peer will send no more. Unless overridden, that closes the connection.
    #[doc(alias = "readConnectionLost")]
    fn read_closed(&mut self, strings: &StringControl<F>) {
        strings.transport().lose_connection();
    }

    /// Our direction has ended.
    #[doc(alias = "writeConnectionLost")]
    fn write_closed(&mut self, strings: &StringControl<F>) {
        let _ = strings;
    }

    /// The connection is over.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

impl<F: Framing, P: StringProtocol<F>> FrameProtocol<F> for P {
    fn connection_made(&mut self, strings: &StringControl<F>) {
        StringProtocol::connection_made(self, strings);
    }

    fn frame_received(&mut self, strings: &StringControl<F>, string: BytesMut) -> Result<()> {
        self.string_received(strings, &string)
    }

    fn framing_failed(&mut self, strings: &StringControl<F>, error: F::Error) -> Result<()> {
        StringProtocol::framing_failed(self, strings, error)
    }

    fn descriptor_received(&mut self, strings: &StringControl<F>, descriptor: OwnedFd) {
        StringProtocol::descriptor_received(self, strings, descriptor);
    }

    fn read_closed(&mut self, strings: &StringControl<F>) {
        StringProtocol::read_closed(self, strings);
    }

    fn write_closed(&mut self, strings: &StringControl<F>) {
        StringProtocol::write_closed(self, strings);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        StringProtocol::connection_lost(self, reason);
    }
}

/// A protocol of strings or other frames: give it a [`Framing`] and a [`StringProtocol`], or a
/// [`Decoder`] of your own and a [`FrameProtocol`].
///
/// ```
/// use torsade_core::protocols::{FramedReceiver, Netstring, StringControl, StringProtocol};
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, Result, TcpServer};
///
/// /// Sends each string back.
/// struct Echo;
///
/// impl StringProtocol<Netstring> for Echo {
///     fn string_received(&mut self, strings: &StringControl<Netstring>, string: &[u8]) -> Result<()> {
///         Ok(strings.send_string(string)?)
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// let server = TcpServer::new(&reactor, address);
/// server.listen(|_: &Address| FramedReceiver::new(Netstring::new(), Echo))?;
/// # let seen = AccumulatingProtocol::new();
/// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// client.transport().write(b"5:hello,3:an"); // the rest of that is still to come
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"5:hello,");
/// # Result::<()>::Ok(())
/// ```
pub struct FramedReceiver<D: Decoder, P> {
    receiving: Rc<Receiving<Frames<D, P>>>,
}

/// The hand that a [`FrameProtocol`] has on its connection. A cheap handle, for keeping too.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Netstring, NetstringReceiver, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Takes no more while it is busy.
/// struct Busy;
///
/// impl StringProtocol<Netstring> for Busy {
///     fn string_received(&mut self, strings: &StringControl<Netstring>, _: &[u8]) -> Result<()> {
///         strings.pause();
///         strings.send_string("wait")?;
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _busy = wire.connect(NetstringReceiver::new(Netstring::new(), Busy));
/// wire.receive(b"1:a,1:b,")?;
/// assert_eq!(wire.value(), b"4:wait,");
/// assert!(wire.is_paused());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct FrameControl<D> {
    pub(super) input: Rc<Input>,
    pub(super) codec: Rc<Codec<D>>,
}

/// The hand that a [`StringProtocol`] has on its connection.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{Netstring, NetstringReceiver, StringControl, StringProtocol};
/// use torsade_core::testing::StringTransport;
///
/// /// Keeps its hand on the connection, to speak when it has something to say.
/// #[derive(Default)]
/// struct Member {
///     strings: Option<StringControl<Netstring>>,
/// }
///
/// impl StringProtocol<Netstring> for Member {
///     fn connection_made(&mut self, strings: &StringControl<Netstring>) {
///         self.strings = Some(strings.clone());
///     }
///
///     fn string_received(&mut self, _: &StringControl<Netstring>, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let member = wire.connect(NetstringReceiver::new(Netstring::new(), Member::default()));
/// let strings = member.with(|receiver, _| receiver.get_mut().strings.clone())?.unwrap();
/// strings.send_string("news")?;
/// assert_eq!(wire.value(), b"4:news,");
/// # Result::<()>::Ok(())
/// ```
pub type StringControl<F> = FrameControl<F>;

/// What a receiver and the handles of its user share.
pub(super) struct Codec<D> {
    pub(super) decoder: RefCell<D>,
    /// Room for what goes before a string.
    before: RefCell<Vec<u8>>,
}

struct Frames<D, P> {
    user: P,
    control: FrameControl<D>,
    /// The bytes cannot be trusted any more.
    has_failed: bool,
}

impl<D: Decoder, P: FrameProtocol<D>> FramedReceiver<D, P> {
    /// Frames, cut in that way, for `user`.
    pub fn new(decoder: D, user: P) -> Self {
        let input = new_input();
        let frames = Frames {
            user,
            control: FrameControl {
                input: Rc::clone(&input),
                codec: Rc::new(Codec {
                    decoder: RefCell::new(decoder),
                    before: RefCell::default(),
                }),
            },
            has_failed: false,
        };
        Self {
            receiving: Receiving::new(frames, &input),
        }
    }

    /// The user's part.
    pub fn get_mut(&mut self) -> RefMut<'_, P> {
        RefMut::map(self.receiving.cutter(), |frames| &mut frames.user)
    }
}

impl<D: Decoder> FrameControl<D> {
    input_methods!();
}

impl<F: Framing> FrameControl<F> {
    /// Sends a string.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{Int8StringReceiver, IntPrefixed, StringControl, StringProtocol};
    /// use torsade_core::testing::StringTransport;
    ///
    /// struct Greets;
    ///
    /// impl StringProtocol<IntPrefixed<1>> for Greets {
    ///     fn connection_made(&mut self, strings: &StringControl<IntPrefixed<1>>) {
    ///         assert!(strings.send_string([0; 256]).is_err()); // nothing of it is sent
    ///         assert!(strings.send_string("hello").is_ok());
    ///     }
    ///
    ///     fn string_received(&mut self, _: &StringControl<IntPrefixed<1>>, _: &[u8]) -> Result<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _greets = wire.connect(Int8StringReceiver::new(IntPrefixed::new(), Greets));
    /// assert_eq!(wire.value(), b"\x05hello");
    /// ```
    ///
    /// # Errors
    /// [`StringTooLong`]: the framing has no room for it.
    #[doc(alias = "sendString")]
    pub fn send_string(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong> {
        let string = string.as_ref();
        let mut before = self.codec.before.borrow_mut();
        before.clear();
        let behind = self
            .codec
            .decoder
            .borrow()
            .encode(string.len(), &mut before)?;
        self.transport()
            .write_sequence([before.as_slice(), string, behind]);
        Ok(())
    }
}

impl<D: Decoder, P: FrameProtocol<D>> Cutter for Frames<D, P> {
    fn made(&mut self) {
        self.user.connection_made(&self.control);
    }

    fn give_next(&mut self) -> Result<bool> {
        let FrameControl { input, codec } = &self.control;
        if self.has_failed {
            input.end();
            return Ok(false);
        }
        let decoded = input.take_with(|input| codec.decoder.borrow_mut().decode(input));
        match decoded {
            Ok(Some(frame)) => {
                self.user.frame_received(&self.control, frame)?;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                self.has_failed = true;
                self.user.framing_failed(&self.control, error)?;
                Ok(true)
            }
        }
    }

    fn descriptor_received(&mut self, descriptor: OwnedFd) {
        self.user.descriptor_received(&self.control, descriptor);
    }

    fn read_closed(&mut self) {
        self.user.read_closed(&self.control);
    }

    fn write_closed(&mut self) {
        self.user.write_closed(&self.control);
    }

    fn lost(&mut self, reason: &Failure) {
        self.user.connection_lost(reason);
    }
}

impl<D: Decoder, P: FrameProtocol<D>> Protocol for FramedReceiver<D, P> {
    protocol_by_receiving!();
}

impl<D> Clone for FrameControl<D> {
    fn clone(&self) -> Self {
        Self {
            input: Rc::clone(&self.input),
            codec: Rc::clone(&self.codec),
        }
    }
}

impl<D: Decoder, P> fmt::Debug for FramedReceiver<D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramedReceiver").finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for FrameControl<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameControl").finish_non_exhaustive()
    }
}
