//! A program that can be watched: `GET /metrics` is answered in Prometheus' text format, and SIGUSR1
//! has logged what the reactor waits for.
//!
//! What it does otherwise is little: it echoes on one port, and asks a web server from time to time.
//!
//! ```text
//! cargo run --example metrics -- 127.0.0.1:9100 http://localhost/
//! curl http://127.0.0.1:9100/metrics
//! ```

mod page;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use torsade::http::Agent;
use torsade::policies::Timeouts;
use torsade::protocols::wire::Echo;
use torsade::reactor::Signal;
use torsade::task::LoopingCall;
use torsade::{Address, Factory, Reactor, Result, TcpServer};

use page::{Metrics, metrics_protocol};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, url) = match arguments.as_slice() {
        [address] => (address, None),
        [address, url] => (address, Some(url.clone())),
        _ => {
            let _ = writeln!(std::io::stderr(), "usage: metrics ADDRESS:PORT [URL]");
            return ExitCode::from(2);
        }
    };
    match serve(address, url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "metrics: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str, url: Option<String>) -> Result<()> {
    let reactor = Reactor::new()?;
    let _ = reactor.report_on(Signal::User1)?;
    // Something to be seen in the numbers.
    let echo = TcpServer::new(&reactor, "127.0.0.1:0".parse()?).listen(|_: &Address| Echo)?;
    let agent = Agent::new(&reactor);
    if let Some(url) = url {
        drop(ask_again_and_again(&reactor, &agent, url));
    }

    let metrics = Metrics {
        reactor: reactor.clone(),
        agent,
    };
    let factory = move |_: &Address| metrics_protocol(metrics.clone());
    let factory = factory.policy(Timeouts::new().total(Duration::from_secs(10)));
    let port = TcpServer::new(&reactor, address.parse()?).listen(factory)?;
    let (address, echo) = (port.address().clone(), echo.address().clone());
    reactor.call_when_running(move || {
        let _ = writeln!(std::io::stdout(), "echo on {echo}\nlistening on {address}");
        let _ = std::io::stdout().flush();
    });
    reactor.run()
}

/// What becomes of the answers does not matter here.
fn ask_again_and_again(reactor: &Reactor, agent: &Agent, url: String) -> LoopingCall {
    let agent = agent.clone();
    let call = LoopingCall::new(reactor, move |_| {
        let answer = agent
            .get(&url)
            .add_callback(|response| response.read_body());
        answer.map(drop).add_errback(|failure| {
            log::warn!("{failure:#}");
            Ok(())
        })
    });
    drop(call.start(Duration::from_secs(10)));
    call
}
