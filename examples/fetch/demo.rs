//! The demonstration: a server and a client on one reactor, with a certificate made on the spot.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::time::SystemTime;

use torsade::http::{Agent, AgentOptions, Response};
use torsade::tls::{ClientTls, ServerTls, Trust, generate, wrap_server_tls};
use torsade::{Address, Deferred, Protocol, Reactor, Result, TcpServer, Transport};

use crate::output;

/// Serves one page to whoever asks for anything.
#[derive(Default)]
struct Page {
    request: Vec<u8>,
}

const PAGE: &str = "Hello from a Protocol on the same reactor.\n";

impl Protocol for Page {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.request.extend_from_slice(data);
        if self.request.ends_with(b"\r\n\r\n") {
            transport.write_sequence([
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n",
                &format!(
                    "Content-Length: {}\r\nConnection: close\r\n\r\n",
                    PAGE.len()
                ),
                PAGE,
            ]);
            transport.lose_connection();
        }
        Ok(())
    }
}

pub(crate) fn run(reactor: &Reactor) -> Deferred<()> {
    match start(reactor) {
        Ok(done) => done,
        Err(failure) => Deferred::fail(failure),
    }
}

fn start(reactor: &Reactor) -> Result<Deferred<()>> {
    let certificate = generate::self_signed(["localhost"]);
    let trust = Trust::none().certificates([certificate.certificate().clone()]);
    let server = ServerTls::builder()
        .certificate(certificate)
        .alpn(["http/1.1"])
        .build()?;
    let client = ClientTls::builder()
        .trust(trust)
        .alpn(["http/1.1"])
        .build()?;

    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let port = wrap_server_tls(TcpServer::new(reactor, address), &server)
        .listen(|_: &Address| Page::default())?;
    let url = format!("https://localhost:{}/", port.socket_addr()?.port());
    // Not `println`: a reader that has gone is an error to tell, and no reason to panic.
    writeln!(
        io::stdout(),
        "fetching {url}, which this program serves itself\n"
    )?;

    let agent = Agent::with_options(reactor, AgentOptions::new().tls(&client));
    let shown = agent.get(&url).add_callback(|response| {
        let (head, tls) = (output::head(&response), tls_lines(&response));
        match write!(io::stdout(), "{head}\n{tls}\n") {
            Ok(()) => response.text(),
            Err(error) => Deferred::fail(error),
        }
    });
    Ok(shown.add_callback(|text| Ok(write!(io::stdout(), "{text}")?)))
}

fn tls_lines(response: &Response) -> String {
    let Some(tls) = response.tls() else {
        return String::new();
    };
    let alpn = tls
        .alpn
        .as_deref()
        .map_or_else(|| "none".into(), String::from_utf8_lossy);
    let mut text = format!(
        "TLS version:  {}\ncipher suite: {}\nALPN:         {alpn}\n",
        tls.version, tls.cipher_suite
    );
    if let Some(certificate) = tls.peer_certificates.first() {
        text += &format!(
            "certificate:  for {}, {} days left\n",
            certificate.names().join(", "),
            certificate.days_left(SystemTime::now())
        );
    }
    text
}
