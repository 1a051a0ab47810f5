//! Echoes over any endpoint, or joins one with standard input and output, as netcat does.
//!
//! ```text
//! cargo run --example endpoints -- echo tcp:8007:interface=127.0.0.1
//! cargo run --example endpoints -- join tcp:localhost:8007
//! cargo run --example endpoints -- join process:tr:a-z:A-Z < poem.txt
//! systemd-socket-activate -l /tmp/socket target/debug/examples/endpoints echo systemd:domain=UNIX:index=0
//! ```

use std::cell::Cell;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use torsade::endpoints::{ClientEndpoint, Endpoints, StandardIo};
use torsade::tls::add_tls_endpoints;
use torsade::{
    Address, ConnectionDone, Deferred, Failure, ProducerKind, Protocol, ProtocolRef, Reactor,
    Resolver, Result, Transport,
};

const USAGE: &str = "usage: endpoints (echo | join) DESCRIPTION\n";

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match &arguments[..] {
        [command, description] if command == "echo" => echo(description),
        [command, description] if command == "join" => join(description),
        _ => {
            let _ = write!(std::io::stderr(), "endpoints: wrong arguments\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "endpoints: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn endpoints(reactor: &Reactor) -> Endpoints {
    let mut endpoints = Endpoints::new(reactor);
    add_tls_endpoints(&mut endpoints);
    endpoints
}

/// Sends back what it gets.
struct Echo {
    /// Stops when the one connection ends that there is on standard input and output.
    reactor: Option<Reactor>,
}

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // Read no faster than it can be written.
        let _ = transport.register_producer(transport.clone(), ProducerKind::Push);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        transport.unregister_producer();
        transport.lose_connection();
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(reactor) = &self.reactor {
            // It may be stopping already.
            let _ = reactor.stop();
        }
    }
}

fn echo(description: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    let server = endpoints(&reactor).server(description)?;
    let is_single = description.starts_with("stdio:");
    let to_stop = is_single.then(|| reactor.clone());
    let port = server.listen(move |_: &Address| Echo {
        reactor: to_stop.clone(),
    })?;
    if !is_single {
        let address = port.address().clone();
        // Not before it would end in an orderly way.
        reactor.call_when_running(move || {
            let _ = writeln!(std::io::stdout(), "listening on {address}");
            let _ = std::io::stdout().flush();
        });
    }
    reactor.run()
}

/// One of two ends: what it gets, the other writes.
struct Side {
    other: Option<Transport>,
    over: Rc<Over>,
}

/// Fires when both ends are over.
#[derive(Default)]
struct Over {
    ended: Cell<usize>,
    resolver: Cell<Option<Resolver<()>>>,
}

impl Protocol for Side {
    fn connection_made(&mut self, transport: &Transport) {
        // There is no other end yet.
        transport.pause_reading();
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        if let Some(other) = &self.other {
            other.write(data);
        }
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        if let Some(other) = &self.other {
            other.unregister_producer();
            other.lose_write_connection();
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if reason.check::<ConnectionDone>().is_none() {
            let _ = writeln!(std::io::stderr(), "endpoints: {reason:#}");
        }
        if let Some(other) = &self.other {
            other.unregister_producer();
            other.lose_connection();
        }
        self.over.ended.set(self.over.ended.get() + 1);
        if self.over.ended.get() == 2
            && let Some(over) = self.over.resolver.take()
        {
            over.callback(());
        }
    }
}

/// Lets each end write what the other gets, no faster than it can. Fires when both are over.
fn link(one: &ProtocolRef<Side>, other: &ProtocolRef<Side>, over: &Over) -> Deferred<()> {
    let (resolver, deferred) = Deferred::new();
    over.resolver.set(Some(resolver));
    for (from, to) in [(one, other), (other, one)] {
        let to = to.transport();
        let _ = from.with(|side, transport| {
            side.other = Some(to.clone());
            let _ = to.register_producer(transport.clone(), ProducerKind::Push);
            transport.resume_reading();
        });
    }
    deferred
}

fn join(description: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    let client = endpoints(&reactor).client(description)?;
    let over = Rc::<Over>::default();
    let shared = Rc::clone(&over);
    let side = move |_: &Address| Side {
        other: None,
        over: Rc::clone(&shared),
    };
    let here = StandardIo::new(&reactor);
    let joined = client.connect(side.clone()).add_callback(move |there| {
        let here = here.connect(side);
        here.add_callback(move |here| link(&here, &there, &over))
    });
    reactor.run_until(joined)
}
