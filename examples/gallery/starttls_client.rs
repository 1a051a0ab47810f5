//! Asks the server for TLS. Twisted's `docs/core/examples/starttls_client.py`.
//!
//! The certificate in `server.pem`, in the working directory, is the server's: see echoserv_ssl, and run
//! starttls_server first.
//!
//! ```text
//! cargo run --example starttls_client
//! ```

use std::process::ExitCode;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::tls::{ClientTls, StartTls};
use torsade::{ClientEndpoint, HostnameClient, Reactor, Result, react};

struct StartTlsClient {
    tls: ClientTls,
}

impl LineProtocol for StartTlsClient {
    fn connection_made(&mut self, lines: &LineControl) {
        lines.send_line("plain text");
        lines.send_line("STARTTLS");
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        println!("received: {}", line.escape_ascii());
        if line == b"READY" {
            drop(lines.transport().start_tls(&self.tls, "example.com")?);
            lines.send_line("secure text");
            lines.transport().lose_connection();
        }
        Ok(())
    }
}

async fn run(reactor: Reactor) -> Result<()> {
    let tls = ClientTls::builder()
        .roots_from_pem_file("server.pem")
        .build()?;
    let server = HostnameClient::new(&reactor, "localhost", 8000);
    server
        .converse(LineReceiver::new(StartTlsClient { tls }))
        .await
}

fn main() -> ExitCode {
    react(|reactor| reactor.spawn(run(reactor.clone())))
}
