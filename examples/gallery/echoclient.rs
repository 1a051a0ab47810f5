//! Sends three lines, and prints them as they come back. Twisted's
//! `docs/core/examples/echoclient.py`.
//!
//! Run echoserv first.
//!
//! ```text
//! cargo run --example echoclient
//! ```

use std::process::ExitCode;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{ClientEndpoint, Failure, HostnameClient, Result, react};

const END: &[u8] = b"Bye-bye!";

pub(crate) struct EchoClient;

impl LineProtocol for EchoClient {
    fn connection_made(&mut self, lines: &LineControl) {
        lines.send_line("Hello, world!");
        lines.send_line("What a fine day it is.");
        lines.send_line(END);
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        println!("receive: {}", line.escape_ascii());
        if line == END {
            lines.transport().lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        println!("connection lost: {reason}");
    }
}

fn main() -> ExitCode {
    react(|reactor| {
        let server = HostnameClient::new(reactor, "localhost", 8000);
        server.converse(LineReceiver::new(EchoClient))
    })
}
