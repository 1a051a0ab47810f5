//! Datagrams: UDP and UNIX sockets that send and receive messages, each on its own.
//!
//! A [`DatagramProtocol`] is given each message whole, with who sent it; the [`DatagramPort`] that
//! it speaks through sends to anybody, or, when it is [connected](DatagramPort::connect), to one
//! peer.
//!
//! ```
//! use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
//! # use torsade_core::testing::Simulation;
//! use torsade_core::{Address, Result};
//!
//! struct Echo;
//!
//! impl DatagramProtocol for Echo {
//!     fn datagram_received(&mut self, port: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
//!         port.send(data, from)
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! # let reactor = Simulation::new().reactor();
//! let options = DatagramOptions::new();
//! let port = reactor.listen_udp("127.0.0.1:0".parse()?, Echo, &options)?;
//! assert_ne!(port.host().port(), Some(0));
//! # Ok(())
//! # }
//! ```

mod errors;
mod handle;
mod options;
mod port;
#[cfg(test)]
mod tests;

pub use errors::{InvalidAddress, MessageTooLong};
pub use handle::DatagramPort;
pub use options::{DatagramOption, DatagramOptions, MulticastInterface};

use crate::{Address, Result};

/// Told of what happens on a port for datagrams.
///
/// ```
/// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
/// # use std::cell::RefCell;
/// # use std::rc::Rc;
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Result};
///
/// /// Answers in capitals.
/// struct Loud;
///
/// impl DatagramProtocol for Loud {
///     fn datagram_received(&mut self, port: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
///         port.send(&data.to_ascii_uppercase(), from)
///     }
/// }
/// #
/// # struct Hears(Rc<RefCell<Vec<u8>>>);
/// # impl DatagramProtocol for Hears {
/// #     fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
/// #         self.0.borrow_mut().extend_from_slice(data);
/// #         Ok(())
/// #     }
/// # }
/// # let heard = Rc::new(RefCell::new(Vec::new()));
/// # let hears = Hears(heard.clone());
///
/// # let reactor = Simulation::new().reactor();
/// let options = DatagramOptions::new();
/// let server = reactor.listen_udp("127.0.0.1:7".parse()?, Loud, &options)?;
/// let client = reactor.listen_udp("127.0.0.1:0".parse()?, hears, &options)?;
/// client.send(b"hello", server.host())?;
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(*heard.borrow(), b"HELLO");
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "twisted.internet.protocol.DatagramProtocol")]
#[doc(alias = "ConnectedDatagramProtocol")]
#[doc(alias = "AbstractDatagramProtocol")]
pub trait DatagramProtocol: 'static {
    /// The port is bound.
    ///
    /// ```
    /// # use std::cell::RefCell;
    /// # use std::rc::Rc;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Result};
    /// use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
    ///
    /// /// Asks as soon as it can, and keeps the answer.
    /// struct Asks(Address, Rc<RefCell<Vec<u8>>>);
    ///
    /// impl DatagramProtocol for Asks {
    ///     fn start_protocol(&mut self, port: &DatagramPort) {
    ///         let _ = port.send(b"what time is it?", &self.0);
    ///     }
    ///
    ///     fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
    ///         self.1.borrow_mut().extend_from_slice(data);
    ///         Ok(())
    ///     }
    /// }
    /// #
    /// # struct Clock;
    /// # impl DatagramProtocol for Clock {
    /// #     fn datagram_received(&mut self, port: &DatagramPort, _: &[u8], from: &Address) -> Result<()> {
    /// #         port.send(b"noon", from)
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let options = DatagramOptions::new();
    /// # let clock = reactor.listen_udp("127.0.0.1:37".parse()?, Clock, &options)?;
    /// let answer = Rc::default();
    /// let asks = Asks(clock.host().clone(), Rc::clone(&answer));
    /// reactor.listen_udp("127.0.0.1:0".parse()?, asks, &options)?;
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert_eq!(*answer.borrow(), b"noon");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "startProtocol")]
    #[doc(alias = "doStart")]
    #[doc(alias = "makeConnection")]
    fn start_protocol(&mut self, port: &DatagramPort) {
        let _ = port;
    }

    /// A datagram came.
    ///
    /// # Errors
    /// An error is logged, and the port lives on: others may send better ones.
    #[doc(alias = "datagramReceived")]
    fn datagram_received(&mut self, port: &DatagramPort, data: &[u8], from: &Address)
    -> Result<()>;

    /// Nobody receives what was sent to the peer of a [connected](DatagramPort::connect) port. Told
    /// by the peer's host, at times, so it may not be true any more, and may never be told.
    #[doc(alias = "connectionRefused")]
    fn connection_refused(&mut self, port: &DatagramPort) {
        let _ = port;
    }

    /// The port is closed. Nothing more will be called.
    #[doc(alias = "stopProtocol")]
    #[doc(alias = "doStop")]
    fn stop_protocol(&mut self) {}
}
