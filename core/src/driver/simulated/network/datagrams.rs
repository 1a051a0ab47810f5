//! Datagrams in the simulated network: none is lost unless its link loses some, nobody receives it,
//! or the receiver has too many already.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::names::is_hidden;
use super::{Arrival, HostId, Id, NOWHERE, Network, Source};
use crate::Address;
use crate::datagram::{DatagramOption, DatagramOptions};
use crate::driver::{Readiness, Token};

/// A socket that sends and receives datagrams.
pub(super) struct Mailbox {
    pub(super) source: Source,
    address: SocketAddr,
    /// A UNIX socket without a name has an address that nobody knows.
    shares: bool,
    peer: Option<SocketAddr>,
    groups: Vec<IpAddr>,
    /// Whether what it sends to a group comes to this host as well.
    loops: bool,
    may_broadcast: bool,
    received: VecDeque<(SocketAddr, Vec<u8>)>,
    /// What it sent to its peer was refused, and that was not told.
    is_refused: bool,
}

/// One on its way.
#[derive(Clone)]
pub(super) struct Datagram {
    from: Id,
    pub(super) sender: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// How many wait to be received; more are lost.
const QUEUE: usize = 1000;

/// The longest there is, by protocol.
const LONGEST_UDP: usize = 65_507;
const LONGEST_UNIX: usize = 200_000;

impl Network {
    pub(in crate::driver::simulated) fn bind_datagrams(
        &mut self,
        host: HostId,
        on: &Address,
        options: &DatagramOptions,
        token: Token,
    ) -> io::Result<Id> {
        let mut address = match on {
            Address::Unix(crate::UnixName::Unnamed) => self.unnamed(),
            Address::Udp(_) | Address::Unix(_) => self.hide(host, on)?,
            Address::Tcp(_) | Address::Unnamed => {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            }
        };
        self.check_own(host, address)?;
        let shares = options.reuse_address || options.reuse_port;
        let wants_any = address.port() == 0;
        while address.port() == 0 || (wants_any && self.is_taken(host, address, shares)) {
            address.set_port(self.ephemeral_port(host)?);
        }
        if self.is_taken(host, address, shares) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.next_id();
        let mailbox = Mailbox {
            source: Source::new(host, Some(token)),
            address,
            shares,
            peer: None,
            groups: Vec::new(),
            loops: true,
            may_broadcast: false,
            received: VecDeque::new(),
            is_refused: false,
        };
        self.mailboxes.insert(id, mailbox);
        Ok(id)
    }

    /// Whether another socket is in the way of one at this address.
    fn is_taken(&self, host: HostId, address: SocketAddr, shares: bool) -> bool {
        self.mailboxes.values().any(|other| {
            let (one, another) = (address.ip(), other.address.ip());
            let overlaps = one == another || one.is_unspecified() || another.is_unspecified();
            overlaps
                && other.source.host == host
                && one.is_ipv4() == another.is_ipv4()
                && other.address.port() == address.port()
                && !(shares && other.shares)
        })
    }

    pub(in crate::driver::simulated) fn mailbox_address(&self, id: Id) -> Option<Address> {
        let address = self.mailboxes.get(&id)?.address;
        Some(self.shown_datagram(address))
    }

    pub(in crate::driver::simulated) fn close_mailbox(&mut self, id: Id) {
        if let Some(mailbox) = self.mailboxes.remove(&id)
            && is_hidden(mailbox.address)
        {
            self.names.forget(mailbox.address);
        }
    }

    pub(in crate::driver::simulated) fn set_mailbox_option(
        &mut self,
        id: Id,
        option: DatagramOption,
    ) {
        let Some(mailbox) = self.mailboxes.get_mut(&id) else {
            return;
        };
        match option {
            DatagramOption::Join(group, _) => mailbox.groups.push(group),
            DatagramOption::Leave(group, _) => mailbox.groups.retain(|other| *other != group),
            DatagramOption::MulticastLoop(on) => mailbox.loops = on,
            DatagramOption::Broadcast(on) => mailbox.may_broadcast = on,
            // There is one interface, no router, and room for all.
            _ => {}
        }
    }

    pub(in crate::driver::simulated) fn connect_datagrams(
        &mut self,
        id: Id,
        to: &Address,
    ) -> io::Result<()> {
        let host = self.mailbox_host(id)?;
        let to = self.hidden_address(host, to)?;
        if let Some(mailbox) = self.mailboxes.get_mut(&id) {
            mailbox.peer = Some(to);
        }
        Ok(())
    }

