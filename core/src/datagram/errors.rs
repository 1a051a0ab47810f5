//! What can be wrong with sending a datagram.

use std::error::Error;
use std::fmt;

use crate::Address;

/// A datagram is longer than the system sends: for UDP over IPv4, 65,507 bytes.
///
/// ```
/// # use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol, MessageTooLong};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// let reactor = Simulation::new().reactor();
/// let port = reactor.listen_udp("127.0.0.1:0".parse()?, Quiet, &DatagramOptions::new())?;
/// let failure = port.send(&[0; 70_000], port.host()).unwrap_err();
/// assert_eq!(failure.check::<MessageTooLong>().unwrap().len, 70_000);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.MessageLengthError")]
pub struct MessageTooLong {
    /// Its length, in bytes.
    pub len: usize,
}

/// A port cannot send to an address of that kind: IPv6 from IPv4, say.
///
/// ```
/// # use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol, InvalidAddress};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result};
/// # struct Quiet;
/// # impl DatagramProtocol for Quiet {
/// #     fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> { Ok(()) }
/// # }
/// let reactor = Simulation::new().reactor();
/// let port = reactor.listen_udp("127.0.0.1:0".parse()?, Quiet, &DatagramOptions::new())?;
/// let peer = Address::Udp("[::1]:7".parse()?);
/// let failure = port.send(b"hello", &peer).unwrap_err();
/// assert_eq!(failure.trap::<InvalidAddress>()?.address, peer);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.InvalidAddressError")]
pub struct InvalidAddress {
    /// The port's own address.
    pub host: Address,
    /// The other.
    pub address: Address,
}

impl fmt::Display for MessageTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a datagram of {} bytes is longer than the system sends",
            self.len
        )
    }
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot send to {}", self.host, self.address)
    }
}

impl Error for MessageTooLong {}
impl Error for InvalidAddress {}
