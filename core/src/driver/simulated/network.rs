//! The network in memory: what is under way, who listens, and who is owed an event.
//!
//! Whatever is sent is put down at once as an arrival some time later; there is nothing else under
//! way. An end knows its peer only by its number, and numbers are never used again, so what arrives
//! for an end that was closed is answered with a reset, as TCP does.

mod arrivals;
mod datagrams;
mod faults;
mod held;
mod hosts;
mod links;
mod names;
mod ports;
mod trace;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Random, SimulationOptions};
use crate::Address;
use crate::driver::{Event, Readiness, Token};
use arrivals::{Arrival, Parcel};
use datagrams::Mailbox;
use held::Held;
use hosts::{Host, NOWHERE};
use links::Path;
use names::{NameFault, Names};
use ports::Port;
use trace::Trace;

pub(crate) use hosts::{Addresses, HostId};

/// The number of an end or of a port; never used twice.
pub(super) type Id = u64;

/// Everything between the programs of a world.
pub(crate) struct Network {
    options: SimulationOptions,
    random: Random,
    now: Duration,
    last_id: Id,
    hosts: Vec<Host>,
    pub(super) ends: BTreeMap<Id, End>,
    ports: BTreeMap<Id, Port>,
    /// The sockets for datagrams.
    mailboxes: BTreeMap<Id, Mailbox>,
    /// The UNIX sockets that are listened on.
    names: Names,
    /// The host names whose look-up fails or is slow.
    name_faults: BTreeMap<String, NameFault>,
    /// The addresses whose connections are held up.
    held: BTreeSet<SocketAddr>,
    /// Where somebody tried to connect to, the oldest first; `None` when nobody will ask.
    pub(super) attempts: Option<Vec<Address>>,
    /// From host to host.
    paths: BTreeMap<(HostId, HostId), Path>,
    /// What will arrive, by time and the order of sending.
    under_way: BTreeMap<(Duration, u64), Parcel>,
    last_sent: u64,
    /// All that has arrived, if that is wanted.
    trace: Option<Trace>,
}

/// One end of a connection.
pub(super) struct End {
    source: Source,
    peer_host: HostId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The other end; unknown to a client until the server has answered.
    peer: Option<Id>,
    pub(super) state: State,
    /// The error of a broken connection, until a read or write has given it, once.
    pub(super) error: Option<io::ErrorKind>,
    /// What has arrived and is not read.
    pub(super) received: VecDeque<u8>,
    /// What has come, but is held up.
    held: Held,
    /// Whether the peer has ended its direction and all of it has arrived.
    pub(super) read_closed: bool,
    /// Whether this end has ended its direction.
    pub(super) write_closed: bool,
    /// How many bytes the peer will take, as far as is known here.
    pub(super) window: usize,
    /// Whether a write was told to come again.
    pub(super) write_blocked: bool,
    pub(super) reset_on_close: bool,
    /// Since when something that it sent is not answered, if the way is blocked.
    unanswered_since: Option<Duration>,
    /// Whether `local`'s port number is its own, and not its listener's.
    owns_port: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    /// The attempt failed, for this reason.
    Failed(io::ErrorKind),
    Connected,
    /// There was a reset.
    Broken,
}

/// Who gets the events, and which are due.
struct Source {
    host: HostId,
    /// None while nobody has accepted the connection.
    token: Option<Token>,
    due: Option<Readiness>,
}

impl Network {
    pub(super) fn new(options: SimulationOptions, seed: u64) -> Self {
        Self {
            options,
            random: Random::new(seed),
            now: Duration::ZERO,
            last_id: 0,
            hosts: Vec::new(),
            ends: BTreeMap::new(),
            ports: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            names: Names::default(),
            name_faults: BTreeMap::new(),
            held: BTreeSet::new(),
            attempts: None,
            paths: BTreeMap::new(),
            under_way: BTreeMap::new(),
            last_sent: 0,
            trace: None,
        }
    }

    pub(crate) fn options(&mut self) -> &mut SimulationOptions {
        &mut self.options
    }

    /// The time since the world began.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }

    pub(super) fn take_events(&mut self, host: HostId, events: &mut Vec<Event>) {
        while let Some(id) = self.hosts[host].signalled.pop_front() {
            // Or it was closed meanwhile.
            let Some(source) = self.source(id) else {
                continue;
            };
            if let (Some(token), Some(readiness)) = (source.token, source.due.take()) {
                events.push(Event { token, readiness });
            }
        }
    }

