//! Rate-limits a server that sends without end. Twisted's `docs/core/examples/shaper.py`, with
//! `servertype = "chargen"`.
//!
//! ```text
//! cargo run --example shaper
//! ```

use torsade::policies::Throttling;
use torsade::protocols::wire::Chargen;
use torsade::{Address, Bandwidth, Factory, Reactor, Result, TcpServer};

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    // Cap total server traffic at 20 kB/s.
    let server = Bandwidth::new(&reactor, 20_000).burst(20_000);
    // It is also limited per host: your first 10k is free, one kB/s thereafter.
    let handle = reactor.clone();
    let each = move || Bandwidth::new(&handle, 1_000).burst(10_000);
    let limits = Throttling::new()
        .write_limit(&server)
        .write_limit_of_each_peer(each);
    let shaped = (|_: &Address| Chargen).policy(limits);
    TcpServer::new(&reactor, "0.0.0.0:8000".parse()?).listen(shaped)?;
    reactor.run()
}
