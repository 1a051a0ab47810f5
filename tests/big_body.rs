//! A body much larger than memory may be, through the Agent to a slow consumer, plain and over TLS.
//!
//! By default it is 64 MiB; `TORSADE_LOAD=full` makes it 1 GiB.

#[path = "interop/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use support::memory::Memory;
use support::peer;
use support::pki::{Identity, Pki};
use torsade::http::{Agent, AgentOptions, BodyControl, BodyProtocol, ResponseDone};
use torsade::tls::{ClientTls, ServerTls, wrap_server_tls};
use torsade::{
    Address, Deferred, Failure, Producer, ProducerKind, Protocol, Reactor, Remote, Resolver,
    Result, TcpServer, Transport,
};

/// What the server writes at a time.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// Answers each request with so many bytes, as fast as they are taken.
struct Flood(u64);

impl Protocol for Flood {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", self.0);
        transport.write(head.as_bytes());
        Ok(transport.register_producer(Pieces(self.0), ProducerKind::Pull)?)
    }
}

struct Pieces(u64);

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        let now = self.0.min(PIECE.len() as u64);
        self.0 -= now;
        transport.write_bytes(&PIECE[..now as usize]);
        if self.0 == 0 {
            transport.unregister_producer();
        }
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

/// The flood on a reactor of its own, in a thread.
struct FloodServer {
    address: SocketAddr,
    remote: Remote,
    thread: JoinHandle<()>,
}

impl FloodServer {
    fn start(length: u64, identity: Option<Identity>) -> Self {
        let (announce, listening) = mpsc::channel();
        let thread = thread::spawn(move || {
            let reactor = Reactor::new().unwrap();
            let mut server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
            if let Some(identity) = identity {
                let tls = ServerTls::builder()
                    .certificate_files(identity.certificate, identity.key)
                    .build();
                server = wrap_server_tls(server, &tls.unwrap());
            }
            let port = server.listen(move |_: &Address| Flood(length)).unwrap();
            let address = port.address().socket_addr().unwrap();
            announce.send((address, reactor.remote())).unwrap();
            reactor.run().unwrap();
        });
        let (address, remote) = listening.recv().unwrap();
        Self {
            address,
            remote,
            thread,
        }
    }

    fn stop(self) {
        let stopping = self
            .remote
            .call_from_thread(|reactor| reactor.stop().unwrap());
        stopping.unwrap();
        self.thread.join().unwrap();
    }
}

/// Takes a rest after each MiB.
struct Slow {
    reactor: Reactor,
    taken: u64,
    rested_at: u64,
    over: Option<Resolver<u64>>,
}

impl BodyProtocol for Slow {
    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        self.taken += data.len() as u64;
        if self.taken - self.rested_at >= 1 << 20 {
            self.rested_at = self.taken;
            body.pause();
            let body = body.clone();
            let _ = self
                .reactor
                .call_later(Duration::from_millis(1), move || body.resume());
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ResponseDone>().is_some(), "{reason:#}");
        if let Some(over) = self.over.take() {
            over.callback(self.taken);
        }
    }
}

#[test]
fn a_body_larger_than_memory_may_be_passes_through_it() {
    let is_full = std::env::var("TORSADE_LOAD").is_ok_and(|load| load == "full");
    let length: u64 = if is_full { 1 << 30 } else { 64 << 20 };
    let dir = peer::temp_dir();
    let pki = Pki::new(dir.path());
    let tls = ClientTls::builder().roots_from_pem_file(pki.authority());
    let tls = tls.build().unwrap();
    let reactor = Reactor::new().unwrap();
    let agent = Agent::with_options(&reactor, AgentOptions::new().tls(&tls));

    for (scheme, identity) in [("http", None), ("https", Some(pki.server()))] {
        let server = FloodServer::start(length, identity);
        let url = format!("{scheme}://localhost:{}/", server.address.port());
        let (resolver, over) = Deferred::new();
        let slow = Slow {
            reactor: reactor.clone(),
            taken: 0,
            rested_at: 0,
            over: Some(resolver),
        };
        let taken = agent.get(&url).add_callback(move |response| {
            response.deliver_body(slow);
            over
        });
        assert_eq!(reactor.run_until(taken).unwrap(), length);
        reactor.run_until(agent.close_cached_connections()).unwrap();
        server.stop();
        // The server's memory is in it too: both are in this process.
        let memory = Memory::of(std::process::id());
        println!("{scheme}: {} MiB passed through {memory}", length >> 20);
        assert!(memory.peak < 32 << 20, "{memory}");
    }
}
