//! torsade's echo server: `bench-echo ADDRESS:PORT`. With REACTORS=N, one on each of so many threads.

use std::net::SocketAddr;
use std::thread;

use torsade_benches::server;
use torsade_core::protocols::wire::Echo;
use torsade_core::{Address, ListenOptions, Reactor, Result, TcpServer};

fn serve(address: SocketAddr) -> Result<()> {
    let reactor = Reactor::new()?;
    let options = ListenOptions::new().reuse_port(true);
    let _port = TcpServer::new(&reactor, address)
        .options(options)
        .listen(|_: &Address| Echo)?;
    reactor.run()
}

fn main() -> Result<()> {
    let address = server::address()?;
    for _ in 1..server::reactors() {
        thread::spawn(move || serve(address).map_err(|failure| eprintln!("{failure:#}")));
    }
    serve(address)
}
