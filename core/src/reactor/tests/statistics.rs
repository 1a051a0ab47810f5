//! What a reactor tells of itself in numbers.

use std::time::{Duration, Instant};

use super::{ms, simulated};
use crate::net::ConnectOptions;
use crate::reactor::Signal;
use crate::testing::log_capture::capture;
use crate::{
    Address, ClientEndpoint, Deferred, Protocol, Reactor, Result, TcpClient, TcpServer, Transport,
};

/// Never reads, so that what is written to it stays where it is.
struct Deaf;

impl Protocol for Deaf {
    fn connection_made(&mut self, transport: &Transport) {
        transport.pause_reading();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn it_counts_what_there_is() {
    let reactor = simulated();
    let address = "127.0.0.1:8007".parse().unwrap();
    let listening = TcpServer::new(&reactor, address).listen(|_: &Address| Deaf);
    let client = TcpClient::new(&reactor, address).options(ConnectOptions::new());
    let connected = reactor.run_until(client.connect_protocol(Deaf)).unwrap();
    let silent = client.connect_protocol(Deaf);
    let _ = reactor.call_later(ms(50), || ());
    reactor.call_soon(|| ());
    reactor.remote().call_from_thread(|_| ()).unwrap();
    let (_resolver, never) = Deferred::<()>::new();
    let waits = reactor.spawn(async move { never.await });
    connected.transport().write(&vec![0; 10_000_000]);

    let statistics = reactor.statistics();
    assert_eq!(statistics.listening_ports, 1);
    assert_eq!(statistics.connections, 2, "both ends");
    assert_eq!(statistics.connections_made, 2);
    assert_eq!(statistics.attempts, 1);
    assert_eq!(statistics.queued_bytes, connected.transport().queued());
    assert!(statistics.queued_bytes > 9_000_000);
    assert_eq!(statistics.delayed_calls, reactor.delayed_calls());
    assert_eq!(statistics.calls, 2);
    assert_eq!(statistics.coroutines, 1);
    assert_eq!(statistics.jobs, 0);

    connected.transport().abort_connection();
    reactor.advance(Duration::from_secs(1)).unwrap();
    let statistics = reactor.statistics();
    // The other end of the first one does not read, and so has not seen that it is over.
    assert_eq!(statistics.connections, 3);
    assert_eq!(statistics.connections_made, 4);
    assert_eq!((statistics.attempts, statistics.calls), (0, 0));
    assert_eq!(statistics.queued_bytes, 0);
    drop((silent, waits, listening));
}

#[test]
fn a_slow_turn_is_in_its_class_and_waiting_is_no_turn() {
    let reactor = simulated();
    reactor.call_soon(|| {
        let start = Instant::now();
        while start.elapsed() < ms(60) {}
    });
    reactor.advance(Duration::from_secs(3600)).unwrap();
    let turns = reactor.statistics().turns;
    assert!(turns.busy() >= ms(40), "{turns:?}");
    assert!(turns.busy() < Duration::from_secs(60), "{turns:?}");
    let is_slow = |(bound, count): (Option<Duration>, u64)| {
        bound.is_none_or(|bound| bound > ms(25)) && count > 0
    };
    assert!(turns.classes().any(is_slow), "{turns:?}");
    assert!(turns.count() > 0);
    assert_eq!(
        turns.count(),
        turns.classes().map(|class| class.1).sum::<u64>()
    );
}

#[test]
fn its_text_tells_of_slow_turns_and_of_connections() {
    let reactor = simulated();
    let text = reactor.statistics().to_string();
    assert!(
        text.contains("0 turns, which took 0ns\n0 connections, of 0, with 0 bytes"),
        "{text}"
    );
}

#[test]
fn a_signal_has_it_logged_with_what_is_pending() {
    let (records, ()) = capture(|| {
        let reactor = Reactor::new().unwrap();
        let handler = reactor.report_on(Signal::User1).unwrap();
        let _ = reactor.call_later(Duration::from_secs(60), || ());
        signal_hook::low_level::raise(signal_hook::consts::SIGUSR1).unwrap();
        reactor.advance(ms(10)).unwrap();
        handler.remove();
    });
    let reports = records
        .iter()
        .filter(|record| record.text.starts_with("the reactor has"));
    let report = reports.map(|record| &record.text).next().unwrap();
    assert!(report.contains(" timed calls, "), "{report}");
    assert!(report.contains("waits for\na call in "), "{report}");
}
