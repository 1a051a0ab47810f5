//! Sends a message, and prints what comes back. Twisted's `docs/core/examples/simpleclient.py`.
//!
//! Run simpleserv first.
//!
//! ```text
//! cargo run --example simpleclient
//! ```

use std::process::ExitCode;

use torsade::{ClientEndpoint, Failure, HostnameClient, Protocol, Result, Transport, react};

struct EchoClient;

impl Protocol for EchoClient {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"hello, world!");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        println!("Server said: {}", data.escape_ascii());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        println!("connection lost");
    }
}

fn main() -> ExitCode {
    react(|reactor| {
        let ended = HostnameClient::new(reactor, "localhost", 8000).converse(EchoClient);
        ended.map(|()| println!("Connection lost - goodbye!"))
    })
}
