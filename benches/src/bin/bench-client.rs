//! torsade's HTTP client: see `client.rs`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use torsade_benches::client::{Meter, Options};
use torsade_core::{Deferred, Failure, Reactor, Resolver, Result, gather};
use torsade_http::{
    Agent, AgentOptions, BodyControl, BodyProtocol, Method, Request, ResponseDone, Url,
};
use torsade_tls::ClientTls;

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
    is_new: bool,
    url: Url,
    meter: RefCell<Meter>,
}

impl Load {
    fn run(self: Rc<Self>) -> Deferred<()> {
        if self.meter.borrow().is_over() {
            return Deferred::succeed(());
        }
        let mut request = match Request::to(Method::GET, self.url.clone()) {
            Ok(request) => request,
            Err(error) => return Deferred::fail(error),
        };
        if self.is_new {
            request = request.close();
        }
        let bytes = Rc::new(Cell::new(0));
        let counter = Rc::clone(&bytes);
        let got = self.agent.request(request).add_callback(move |response| {
            let (resolver, done) = Deferred::new();
            response.deliver_body(Counter {
                bytes: counter,
                done: Some(resolver),
            });
            done
        });
        got.add_callback(move |()| {
            self.meter.borrow_mut().done(bytes.get());
            self.run()
        })
    }
}

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    let mut agent = AgentOptions::new().max_connections_per_host(options.connections);
    if let Some(authority) = options.authority() {
        let tls = ClientTls::builder().roots_from_pem_file(authority);
        let tls = tls
            .key_exchange_groups(["x25519", "secp256r1"])
            .resumption(options.resumes);
        agent = agent.tls(&tls.build()?);
    }
    let reactor = Reactor::new()?;
    let load = Rc::new(Load {
        agent: Agent::with_options(&reactor, agent),
        meter: RefCell::new(Meter::new(options.seconds)),
        is_new: options.is_new,
        // Parsed once, as the others do with theirs.
        url: Url::parse(&options.url)?,
    });
    let loops = (0..options.connections).map(|_| Rc::clone(&load).run());
    reactor.run_until(gather(loops))?;
    Ok(load.meter.borrow().print()?)
}
