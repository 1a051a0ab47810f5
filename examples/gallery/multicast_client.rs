//! Pings a multicast group. Twisted's `docs/core/howto/listings/udp/MulticastClient.py`.
//!
//! ```text
//! cargo run --example multicast_client
//! ```

use torsade::datagram::{
    DatagramOption, DatagramOptions, DatagramPort, DatagramProtocol, MulticastInterface,
};
use torsade::{Address, Reactor, Result};

struct MulticastPingClient;

impl DatagramProtocol for MulticastPingClient {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
        println!("Datagram {} received from {from}", data.escape_ascii());
        Ok(())
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let options = DatagramOptions::new().reuse_address(true);
    let udp = reactor.listen_udp("0.0.0.0:9999".parse()?, MulticastPingClient, &options)?;
    // All in the group, this one too, receive what is sent to it.
    let group = "228.0.0.5".parse()?;
    udp.set_option(DatagramOption::Join(group, MulticastInterface::Any))?;
    udp.send(b"Client: Ping", &Address::Udp((group, 9999).into()))?;
    reactor.run()
}
