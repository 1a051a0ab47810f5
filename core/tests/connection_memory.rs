//! Connections leave no memory behind: what they took is given back when they have ended.
//!
//! Counted at the allocator, in a world without sockets, so that it is exact.

use torsade_core::testing::Simulation;
use torsade_core::{
    Address, ClientEndpoint, Protocol, Reactor, Result, TcpClient, TcpServer, Transport,
};

/// Sends back what it gets.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

/// Says so much, and closes when it has come back.
struct Talker(usize);

impl Protocol for Talker {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&vec![b'x'; self.0]);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.0 -= data.len();
        if self.0 == 0 {
            transport.lose_connection();
        }
        Ok(())
    }
}

/// Has so many connections open and talk at once, until all have ended.
fn crowd(reactor: &Reactor, server: &Address, count: usize) {
    let address = server.socket_addr().unwrap();
    for number in 0..count {
        let client = TcpClient::new(reactor, address);
        let size = 1 + number * 7919 % 60_000;
        client.connect(move |_: &Address| Talker(size));
    }
    while reactor.open_sources() > 1 {
        let later =
            torsade_core::task::defer_later(reactor, std::time::Duration::from_secs(1), || ());
        reactor.run_until(later).unwrap();
    }
}

#[test]
fn a_crowd_that_has_left_takes_no_memory() {
    let reactor = Simulation::new().reactor();
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
    let listening = server.listen(|_: &Address| Echo).unwrap();
    crowd(&reactor, listening.address(), 10);
    // Tables and up to 512 KiB of buffers stay, for the next crowd.
    let first = allocation_counter::measure(|| crowd(&reactor, listening.address(), 1000));
    assert!(first.bytes_max > 1_000_000);
    assert!(first.bytes_current < 1 << 20, "{first:?}");
    let second = allocation_counter::measure(|| crowd(&reactor, listening.address(), 1000));
    // Another buffer may be kept than before.
    assert!(second.bytes_current.abs() < 32 * 1024, "{second:?}");
}
