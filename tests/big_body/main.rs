//! Bodies much larger than memory may be, through the Agent to a slow taker: there and back, with
//! their length told and in chunks, plain, over TLS and by way of a proxy.
//!
//! By default they are 64 MiB; `TORSADE_LOAD=full` makes them 10 GiB.

#[path = "../interop/support/mod.rs"]
mod support;

mod peer;

use std::time::Instant;

use peer::{Checker, PATTERN, REST, Server};
use support::memory::Memory;
use support::pki::Pki;
use support::proxy;
use support::upload::Upload;
use torsade::http::{
    Agent, AgentOptions, BodyControl, BodyProtocol, Method, Proxies, Proxy, Request, Response,
    ResponseDone,
};
use torsade::tls::ClientTls;
use torsade::{Deferred, Failure, Reactor, Resolver, Result};

/// What the process may have resident meanwhile.
const LIMIT: u64 = 32 << 20;

/// Takes a rest now and then.
struct Slow {
    reactor: Reactor,
    checker: Checker,
    over: Option<Resolver<u64>>,
}

impl BodyProtocol for Slow {
    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        self.checker.take(data);
        if self.checker.is_tired() {
            body.pause();
            let body = body.clone();
            let _ = self.reactor.call_later(REST, move || body.resume());
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ResponseDone>().is_some(), "{reason:#}");
        if let Some(over) = self.over.take() {
            over.callback(self.checker.taken);
        }
    }
}

/// The Agent under test, and what it may be asked for.
struct World {
    reactor: Reactor,
    agent: Agent,
    length: u64,
}

impl World {
    fn new(pki: &Pki, proxies: Proxies) -> Self {
        let is_full = std::env::var("TORSADE_LOAD").is_ok_and(|load| load == "full");
        let tls = ClientTls::builder().roots_from_pem_file(pki.authority());
        let reactor = Reactor::new().unwrap();
        let options = AgentOptions::new()
            .tls(&tls.build().unwrap())
            .proxies(proxies);
        Self {
            agent: Agent::with_options(&reactor, options),
            reactor,
            length: if is_full { 10 << 30 } else { 64 << 20 },
        }
    }

    /// What came.
    fn download(&self, server: &Server, scheme: &str, is_chunked: bool) -> Deferred<u64> {
        let kind = if is_chunked { "/chunked" } else { "" };
        let url = server.url(scheme, &format!("{kind}/{}", self.length));
        let (resolver, over) = Deferred::new();
        let slow = Slow {
            reactor: self.reactor.clone(),
            checker: Checker::default(),
            over: Some(resolver),
        };
        self.agent.get(&url).add_callback(move |response| {
            response.deliver_body(slow);
            over
        })
    }

    /// What the server says has come.
    fn upload(&self, server: &Server, scheme: &str, is_chunked: bool) -> Deferred<u64> {
        let body = Upload::new(&self.reactor, PATTERN.clone(), self.length, !is_chunked);
        let request = Request::new(Method::PUT, &server.url(scheme, "/")).unwrap();
        let answer = self.agent.request(request.body_producer(body));
        let text = answer.add_callback(Response::text);
        text.map(|text| text.parse().expect("a length"))
    }

    /// All of them, one after the other, and what memory each took at most.
    fn pass_bodies(&self, server: &Server, way: &str) {
        for scheme in ["http", "https"] {
            for is_chunked in [false, true] {
                for is_upload in [false, true] {
                    Memory::forget_peak();
                    let began = Instant::now();
                    let passed = match is_upload {
                        true => self.upload(server, scheme, is_chunked),
                        false => self.download(server, scheme, is_chunked),
                    };
                    let passed = self.reactor.run_until(passed);
                    let time = began.elapsed();
                    let name = format!(
                        "{} by {scheme}{way}{}",
                        if is_upload { "upload" } else { "download" },
                        if is_chunked { ", in chunks" } else { "" },
                    );
                    let passed = passed.unwrap_or_else(|failure| panic!("{name}: {failure:#}"));
                    assert_eq!(passed, self.length, "{name}");
                    let memory = Memory::of(std::process::id());
                    println!(
                        "{name}: {} MiB in {:.1} s through {memory}; the server {}",
                        passed >> 20,
                        time.as_secs_f64(),
                        Memory::of(server.peer.id()),
                    );
                    assert!(memory.peak < LIMIT, "{name}: {memory}");
                }
            }
        }
        let closed = self.agent.close_cached_connections();
        self.reactor.run_until(closed).unwrap();
    }
}

/// One test, since memory is counted for the whole process.
#[test]
fn bodies_larger_than_memory_may_be_pass_through_it() {
    let dir = support::peer::temp_dir();
    let pki = Pki::new(dir.path());
    let server = Server::start(dir.path(), &pki.server());
    World::new(&pki, Proxies::none()).pass_bodies(&server, "");

    let Some(tinyproxy) = proxy::tinyproxy() else {
        return;
    };
    let proxy: Proxy = format!("http://me:secret@{}", tinyproxy.address())
        .parse()
        .unwrap();
    World::new(&pki, Proxies::all(proxy)).pass_bodies(&server, " by way of tinyproxy");
}
