//! `echoserv_ssl` for clients that show a certificate. Twisted's
//! `docs/core/examples/ssl_clientauth_server.py`.
//!
//! `server.pem` in the working directory is its certificate and the key, and what has issued those of
//! the clients: see echoserv_ssl.
//!
//! ```text
//! cargo run --example ssl_clientauth_server
//! ```

use torsade::protocols::wire::Echo;
use torsade::tls::{ServerTls, Trust, wrap_server_tls};
use torsade::{Address, Reactor, Result, TcpServer};

fn main() -> Result<()> {
    env_logger::init();
    let reactor = Reactor::new()?;
    let authority = Trust::none().roots_from_pem_file("server.pem");
    let tls = ServerTls::builder()
        .certificate_files("server.pem", "server.pem")
        .require_client_certificates(authority)
        .build()?;
    let server = TcpServer::new(&reactor, "[::]:8000".parse()?);
    wrap_server_tls(server, &tls).listen(|_: &Address| Echo)?;
    reactor.run()
}
