//! Sends back what it gets, over TCP. Twisted's `docs/core/examples/echoserv.py`.
//!
//! ```text
//! cargo run --example echoserv
//! ```

use torsade::{Address, Protocol, Reactor, Result, TcpServer, Transport};

/// This is just about the simplest possible protocol.
struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // Who sends much and reads nothing is cut off.
        transport.set_max_queued(Some(1_000_000));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    TcpServer::new(&reactor, "0.0.0.0:8000".parse()?).listen(|_: &Address| Echo)?;
    reactor.run()
}
