//! Sends back what it gets, over TCP or TLS.
//!
//! ```text
//! cargo run --release --example echo_server -- 127.0.0.1:8007
//! cargo run --release --example echo_server -- --tls cert.pem key.pem 127.0.0.1:8007
//! ```

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use torsade::tls::{ServerTls, wrap_server_tls};
use torsade::{Address, ProducerKind, Protocol, Reactor, Result, TcpServer, Transport};

const USAGE: &str = "usage: echo_server [--tls CERT KEY] ADDRESS:PORT\n";

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // The connection is its own producer: it is read no faster than it can be written, so a
        // peer that does not read what it gets cannot fill our memory.
        let _ = transport.register_producer(transport.clone(), ProducerKind::Push);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        // Nothing more will be produced; what is queued still goes out.
        transport.unregister_producer();
        transport.lose_connection();
    }
}

/// The certificate and key files of `--tls`, if it was given, and the address.
type Arguments = (Option<(String, String)>, SocketAddr);

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = match parse(&arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = write!(std::io::stderr(), "echo_server: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "echo_server: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> std::result::Result<Arguments, String> {
    let (tls, address) = match arguments {
        [option, certificate, key, address] if option == "--tls" => {
            (Some((certificate.clone(), key.clone())), address)
        }
        [address] if !address.starts_with('-') => (None, address),
        _ => return Err("wrong arguments".to_owned()),
    };
    let address = address
        .parse()
        .map_err(|_| format!("{address:?} is no address and port"))?;
    Ok((tls, address))
}

fn serve((tls, address): Arguments) -> Result<()> {
    let reactor = Reactor::new()?;
    let mut server = TcpServer::new(&reactor, address);
    if let Some((certificate, key)) = tls {
        server = wrap_server_tls(
            server,
            &ServerTls::builder()
                .certificate_files(certificate, key)
                .build()?,
        );
    }
    let port = server.listen(|_: &Address| Echo)?;
    let address = port.address().clone();
    // Not before it would end in an orderly way.
    reactor.call_when_running(move || {
        let _ = writeln!(std::io::stdout(), "listening on {address}");
        let _ = std::io::stdout().flush();
    });
    reactor.run()
}
