//! Names in the simulated network: those of hosts, and of UNIX sockets, each of which listens at an
//! address that nobody else can have.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{End, HostId, Id, Network, State};
use crate::driver::{Lookup, Readiness, Token};
use crate::{Address, LookupVerdict, UnixName};

/// The names that are listened on, and where.
#[derive(Default)]
pub(super) struct Names {
    hidden: BTreeMap<(HostId, UnixName), SocketAddr>,
    last: u64,
}

/// What is wrong with the look-up of a host name.
#[derive(Default)]
pub(super) struct NameFault {
    verdict: Option<LookupVerdict>,
    delay: Duration,
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

    pub(super) fn forget_all(&mut self, host: HostId) {
        self.hidden.retain(|(owner, _), _| *owner != host);
    }
}

pub(super) fn is_hidden(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().segments()[..4] == [0x100, 0, 0, 0])
}

impl Network {
    /// The look-up of this host name fails from now on.
    pub(crate) fn fail_name(&mut self, name: &str, verdict: LookupVerdict) {
        self.name_fault(name).verdict = Some(verdict);
    }

    /// The look-up of this host name takes so long from now on.
    pub(crate) fn delay_name(&mut self, name: &str, delay: Duration) {
        self.name_fault(name).delay = delay;
    }

    pub(crate) fn heal_name(&mut self, name: &str) {
        self.name_faults.remove(&name.to_ascii_lowercase());
    }

    fn name_fault(&mut self, name: &str) -> &mut NameFault {
        let name = name.to_ascii_lowercase();
        self.name_faults.entry(name).or_default()
    }

    pub(in crate::driver::simulated) fn look_up(&self, name: &str) -> Lookup {
        let name = name.to_ascii_lowercase();
        let fault = self.name_faults.get(&name);
        let verdict = match (
            fault.and_then(|it| it.verdict.clone()),
            self.options.names.get(&name),
        ) {
            (Some(verdict), _) => Err(verdict),
            (None, Some(addresses)) if !addresses.is_empty() => Ok(addresses.clone()),
            (None, _) => Err(LookupVerdict::NoSuchName),
        };
        let delay = fault.map_or(Duration::ZERO, |it| it.delay);
        Lookup::Known { verdict, delay }
    }

    /// Where a connection to `address` goes.
    pub(in crate::driver::simulated) fn hidden_address(
        &self,
        host: HostId,
        address: &Address,
    ) -> io::Result<SocketAddr> {
        match address {
            Address::Tcp(address) | Address::Udp(address) => Ok(*address),
            Address::Unix(name) => {
                let hidden = self.names.hidden.get(&(host, name.clone())).copied();
                hidden.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
            Address::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Where a listener on `address` is put.
    pub(in crate::driver::simulated) fn hide(
        &mut self,
        host: HostId,
        address: &Address,
    ) -> io::Result<SocketAddr> {
        match address {
            Address::Unix(UnixName::Unnamed) => Err(io::ErrorKind::AddrNotAvailable.into()),
            Address::Unix(name) => {
                let key = (host, name.clone());
                if self.names.hidden.contains_key(&key) {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                let hidden = self.names.next();
                self.names.hidden.insert(key, hidden);
                Ok(hidden)
            }
            other => self.hidden_address(host, other),
        }
    }

    /// What the programs see of an address.
    pub(in crate::driver::simulated) fn shown(&self, address: SocketAddr) -> Address {
        if !is_hidden(address) {
            return address.into();
        }
        let mut names = self.names.hidden.iter();
        let name = names.find(|(_, hidden)| **hidden == address);
        name.map_or(UnixName::Unnamed, |((_, name), _)| name.clone())
            .into()
    }

    /// An address that nobody knows.
    pub(super) fn unnamed(&mut self) -> SocketAddr {
        self.names.next()
    }

    /// Two ends that are connected with each other, and have no names.
    pub(in crate::driver::simulated) fn pair(
        &mut self,
        host: HostId,
        tokens: [Token; 2],
    ) -> [Id; 2] {
        let ids = [self.next_id(), self.next_id()];
        let names = [self.names.next(), self.names.next()];
        for this in [0, 1] {
            let other = 1 - this;
            let window = self.options.window;
            let mut end = End::new([host, host], names[this], names[other], window);
            end.source.token = Some(tokens[this]);
            end.peer = Some(ids[other]);
            end.state = State::Connected;
            self.ends.insert(ids[this], end);
            self.signal(ids[this], Readiness::WRITABLE);
        }
        ids
    }
}
