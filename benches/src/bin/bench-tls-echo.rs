//! torsade's echo server with TLS: `bench-tls-echo ADDRESS:PORT`, CERT_DIR=...

use torsade_benches::server;
use torsade_core::protocols::wire::Echo;
use torsade_core::{Address, Reactor, Result, TcpServer};
use torsade_tls::{ServerTls, wrap_server_tls};

fn main() -> Result<()> {
    let (certificate, key) = server::certificate()?;
    let tls = ServerTls::builder()
        .certificate_files(certificate, key)
        .build()?;
    let reactor = Reactor::new()?;
    let server = wrap_server_tls(TcpServer::new(&reactor, server::address()?), &tls);
    let _port = server.listen(|_: &Address| Echo)?;
    reactor.run()
}
