//! Answers who pings its multicast group. Twisted's `docs/core/howto/listings/udp/MulticastServer.py`.
//!
//! ```text
//! cargo run --example multicast_server
//! ```

use torsade::datagram::{
    DatagramOption, DatagramOptions, DatagramPort, DatagramProtocol, MulticastInterface,
};
use torsade::{Address, Reactor, Result};

struct MulticastPingPong;

impl DatagramProtocol for MulticastPingPong {
    fn datagram_received(&mut self, udp: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
        println!("Datagram {} received from {from}", data.escape_ascii());
        if data == b"Client: Ping" {
            // Not to the group, but to whoever asked.
            udp.send(b"Server: Pong", from)?;
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    // So that multicast_client can run on the same machine.
    let options = DatagramOptions::new().reuse_address(true);
    let udp = reactor.listen_udp("0.0.0.0:9999".parse()?, MulticastPingPong, &options)?;
    // So that it crosses routers.
    udp.set_option(DatagramOption::MulticastTimeToLive(5))?;
    let group = "228.0.0.5".parse()?;
    udp.set_option(DatagramOption::Join(group, MulticastInterface::Any))?;
    reactor.run()
}
