//! One connection in a simulated world: what is sent to a protocol, and what it does.

mod any_split;
mod byte_count;
mod descriptors;
mod file_sender;
mod framed;
mod idle_timeout;
mod line;
mod memcache;
mod multiplexer;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::task::defer_later;
use crate::testing::Simulation;
use crate::{
    Address, ClientEndpoint, Factory, Failure, Protocol, ProtocolRef, Reactor, Result, TcpClient,
    TcpServer, Transport,
};

/// What is noted.
pub(crate) type Log = Rc<RefCell<Vec<String>>>;

/// The other end, which says what it is told to.
pub(crate) struct Peer {
    received: Rc<RefCell<Vec<u8>>>,
    is_over: Rc<Cell<bool>>,
}

impl Protocol for Peer {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.is_over.set(true);
    }
}

pub(crate) struct World {
    pub(crate) reactor: Reactor,
    pub(crate) peer: ProtocolRef<Peer>,
    received: Rc<RefCell<Vec<u8>>>,
    pub(crate) is_over: Rc<Cell<bool>>,
}

impl World {
    /// A server with `factory`, and one client connected to it.
    pub(crate) fn new(factory: impl Factory) -> Self {
        Self::with(Simulation::new(), factory)
    }

    pub(crate) fn with(simulation: Simulation, factory: impl Factory) -> Self {
        let reactor = simulation.reactor();
        let address = "127.0.0.1:8007".parse().unwrap();
        TcpServer::new(&reactor, address).listen(factory).unwrap();
        let (received, is_over) = (Rc::default(), Rc::new(Cell::new(false)));
        let (to_peer, over) = (Rc::clone(&received), Rc::clone(&is_over));
        let peer = TcpClient::new(&reactor, address).connect(move |_: &Address| Peer {
            received: Rc::clone(&to_peer),
            is_over: Rc::clone(&over),
        });
        let peer = reactor.run_until(peer).unwrap();
        Self {
            reactor,
            peer,
            received,
            is_over,
        }
    }

    /// Sends to the server, and waits until it has come.
    pub(crate) fn send(&self, data: impl AsRef<[u8]>) {
        self.peer.transport().write(data.as_ref());
        self.pass(Duration::from_secs(1));
    }

    pub(crate) fn pass(&self, time: Duration) {
        let later = defer_later(&self.reactor, time, || ());
        self.reactor.run_until(later).unwrap();
    }

    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.borrow()).into_owned()
    }
}
