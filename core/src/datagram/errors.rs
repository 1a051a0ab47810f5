//! What can be wrong with sending a datagram.

use std::error::Error;
use std::fmt;

use crate::Address;

/// A datagram is longer than the system sends: for UDP over IPv4, 65,507 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.MessageLengthError")]
pub struct MessageTooLong {
    /// Its length, in bytes.
    pub len: usize,
}

/// A port cannot send to an address of that kind: IPv6 from IPv4, say.
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
