//! Sends the descriptor of a file, and its name, to whoever connects to a UNIX socket. Twisted's
//! `docs/core/examples/sendfd.py`.
//!
//! ```text
//! cargo run --example sendfd -- /tmp/sendfd.sock /etc/motd
//! ```

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use torsade::policies::Timeouts;
use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Factory, Reactor, Result, UnixServer};

struct SendFd {
    content: PathBuf,
}

impl SendFd {
    fn send(&self, lines: &LineControl) -> Result<()> {
        lines
            .transport()
            .send_descriptor(File::open(&self.content)?.into())?;
        // At least one byte has to go along: the name tells what it is.
        lines.send_line(self.content.as_os_str().as_bytes());
        Ok(())
    }
}

impl LineProtocol for SendFd {
    fn connection_made(&mut self, lines: &LineControl) {
        if let Err(failure) = self.send(lines) {
            lines.transport().abort_with(failure);
        }
    }

    fn line_received(&mut self, _: &LineControl, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn main() -> Result<()> {
    env_logger::init();
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [address, content] = &*arguments else {
        eprintln!("usage: sendfd SOCKET FILE");
        std::process::exit(2);
    };
    let Ok(content) = content.canonicalize() else {
        eprintln!("sendfd: {} must exist", content.display());
        std::process::exit(1);
    };
    let factory = move |_: &Address| {
        LineReceiver::new(SendFd {
            content: content.clone(),
        })
    };
    // The other side has a minute to deal with it.
    let minute = Timeouts::new().total(Duration::from_secs(60));
    let reactor = Reactor::new()?;
    UnixServer::new(&reactor, address).listen(factory.policy(minute))?;
    reactor.run()
}
