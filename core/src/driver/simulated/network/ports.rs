//! Addresses and listening ports: how connections come about in the simulated network.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Arrival, End, HostId, Id, NOWHERE, Network, Source, State};
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
        host: HostId,
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
        let mut local = match options.bind_address {
            Some(local) if local.is_ipv4() != to.is_ipv4() => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            Some(local) => local,
            None => SocketAddr::new(self.source_address(host, to)?, 0),
        };
        self.check_own(host, local)?;
        if local.port() == 0 {
            local.set_port(self.ephemeral_port(host)?);
        } else if self.hosts[host].taken.contains_key(&local.port()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let peer_host = self.host_of(host, to);
        let id = self.next_id();
        let mut end = End::new([host, peer_host], local, to, self.options.window);
        end.source.token = Some(token);
        end.owns_port = true;
        self.ends.insert(id, end);
        self.take_port(host, local.port());
        self.send(host, peer_host, Arrival::Attempt { from: id, to });
        Ok(id)
    }

    pub(in crate::driver::simulated) fn listen(
        &mut self,
        host: HostId,
        mut on: SocketAddr,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Id> {
        self.check_own(host, on)?;
        if on.port() == 0 {
            on.set_port(self.ephemeral_port(host)?);
        }
        let port = Port {
            source: Source::new(host, Some(token)),
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
        self.take_port(host, on.port());
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
        let host = port.source.host;
        self.free_port(host, port.address.port());
        self.names.forget(port.address);
        for (to, _) in port.waiting {
            if let Some(client) = self.ends.get(&to) {
                let why = io::ErrorKind::ConnectionRefused;
                self.send(host, client.source.host, Arrival::Failed { to, why });
            }
        }
        for id in port.queue {
            if let Some(end) = self.ends.get_mut(&id) {
                end.reset_on_close = true;
            }
            self.close(id);
        }
    }

    /// A connection attempt reaches its host.
    pub(super) fn attempt(&mut self, from: HostId, host: HostId, client: Id, to: SocketAddr) {
        if self.options.silent.contains(&to.ip()) || !self.ends.contains_key(&client) {
            return;
        }
        if host == NOWHERE || self.options.unreachable.contains(&to.ip()) {
            let why = io::ErrorKind::HostUnreachable;
            return self.send(host, from, Arrival::Failed { to: client, why });
        }
        // Of several that share a port the one with the shortest queue, and so each in turn.
        let listening = self
            .ports
            .iter()
            .filter(|(_, port)| port.source.host == host && port.serves(to));
        let port = listening.min_by_key(|(_, port)| port.queue.len() + port.waiting.len());
        let Some((&id, port)) = port else {
            let why = io::ErrorKind::ConnectionRefused;
            return self.send(host, from, Arrival::Failed { to: client, why });
        };
        if port.queue.len() < port.backlog {
            self.admit(id, client, to);
        } else if let Some(port) = self.ports.get_mut(&id) {
            port.waiting.push_back((client, to));
        }
    }

    /// Makes the server's end of a connection and puts it into the port's queue.
    fn admit(&mut self, port_id: Id, client: Id, to: SocketAddr) {
        let Some(client_end) = self.ends.get(&client) else {
            return;
        };
        let (remote, client_host) = (client_end.local, client_end.source.host);
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
        let host = port.source.host;
        let window = self.options.window;
        let mut end = End::new([host, client_host], mapped(to), mapped(remote), window);
        end.peer = Some(client);
        end.state = State::Connected;
        port.queue.push_back(id);
        self.ends.insert(id, end);
        self.signal(port_id, Readiness::READABLE);
        let (to, from) = (client, id);
        self.send(host, client_host, Arrival::Accepted { to, from });
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
        self.source.host == other.source.host
            && (self.serves(other.address) || other.serves(self.address))
    }
}
