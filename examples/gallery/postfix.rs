//! A table for Postfix, given on the command line. Twisted's `docs/core/examples/postfix.py`.
//!
//! ```text
//! cargo run --example postfix -- KEY1=VALUE1 KEY2=VALUE2 ...
//! postmap -q KEY1 tcp:localhost:4242
//! ```

use torsade::protocols::postfix::PostfixDictionary;
use torsade::{Reactor, Result, TcpServer};

fn main() -> Result<()> {
    env_logger::init();
    let entry = |argument: String| {
        let (key, value) = argument.split_once('=').unwrap_or((&argument, ""));
        (key.to_owned(), value.to_owned())
    };
    let table: PostfixDictionary = std::env::args().skip(1).map(entry).collect();
    let reactor = Reactor::new()?;
    TcpServer::new(&reactor, "127.0.0.1:4242".parse()?).listen(table)?;
    reactor.run()
}