    pub(super) fn has_events(&self, host: HostId) -> bool {
        !self.hosts[host].signalled.is_empty()
    }

    /// Sends as much of the slices as the window allows; `None` if that is nothing.
    pub(super) fn write(&mut self, from: Id, slices: &[io::IoSlice<'_>]) -> Option<usize> {
        let end = self.ends.get_mut(&from)?;
        let total = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if total == 0 {
            // It asks whether the connection lives, and changes nothing.
            return Some(0);
        }
        let taken = total.min(end.window);
        end.window -= taken;
        end.write_blocked = taken < total;
        let (host, peer_host) = (end.source.host, end.peer_host);
        let to = end.peer?;
        if taken == 0 {
            return None;
        }
        let mut bytes = Vec::with_capacity(taken);
        for slice in slices {
            let rest = taken - bytes.len();
            bytes.extend_from_slice(&slice[..slice.len().min(rest)]);
        }
        let segment_size = self.path(host, peer_host).options.segment_size;
        for segment in bytes.chunks(segment_size.max(1)) {
            let bytes = segment.to_vec();
            self.send(host, peer_host, Arrival::Data { to, from, bytes });
        }
        Some(taken)
    }

    /// Tells the writer that the reader has made room.
    pub(super) fn open_window(&mut self, reader: Id, bytes: usize) {
        if let Some((host, peer_host, to)) = self.ends.get(&reader).and_then(End::way) {
            self.send(host, peer_host, Arrival::Window { to, bytes });
        }
    }

    pub(super) fn end_direction(&mut self, id: Id) {
        if let Some(end) = self.ends.get_mut(&id)
            && !std::mem::replace(&mut end.write_closed, true)
            && let Some((host, peer_host, to)) = end.way()
        {
            self.send(host, peer_host, Arrival::End { to, from: id });
        }
    }

    /// Closes an end. As in TCP, unread data makes it a reset: the peer must learn that what it
    /// sent was lost.
    pub(super) fn close(&mut self, id: Id) {
        let Some(end) = self.ends.remove(&id) else {
            return;
        };
        if end.owns_port {
            self.free_port(end.source.host, end.local.port());
        }
        if let (State::Connected, Some((host, peer_host, to))) = (end.state, end.way()) {
            if end.reset_on_close || !end.received.is_empty() {
                self.send(host, peer_host, Arrival::Reset { to });
            } else if !end.write_closed {
                self.send(host, peer_host, Arrival::End { to, from: id });
            }
            if !end.held.bytes.is_empty() {
                // They are still to come, and will find nobody.
                self.send(host, peer_host, Arrival::Reset { to });
            }
        }
    }

    fn signal(&mut self, id: Id, readiness: Readiness) {
        let Some(source) = self.source(id) else {
            return;
        };
        if source.token.is_none() {
            return;
        }
        match &mut source.due {
            Some(due) => {
                due.readable |= readiness.readable;
                due.writable |= readiness.writable;
                due.read_closed |= readiness.read_closed;
            }
            none => {
                *none = Some(readiness);
                let host = source.host;
                self.hosts[host].signalled.push_back(id);
            }
        }
    }

    fn source(&mut self, id: Id) -> Option<&mut Source> {
        let end = self.ends.get_mut(&id).map(|end| &mut end.source);
        let port = self.ports.get_mut(&id).map(|port| &mut port.source);
        let mailbox = self
            .mailboxes
            .get_mut(&id)
            .map(|mailbox| &mut mailbox.source);
        end.or(port).or(mailbox)
    }

    fn next_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }
}

impl End {
    fn new(between: [HostId; 2], local: SocketAddr, remote: SocketAddr, window: usize) -> Self {
        let [host, peer_host] = between;
        Self {
            source: Source::new(host, None),
            peer_host,
            local,
            remote,
            peer: None,
            state: State::Connecting,
            error: None,
            received: VecDeque::new(),
            held: Held::default(),
            read_closed: false,
            write_closed: false,
            window: window.max(1),
            write_blocked: false,
            reset_on_close: false,
            unanswered_since: None,
            owns_port: false,
        }
    }

    /// From where to where its peer is, and which end that is.
    fn way(&self) -> Option<(HostId, HostId, Id)> {
        Some((self.source.host, self.peer_host, self.peer?))
    }
}

impl Source {
    fn new(host: HostId, token: Option<Token>) -> Self {
        Self {
            host,
            token,
            due: None,
        }
    }
}
