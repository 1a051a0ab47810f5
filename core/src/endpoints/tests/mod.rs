//! Tests of endpoints in a simulated world, to the millisecond.
//!
//! Everything takes 1 ms from one host to another there: an attempt is decided after 2 ms.

mod converse;
mod opening;
mod racing;
mod tcp;
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{ClientEndpoint, HostnameClient};
use crate::net::{Established, ListenOptions};
use crate::testing::Simulation;
use crate::{Address, Deferred, Filter, Protocol, Reactor, Result, Transport};

const NAME: &str = "host.test";
const PORT: u16 = 80;

/// Addresses on which the world listens.
const GOOD: &str = "192.0.2.10";
const GOOD_V6: &str = "2001:db8::10";
/// Addresses at which there is a host, without a program that listens.
const REFUSED: &str = "192.0.2.20";
const REFUSED_TOO: &str = "192.0.2.21";
/// Addresses from which nothing ever comes.
const SILENT: &str = "192.0.2.30";
const SILENT_TOO: &str = "192.0.2.31";
const SILENT_V6: &str = "2001:db8::30";
/// An address to which there is no way.
const UNREACHABLE: &str = "192.0.2.40";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    (ip(text), PORT).into()
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Does nothing.
struct Idle;

impl Protocol for Idle {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// A world in which [`NAME`] has some addresses.
struct World {
    reactor: Reactor,
    start: Instant,
}

impl World {
    fn new(addresses: &[&str]) -> Self {
        let mut simulation = Simulation::new().host(NAME, addresses.iter().map(|text| ip(text)));
        for silent in [SILENT, SILENT_TOO, SILENT_V6] {
            simulation = simulation.silent(ip(silent));
        }
        let reactor = simulation.unreachable(ip(UNREACHABLE)).reactor();
        for good in [GOOD, GOOD_V6] {
            reactor
                .listen_tcp(at(good), |_: &Address| Idle, &ListenOptions::new())
                .unwrap();
        }
        let start = reactor.now();
        Self { reactor, start }
    }

    fn client(&self) -> HostnameClient {
        HostnameClient::new(&self.reactor, NAME, PORT)
    }

    fn elapsed(&self) -> Duration {
        self.reactor.now() - self.start
    }

    /// Lets time pass, and checks that nothing is left but the two listening ports.
    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(self.reactor.delayed_calls(), 0);
        self.pass(ms(20));
        assert_eq!(self.reactor.open_sources(), 2);
        assert_eq!(self.reactor.delayed_calls(), 0);
    }

    fn pass(&self, time: Duration) {
        let passed = crate::task::defer_later(&self.reactor, time, || ());
        self.reactor.run_until(passed).unwrap();
    }

    /// Cancels `deferred` after a while, and gives what becomes of it.
    fn cancel_after<T: 'static>(&self, time: Duration, deferred: Deferred<T>) -> Result<T> {
        let canceller = deferred.canceller();
        let _ = self.reactor.call_later(time, move || canceller.cancel());
        self.reactor.run_until(deferred)
    }
}

/// A filter that is ready when the peer has said something: it stands for TLS.
#[derive(Debug, Default)]
struct Knock {
    is_ready: bool,
}

impl Filter for Knock {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        wire.push(b'?');
        Ok(())
    }

    fn decode(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        self.is_ready = true;
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend(plain);
        Ok(())
    }

    fn close_write(&mut self, _: &mut Vec<u8>) {}

    fn wire_closed(&mut self) -> Result<()> {
        if self.is_ready {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn is_read_closed(&self) -> bool {
        false
    }
}

/// An endpoint that puts a [`Knock`] on what another establishes.
#[derive(Debug)]
struct Knocking<E>(E);

impl<E: ClientEndpoint> ClientEndpoint for Knocking<E> {
    fn establish(&self) -> Deferred<Established> {
        self.0
            .establish()
            .map(|stream| stream.with_filter(Knock::default()))
    }
}
