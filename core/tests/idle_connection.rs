//! What an idle connection costs on the heap, counted at the allocator.

use std::net::TcpStream;
use std::time::Duration;

use torsade_core::{Address, Protocol, Reactor, Result, TcpServer, Transport};

/// A protocol without state.
struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Accepts until so many are open.
fn accept(reactor: &Reactor, address: std::net::SocketAddr, clients: &mut Vec<TcpStream>) {
    let room = clients.capacity();
    while clients.len() < room {
        for _ in 0..(room - clients.len()).min(500) {
            clients.push(TcpStream::connect(address).unwrap());
        }
        while reactor.open_sources() < clients.len() + 1 {
            reactor.iterate(Some(Duration::from_secs(5))).unwrap();
        }
    }
    reactor.iterate(Some(Duration::ZERO)).unwrap();
}

#[test]
fn an_idle_connection_costs_no_more_than_it_says() {
    // With the port, and the place that is reserved for the next, a power of two: so the table of
    // sources has no room to spare, of which it may have as much again.
    const COUNT: usize = 4096 - 2;
    let reactor = Reactor::new().unwrap();
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
    let listening = server.listen(|_: &Address| Quiet).unwrap();
    let address = listening.socket_addr().unwrap();
    let mut first = Vec::with_capacity(100);
    accept(&reactor, address, &mut first);
    drop(first);
    while reactor.open_sources() > 1 {
        reactor.iterate(Some(Duration::from_secs(5))).unwrap();
    }
    let mut clients = Vec::with_capacity(COUNT);
    let used = allocation_counter::measure(|| accept(&reactor, address, &mut clients));
    let each = used.bytes_current as usize / COUNT;
    println!(
        "{each} bytes each, in {} allocations",
        used.count_current as usize / COUNT
    );
    assert!(each <= 270, "{used:?}");
}
