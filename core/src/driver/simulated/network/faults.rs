//! What can go wrong in the simulated network, when somebody wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::held::Held;
use super::{Arrival, End, HostId, Id, Network, State};
use crate::driver::Readiness;
use crate::driver::simulated::LinkOptions;

impl Network {
    /// What the way from one host to another is like.
    pub(crate) fn link(&mut self, from: HostId, to: HostId) -> &mut LinkOptions {
        &mut self.path(from, to).options
    }

    /// Breaks the connections that have an end at this address: both ends see a reset at once.
    pub(crate) fn reset(&mut self, address: SocketAddr) {
        let hit = |end: &End| end.local == address || end.remote == address;
        let ids = self
            .ends
            .iter()
            .filter(|(_, end)| hit(end))
            .map(|(&id, _)| id);
        for id in ids.collect::<BTreeSet<_>>() {
            self.note(&Arrival::Reset { to: id });
            self.broken(id);
        }
    }

    /// Nothing gets from one host to another from now on, also not what is under way. (A host
    /// always reaches itself.)
    pub(crate) fn cut(&mut self, from: HostId, to: HostId) {
        if from == to {
            return;
        }
        self.path(from, to).is_cut = true;
        self.stop_parcels(|parcel_from, parcel_to| (parcel_from, parcel_to) == (from, to));
    }

    /// There is a way again.
    pub(crate) fn join(&mut self, from: HostId, to: HostId) {
        self.path(from, to).is_cut = false;
        self.let_through(from, to);
    }

    /// The host is gone, and says nothing.
    pub(in crate::driver::simulated) fn crash(&mut self, host: HostId) {
        self.end_life(host);
        self.ends.retain(|_, end| end.source.host != host);
        self.ports.retain(|_, port| port.source.host != host);
        self.mailboxes
            .retain(|_, mailbox| mailbox.source.host != host);
        self.names.forget_all(host);
        for (_, path) in self.paths.iter_mut().filter(|((from, _), _)| *from == host) {
            path.kept.clear();
        }
        self.stop_parcels(|_, to| to == host);
    }

    /// The host is there again, and knows nothing of before.
    pub(in crate::driver::simulated) fn restart(&mut self, host: HostId) {
        self.hosts[host].is_up = true;
        for other in 0..self.hosts.len() {
            self.let_through(other, host);
        }
    }

    /// What is under way on these ways gets no further.
    fn stop_parcels(&mut self, is_stopped: impl Fn(HostId, HostId) -> bool) {
        let under_way = std::mem::take(&mut self.under_way);
        let (stopped, goes_on): (BTreeMap<_, _>, BTreeMap<_, _>) = under_way
            .into_iter()
            .partition(|(_, parcel)| is_stopped(parcel.from, parcel.to));
        self.under_way = goes_on;
        for parcel in stopped.into_values() {
            if parcel.from != parcel.to {
                self.keep_back(parcel.from, parcel.to, parcel.arrival);
            }
        }
    }

    /// Sends what was held, if there is a way now.
    fn let_through(&mut self, from: HostId, to: HostId) {
        if from == to || self.is_blocked(from, to) {
            return;
        }
        for arrival in std::mem::take(&mut self.path(from, to).kept) {
            self.send(from, to, arrival);
        }
        if self.is_blocked(to, from) {
            return;
        }
        // Both ways are open: all will be answered.
        for end in self.ends.values_mut() {
            let between = (end.source.host, end.peer_host);
            if between == (from, to) || between == (to, from) {
                end.unanswered_since = None;
            }
        }
        let ends = &self.ends;
        self.under_way.retain(|_, parcel| match parcel.arrival {
            Arrival::GaveUp { end, since } => ends
                .get(&end)
                .is_some_and(|end| end.unanswered_since == Some(since)),
            _ => true,
        });
    }

    /// An end has sent in vain since then: it breaks, and what is left for its peer is forgotten.
    pub(super) fn give_up(&mut self, id: Id, since: Duration) {
        let Some(end) = self.ends.get_mut(&id) else {
            return;
        };
        if end.unanswered_since != Some(since) || end.state != State::Connected {
            return;
        }
        end.state = State::Broken;
        end.held = Held::default();
        end.error = Some(io::ErrorKind::TimedOut);
        end.peer = None;
        let (host, peer_host) = (end.source.host, end.peer_host);
        self.path(host, peer_host)
            .kept
            .retain(|arrival| arrival.sending_end() != Some(id));
        self.signal(id, Readiness::BROKEN);
    }
}
