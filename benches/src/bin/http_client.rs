//! GETs in a loop, and what they cost: `http_client rps|new URL CONNECTIONS SECONDS`.
//!
//! `new` makes a connection for each. Trusts `ca.pem` in the folder that CERT_DIR names; with RESUME=1
//! it resumes TLS sessions. Prints `ops= ops_s= mb_s= cpu_us= busy=`.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade_core::{Deferred, Failure, Reactor, Resolver, Result};
use torsade_http::{Agent, AgentOptions, BodyControl, BodyProtocol, Method, Request, ResponseDone};
use torsade_tls::ClientTls;

/// How long it runs before it counts.
const WARM_UP: Duration = Duration::from_millis(200);

/// Counts bytes, and drops them.
struct Counter {
    bytes: Rc<Cell<u64>>,
    done: Option<Resolver<()>>,
}

impl BodyProtocol for Counter {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        self.bytes.set(self.bytes.get() + data.len() as u64);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let done = self.done.take().expect("it is lost once");
        match reason.check::<ResponseDone>() {
            Some(_) => done.callback(()),
            None => done.errback(std::io::Error::other(format!("{reason:#}"))),
        }
    }
}

/// What all loops share.
struct Load {
    agent: Agent,
    url: String,
    is_new: bool,
    start: Instant,
    end: Instant,
    operations: Cell<u64>,
    bytes: Rc<Cell<u64>>,
    began: Cell<Option<(Instant, u64)>>,
}

impl Load {
    fn run(self: Rc<Self>) -> Deferred<()> {
        let now = Instant::now();
        if now >= self.end {
            return Deferred::succeed(());
        }
        if now >= self.start && self.began.get().is_none() {
            self.began.set(Some((now, on_cpu())));
            self.operations.set(0);
            self.bytes.set(0);
        }
        let mut request = match Request::new(Method::GET, &self.url) {
            Ok(request) => request,
            Err(error) => return Deferred::fail(error),
        };
        if self.is_new {
            request = request.close();
        }
        let bytes = Rc::clone(&self.bytes);
        let got = self.agent.request(request).add_callback(move |response| {
            let (resolver, done) = Deferred::new();
            response.deliver_body(Counter {
                bytes,
                done: Some(resolver),
            });
            done
        });
        got.add_callback(move |()| {
            self.operations.set(self.operations.get() + 1);
            self.run()
        })
    }
}

/// Nanoseconds that this thread was on a processor.
fn on_cpu() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").expect("this is Linux");
    text.split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .expect("it is a number")
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, url, connections, seconds] = &arguments[..] else {
        panic!("usage: http_client rps|new URL CONNECTIONS SECONDS");
    };
    let (connections, seconds): (usize, f64) = (connections.parse()?, seconds.parse()?);
    let mut options = AgentOptions::new().max_connections_per_host(connections);
    if let Ok(folder) = std::env::var("CERT_DIR") {
        let resumes = std::env::var_os("RESUME").is_some();
        let tls = ClientTls::builder().roots_from_pem_file(format!("{folder}/ca.pem"));
        options = options.tls(&tls.resumption(resumes).build()?);
    }
    let reactor = Reactor::new()?;
    let start = Instant::now() + WARM_UP;
    let load = Rc::new(Load {
        agent: Agent::with_options(&reactor, options),
        url: url.clone(),
        is_new: what == "new",
        start,
        end: start + Duration::from_secs_f64(seconds),
        operations: Cell::new(0),
        bytes: Rc::default(),
        began: Cell::new(None),
    });
    let loops = (0..connections).map(|_| Rc::clone(&load).run());
    reactor.run_until(torsade_core::gather(loops))?;
    let (began, cpu) = load
        .began
        .get()
        .expect("it ran longer than it takes to warm up");
    let (time, cpu) = (began.elapsed().as_secs_f64(), on_cpu() - cpu);
    let operations = load.operations.get();
    println!(
        "ops={operations} ops_s={:.1} mb_s={:.2} cpu_us={:.3} busy={:.2}",
        operations as f64 / time,
        load.bytes.get() as f64 / time / 1e6,
        cpu as f64 / 1e3 / operations as f64,
        cpu as f64 / 1e9 / time,
    );
    Ok(())
}
