//! Sends back each datagram. Twisted's `docs/core/examples/echoserv_udp.py`.
//!
//! ```text
//! cargo run --example echoserv_udp
//! ```

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::{Address, Reactor, Result};

struct EchoUdp;

impl DatagramProtocol for EchoUdp {
    fn datagram_received(&mut self, udp: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
        udp.send(data, from)
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    reactor.listen_udp("0.0.0.0:8000".parse()?, EchoUdp, &DatagramOptions::new())?;
    reactor.run()
}
