//! The peer's address in little room: each idle connection has one.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};

use crate::Address;

pub(super) enum Peer {
    /// By far the most frequent, and short.
    V4(SocketAddrV4),
    Other(Box<Address>),
}

impl Peer {
    pub(super) fn new(address: Address) -> Self {
        match address {
            Address::Tcp(SocketAddr::V4(v4)) => Self::V4(v4),
            other => Self::Other(Box::new(other)),
        }
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::V4(v4) => Address::Tcp((*v4).into()),
            Self::Other(address) => (**address).clone(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => v4.fmt(f),
            Self::Other(address) => address.fmt(f),
        }
    }
}
