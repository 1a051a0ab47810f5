//! Connections and datagrams, in a simulated world.

use std::time::Duration;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::protocols::wire::Echo;
use torsade::testing::Simulation;
use torsade::tls::generate::Authority;
use torsade::tls::{ClientTls, ServerTls, wrap_client_tls, wrap_server_tls};
use torsade::{
    Address, Bandwidth, ClientEndpoint, Deferred, Protocol, Reactor, Resolver, Result, TcpClient,
    TcpServer, Transport,
};

const MESSAGE: [u8; 64] = [b'x'; 64];

/// Sends a message, and again whenever it has come back.
struct Asker {
    left: u32,
    done: Option<Resolver<()>>,
    limit: Option<Bandwidth>,
    size: usize,
}

impl Asker {
    fn new(left: u32) -> (Self, Deferred<()>) {
        let (done, deferred) = Deferred::new();
        (
            Self {
                left,
                done: Some(done),
                limit: None,
                size: MESSAGE.len(),
            },
            deferred,
        )
    }
}

impl Protocol for Asker {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(limit) = &self.limit {
            transport.traffic().limit_reading(limit);
            transport.traffic().limit_writing(limit);
        }
        transport.write(&MESSAGE[..self.size]);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            transport.write(&MESSAGE[..self.size]);
        } else if let Some(done) = self.done.take() {
            transport.lose_connection();
            done.callback(());
        }
        Ok(())
    }
}

/// A world, and an echo server's endpoints in it.
fn world() -> Result<(Reactor, TcpServer, TcpClient)> {
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:7".parse()?;
    let (server, client) = (
        TcpServer::new(&reactor, address),
        TcpClient::new(&reactor, address),
    );
    Ok((reactor, server, client))
}

pub(super) fn echo(times: u32) -> Result<()> {
    let (reactor, server, client) = world()?;
    let _port = server.listen(|_: &Address| Echo)?;
    let (asker, done) = Asker::new(times);
    drop(client.connect_protocol(asker));
    reactor.run_until(done)
}

/// The same through the system: nothing simulated, and the kernel's part is not counted. As both ends
/// take turns in one thread, it is always the same.
pub(super) fn system_echo(times: u32) -> Result<()> {
    let reactor = Reactor::new()?;
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse()?);
    let port = server.listen(|_: &Address| Echo)?;
    let address = port.socket_addr()?;
    let (asker, done) = Asker::new(times);
    drop(TcpClient::new(&reactor, address).connect_protocol(asker));
    reactor.run_until(done)
}

pub(super) fn limited_echo(times: u32) -> Result<()> {
    let (reactor, server, client) = world()?;
    let _port = server.listen(|_: &Address| Echo)?;
    let (asker, done) = Asker::new(times);
    let limit = Some(Bandwidth::new(&reactor, 1 << 30));
    drop(client.connect_protocol(Asker { limit, ..asker }));
    reactor.run_until(done)
}

pub(super) fn tls_echo(times: u32) -> Result<()> {
    let (reactor, server, client) = world()?;
    let authority = Authority::new("instructions");
    let own = authority.issue(["localhost"]);
    let tls = ServerTls::builder().certificate(own).build()?;
    let _port = wrap_server_tls(server, &tls).listen(|_: &Address| Echo)?;
    let tls = ClientTls::builder().trust(authority.trust()).build()?;
    let (asker, done) = Asker::new(times);
    drop(wrap_client_tls(client, &tls, "localhost").connect_protocol(asker));
    reactor.run_until(done)
}

pub(super) fn connections(times: u32) -> Result<()> {
    let (reactor, server, client) = world()?;
    let _port = server.listen(|_: &Address| Echo)?;
    for _ in 0..times {
        let (asker, done) = Asker::new(1);
        drop(client.connect_protocol(Asker { size: 1, ..asker }));
        reactor.run_until(done)?;
    }
    reactor.advance(Duration::from_secs(1))
}

/// Sends a datagram back to whom it came from, so many times.
struct Answering {
    left: u32,
    done: Option<Resolver<()>>,
}

impl DatagramProtocol for Answering {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return port.send(data, from);
        }
        if let Some(done) = self.done.take() {
            done.callback(());
        }
        Ok(())
    }
}

pub(super) fn datagrams(times: u32) -> Result<()> {
    let (reactor, options) = (Simulation::new().reactor(), DatagramOptions::new());
    let (done, deferred) = Deferred::new();
    let server = Answering {
        left: u32::MAX,
        done: None,
    };
    let server = reactor.listen_udp("127.0.0.1:7".parse()?, server, &options)?;
    let client = Answering {
        left: times,
        done: Some(done),
    };
    let client = reactor.listen_udp("127.0.0.1:0".parse()?, client, &options)?;
    client.send(&MESSAGE, server.host())?;
    reactor.run_until(deferred)
}
