//! A GET over HTTP/2: the crate `h2`, which wants tokio's traits of a stream, on torsade's reactor.
//!
//! ```text
//! cargo run --example http2 -- https://example.org/
//! cargo run --example http2 -- --cacert ca.pem https://localhost:8443/
//! ```

use std::io::Write;
use std::process::ExitCode;

use torsade::stream::AsyncStream;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{HostnameClient, Reactor, Result};
use url::Url;

const USAGE: &str = "usage: http2 [--cacert FILE] https://HOST[:PORT]/PATH\n";

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (cacert, url) = match arguments.as_slice() {
        [url] => (None, url),
        [option, file, url] if option == "--cacert" => (Some(file.clone()), url),
        _ => return wrong_arguments(),
    };
    match Url::parse(url) {
        Ok(url) if url.scheme() == "https" && url.has_host() => torsade::react(|reactor| {
            let handle = reactor.clone();
            reactor.spawn(get(handle, cacert, url))
        }),
        _ => wrong_arguments(),
    }
}

fn wrong_arguments() -> ExitCode {
    let _ = write!(std::io::stderr(), "{USAGE}");
    ExitCode::from(2)
}

async fn get(reactor: Reactor, cacert: Option<String>, url: Url) -> Result<()> {
    let mut tls = ClientTls::builder().alpn(["h2"]);
    if let Some(file) = cacert {
        tls = tls.roots_from_pem_file(file);
    }
    // Both are there: it was looked at when the arguments were.
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let tcp = HostnameClient::new(&reactor, &host, port);
    let stream = AsyncStream::connect(&wrap_client_tls(tcp, &tls.build()?, &host)).await?;

    let (mut requests, connection) = h2::client::handshake(stream).await?;
    // It moves the frames of all requests, and ends when nobody holds one any more.
    reactor.spawn(async move { Ok(connection.await?) });

    let request = http::Request::get(url.as_str()).body(())?;
    let (response, _) = requests.send_request(request, true)?;
    let response = response.await?;
    writeln!(
        std::io::stderr(),
        "{:?} {}",
        response.version(),
        response.status()
    )?;
    let mut body = response.into_body();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        std::io::stdout().write_all(&piece)?;
        body.flow_control().release_capacity(piece.len())?;
    }
    Ok(())
}
