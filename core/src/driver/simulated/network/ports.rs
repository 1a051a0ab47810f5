//! Addresses and listening ports: how connections come about in the simulated network.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Arrival, End, Id, Network, READABLE, Source, State};
use crate::driver::{ConnectOptions, ListenOptions, Readiness, Token};

/// A listening port.
pub(super) struct Port {
    pub(super) source: Source,
    address: SocketAddr,
    only_v6: bool,
    reuse_port: bool,
    backlog: usize,
    /// Connections to be accepted: the ends on this side.
    queue: VecDeque<Id>,
    /// Attempts for which the queue has no room: the client's ends.
    waiting: VecDeque<(Id, SocketAddr)>,
}

impl Network {
    pub(in crate::driver::simulated) fn connect(
        &mut self,
        mut to: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> io::Result<Id> {
        // An attempt to reach "any address" reaches this host.
        match to.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => to.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => to.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let mut local = options.bind_address.unwrap_or_else(|| {
            let ip = match to.ip() {
                ip if ip.is_loopback() || super::names::is_hidden(to) => ip,
                IpAddr::V4(_) => HOST_V4.into(),
                IpAddr::V6(_) => HOST_V6.into(),
            };
            SocketAddr::new(ip, 0)
        });
        if local.is_ipv4() != to.is_ipv4() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if local.port() == 0 {
            local.set_port(self.ephemeral_port()?);
        } else if self.taken.contains_key(&local.port()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.next_id();
        let mut end = End::new(local, to, self.options.window);
        end.source.token = Some(token);
        end.owns_port = true;
        self.ends.insert(id, end);
        *self.taken.entry(local.port()).or_default() += 1;
        self.send(Arrival::Attempt { from: id, to });
        Ok(id)
    }

    pub(in crate::driver::simulated) fn listen(
        &mut self,
        mut on: SocketAddr,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Id> {
        if on.port() == 0 {
            on.set_port(self.ephemeral_port()?);
        }
        let port = Port {
            source: Source {
                token: Some(token),
                due: None,
            },
            address: on,
            only_v6: options.only_v6,
            reuse_port: options.reuse_port,
            backlog: usize::try_from(options.backlog).unwrap_or(0).max(1),
            queue: VecDeque::new(),
            waiting: VecDeque::new(),
        };
        let shared = |other: &Port| port.reuse_port && other.reuse_port;
        if self
            .ports
            .values()
            .any(|other| other.overlaps(&port) && !shared(other))
        {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.next_id();
        self.ports.insert(id, port);
        *self.taken.entry(on.port()).or_default() += 1;
        Ok(id)
    }

    /// Takes the oldest connection from a port's queue, if there is one, and lets the oldest
    /// attempt that waits into it.
    pub(in crate::driver::simulated) fn accept(&mut self, port: Id, token: Token) -> Option<Id> {
        let id = self.ports.get_mut(&port)?.queue.pop_front()?;
        // One that has given up meanwhile takes no room.
        while let Some((client, to)) = self.ports.get_mut(&port).and_then(Port::next_waiting) {
            self.admit(port, client, to);
        }
        // As with the system: what was true before anybody asked is told first.
        let end = self.ends.get_mut(&id)?;
        end.source.token = Some(token);
        let broken = end.state == State::Broken;
        let readable = broken || end.read_closed || !end.received.is_empty();
        let read_closed = broken || end.read_closed;
        self.signal(
            id,
            Readiness {
                readable,
                writable: true,
                read_closed,
            },
        );
        Some(id)
    }

    pub(in crate::driver::simulated) fn port_address(&self, port: Id) -> Option<SocketAddr> {
        self.ports.get(&port).map(|port| port.address)
    }

    /// Ends a listener: who waits to be accepted is turned away.
    pub(in crate::driver::simulated) fn close_port(&mut self, port: Id) {
        let Some(port) = self.ports.remove(&port) else {
            return;
        };
        self.free_port(port.address.port());
        self.names.forget(port.address);
        for (to, _) in port.waiting {
            self.send(Arrival::Failed {
                to,
                why: io::ErrorKind::ConnectionRefused,
            });
        }
        for id in port.queue {
            if let Some(end) = self.ends.get_mut(&id) {
                end.reset_on_close = true;
            }
            self.close(id);
        }
    }

    /// A connection attempt reaches its host.
    pub(super) fn attempt(&mut self, from: Id, to: SocketAddr) {
        if self.options.silent.contains(&to.ip()) || !self.ends.contains_key(&from) {
            return;
        }
        if self.options.unreachable.contains(&to.ip()) {
            let why = io::ErrorKind::HostUnreachable;
            return self.send(Arrival::Failed { to: from, why });
        }
        // Of several that share a port the one with the shortest queue, and so each in turn.
        let listening = self.ports.iter().filter(|(_, port)| port.serves(to));
        let port = listening.min_by_key(|(_, port)| port.queue.len() + port.waiting.len());
        let Some((&id, port)) = port else {
            let why = io::ErrorKind::ConnectionRefused;
            return self.send(Arrival::Failed { to: from, why });
        };
        if port.queue.len() < port.backlog {
            self.admit(id, from, to);
        } else if let Some(port) = self.ports.get_mut(&id) {
            port.waiting.push_back((from, to));
        }
    }

    /// Makes the server's end of a connection and puts it into the port's queue.
    fn admit(&mut self, port_id: Id, client: Id, to: SocketAddr) {
        let Some(remote) = self.ends.get(&client).map(|end| end.local) else {
            return;
        };
        let id = self.next_id();
        let Some(port) = self.ports.get_mut(&port_id) else {
            return;
        };
        // A port for both families sees IPv4 peers in their mapped form.
        let mapped = |address: SocketAddr| match (port.address, address) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            _ => address,
        };
        let mut end = End::new(mapped(to), mapped(remote), self.options.window);
        end.peer = Some(client);
        end.state = State::Connected;
        port.queue.push_back(id);
        self.ends.insert(id, end);
        self.signal(port_id, READABLE);
        self.send(Arrival::Accepted {
            to: client,
            from: id,
        });
    }

    pub(super) fn ephemeral_port(&mut self) -> io::Result<u16> {
        for _ in FIRST_EPHEMERAL..=u16::MAX {
            self.last_ephemeral = self
                .last_ephemeral
                .checked_add(1)
                .unwrap_or(FIRST_EPHEMERAL);
            if !self.taken.contains_key(&self.last_ephemeral) {
                return Ok(self.last_ephemeral);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }

    pub(super) fn free_port(&mut self, number: u16) {
        if let Some(users) = self.taken.get_mut(&number) {
            *users -= 1;
            if *users == 0 {
                self.taken.remove(&number);
            }
        }
    }
}

impl Port {
    /// Takes the oldest attempt that waits, if there is room for it in the queue.
    fn next_waiting(&mut self) -> Option<(Id, SocketAddr)> {
        if self.queue.len() < self.backlog {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    /// Whether an attempt to connect to this address comes here.
    fn serves(&self, address: SocketAddr) -> bool {
        if self.address.port() != address.port() {
            return false;
        }
        let own = self.address.ip();
        match (own, address.ip()) {
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified() && !self.only_v6,
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
            (_, ip) => own.is_unspecified() || own == ip,
        }
    }

    /// Whether both could get the same attempt.
    fn overlaps(&self, other: &Self) -> bool {
        self.serves(other.address) || other.serves(self.address)
    }
}

/// The addresses from which programs reach others than themselves (from the ranges kept for
/// documentation, RFC 5737 and RFC 3849).
pub(super) const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(super) const HOST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The first of the numbers given out (RFC 6335).
const FIRST_EPHEMERAL: u16 = 49_152;
