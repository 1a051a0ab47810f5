//! The hosts of the simulated network: which addresses and port numbers are whose.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::names::is_hidden;
use super::{Id, Network};

/// The number of a host.
pub(crate) type HostId = usize;

/// Where the addresses lead that no host has.
pub(super) const NOWHERE: HostId = usize::MAX;

/// Which addresses a host has, besides those of its loopback interface.
pub(crate) enum Addresses {
    /// All that there are: it is alone.
    Every,
    /// These, the preferred first.
    These(Vec<IpAddr>),
}

pub(super) struct Host {
    name: String,
    addresses: Addresses,
    /// How often it has crashed.
    life: u32,
    pub(super) is_up: bool,
    /// Whether its program stands still.
    pub(super) is_frozen: bool,
    /// What its clock showed, and when.
    clock: (SystemTime, Duration),
    /// The ends and ports that have events, in the order in which they got the first.
    pub(super) signalled: VecDeque<Id>,
    /// The port numbers that listeners and clients have, and how many have each.
    pub(super) taken: BTreeMap<u16, usize>,
    last_ephemeral: u16,
}

impl Network {
    pub(in crate::driver::simulated) fn add_host(
        &mut self,
        name: &str,
        addresses: Addresses,
    ) -> HostId {
        self.hosts.push(Host {
            name: name.to_ascii_lowercase(),
            addresses,
            life: 0,
            is_up: true,
            is_frozen: false,
            clock: (SystemTime::UNIX_EPOCH, Duration::ZERO),
            signalled: VecDeque::new(),
            taken: BTreeMap::new(),
            last_ephemeral: u16::MAX,
        });
        self.hosts.len() - 1
    }

    pub(crate) fn host_named(&self, name: &str) -> Option<HostId> {
        let mut hosts = self.hosts.iter();
        hosts.position(|host| host.name.eq_ignore_ascii_case(name))
    }

    /// Which host has this address, if any.
    pub(crate) fn owner_of(&self, ip: IpAddr) -> Option<HostId> {
        self.hosts.iter().position(|host| host.has(ip))
    }

    pub(in crate::driver::simulated) fn life(&self, host: HostId) -> u32 {
        self.hosts[host].life
    }

    /// Whether it is up, and has not crashed since that life began.
    pub(in crate::driver::simulated) fn is_alive(&self, host: HostId, life: u32) -> bool {
        self.hosts[host].is_up && self.hosts[host].life == life
    }

    /// Whether its program stands still, and all that it had to do waits.
    pub(in crate::driver::simulated) fn is_frozen(&self, host: HostId) -> bool {
        self.hosts[host].is_frozen
    }

    /// What a host's clock shows.
    pub(in crate::driver::simulated) fn time_of_day(&self, host: HostId) -> SystemTime {
        let (shown, at) = self.hosts[host].clock;
        shown + self.now().saturating_sub(at)
    }

    pub(crate) fn set_clock(&mut self, host: HostId, to: SystemTime) {
        self.hosts[host].clock = (to, self.now());
    }

    pub(crate) fn freeze(&mut self, host: HostId, is_frozen: bool) {
        self.hosts[host].is_frozen = is_frozen;
    }

    /// It is gone without a word, with all that was on it.
    pub(super) fn end_life(&mut self, host: HostId) {
        let host = &mut self.hosts[host];
        host.life += 1;
        host.is_up = false;
        host.is_frozen = false;
        host.signalled.clear();
        host.taken.clear();
    }

    /// Where what `from` sends to this address goes.
    pub(super) fn host_of(&self, from: HostId, to: SocketAddr) -> HostId {
        let ip = to.ip();
        if ip.is_loopback() || ip.is_unspecified() || is_hidden(to) || self.hosts[from].has(ip) {
            return from;
        }
        self.owner_of(ip).unwrap_or(NOWHERE)
    }

    /// All whom a host reaches when it speaks to everybody, itself as well.
    pub(super) fn neighbours(&self, host: HostId) -> std::ops::Range<HostId> {
        match self.hosts[host].addresses {
            Addresses::Every => host..host + 1,
            Addresses::These(_) => 0..self.hosts.len(),
        }
    }

    /// Whether a host is all there is.
    pub(in crate::driver::simulated) fn is_alone(&self, host: HostId) -> bool {
        let host = self.hosts.get(host);
        host.is_some_and(|host| matches!(host.addresses, Addresses::Every))
    }

    /// The address from which a host reaches another one.
    pub(super) fn source_address(&self, host: HostId, to: SocketAddr) -> io::Result<IpAddr> {
        let ip = to.ip();
        if ip.is_loopback() || is_hidden(to) {
            return Ok(ip);
        }
        match &self.hosts[host].addresses {
            Addresses::Every if to.is_ipv4() => Ok(HOST_V4.into()),
            Addresses::Every => Ok(HOST_V6.into()),
            Addresses::These(own) if own.contains(&ip) => Ok(ip),
            Addresses::These(own) => {
                let of_family = own.iter().find(|own| own.is_ipv4() == to.is_ipv4());
                let why = io::ErrorKind::NetworkUnreachable;
                of_family.copied().ok_or_else(|| why.into())
            }
        }
    }

    /// Whether a host may bind this address.
    ///
    /// # Errors
    /// `AddrNotAvailable` when it is another's.
    pub(super) fn check_own(&self, host: HostId, address: SocketAddr) -> io::Result<()> {
        let ip = address.ip();
        let is_everybodys = ip.is_loopback() || ip.is_unspecified() || is_hidden(address);
        match is_everybodys || ip.is_multicast() || self.hosts[host].has(ip) {
            true => Ok(()),
            false => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    pub(super) fn ephemeral_port(&mut self, host: HostId) -> io::Result<u16> {
        let host = &mut self.hosts[host];
        for _ in FIRST_EPHEMERAL..=u16::MAX {
            host.last_ephemeral = host
                .last_ephemeral
                .checked_add(1)
                .unwrap_or(FIRST_EPHEMERAL);
            if !host.taken.contains_key(&host.last_ephemeral) {
                return Ok(host.last_ephemeral);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    pub(super) fn take_port(&mut self, host: HostId, number: u16) {
        *self.hosts[host].taken.entry(number).or_default() += 1;
    }

    pub(super) fn free_port(&mut self, host: HostId, number: u16) {
        let taken = &mut self.hosts[host].taken;
        if let Some(users) = taken.get_mut(&number) {
            *users -= 1;
            if *users == 0 {
                taken.remove(&number);
            }
        }
    }
}

impl Host {
    fn has(&self, ip: IpAddr) -> bool {
        match &self.addresses {
            Addresses::Every => true,
            Addresses::These(own) => own.contains(&ip),
        }
    }
}

/// The addresses from which programs reach others than themselves in a world of one host (from the
/// ranges kept for documentation, RFC 5737 and RFC 3849).
const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The first of the numbers given out (RFC 6335).
const FIRST_EPHEMERAL: u16 = 49_152;
