//! Programs for Twisted that were ported: what was hard is in `docs/porting/programs.md`.
//!
//! ```text
//! cargo run --example ported -- relay 127.0.0.1:4001
//! cargo run --example ported -- statsd 127.0.0.1:8125 127.0.0.1:2003
//! cargo run --example ported -- tftp 127.0.0.1:6969 FOLDER
//! cargo run --example ported -- marathon https://marathon.example:8443 GROUP
//! ```

mod marathon;
mod relay;
mod statsd;
mod tftp;

use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use torsade::datagram::DatagramOptions;
use torsade::endpoints::ClientService;
use torsade::http::Url;
use torsade::tls::ClientTls;
use torsade::{Deferred, Reactor, Result, TcpClient, TcpServer};

const USAGE: &str = "usage: ported relay ADDRESS:PORT
       ported statsd ADDRESS:PORT GRAPHITE:PORT
       ported tftp ADDRESS:PORT FOLDER
       ported marathon URL[,URL..] GROUP [BALANCER-URL..]
";

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["relay", address] => serve_relay(address),
        ["statsd", address, graphite] => serve_statsd(address, graphite),
        ["tftp", address, folder] => serve_tftp(address, folder),
        ["marathon", servers, group, balancers @ ..] => watch_marathon(servers, group, balancers),
        _ => {
            let _ = write!(std::io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "ported: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve_relay(address: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    // A line of JSON for each.
    let relay = relay::Relay::new(|usage| {
        let record = serde_json::json!({
            "mood": format!("{:?}", usage.mood).to_lowercase(),
            "total_time": usage.total_time.as_secs_f64(),
            "waiting_time": usage.waiting_time.map(|time| time.as_secs_f64()),
            "total_bytes": usage.total_bytes,
        });
        let _ = writeln!(std::io::stdout(), "{record}");
    });
    let server = TcpServer::new(&reactor, address.parse()?);
    let _listening = server.listen(relay.factory())?;
    reactor.run()
}

fn serve_statsd(address: &str, graphite: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    let statistics = statsd::Statistics::default();
    let server = statsd::Server::new(statistics.clone());
    reactor.listen_udp(address.parse()?, server, &DatagramOptions::new())?;
    let graphite = TcpClient::new(&reactor, graphite.parse()?);
    let interval = Duration::from_secs(10);
    let factory = statsd::graphite(statistics, interval);
    let service = ClientService::new(&reactor, graphite, factory);
    service.start();
    reactor.run()
}

fn serve_tftp(address: &str, folder: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    let files = tftp::Folder::new(&reactor, folder);
    let server = tftp::Server::new(files);
    reactor.listen_udp(address.parse()?, server, &DatagramOptions::new())?;
    reactor.run()
}

fn watch_marathon(servers: &str, group: &str, balancers: &[&str]) -> Result<()> {
    let reactor = Reactor::new()?;
    let tls = ClientTls::new()?;
    let urls = |texts: Vec<&str>| -> Result<Vec<Url>> {
        texts.into_iter().map(|text| Ok(text.parse()?)).collect()
    };
    let servers = urls(servers.split(',').collect())?;
    let marathon = marathon::api::Marathon::new(&reactor, &tls, servers);
    let balancers = marathon::api::LoadBalancers::new(&reactor, &tls, urls(balancers.to_vec())?);
    let wanted = Wanted::default();
    let watcher = marathon::Watcher::new(&reactor, group, marathon, balancers, wanted);
    reactor.run_until(watcher.run())
}

/// Says which certificates are wanted, and takes them for made.
#[derive(Default)]
struct Wanted(RefCell<Vec<String>>);

impl marathon::Certificates for Wanted {
    fn domains(&self) -> Deferred<Vec<String>> {
        Deferred::succeed(self.0.borrow().clone())
    }

    fn issue(&self, domain: &str) -> Deferred<()> {
        self.0.borrow_mut().push(domain.to_owned());
        match writeln!(std::io::stdout(), "{domain}") {
            Ok(()) => Deferred::succeed(()),
            Err(error) => Deferred::fail(error),
        }
    }
}
