//! Sends three datagrams, each when the one before has come back. Twisted's
//! `docs/core/examples/echoclient_udp.py`.
//!
//! Run echoserv_udp first.
//!
//! ```text
//! cargo run --example echoclient_udp
//! ```

use std::array;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::{Address, Reactor, Result};

struct EchoClient {
    strings: array::IntoIter<&'static str, 2>,
}

impl DatagramProtocol for EchoClient {
    fn datagram_received(&mut self, udp: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
        println!("Datagram received: {}", data.escape_ascii());
        match self.strings.next() {
            Some(string) => udp.write(string.as_bytes()),
            None => Ok(udp.reactor().stop()?),
        }
    }

    fn connection_refused(&mut self, udp: &DatagramPort) {
        println!("Nobody answers");
        let _ = udp.reactor().stop();
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let strings = ["What a fine day it is.", "Bye-bye!"].into_iter();
    let (any, client) = ("127.0.0.1:0".parse()?, EchoClient { strings });
    let udp = reactor.listen_udp(any, client, &DatagramOptions::new())?;
    udp.connect(&Address::Udp("127.0.0.1:8000".parse()?))?;
    udp.write(b"Hello, world!")?;
    reactor.run()
}
