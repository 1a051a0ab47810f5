//! Servers of ours, each with a reactor on a thread of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use torsade::endpoints::{ListeningPort, TcpServer};
use torsade::{Reactor, Remote, Result};

/// A server that ends when it is dropped.
pub(crate) struct Serving {
    address: SocketAddr,
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Listens on a free loopback port with what `listen` makes of that endpoint.
    pub(crate) fn start(
        listen: impl FnOnce(TcpServer) -> Result<ListeningPort> + Send + 'static,
    ) -> Self {
        Self::with_reactor(|_, server| listen(server))
    }

    /// The same for one that has to know its reactor.
    pub(crate) fn with_reactor(
        listen: impl FnOnce(&Reactor, TcpServer) -> Result<ListeningPort> + Send + 'static,
    ) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), listen)
    }

    /// The same at an address of one's own.
    pub(crate) fn at(
        ip: IpAddr,
        listen: impl FnOnce(&Reactor, TcpServer) -> Result<ListeningPort> + Send + 'static,
    ) -> Self {
        let (announce, announced) = mpsc::channel();
        let thread = thread::spawn(move || {
            let reactor = Reactor::new().unwrap();
            let server = TcpServer::new(&reactor, (ip, 0).into());
            let port = listen(&reactor, server).unwrap();
            let address = port.socket_addr().unwrap();
            announce.send((address, reactor.remote())).unwrap();
            reactor.run().unwrap();
        });
        let (address, remote) = announced.recv().expect("it listens");
        Self {
            address,
            remote,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A failed assertion there has ended the reactor, and is told by the thread itself.
        let stop = |reactor: &Reactor| {
            let _ = reactor.stop();
        };
        let _ = self.remote.call_from_thread(stop);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
