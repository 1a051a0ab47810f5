//! A bandwidth for each address.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use crate::{Address, Bandwidth};

/// The bandwidths of the addresses that have connections, or that would be slowed down if they had.
#[derive(Clone)]
pub(super) struct PeerBandwidths {
    make: Rc<dyn Fn() -> Bandwidth>,
    peers: Peers,
}

type Peers = Rc<RefCell<HashMap<Option<IpAddr>, Peer>>>;

struct Peer {
    bandwidth: Bandwidth,
    connections: usize,
}

impl Peer {
    /// Its bandwidth, for one more connection.
    fn share(&mut self) -> Bandwidth {
        self.connections += 1;
        self.bandwidth.clone()
    }
}

/// So many addresses are kept without looking which of them can be forgotten.
const FEW: usize = 64;

impl PeerBandwidths {
    pub(super) fn new(make: impl Fn() -> Bandwidth + 'static) -> Self {
        Self {
            make: Rc::new(make),
            peers: Peers::default(),
        }
    }

    /// The bandwidth for another connection of `peer`, and that connection's place. Who does not come by
    /// IP is on this host, and is one.
    pub(super) fn of(&self, peer: &Address) -> (Bandwidth, PeerPlace) {
        let address = peer
            .socket_addr()
            .map(|address| address.ip().to_canonical());
        let known = self.peers.borrow_mut().get_mut(&address).map(Peer::share);
        let bandwidth = known.unwrap_or_else(|| self.share_new(address));
        let place = PeerPlace {
            peers: Rc::clone(&self.peers),
            address,
        };
        (bandwidth, place)
    }

    fn share_new(&self, address: Option<IpAddr>) -> Bandwidth {
        // Before the borrow: it is the user's function.
        let bandwidth = (self.make)();
        let mut peers = self.peers.borrow_mut();
        // When the room is used up, so that it does not grow by those who are gone, and each connection
        // has only its part in the work.
        if peers.len() >= FEW && peers.len() == peers.capacity() {
            peers.retain(|_, peer| peer.connections > 0 || !peer.bandwidth.is_full());
        }
        let connections = 0;
        let peer = peers.entry(address);
        peer.or_insert(Peer {
            bandwidth,
            connections,
        })
        .share()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.peers.borrow().len()
    }
}

/// A connection of an address; given back when it is dropped.
pub(super) struct PeerPlace {
    peers: Peers,
    address: Option<IpAddr>,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(&self.address) {
            peer.connections -= 1;
        }
    }
}

impl fmt::Debug for PeerBandwidths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerBandwidths({} addresses)", self.peers.borrow().len())
    }
}

impl fmt::Debug for PeerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerPlace({:?})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Simulation;

    #[test]
    fn what_makes_a_bandwidth_may_look_at_the_others() {
        let reactor = Simulation::new().reactor();
        let seen = Rc::new(RefCell::new(None::<PeerBandwidths>));
        let shown = Rc::clone(&seen);
        let bandwidths = PeerBandwidths::new(move || {
            let before = format!("{:?}", shown.borrow().as_ref().unwrap());
            assert_eq!(before, "PeerBandwidths(0 addresses)");
            Bandwidth::new(&reactor, 1000)
        });
        *seen.borrow_mut() = Some(bandwidths.clone());
        let peer = Address::Tcp(([10, 0, 0, 1], 7).into());
        let _places = [bandwidths.of(&peer), bandwidths.of(&peer)];
        assert_eq!(bandwidths.len(), 1);
        // It holds itself.
        seen.take();
    }
}
