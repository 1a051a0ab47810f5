//! Reads standard input a line at a time without blocking the reactor. Twisted's
//! `docs/core/examples/stdin.py`; this one ends with its input.
//!
//! ```text
//! cargo run --example stdin
//! ```

use std::process::ExitCode;

use torsade::endpoints::StandardIo;
use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{ClientEndpoint, Result, react};

struct Echo;

impl LineProtocol for Echo {
    fn connection_made(&mut self, lines: &LineControl) {
        lines.transport().write(b">>> ");
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        lines.send_line([b"Echo: ", line].concat());
        lines.transport().write(b">>> ");
        Ok(())
    }
}

fn main() -> ExitCode {
    react(|reactor| StandardIo::new(reactor).converse(LineReceiver::new(Echo).delimiter("\n")))
}
