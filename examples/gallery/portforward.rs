//! A port that is another one. Twisted's `twist portforward`, in `twisted/tap/portforward.py`.
//!
//! ```text
//! cargo run --example portforward -- tcp:6666 tcp:www.example.org:80
//! ```

use torsade::endpoints::Endpoints;
use torsade::protocols::PortForward;
use torsade::{Reactor, Result};

fn main() -> Result<()> {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, destination] = &*arguments else {
        eprintln!("usage: portforward SERVER CLIENT, both as endpoints: tcp:6666 tcp:localhost:80");
        std::process::exit(2);
    };
    let reactor = Reactor::new()?;
    let endpoints = Endpoints::new(&reactor);
    let forward = PortForward::to(endpoints.client(destination)?);
    endpoints.server(port)?.listen(forward)?;
    reactor.run()
}
