//! Lines, and raw bytes between them.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::BytesMut;

use super::input::{Input, input_methods, new_input};
use super::receiving::{Cutter, Receiving, protocol_by_receiving};
use crate::{Failure, Protocol, Result, Transport};

/// What is told of lines: the user's part of a [`LineReceiver`].
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// use torsade_core::testing::StringTransport;
///
/// /// A number in a line, then so many bytes as they are, then lines again.
/// #[derive(Default)]
/// struct Bodies {
///     left: usize,
/// }
///
/// impl LineProtocol for Bodies {
///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
///         self.left = std::str::from_utf8(line)?.parse()?;
///         lines.set_raw_mode();
///         Ok(())
///     }
///
///     fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
///         let (body, rest) = data.split_at(self.left.min(data.len()));
///         self.left -= body.len();
///         if self.left == 0 {
///             lines.send_line("thanks");
///             lines.set_line_mode(rest);
///         }
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _bodies = wire.connect(LineReceiver::new(Bodies::default()));
/// wire.receive(b"5\r\nhello2\r\n")?;
/// wire.receive(b"yo")?;
/// assert_eq!(wire.value(), b"thanks\r\nthanks\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait LineProtocol: 'static {
    /// The connection is ready to use.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, lines: &LineControl) {
        let _ = lines;
    }

    /// A line came; its delimiter is not part of it.
    ///
    /// # Errors
    /// An error aborts the connection, with itself as the reason.
    #[doc(alias = "lineReceived")]
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()>;

    /// Bytes came in raw mode: see [`LineControl::set_raw_mode`].
    ///
    /// # Errors
    /// As with lines. Unless overridden, they are one: whoever sets raw mode wants to have them.
    #[doc(alias = "rawDataReceived")]
    fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let _ = (lines, data);
        Err(std::io::Error::other("raw data came, and nobody takes it").into())
    }

    /// A line is longer than the limit, or will be: `data` is what has come of it and behind it.
    /// Unless overridden, that closes the connection.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
    /// use torsade_core::testing::StringTransport;
    ///
    /// /// Says why it goes.
    /// struct Polite;
    ///
    /// impl LineProtocol for Polite {
    ///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
    ///         lines.send_line(line);
    ///         Ok(())
    ///     }
    ///
    ///     fn line_length_exceeded(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
    ///         lines.send_line("500 that is too long");
    ///         lines.transport().lose_connection();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _polite = wire.connect(LineReceiver::new(Polite).max_length(10));
    /// wire.receive(b"hello\r\nhello, how are you?\r\n")?;
    /// assert_eq!(wire.value(), b"hello\r\n500 that is too long\r\n");
    /// assert!(wire.is_disconnecting());
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As with lines.
    #[doc(alias = "lineLengthExceeded")]
    fn line_length_exceeded(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let _ = data;
        lines.transport().lose_connection();
        Ok(())
    }

    /// A descriptor came over a UNIX socket, before the bytes that it was sent with, also while this is
    /// paused. Unless overridden, that closes it.
    #[doc(alias = "fileDescriptorReceived")]
    fn descriptor_received(&mut self, lines: &LineControl, descriptor: OwnedFd) {
        let _ = (lines, descriptor);
    }

    /// The peer will send no more. Unless overridden, that closes the connection.
    #[doc(alias = "readConnectionLost")]
    fn read_closed(&mut self, lines: &LineControl) {
        lines.transport().lose_connection();
    }

    /// Our direction has ended.
    #[doc(alias = "writeConnectionLost")]
    fn write_closed(&mut self, lines: &LineControl) {
        let _ = lines;
    }

    /// The connection is over.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

/// A protocol of lines: give it a [`LineProtocol`].
///
/// Lines end with CR LF and are at most 16,384 bytes long, unless told otherwise.
///
/// ```
/// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, Result, TcpServer};
///
/// /// Answers each line with its length.
/// struct Lengths;
///
/// impl LineProtocol for Lengths {
///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
///         lines.send_line(line.len().to_string());
///         Ok(())
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// let server = TcpServer::new(&reactor, address);
/// server.listen(|_: &Address| LineReceiver::new(Lengths).delimiter("\n").max_length(1000))?;
/// # let seen = AccumulatingProtocol::new();
/// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// client.transport().write(b"hello\nand goodbye\n");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"5\n11\n");
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "LineOnlyReceiver")]
pub struct LineReceiver<P> {
    receiving: Rc<Receiving<Lines<P>>>,
}

