//! Agrees with each client on an application protocol, by ALPN, and prints it. Twisted's
//! `docs/core/examples/tls_alpn_server.py`.
//!
//! In the working directory, `server-key.pem` and `server-cert.pem` are a key and its certificate:
//!
//! ```text
//! openssl req -new -newkey rsa:2048 -days 3 -nodes -x509 -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost -keyout server-key.pem -out server-cert.pem
//! cargo run --example tls_alpn_server
//! openssl s_client -connect localhost:8080 -alpn h2,http/1.1
//! ```

use torsade::tls::{ServerTls, TlsInfo, wrap_server_tls};
use torsade::{Address, Failure, Protocol, Reactor, Result, TcpServer, Transport};

/// In the order of preference.
const ACCEPTABLE_PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// Waits for data, prints what the negotiated protocol is, echoes the data back, and closes.
#[derive(Default)]
struct ShowAlpn {
    complete: bool,
}

impl Protocol for ShowAlpn {
    fn connection_made(&mut self, _: &Transport) {
        println!("Connection made");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        if let Some(tls) = transport.negotiated::<TlsInfo>() {
            println!("{:?}", tls.alpn.as_deref().map(String::from_utf8_lossy));
        }
        transport.write(data);
        self.complete = true;
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        match self.complete {
            true => println!("Connection closed cleanly"),
            false => println!("Connection lost due to error {reason:#}"),
        }
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let tls = ServerTls::builder()
        .certificate_files("server-cert.pem", "server-key.pem")
        .alpn(ACCEPTABLE_PROTOCOLS)
        .build()?;
    let server = TcpServer::new(&reactor, "0.0.0.0:8080".parse()?);
    wrap_server_tls(server, &tls).listen(|_: &Address| ShowAlpn::default())?;
    reactor.run()
}
