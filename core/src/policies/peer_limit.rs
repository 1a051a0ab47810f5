//! How many connections one address may have.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::{Guard, Policy, Refusal};
use crate::Address;

/// Closes connections at once of which their IP address has too many. Others than those of IP are not
/// counted.
///
/// ```
/// use torsade_core::policies::PeerLimit;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Factory};
///
/// let mut factory = (|_: &Address| Echo).policy(PeerLimit::new(1));
/// let [one, same, other] = ["192.0.2.1:4000", "192.0.2.1:4001", "192.0.2.2:4000"]
///     .map(|peer| factory.build_protocol(&Address::Tcp(peer.parse().unwrap())));
/// assert!(one.is_some() && same.is_none() && other.is_some());
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "LimitConnectionsByPeer")]
#[doc(alias = "maxConnectionsPerPeer")]
pub struct PeerLimit {
    counts: Counts,
    most: usize,
}

type Counts = Rc<RefCell<HashMap<IpAddr, usize>>>;

impl PeerLimit {
    /// So many for each address at most.
    pub fn new(most: usize) -> Self {
        Self {
            counts: Counts::default(),
            most,
        }
    }
}

impl Policy for PeerLimit {
    type Guard = PeerGuard;

    fn admit(&mut self, peer: &Address) -> Result<PeerGuard, Refusal> {
        // One host has the same address, however it was written.
        let address = peer
            .socket_addr()
            .map(|address| address.ip().to_canonical());
        if let Some(address) = address {
            let mut counts = self.counts.borrow_mut();
            let count = counts.entry(address).or_default();
            if *count >= self.most {
                if *count == 0 {
                    counts.remove(&address);
                }
                return Err(Refusal::new("there are too many from its address"));
            }
            *count += 1;
        }
        Ok(PeerGuard {
            counts: Rc::clone(&self.counts),
            address,
        })
    }
}

/// A place among the connections of one address; given back when it is dropped.
///
/// ```
/// use torsade_core::Address;
/// use torsade_core::policies::{PeerGuard, PeerLimit, Policy};
///
/// let mut limit = PeerLimit::new(1);
/// let peer = Address::Tcp("192.0.2.1:4000".parse()?);
/// let guard: PeerGuard = limit.admit(&peer).unwrap();
/// assert!(limit.admit(&peer).is_err());
/// drop(guard); // as its protocol is, in the end
/// assert!(limit.admit(&peer).is_ok());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub struct PeerGuard {
    counts: Counts,
    address: Option<IpAddr>,
}

impl Guard for PeerGuard {}

impl Drop for PeerGuard {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.counts.borrow_mut();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            // Else it would grow with each address that ever was.
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}
