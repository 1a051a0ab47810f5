//! Takes a descriptor over a UNIX socket, and prints the first 80 bytes of its file. Twisted's
//! `docs/core/examples/recvfd.py`.
//!
//! Run sendfd first.
//!
//! ```text
//! cargo run --example recvfd -- /tmp/sendfd.sock
//! ```

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{ClientEndpoint, Result, UnixClient, react};

#[derive(Default)]
struct ReceiveFd {
    file: Option<File>,
}

impl LineProtocol for ReceiveFd {
    fn descriptor_received(&mut self, _: &LineControl, descriptor: OwnedFd) {
        self.file = Some(descriptor.into());
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let name = line.escape_ascii();
        match self.file.take() {
            None => println!("Received {name} without receiving descriptor!"),
            Some(file) => {
                let mut data = Vec::new();
                file.take(80).read_to_end(&mut data)?;
                println!("Received {name} from the server.");
                println!("First 80 bytes are:\n{}\n", data.escape_ascii());
            }
        }
        lines.transport().lose_connection();
        Ok(())
    }
}

fn main() -> ExitCode {
    let Some(address) = std::env::args_os().nth(1) else {
        eprintln!("usage: recvfd SOCKET");
        return ExitCode::from(2);
    };
    let receiver = LineReceiver::new(ReceiveFd::default());
    react(move |reactor| UnixClient::new(reactor, &address).converse(receiver))
}
