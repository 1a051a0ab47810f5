//! What a person can learn of a reactor that waits, or that is held up.

use std::time::{Duration, Instant};

use log::Level;

use super::{ms, simulated};
use crate::deferred::set_debugging;
use crate::testing::log_capture::capture;
use crate::{
    Address, ClientEndpoint, Deferred, Producer, ProducerKind, Protocol, Reactor, Result,
    TcpClient, TcpServer, Transport,
};

struct Slow;

impl Protocol for Slow {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"x");
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        hold_up();
        Ok(())
    }
}

/// A producer that forgets to say when it is done.
struct Endless;

impl Producer for Endless {
    fn resume_producing(&mut self, _: &Transport) {}
    fn pause_producing(&mut self, _: &Transport) {}
    fn stop_producing(&mut self, _: &Transport) {}
}

/// A client's transport, and its server's port.
fn connected(reactor: &Reactor) -> (Transport, crate::ListeningPort) {
    let address = "127.0.0.1:8007".parse().unwrap();
    let server = TcpServer::new(reactor, address);
    let listening = server.listen(|_: &Address| Slow).unwrap();
    let client = TcpClient::new(reactor, address).connect(|_: &Address| Slow);
    let client = reactor.run_until(client).unwrap();
    (client.transport().clone(), listening)
}

/// Keeps the loop busy for a while, as a thing that blocks does.
fn hold_up() {
    let start = Instant::now();
    while start.elapsed() < ms(5) {}
}

#[test]
fn a_connection_that_waits_for_its_producer_says_so() {
    // C102
    let reactor = simulated();
    let (one, _other) = connected(&reactor);
    one.register_producer(Endless, ProducerKind::Push).unwrap();
    let waits = "until its producer is unregistered";
    assert!(!reactor.pending().to_string().contains(waits));
    one.lose_connection();
    reactor.advance(Duration::from_secs(60)).unwrap();
    let losing = format!("Losing {waits}");
    assert!(reactor.pending().to_string().contains(&losing));
    one.unregister_producer();
    reactor.advance(Duration::from_secs(60)).unwrap();
    assert!(!reactor.pending().to_string().contains(waits));
}

#[test]
fn a_function_that_holds_the_loop_up_is_reported_with_its_place() {
    let reactor = simulated();
    reactor.report_blocking(Some(ms(5)));
    let (records, ()) = capture(|| {
        let address = "127.0.0.1:8007".parse().unwrap();
        let server = TcpServer::new(&reactor, address);
        let _listening = server.listen(|_: &Address| Slow).unwrap();
        let client = TcpClient::new(&reactor, address);
        reactor
            .run_until(client.connect(|_: &Address| Slow))
            .unwrap();
        let (resolver, fired) = Deferred::new();
        let _ = reactor.call_later(ms(50), move || {
            hold_up();
            resolver.callback(());
        });
        let awaited = fired.map(|()| hold_up());
        let spawned = reactor.spawn(async move {
            awaited.await?;
            hold_up();
            Ok(())
        });
        reactor.run_until(spawned).unwrap();
    });
    reactor.report_blocking(None);
    let texts: Vec<_> = records
        .iter()
        .filter(|record| record.level == Level::Warn)
        .map(|record| record.text.as_str())
        .collect();
    for place in [
        "Slow::data_received blocked the reactor for ",
        "the timed call made at core/src/reactor/tests/pending.rs:",
        "the callback added at core/src/reactor/tests/pending.rs:",
        "the coroutine spawned at core/src/reactor/tests/pending.rs:",
    ] {
        let is_there = texts.iter().any(|text| text.contains(place));
        assert!(is_there, "{place:?} is not in {texts:?}");
    }
}

#[test]
fn nothing_is_reported_unless_it_is_asked_for() {
    let reactor = simulated();
    let (records, ()) = capture(|| {
        let held_up = crate::task::defer_later(&reactor, ms(1), hold_up);
        reactor.run_until(held_up).unwrap();
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn what_a_reactor_waits_for_is_listed_with_where_it_was_made() {
    let reactor = simulated();
    set_debugging(true);
    assert_eq!(reactor.pending().to_string(), "");
    let address = "127.0.0.1:8007".parse().unwrap();
    let server = TcpServer::new(&reactor, address);
    let _listening = server.listen(|_: &Address| Slow).unwrap();
    let connected = TcpClient::new(&reactor, address).connect(|_: &Address| Slow);
    reactor.run_until(connected).unwrap();
    let late = reactor.call_later(ms(7000), || ());
    let soon = reactor.call_later(ms(3000), || ());
    let (resolver, deferred) = Deferred::<()>::new();
    let spawned = reactor.spawn(deferred.into_future());

    let pending = reactor.pending();
    let times: Vec<Duration> = pending.calls.iter().map(|call| call.0).collect();
    assert_eq!(times, [ms(3000), ms(7000)]);
    assert!(pending.calls[0].1.file().ends_with("pending.rs"));
    assert_eq!(pending.sources.len(), 3);
    assert_eq!(pending.coroutines.len(), 1);
    assert!(
        pending
            .deferreds
            .iter()
            .any(|(at, _)| at.file().ends_with("pending.rs"))
    );
    let text = pending.to_string();
    for line in [
        "a call in 3s, made at core/src/reactor/tests/pending.rs:",
        "a listening port on 127.0.0.1:8007",
        "a connection with 127.0.0.1:8007, of ",
        "a coroutine, spawned at core/src/reactor/tests/pending.rs:",
        "1 unfired Deferreds, made at core/src/reactor/tests/pending.rs:",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }

    resolver.callback(());
    reactor.run_until(spawned).unwrap();
    assert!(late.cancel() && soon.cancel());
    let pending = reactor.pending();
    assert!(pending.calls.is_empty() && pending.coroutines.is_empty());
    assert_eq!(pending.deferreds, [], "all of them are fired");
}

#[test]
fn deferreds_are_noted_only_while_that_is_on() {
    let reactor = simulated();
    set_debugging(false);
    let (_unnoted, _) = Deferred::<()>::new();
    assert!(reactor.pending().deferreds.is_empty());
    set_debugging(true);
    let (noted, _deferred) = Deferred::<()>::new();
    assert_eq!(reactor.pending().deferreds[0].1, 1);
    // Fired while it is off, it is forgotten all the same.
    set_debugging(false);
    noted.callback(());
    assert!(reactor.pending().deferreds.is_empty());
}

#[test]
fn a_deferred_that_went_away_with_its_resolver_is_not_waited_for() {
    let reactor = simulated();
    set_debugging(true);
    let (resolver, deferred) = Deferred::<()>::new();
    drop(deferred);
    assert_eq!(reactor.pending().deferreds.len(), 1);
    drop(resolver);
    assert_eq!(reactor.pending().deferreds, []);
}
