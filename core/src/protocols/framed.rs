//! Strings, framed in one way or another.

use std::cell::RefMut;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use bytes::BytesMut;

use super::input::{Input, input_methods, new_input};
use super::receiving::{Cutter, Receiving, protocol_by_receiving};
use crate::{Failure, Protocol, Result, Transport};

/// A way to frame strings in a stream of bytes. Sans-io: it sees bytes and nothing else.
pub trait Framing: 'static {
    /// What can be wrong with the bytes.
    type Error: Error + 'static;

    /// Takes the next string from the front of `input`; `None` when it is not complete yet.
    ///
    /// What is taken counts as used, so an incomplete string stays where it is, unless it is
    /// remembered in the framing itself.
    ///
    /// # Errors
    /// The bytes are no such string, or one that is too long. Nothing that follows can be trusted.
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, Self::Error>;

    /// What goes before and behind a string of that length on the wire.
    ///
    /// # Errors
    /// [`StringTooLong`]: it cannot be framed.
    fn encode(&self, length: usize) -> Result<(Vec<u8>, &'static [u8]), StringTooLong>;
}

/// What is told of strings: the user's part of a [`FramedReceiver`].
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
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    #[doc(alias = "lengthLimitExceeded")]
    fn framing_failed(&mut self, strings: &StringControl<F>, error: F::Error) -> Result<()> {
        log::debug!(target: "torsade", "closing, as {error}");
        strings.transport().lose_connection();
        Ok(())
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

/// A string that its framing has no room for: nothing was sent of it.
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

/// A protocol of strings: give it a [`Framing`] and a [`StringProtocol`].
///
/// ```
/// use torsade_core::protocols::{FramedReceiver, Netstring, StringControl, StringProtocol};
/// use torsade_core::testing::Simulation;
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
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let server = TcpServer::new(&reactor, "127.0.0.1:8007".parse()?);
/// server.listen(|_: &Address| FramedReceiver::new(Netstring::new(), Echo))?;
/// # Ok(())
/// # }
/// ```
pub struct FramedReceiver<F: Framing, P> {
    receiving: Rc<Receiving<Strings<F, P>>>,
}

/// The hand that a [`StringProtocol`] has on its connection. A cheap handle, for keeping too.
pub struct StringControl<F> {
    pub(super) input: Rc<Input>,
    /// For encoding; another decodes.
    framing: Rc<F>,
}

struct Strings<F: Framing, P> {
    user: P,
    framing: F,
    control: StringControl<F>,
    /// The bytes cannot be trusted any more.
    has_failed: bool,
}

impl<F: Framing + Clone, P: StringProtocol<F>> FramedReceiver<F, P> {
    /// Strings, framed in that way, for `user`.
    pub fn new(framing: F, user: P) -> Self {
        let input = new_input();
        let strings = Strings {
            user,
            control: StringControl {
                input: Rc::clone(&input),
                framing: Rc::new(framing.clone()),
            },
            framing,
            has_failed: false,
        };
        Self {
            receiving: Receiving::new(strings, &input),
        }
    }

    /// The user's part.
    pub fn get_mut(&mut self) -> RefMut<'_, P> {
        RefMut::map(self.receiving.cutter(), |strings| &mut strings.user)
    }
}

impl<F: Framing> StringControl<F> {
    input_methods!();

    /// Sends a string.
    ///
    /// # Errors
    /// [`StringTooLong`]: the framing has no room for it.
    #[doc(alias = "sendString")]
    pub fn send_string(&self, string: impl AsRef<[u8]>) -> Result<(), StringTooLong> {
        let string = string.as_ref();
        let (before, behind) = self.framing.encode(string.len())?;
        self.transport()
            .write_sequence([before.as_slice(), string, behind]);
        Ok(())
    }
}

impl<F: Framing, P: StringProtocol<F>> Cutter for Strings<F, P> {
    fn made(&mut self) {
        self.user.connection_made(&self.control);
    }

    fn give_next(&mut self) -> Result<bool> {
        if self.has_failed {
            self.control.input.end();
            return Ok(false);
        }
        let framing = &mut self.framing;
        match self.control.input.take_with(|input| framing.decode(input)) {
            Ok(Some(string)) => {
                self.user.string_received(&self.control, &string)?;
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

impl<F: Framing, P: StringProtocol<F>> Protocol for FramedReceiver<F, P> {
    protocol_by_receiving!();
}

impl<F> Clone for StringControl<F> {
    fn clone(&self) -> Self {
        Self {
            input: Rc::clone(&self.input),
            framing: Rc::clone(&self.framing),
        }
    }
}

impl<F: Framing, P> fmt::Debug for FramedReceiver<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramedReceiver").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for StringControl<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringControl").finish_non_exhaustive()
    }
}
