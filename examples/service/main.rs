//! One service, written three ways: with callbacks, with coroutines, and with both.
//!
//! It tells where people are, as finger servers did: a name a line, and an answer for each, in the
//! same order. Each of the three files is the whole of one way; `tests/service.rs` shows that they
//! do the same.
//!
//! ```text
//! cargo run --example service -- coroutines 127.0.0.1:7979
//! printf 'alice\r\nbob\r\n' | nc -N 127.0.0.1 7979
//! ```

mod callbacks;
mod coroutines;
mod mixed;
mod store;

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use store::{Service, Table};
use torsade::{ListeningPort, Reactor, Result, TcpServer};

const USAGE: &str = "usage: service callbacks|coroutines|mixed ADDRESS:PORT\n";

type Listen = fn(TcpServer, Service) -> Result<ListeningPort>;

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (way, address): (Listen, SocketAddr) = match arguments.as_slice() {
        [way, address] => match (listen_by(way), address.parse()) {
            (Some(way), Ok(address)) => (way, address),
            _ => return wrong_arguments(),
        },
        _ => return wrong_arguments(),
    };
    match serve(way, address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "service: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn listen_by(way: &str) -> Option<Listen> {
    match way {
        "callbacks" => Some(callbacks::listen),
        "coroutines" => Some(coroutines::listen),
        "mixed" => Some(mixed::listen),
        _ => None,
    }
}

fn wrong_arguments() -> ExitCode {
    let _ = write!(std::io::stderr(), "{USAGE}");
    ExitCode::from(2)
}

fn serve(listen: Listen, address: SocketAddr) -> Result<()> {
    let reactor = Reactor::new()?;
    let service = Service {
        reactor: reactor.clone(),
        store: Rc::new(Table::new(&reactor)),
    };
    let port = listen(TcpServer::new(&reactor, address), service)?;
    let address = port.address().clone();
    // Not before it would end in an orderly way.
    reactor.call_when_running(move || {
        let _ = writeln!(std::io::stdout(), "listening on {address}");
        let _ = std::io::stdout().flush();
    });
    reactor.run()
}
