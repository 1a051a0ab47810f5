//! Agrees with a server on an application protocol, by ALPN, and prints it. Twisted's
//! `docs/core/examples/tls_alpn_client.py`.
//!
//! `server-cert.pem` in the working directory is the server's certificate: see tls_alpn_server, and run
//! that first.
//!
//! ```text
//! cargo run --example tls_alpn_client
//! ```

use std::process::ExitCode;

use torsade::tls::{ClientTls, TlsInfo, wrap_client_tls};
use torsade::{
    ClientEndpoint, Failure, HostnameClient, Protocol, Reactor, Result, Transport, react,
};

/// In the order of preference.
const ACCEPTABLE_PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// How HTTP/2 begins (RFC 9113, section 3.4). What was negotiated is known without it; it is for the
/// server, which waits for data.
const TLS_TRIGGER_DATA: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct BasicH2Request;

impl Protocol for BasicH2Request {
    fn connection_made(&mut self, transport: &Transport) {
        println!("Connection made");
        if let Some(tls) = transport.negotiated::<TlsInfo>() {
            let protocol = tls.alpn.as_deref().map(String::from_utf8_lossy);
            println!("Next protocol is: {protocol:?}");
        }
        transport.write(TLS_TRIGGER_DATA);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        println!("Connection lost: {reason:#}");
    }
}

async fn run(reactor: Reactor) -> Result<()> {
    let tls = ClientTls::builder()
        .roots_from_pem_file("server-cert.pem")
        .alpn(ACCEPTABLE_PROTOCOLS)
        .build()?;
    let tcp = HostnameClient::new(&reactor, "localhost", 8080);
    wrap_client_tls(tcp, &tls, "localhost")
        .converse(BasicH2Request)
        .await
}

fn main() -> ExitCode {
    react(|reactor| reactor.spawn(run(reactor.clone())))
}
