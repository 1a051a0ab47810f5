//! Sends its arguments, or the lines of standard input, to an echo server and prints what returns.
//!
//! ```text
//! cargo run --example echo_client -- localhost:8007 hello there
//! cargo run --example echo_client -- --tls ca.pem localhost:8007 < poem.txt
//! ```

use std::io::{BufRead, Write};
use std::process::ExitCode;

use torsade::endpoints::ClientEndpoint;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{
    Address, ConnectionDone, Deferred, Failure, HostnameClient, Protocol, ProtocolRef, Reactor,
    Resolver, Result, Transport,
};

const USAGE: &str = "usage: echo_client [--tls CAFILE] HOST:PORT [TEXT...]\n";

/// Prints what comes, and closes when all that was sent has come back.
struct Printer {
    sent: usize,
    received: usize,
    /// Whether everything has been sent.
    is_complete: bool,
    /// Fires when the connection is over.
    over: Option<Resolver<()>>,
}

impl Printer {
    fn send(&mut self, transport: &Transport, line: &str) {
        self.sent += line.len() + 1;
        transport.write_sequence([line, "\n"]);
    }

    fn finish(&mut self, transport: &Transport) {
        self.is_complete = true;
        self.close_when_done(transport);
    }

    fn close_when_done(&self, transport: &Transport) {
        if self.is_complete && self.received >= self.sent {
            transport.lose_connection();
        }
    }
}

impl Protocol for Printer {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let mut out = std::io::stdout();
        out.write_all(data)?;
        out.flush()?;
        self.received += data.len();
        self.close_when_done(transport);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let Some(over) = self.over.take() else { return };
        if self.received < self.sent || !self.is_complete {
            let (received, sent) = (self.received, self.sent);
            let text = format!("{reason:#}, after {received} of {sent} bytes had come back");
            over.errback(std::io::Error::other(text));
        } else if reason.check::<ConnectionDone>().is_some() {
            over.callback(());
        } else {
            over.errback(std::io::Error::other(format!("{reason:#}")));
        }
    }
}

struct Arguments {
    cafile: Option<String>,
    host: String,
    port: u16,
    text: Vec<String>,
}

fn main() -> ExitCode {
    env_logger::init();
    match parse(std::env::args().skip(1).collect()) {
        Ok(arguments) => torsade::react(|reactor| match run(reactor, arguments) {
            Ok(over) => over,
            Err(failure) => Deferred::fail(failure),
        }),
        Err(error) => {
            let _ = write!(std::io::stderr(), "echo_client: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: Vec<String>) -> std::result::Result<Arguments, String> {
    let cafile = if arguments.first().is_some_and(|first| first == "--tls") {
        if arguments.len() < 2 {
            return Err("--tls wants a file".to_owned());
        }
        arguments.drain(..2).nth(1)
    } else {
        None
    };
    if arguments.is_empty() || arguments[0].starts_with('-') {
        return Err("wrong arguments".to_owned());
    }
    let target = arguments.remove(0);
    let (host, port) = target
        .rsplit_once(':')
        .ok_or_else(|| format!("{target:?} has no port"))?;
    let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    Ok(Arguments {
        cafile,
        host: host.to_owned(),
        port,
        text: arguments,
    })
}

fn run(reactor: &Reactor, arguments: Arguments) -> Result<Deferred<()>> {
    let (resolver, over) = Deferred::new();
    let mut resolver = Some(resolver);
    let factory = move |_: &Address| Printer {
        sent: 0,
        received: 0,
        is_complete: false,
        over: resolver.take(),
    };
    let tcp = HostnameClient::new(reactor, &arguments.host, arguments.port);
    let connected = match arguments.cafile {
        Some(file) => {
            let tls = ClientTls::builder().roots_from_pem_file(file).build()?;
            wrap_client_tls(tcp, &tls, &arguments.host).connect(factory)
        }
        None => tcp.connect(factory),
    };
    let (reactor, text) = (reactor.clone(), arguments.text);
    Ok(connected.add_callback(move |printer| {
        if text.is_empty() {
            send_input(reactor, printer);
        } else {
            // It fails only when the connection has ended, and then `over` tells.
            let _ = printer.with(|printer, transport| {
                printer.send(transport, &text.join(" "));
                printer.finish(transport);
            });
        }
        over
    }))
}

/// Sends a line of standard input, then the next. Reading blocks, so that is done on a thread.
fn send_input(reactor: Reactor, printer: ProtocolRef<Printer>) {
    let line =
        reactor.defer_to_thread(|| Ok(std::io::stdin().lock().lines().next().transpose()?));
    line.add_both(move |line| {
        let goes_on = printer.with(|printer, transport| match &line {
            Ok(Some(line)) => {
                printer.send(transport, line);
                true
            }
            _ => {
                printer.finish(transport);
                false
            }
        });
        if goes_on == Ok(true) {
            send_input(reactor, printer);
        }
        line.map(drop)
    });
}
