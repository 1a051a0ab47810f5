//! A filter: a sans-io stage between the wire and a protocol.
//!
//! ```text
//! socket -> wire bytes -> decode -> plain bytes -> protocol
//! protocol -> plain bytes -> encode -> wire bytes -> socket
//! ```
//!
//! TLS is a filter; TLS inside TLS is two of them. A filter owns no socket and calls nobody, so
//! it is tested, fuzzed and simulated on plain byte slices. The connection that owns the stack of
//! filters drives them, and is the only one that does.

mod by_first_bytes;
mod proxy_header;
mod socks5;
mod traffic_log;

use std::any::Any;
use std::fmt;
use std::rc::Rc;

pub use by_first_bytes::{ByFirstBytes, FirstBytes, UndecidedError};
pub use proxy_header::{ProxyHeader, ProxyHeaderError, SendProxyHeader};
pub use socks5::{Socks5, Socks5Error};
pub use traffic_log::{Direction, TrafficLog};

use crate::{Address, Result};

/// One stage of a connection's filter stack.
///
/// The connection calls [`start`](Self::start) once, then the other methods in any order, and
/// looks at [`is_ready`](Self::is_ready) and [`is_read_closed`](Self::is_read_closed) after each.
/// What a method writes into an output buffer is appended: nothing in it may be touched.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, Filter, Result, TcpClient, TcpServer};
///
/// /// A toy: each byte is turned round on the wire.
/// #[derive(Debug)]
/// struct TurnedRound;
///
/// impl Filter for TurnedRound {
///     fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
///         plain.extend(input.iter().map(|byte| !byte));
///         Ok(())
///     }
///
///     fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
///         wire.extend(plain.iter().map(|byte| !byte));
///         Ok(())
///     }
///
///     fn has_farewell(&self) -> bool {
///         false
///     }
/// }
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:7".parse()?;
/// TcpServer::new(&reactor, address).filter(|| Ok(TurnedRound)).listen(|_: &Address| Echo)?;
/// let client = TcpClient::new(&reactor, address).filter(|| Ok(TurnedRound));
/// let seen = AccumulatingProtocol::new();
/// reactor.run_until(client.connect_protocol(seen.clone()))?.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait Filter: fmt::Debug + 'static {
    /// The filter was put in place: it may have something to say first (a TLS client does).
    /// Unless overridden, it has not.
    ///
    /// # Errors
    /// As with [`decode`](Self::decode).
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        let _ = wire;
        Ok(())
    }

    /// Bytes came from the wire, in `input`, which the filter may use as its workspace.
    ///
    /// Plain bytes go to `plain`, what has to be answered on the wire goes to `wire`. All of
    /// `input` is consumed; an unfinished record at its end is kept inside the filter. After
    /// [`is_read_closed`](Self::is_read_closed) further input is ignored.
    ///
    /// # Errors
    /// The stream is broken. What was decoded before that is in `plain`; what should still be
    /// sent to the peer (an alert) is in `wire`. The connection is closed with this error.
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()>;

    /// Encodes `plain` into `wire`. Called only while [`is_ready`](Self::is_ready), and not after
    /// [`close_write`](Self::close_write).
    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()>;

    /// Nothing more will be encoded: the filter's farewell (close_notify) goes to `wire`.
    /// Unless overridden, there is none.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, Ending};
    /// use torsade_core::{Filter, Result};
    ///
    /// /// A dot ends each direction, so that nobody else can.
    /// #[derive(Debug, Default)]
    /// struct Dotted {
    ///     has_ended: bool,
    /// }
    ///
    /// impl Filter for Dotted {
    ///     fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
    ///         let text = input.split(|&byte| byte == b'.').next().unwrap_or_default();
    ///         self.has_ended |= text.len() < input.len();
    ///         plain.extend_from_slice(text);
    ///         Ok(())
    ///     }
    ///
    ///     fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
    ///         wire.extend_from_slice(plain);
    ///         Ok(())
    ///     }
    ///
    ///     fn close_write(&mut self, wire: &mut Vec<u8>) {
    ///         wire.push(b'.');
    ///     }
    ///
    ///     fn is_read_closed(&self) -> bool {
    ///         self.has_ended
    ///     }
    /// }
    ///
    /// let seen = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), seen.clone())?;
    /// for transport in [pair.client().transport(), pair.server().transport()] {
    ///     drop(transport.start_filter(Dotted::default()));
    /// }
    /// pair.client().transport().write(b"hello");
    /// pair.client().transport().lose_connection();
    /// pair.flush()?;
    /// assert_eq!((seen.data(), seen.ending()), (b"hello".to_vec(), Some(Ending::Done)));
    /// # Result::<()>::Ok(())
    /// ```
    fn close_write(&mut self, wire: &mut Vec<u8>) {
        let _ = wire;
    }

    /// The wire ended (end of file).
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_core::filter::{ProxyHeader, ProxyHeaderError};
    ///
    /// let mut header = ProxyHeader::new();
    /// header.decode(&mut b"PROXY TCP4 192.0".to_vec(), &mut Vec::new(), &mut Vec::new())?;
    /// let failure = header.wire_closed().unwrap_err();
    /// assert_eq!(failure.trap::<ProxyHeaderError>()?, ProxyHeaderError::CutOff);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// When that cuts the stream off: in the middle of a handshake or record, or without the
    /// farewell that the filter's protocol demands. Unless overridden, it never does.
    fn wire_closed(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether plain bytes may travel: its handshake is done. Unless overridden, there is none.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, success_result_of};
    /// use torsade_core::{Filter, Result};
    ///
    /// /// Both sides say one byte before anything else.
    /// #[derive(Debug, Default)]
    /// struct Greeting {
    ///     was_greeted: bool,
    /// }
    ///
    /// impl Filter for Greeting {
    ///     fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
    ///         wire.push(b'!');
    ///         Ok(())
    ///     }
    ///
    ///     fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
    ///         let greeting = usize::from(!self.was_greeted && !input.is_empty());
    ///         self.was_greeted |= greeting == 1;
    ///         plain.extend_from_slice(&input[greeting..]);
    ///         Ok(())
    ///     }
    ///
    ///     fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
    ///         wire.extend_from_slice(plain);
    ///         Ok(())
    ///     }
    ///
    ///     fn is_ready(&self) -> bool {
    ///         self.was_greeted
    ///     }
    /// }
    ///
    /// let seen = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), seen.clone())?;
    /// let ready = pair.client().transport().start_filter(Greeting::default());
    /// pair.client().transport().write(b"hello"); // waits until it is ready
    /// pair.flush()?;
    /// assert!(!ready.is_fired());
    /// assert_eq!(seen.data(), b"!");
    /// drop(pair.server().transport().start_filter(Greeting { was_greeted: true }));
    /// pair.flush()?;
    /// success_result_of(ready);
    /// assert_eq!(seen.data(), b"!hello");
    /// # Result::<()>::Ok(())
    /// ```
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether the peer has closed its side by words of the filter's own: no plain byte will come any
    /// more. Unless overridden, there are none.
    fn is_read_closed(&self) -> bool {
        false
    }

    /// Whether it ends with words of its own in both directions, so that a closing connection has to
    /// wait for the peer's.
    fn has_farewell(&self) -> bool {
        true
    }

    /// The peer that stands behind the one on the wire, for `Transport::peer`.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_core::filter::ProxyHeader;
    ///
    /// let mut header = ProxyHeader::new();
    /// assert!(header.peer().is_none()); // so it is the one on the wire
    /// let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n";
    /// header.decode(&mut line.to_vec(), &mut Vec::new(), &mut Vec::new())?;
    /// assert_eq!(header.peer().unwrap().to_string(), "192.0.2.1:4000");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    fn peer(&self) -> Option<Address> {
        None
    }

    /// Our end as that peer knows it, for `Transport::host`.
    fn host(&self) -> Option<Address> {
        None
    }

    /// What was agreed on with the peer, for `Transport::negotiated`; the type is the filter's.
    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        None
    }
}
