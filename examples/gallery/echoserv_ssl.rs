//! Sends back what it gets, over TLS. Twisted's `docs/core/examples/echoserv_ssl.py`.
//!
//! `server.pem` in the working directory is its certificate and the key; Twisted's own one will do,
//! or:
//!
//! ```text
//! openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=example.com \
//!     -addext subjectAltName=DNS:example.com -out public.pem -keyout key.pem
//! cat public.pem key.pem > server.pem
//! cargo run --example echoserv_ssl
//! ```

use torsade::protocols::wire::Echo;
use torsade::tls::{ServerTls, wrap_server_tls};
use torsade::{Address, Reactor, Result, TcpServer};

fn main() -> Result<()> {
    env_logger::init();
    let reactor = Reactor::new()?;
    let tls = ServerTls::builder()
        .certificate_files("server.pem", "server.pem")
        .build()?;
    let server = TcpServer::new(&reactor, "[::]:8000".parse()?);
    wrap_server_tls(server, &tls).listen(|_: &Address| Echo)?;
    reactor.run()
}
