//! Small protocols between a client and a server: SOCKS, finger, ident. Whatever comes and however it
//! is cut, a server answers the same, and a client understands the same.
//!
//! The first byte picks which, the second how many cuts there are; then those come.
#![no_main]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{Heard, pass};
use libfuzzer_sys::fuzz_target;
use torsade_core::protocols::SocksServer;
use torsade_core::protocols::finger::{self, Finger, FingerQuery};
use torsade_core::protocols::ident::{self, Ident, IdentQuery, IdentRefusal, IdentUser};
use torsade_core::testing::{Ending, Simulation};
use torsade_core::{
    Address, ClientEndpoint, Deferred, Factory, Failure, Protocol, Reactor, Result, TcpClient,
    TcpServer, Transport,
};

const SECOND: Duration = Duration::from_secs(1);

fn address() -> SocketAddr {
    "10.0.0.1:7".parse().unwrap()
}

/// Keeps what it hears.
struct Hearing(Heard);

impl Protocol for Hearing {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.borrow_mut().0.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.0.borrow_mut().1 = Some(format!("{:?}", Ending::of(reason)));
    }
}

/// What a server says to `pieces`, which come one after the other.
fn asked<F: Factory>(
    make: impl FnOnce(&Reactor) -> F,
    pieces: &[&[u8]],
) -> (Vec<u8>, Option<String>) {
    let reactor = Simulation::new().reactor();
    let server = TcpServer::new(&reactor, address());
    server.listen(make(&reactor)).unwrap();
    let heard = Heard::default();
    let own = Heard::clone(&heard);
    let client = TcpClient::new(&reactor, address());
    let client = client.connect(move |_: &Address| Hearing(Heard::clone(&own)));
    let client = reactor.run_until(client).unwrap();
    for piece in pieces {
        client.transport().write(piece);
        pass(&reactor, SECOND);
    }
    client.transport().lose_write_connection();
    pass(&reactor, 100 * SECOND);
    let heard = heard.take();
    assert!(heard.1.is_some(), "nobody has ended it");
    heard
}

/// Says `pieces` to whoever asks, and no more.
struct Saying(Vec<Vec<u8>>);

impl Protocol for Saying {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        let reactor = transport.reactor();
        for (at, piece) in std::mem::take(&mut self.0).into_iter().enumerate() {
            let transport = transport.clone();
            let say = move || transport.write_bytes(piece);
            let _ = reactor.call_later(SECOND * at as u32, say);
        }
        let transport = transport.clone();
        let _ = reactor.call_later(20 * SECOND, move || transport.lose_connection());
        Ok(())
    }
}

/// What a client makes of `pieces`.
fn told<T: std::fmt::Debug + 'static>(
    ask: impl FnOnce(&TcpClient) -> Deferred<T>,
    pieces: &[&[u8]],
) -> String {
    let reactor = Simulation::new().reactor();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let saying = move |_: &Address| Saying(pieces.clone());
    TcpServer::new(&reactor, address()).listen(saying).unwrap();
    let answer = ask(&TcpClient::new(&reactor, address()));
    let answer = reactor.run_until(answer.add_timeout(&reactor, 1000 * SECOND));
    answer.map_or_else(
        |failure| failure.to_string(),
        |answer| format!("{answer:?}"),
    )
}

fn socks(reactor: &Reactor, with_password: bool) -> SocksServer {
    // All addresses are this one's, so that who asks for its port is served once more.
    let socks = SocksServer::new(reactor, |host, port| !host.is_empty() && port % 2 == 1);
    match with_password {
        true => socks.password(|user, password| user.len() == password.len()),
        false => socks,
    }
}

fn say_user(query: &IdentQuery) -> Result<IdentUser> {
    match query.remote.1 % 3 {
        0 => Ok(IdentUser::unix("me")),
        1 => Err(IdentRefusal::NoUser.into()),
        _ => Err(IdentRefusal::HiddenUser.into()),
    }
}

fn say_text(query: &FingerQuery) -> Result<String> {
    Ok(format!("{query:?}"))
}

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let Some((pieces, bytes)) = common::pieces(rest) else {
        return;
    };
    match which % 6 {
        0 | 1 => {
            let server = |reactor: &Reactor| socks(reactor, which % 6 == 1);
            assert_eq!(asked(server, &pieces), asked(server, &[bytes]));
        }
        2 => {
            let server = |_: &Reactor| |_: &Address| Finger::receiver(say_text);
            assert_eq!(asked(server, &pieces), asked(server, &[bytes]));
        }
        3 => {
            let server = |_: &Reactor| |_: &Address| Ident::receiver(say_user);
            assert_eq!(asked(server, &pieces), asked(server, &[bytes]));
        }
        4 => {
            let ask = |client: &TcpClient| finger::query(client, "somebody");
            assert_eq!(told(ask, &pieces), told(ask, &[bytes]));
        }
        _ => {
            let ask = |client: &TcpClient| ident::query(client, 6193, 23);
            assert_eq!(told(ask, &pieces), told(ask, &[bytes]));
        }
    }
});
