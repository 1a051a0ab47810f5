//! A WebSocket client: the crate `async-tungstenite`, which wants the traits of futures-io, on
//! torsade's reactor.
//!
//! ```text
//! cargo run --example websocket -- ws://127.0.0.1:8765/ hello there
//! ```

use std::io::Write;
use std::process::ExitCode;

use async_tungstenite::client_async;
use async_tungstenite::tungstenite::Message;
use futures_util::StreamExt;
use torsade::stream::AsyncStream;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{HostnameClient, Reactor, Result};
use url::Url;

const USAGE: &str = "usage: websocket [--cacert FILE] ws[s]://HOST[:PORT]/PATH MESSAGE...\n";

fn main() -> ExitCode {
    env_logger::init();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut cacert = None;
    if arguments.len() > 2 && arguments[0] == "--cacert" {
        cacert = arguments.drain(..2).nth(1);
    }
    let url = match arguments.first().map(|url| Url::parse(url)) {
        Some(Ok(url)) if matches!(url.scheme(), "ws" | "wss") && url.has_host() => url,
        _ => {
            let _ = write!(std::io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    torsade::react(|reactor| {
        let handle = reactor.clone();
        reactor.spawn(talk(handle, cacert, url, arguments.split_off(1)))
    })
}

async fn connect(reactor: &Reactor, cacert: Option<String>, url: &Url) -> Result<AsyncStream> {
    // Both are there: it was looked at when the arguments were.
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let tcp = HostnameClient::new(reactor, host, port);
    if url.scheme() == "ws" {
        return AsyncStream::connect(&tcp).await;
    }
    let mut tls = ClientTls::builder();
    if let Some(file) = cacert {
        tls = tls.roots_from_pem_file(file);
    }
    AsyncStream::connect(&wrap_client_tls(tcp, &tls.build()?, host)).await
}

/// Sends each message, and prints what comes back for it.
async fn talk(
    reactor: Reactor,
    cacert: Option<String>,
    url: Url,
    messages: Vec<String>,
) -> Result<()> {
    let stream = connect(&reactor, cacert, &url).await?;
    let (mut socket, _) = client_async(url.as_str(), stream).await?;
    for message in messages {
        socket.send(Message::text(message)).await?;
        if let Some(answer) = socket.next().await {
            writeln!(std::io::stdout(), "{}", answer?)?;
        }
    }
    Ok(socket.close(None).await?)
}
