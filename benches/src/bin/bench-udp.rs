//! torsade's echo of datagrams.

use torsade_benches::server;
use torsade_core::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade_core::{Address, Reactor, Result};

struct Echo;

impl DatagramProtocol for Echo {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        port.send(data, from)
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let _port = reactor.listen_udp(server::address()?, Echo, &DatagramOptions::new())?;
    reactor.run()
}
