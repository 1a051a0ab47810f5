//! `echoclient_ssl` with a certificate of its own. Twisted's
//! `docs/core/examples/ssl_clientauth_client.py`.
//!
//! In the working directory, `public.pem` is the certificate of the server, and `server.pem` the one
//! that is shown to it, with the key: see echoserv_ssl, and run ssl_clientauth_server first.
//!
//! ```text
//! cargo run --example ssl_clientauth_client
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
        .client_certificate_files("server.pem", "server.pem")
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
