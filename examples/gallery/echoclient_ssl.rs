//! `echoclient` over TLS. Twisted's `docs/core/examples/echoclient_ssl.py`.
//!
//! `public.pem` in the working directory is the certificate of the server, which has to be for
//! example.com: see echoserv_ssl, and run that first.
//!
//! ```text
//! cargo run --example echoclient_ssl
//! ```

use std::process::ExitCode;

use torsade::protocols::LineReceiver;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{ClientEndpoint, HostnameClient, Reactor, Result, react};

#[allow(dead_code, reason = "it has a main of its own")]
mod echoclient;

async fn run(reactor: Reactor) -> Result<()> {
    let tls = ClientTls::builder()
        .roots_from_pem_file("public.pem")
        .build()?;
    let tcp = HostnameClient::new(&reactor, "localhost", 8000);
    let server = wrap_client_tls(tcp, &tls, "example.com");
    server
        .converse(LineReceiver::new(echoclient::EchoClient))
        .await
}

fn main() -> ExitCode {
    react(|reactor| reactor.spawn(run(reactor.clone())))
}
