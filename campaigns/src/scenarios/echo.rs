//! Bytes that have to come back.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade::endpoints::ClientEndpoint;
use torsade::protocols::wire::Echo;
use torsade::tls::{ClientTls, ServerTls, wrap_client_tls};
use torsade::{Address, Factory, Failure, Protocol, Reactor, Result, Transport};

use crate::world::{PATIENCE, PLAYTIME, SERVER};
use crate::{Checks, World};

pub(super) fn plain(world: &World) {
    world.serve(SERVER, 7, echo);
    let is_faulty = world.trouble(SERVER, 7);
    play(world, &world.endpoint(SERVER, 7), is_faulty);
}

pub(super) fn tls(world: &World) {
    let (client, server) = identity();
    world.serve_with(SERVER, 7, Some(server), echo);
    let is_faulty = world.trouble(SERVER, 7);
    let tcp = world.endpoint(SERVER, 7);
    play(world, &wrap_client_tls(tcp, &client, SERVER), is_faulty);
}

/// A certificate for all runs of this thread.
pub(super) fn identity() -> (ClientTls, ServerTls) {
    thread_local! {
        static IDENTITY: (ClientTls, ServerTls) = {
            let made = rcgen::generate_simple_self_signed([SERVER.to_owned(), "other.test".to_owned()]);
            let rcgen::CertifiedKey { cert, signing_key } = made.expect("a certificate can be made");
            let client = ClientTls::builder().roots_from_pem(cert.pem()).build();
            let server = ServerTls::builder().certificate_pem(cert.pem(), signing_key.serialize_pem()).build();
            (client.expect("it is one"), server.expect("it is one"))
        };
    }
    IDENTITY.with(Clone::clone)
}

pub(super) fn echo(world: &World, _: &Reactor) -> impl Factory + use<> {
    let (checks, plant) = (world.checks.clone(), world.plant);
    move |_: &Address| crate::watched::Watched::new(Echo, "an echo", &checks, plant)
}

/// Some clients, each with a plan of its own.
pub(super) fn play(world: &World, endpoint: &impl ClientEndpoint, is_faulty: bool) {
    let count = 1 + world.choose(|random| random.below(4));
    for _ in 0..count {
        let begin = world.choose(|random| random.time(PLAYTIME / 4));
        world.pass(begin);
        let caller = world.watch(Caller::new(world, is_faulty), "a caller");
        let connected = endpoint.connect_protocol(caller);
        let checks = world.checks.clone();
        connected.add_both(move |connected| {
            if let Err(failure) = connected {
                checks.holds(is_faulty, || format!("not connected: {failure:#}"));
            }
            Ok(())
        });
    }
    world.pass(PLAYTIME + 2 * PATIENCE);
}

/// Breaks off what is not over in time, as when the other one has crashed without a word.
pub(super) fn break_off_late(transport: &Transport) {
    let late = transport.clone();
    let reactor = transport.reactor();
    let _ = reactor.call_later(PATIENCE, move || late.abort_connection());
}

/// The byte at this place.
fn byte(at: usize) -> u8 {
    let mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    mixed.to_le_bytes()[0]
}

pub(super) fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(byte).collect()
}

/// Where bytes differ from the pattern.
pub(super) fn difference(from: usize, data: &[u8]) -> Option<usize> {
    let differs = data
        .iter()
        .enumerate()
        .position(|(at, &got)| got != byte(from + at));
    differs.map(|at| from + at)
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It says that it has said all, and waits for the rest.
    HalfClose,
    /// It closes, whatever is still to come.
    Close,
    /// It breaks off.
    Abort,
}

/// Sends, and expects the same back.
pub(super) struct Caller {
    /// When it sends how much.
    plan: Vec<(Duration, usize)>,
    /// When it does not read, and for how long.
    pauses: Vec<(Duration, Duration)>,
    end: End,
    sent: Rc<RefCell<usize>>,
    received: usize,
    is_faulty: bool,
    checks: Checks,
}

impl Caller {
    pub(super) fn new(world: &World, is_faulty: bool) -> Self {
        let (plan, pauses, end) = world.choose(|random| {
            let count = random.below(6);
            let mut plan: Vec<_> = (0..count)
                .map(|_| (random.time(PLAYTIME / 2), random.size(200_000)))
                .collect();
            plan.sort_unstable();
            // Whoever takes nothing for three seconds is not waited for any longer, at the end.
            let (most, longest) = if is_faulty { (3, 60) } else { (2, 2) };
            let pauses = (0..random.below(most)).map(|_| {
                let length = random.time(Duration::from_secs(longest));
                (random.time(PLAYTIME), length)
            });
            (
                plan,
                pauses.collect(),
                random.one_of(&[
                    End::HalfClose,
                    End::HalfClose,
                    End::HalfClose,
                    End::Close,
                    End::Abort,
                ]),
            )
        });
        Self {
            plan,
            pauses,
            end,
            sent: Rc::default(),
            received: 0,
            is_faulty,
            checks: world.checks.clone(),
        }
    }
}

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        break_off_late(transport);
        let reactor = transport.reactor();
        let mut last = Duration::ZERO;
        for &(at, count) in &self.plan {
            let (sent, transport) = (Rc::clone(&self.sent), transport.clone());
            last = at;
            let _ = reactor.call_later(at, move || {
                if transport.is_open() {
                    let from = sent.replace_with(|sent| *sent + count);
                    transport.write(&pattern(from, count));
                }
            });
        }
        for &(at, length) in &self.pauses {
            let (pausing, resuming) = (transport.clone(), transport.clone());
            let _ = reactor.call_later(at, move || pausing.pause_reading());
            let _ = reactor.call_later(at + length, move || resuming.resume_reading());
        }
        let (end, transport) = (self.end, transport.clone());
        let _ = reactor.call_later(last, move || match end {
            End::HalfClose => transport.lose_write_connection(),
            End::Close => transport.lose_connection(),
            End::Abort => transport.abort_connection(),
        });
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        if let Some(at) = difference(self.received, data) {
            self.checks.violated(format!("byte {at} came back changed"));
        }
        self.received += data.len();
        let (received, sent) = (self.received, *self.sent.borrow());
        self.checks.holds(received <= sent, || {
            format!("{received} bytes came back of {sent}")
        });
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let (received, sent) = (self.received, *self.sent.borrow());
        if self.end == End::HalfClose && !self.is_faulty {
            self.checks.holds(received == sent, || {
                format!("{received} bytes came back of {sent}, and then: {reason:#}")
            });
        }
    }
}
