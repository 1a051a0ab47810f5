//! Begins TLS when the client asks for it. Twisted's `docs/core/examples/starttls_server.py`.
//!
//! `server.pem` in the working directory is its certificate and the key: see echoserv_ssl.
//!
//! ```text
//! cargo run --example starttls_server
//! ```

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::tls::{ServerTls, StartTls};
use torsade::{Address, Reactor, Result, TcpServer};

struct TlsServer {
    tls: ServerTls,
}

impl LineProtocol for TlsServer {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        println!("received: {}", line.escape_ascii());
        if line == b"STARTTLS" {
            println!("-- Switching to TLS");
            lines.send_line("READY");
            drop(lines.transport().start_tls_server(&self.tls)?);
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let tls = ServerTls::builder()
        .certificate_files("server.pem", "server.pem")
        .build()?;
    let server = TcpServer::new(&reactor, "0.0.0.0:8000".parse()?);
    server.listen(move |_: &Address| LineReceiver::new(TlsServer { tls: tls.clone() }))?;
    reactor.run()
}