    pub(in crate::driver::simulated) fn receive_datagram(
        &mut self,
        id: Id,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        let mailbox = self.mailboxes.get_mut(&id);
        let mailbox = mailbox.ok_or(io::ErrorKind::NotConnected)?;
        if std::mem::take(&mut mailbox.is_refused) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let next = mailbox.received.pop_front();
        let (sender, bytes) = next.ok_or(io::ErrorKind::WouldBlock)?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok((count, self.shown_datagram(sender)))
    }

    pub(in crate::driver::simulated) fn send_datagram(
        &mut self,
        id: Id,
        data: &[u8],
        to: Option<&Address>,
    ) -> io::Result<()> {
        let host = self.mailbox_host(id)?;
        let to = to.map(|to| self.hidden_address(host, to)).transpose()?;
        let mailbox = self.mailboxes.get_mut(&id);
        let mailbox = mailbox.ok_or(io::ErrorKind::NotConnected)?;
        let to = to.or(mailbox.peer).ok_or(io::ErrorKind::NotConnected)?;
        if std::mem::take(&mut mailbox.is_refused) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let longest = if is_hidden(to) {
            LONGEST_UNIX
        } else {
            LONGEST_UDP
        };
        if data.len() > longest {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        if to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) && !mailbox.may_broadcast {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        // Whoever is bound to all addresses sends from the one that leads there.
        let mut sender = mailbox.address;
        if sender.ip().is_unspecified() {
            sender.set_ip(self.source_address(host, to)?);
        }
        let datagram = Datagram {
            from: id,
            sender,
            to,
            bytes: data.to_vec(),
        };
        if is_to_many(to) {
            for receiver in self.neighbours(host) {
                self.send(host, receiver, Arrival::Datagram(datagram.clone()));
            }
        } else {
            let receiver = self.host_of(host, to);
            self.send(host, receiver, Arrival::Datagram(datagram));
        }
        Ok(())
    }

    fn mailbox_host(&self, id: Id) -> io::Result<HostId> {
        let mailbox = self.mailboxes.get(&id);
        Ok(mailbox.ok_or(io::ErrorKind::NotConnected)?.source.host)
    }

    pub(super) fn deliver_datagram(&mut self, from: HostId, host: HostId, datagram: &Datagram) {
        if host == NOWHERE || self.options.silent.contains(&datagram.to.ip()) {
            return;
        }
        let sender = self.mailboxes.get(&datagram.from);
        let sender_loops = host != from || sender.is_some_and(|it| it.loops);
        let is_group = datagram.to.ip().is_multicast();
        let many = is_to_many(datagram.to);
        let mut receivers = Vec::new();
        let here = |mailbox: &Mailbox| mailbox.source.host == host;
        for (&id, mailbox) in self.mailboxes.iter().filter(|(_, it)| here(it)) {
            let is_for = match is_group {
                true => sender_loops && mailbox.groups.contains(&datagram.to.ip()),
                false if many => mailbox.address.is_ipv4(),
                false => {
                    let ip = mailbox.address.ip();
                    let any = ip.is_unspecified() && ip.is_ipv4() == datagram.to.is_ipv4();
                    ip == datagram.to.ip() || any
                }
            };
            let from_peer = mailbox.peer.is_none_or(|peer| peer == datagram.sender);
            if is_for && mailbox.address.port() == datagram.to.port() && from_peer {
                receivers.push(id);
                if !many {
                    break;
                }
            }
        }
        if receivers.is_empty() && !many {
            let to = datagram.from;
            return self.send(host, from, Arrival::Undelivered { to });
        }
        for id in receivers {
            if let Some(mailbox) = self.mailboxes.get_mut(&id)
                && mailbox.received.len() < QUEUE
            {
                let bytes = datagram.bytes.clone();
                mailbox.received.push_back((datagram.sender, bytes));
                self.signal(id, Readiness::READABLE);
            }
        }
    }

    /// What was sent did not find anybody: only who speaks with one peer is told.
    pub(super) fn refuse(&mut self, id: Id) {
        if let Some(mailbox) = self.mailboxes.get_mut(&id)
            && mailbox.peer.is_some()
        {
            mailbox.is_refused = true;
            self.signal(id, Readiness::READABLE);
        }
    }

    fn shown_datagram(&self, address: SocketAddr) -> Address {
        match is_hidden(address) {
            true => self.shown(address),
            false => Address::Udp(address),
        }
    }
}

fn is_to_many(to: SocketAddr) -> bool {
    to.ip().is_multicast() || to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST)
}