/// The hand that a [`LineProtocol`] has on its lines. A cheap handle, for keeping too.
///
/// ```
/// use torsade_core::Result;
/// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// use torsade_core::testing::StringTransport;
///
/// /// Answers one line, and takes the next when that is done.
/// #[derive(Default)]
/// struct Slow {
///     lines: Option<LineControl>,
/// }
///
/// impl LineProtocol for Slow {
///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
///         lines.pause();
///         lines.send_line(line);
///         self.lines = Some(lines.clone());
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let slow = wire.connect(LineReceiver::new(Slow::default()));
/// wire.receive(b"one\r\ntwo\r\n")?;
/// assert_eq!(wire.value(), b"one\r\n");
/// let lines = slow.with(|receiver, _| receiver.get_mut().lines.clone())?.unwrap();
/// lines.resume();
/// assert_eq!(wire.value(), b"one\r\ntwo\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct LineControl {
    input: Rc<Input>,
    pub(super) mode: Rc<Mode>,
}

pub(super) struct Mode {
    is_raw: Cell<bool>,
    delimiter: Cell<&'static [u8]>,
    /// How much of the input is known to hold no delimiter.
    pub(super) searched: Cell<usize>,
    /// What is just being given as raw bytes, and how many of its last bytes are none.
    raw: RefCell<BytesMut>,
    left_over: Cell<usize>,
}

struct Lines<P> {
    user: P,
    control: LineControl,
    max_length: usize,
}

/// What has become of the search for a line.
enum Found {
    Line(BytesMut),
    TooLong(BytesMut),
    Unfinished,
}

impl<P: LineProtocol> LineReceiver<P> {
    /// Lines for `user`.
    pub fn new(user: P) -> Self {
        let input = new_input();
        let mode = Rc::new(Mode {
            is_raw: Cell::new(false),
            delimiter: Cell::new(b"\r\n"),
            searched: Cell::new(0),
            raw: RefCell::default(),
            left_over: Cell::new(0),
        });
        let lines = Lines {
            user,
            control: LineControl {
                input: Rc::clone(&input),
                mode,
            },
            max_length: 16_384,
        };
        Self {
            receiving: Receiving::new(lines, &input),
        }
    }

    /// What ends a line; an empty one would end none, and is taken as CR LF.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
    /// use torsade_core::testing::StringTransport;
    ///
    /// struct Echo;
    ///
    /// impl LineProtocol for Echo {
    ///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
    ///         lines.send_line(line);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _echo = wire.connect(LineReceiver::new(Echo).delimiter("\0"));
    /// wire.receive(b"one\r\nline\0")?;
    /// assert_eq!(wire.value(), b"one\r\nline\0"); // both ways
    /// # Result::<()>::Ok(())
    /// ```
    pub fn delimiter(self, delimiter: &'static (impl AsRef<[u8]> + ?Sized)) -> Self {
        let delimiter = delimiter.as_ref();
        let mode = Rc::clone(&self.receiving.cutter().control.mode);
        mode.delimiter.set(if delimiter.is_empty() {
            b"\r\n"
        } else {
            delimiter
        });
        self
    }

    /// The longest line that is let through, in bytes, without its delimiter.
    #[doc(alias = "MAX_LENGTH")]
    pub fn max_length(self, bytes: usize) -> Self {
        self.receiving.cutter().max_length = bytes;
        self
    }

    /// The user's part.
    pub fn get_mut(&mut self) -> RefMut<'_, P> {
        RefMut::map(self.receiving.cutter(), |lines| &mut lines.user)
    }
}

impl LineControl {
    input_methods!();

    /// Sends a line, and the delimiter behind it.
    #[doc(alias = "sendLine")]
    pub fn send_line(&self, line: impl AsRef<[u8]>) {
        let delimiter = self.mode.delimiter.get();
        self.transport().write_sequence([line.as_ref(), delimiter]);
    }

    /// From now on, bytes are given as they come, beginning with those behind the present line.
    #[doc(alias = "setRawMode")]
    pub fn set_raw_mode(&self) {
        self.mode.is_raw.set(true);
        // What is known of the input is of no use when it is taken.
        self.mode.searched.set(0);
        self.input.pump_later();
    }

