//! UNIX sockets in the simulated network: each listens at an address that nobody else can have.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use super::{End, Id, Network, State, WRITABLE};
use crate::driver::Token;
use crate::{Address, UnixName};

/// The names that are listened on, and where.
#[derive(Default)]
pub(super) struct Names {
    hidden: BTreeMap<UnixName, SocketAddr>,
    last: u64,
}

impl Names {
    /// In the range where everything is discarded (RFC 6666).
    fn next(&mut self) -> SocketAddr {
        self.last += 1;
        let ip = Ipv6Addr::from_bits((0x100 << 112) | u128::from(self.last));
        (ip, 1).into()
    }

    /// A listener is gone.
    pub(super) fn forget(&mut self, hidden: SocketAddr) {
        self.hidden.retain(|_, address| *address != hidden);
    }
}

pub(super) fn is_hidden(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().segments()[..4] == [0x100, 0, 0, 0])
}

impl Network {
    /// Where a connection to `address` goes.
    pub(in crate::driver::simulated) fn hidden_address(
        &self,
        address: &Address,
    ) -> io::Result<SocketAddr> {
        match address {
            Address::Tcp(address) | Address::Udp(address) => Ok(*address),
            Address::Unix(name) => {
                let hidden = self.names.hidden.get(name).copied();
                hidden.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Address::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Where a listener on `address` is put.
    pub(in crate::driver::simulated) fn hide(
        &mut self,
        address: &Address,
    ) -> io::Result<SocketAddr> {
        match address {
            Address::Unix(UnixName::Unnamed) => Err(io::ErrorKind::AddrNotAvailable.into()),
            Address::Unix(name) if self.names.hidden.contains_key(name) => {
                Err(io::ErrorKind::AddrInUse.into())
            }
            Address::Unix(name) => {
                let hidden = self.names.next();
                self.names.hidden.insert(name.clone(), hidden);
                Ok(hidden)
            }
            other => self.hidden_address(other),
        }
    }

    /// What the programs see of an address.
    pub(in crate::driver::simulated) fn shown(&self, address: SocketAddr) -> Address {
        if !is_hidden(address) {
            return address.into();
        }
        let mut names = self.names.hidden.iter();
        let name = names.find(|(_, hidden)| **hidden == address);
        name.map_or(UnixName::Unnamed, |(name, _)| name.clone())
            .into()
    }

    /// An address that nobody knows.
    pub(super) fn unnamed(&mut self) -> SocketAddr {
        self.names.next()
    }

    /// Two ends that are connected with each other, and have no names.
    pub(in crate::driver::simulated) fn pair(&mut self, tokens: [Token; 2]) -> [Id; 2] {
        let ids = [self.next_id(), self.next_id()];
        let names = [self.names.next(), self.names.next()];
        for this in [0, 1] {
            let other = 1 - this;
            let mut end = End::new(names[this], names[other], self.options.window);
            end.source.token = Some(tokens[this]);
            end.peer = Some(ids[other]);
            end.state = State::Connected;
            self.ends.insert(ids[this], end);
            self.signal(ids[this], WRITABLE);
        }
        ids
    }
}