    /// From now on, lines are given again; the first begins with `extra`, what was given as raw
    /// bytes and is none. That is not copied if it is the end of what is just being given.
    #[doc(alias = "setLineMode")]
    pub fn set_line_mode(&self, extra: &[u8]) {
        self.mode.is_raw.set(false);
        if self.mode.left_over.get() == 0 && is_end_of(extra, &self.mode.raw.borrow()) {
            self.mode.left_over.set(extra.len());
        } else {
            // It was given before what waits.
            self.input.put_back(BytesMut::from(extra));
        }
        self.mode.searched.set(0);
        self.input.pump_later();
    }

    /// What has come and was not given yet; it will not be given any more.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
    /// use torsade_core::testing::StringTransport;
    ///
    /// /// Forgets what was typed ahead when something goes wrong.
    /// struct Careful;
    ///
    /// impl LineProtocol for Careful {
    ///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
    ///         if line == b"oops" {
    ///             assert_eq!(lines.clear_line_buffer(), b"delete all\r\n");
    ///         }
    ///         lines.send_line(line);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _careful = wire.connect(LineReceiver::new(Careful));
    /// wire.receive(b"oops\r\ndelete all\r\n")?;
    /// assert_eq!(wire.value(), b"oops\r\n");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "clearLineBuffer")]
    pub fn clear_line_buffer(&self) -> Vec<u8> {
        self.mode.searched.set(0);
        let raw = self.mode.raw.borrow();
        let left_over = raw.len() - self.mode.left_over.take();
        [&raw[left_over..], &self.input.take_all()].concat()
    }

    /// Gives the rest of the input as raw bytes to `user`; `false` when there is none.
    fn give_raw(&self, user: &mut impl LineProtocol) -> Result<bool> {
        let data = self.input.take_all();
        if data.is_empty() {
            return Ok(false);
        }
        self.mode.raw.replace(data);
        let result = user.raw_data_received(self, &self.mode.raw.borrow());
        let mut data = self.mode.raw.take();
        let left_over = self.mode.left_over.take();
        if left_over > 0 {
            self.input.put_back(data.split_off(data.len() - left_over));
        }
        result.map(|()| true)
    }

    fn find_line(&self, max_length: usize) -> Found {
        let delimiter = self.mode.delimiter.get();
        self.input.take_with(|buffer| {
            let from = self.mode.searched.get().min(buffer.len());
            match find(&buffer[from..], delimiter) {
                Some(at) if from + at <= max_length => {
                    self.mode.searched.set(0);
                    let mut line = buffer.split_to(from + at + delimiter.len());
                    line.truncate(from + at);
                    Found::Line(line)
                }
                None if buffer.len() < max_length.saturating_add(delimiter.len()) => {
                    // The delimiter may have begun at the very end.
                    let unsearched = delimiter.len() - 1;
                    self.mode
                        .searched
                        .set(buffer.len().saturating_sub(unsearched));
                    Found::Unfinished
                }
                _ => {
                    self.mode.searched.set(0);
                    Found::TooLong(std::mem::take(buffer))
                }
            }
        })
    }
}

/// Whether `part` is the end of `data` itself, not just equal to it.
fn is_end_of(part: &[u8], data: &[u8]) -> bool {
    part.len() <= data.len() && part.as_ptr_range().end == data.as_ptr_range().end
}

/// Where `needle`, which is not empty, begins.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(needle[0], &haystack[from..])?;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

impl<P: LineProtocol> Cutter for Lines<P> {
    fn made(&mut self) {
        self.user.connection_made(&self.control);
    }

    fn give_next(&mut self) -> Result<bool> {
        if self.control.mode.is_raw.get() {
            return self.control.give_raw(&mut self.user);
        }
        match self.control.find_line(self.max_length) {
            Found::Line(line) => self.user.line_received(&self.control, &line)?,
            Found::TooLong(data) => self.user.line_length_exceeded(&self.control, &data)?,
            Found::Unfinished => return Ok(false),
        }
        Ok(true)
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

impl<P: LineProtocol> Protocol for LineReceiver<P> {
    protocol_by_receiving!();
}

impl<P> fmt::Debug for LineReceiver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReceiver").finish_non_exhaustive()
    }
}

impl fmt::Debug for LineControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineControl")
            .field("is_raw", &self.mode.is_raw.get())
            .finish_non_exhaustive()
    }
}
