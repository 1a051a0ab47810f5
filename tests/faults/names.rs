//! What a name server says, or does not say.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use torsade::endpoints::HostnameClient;
use torsade::http::Stage;
use torsade::task::{LoopingCall, defer_later};
use torsade::testing::AccumulatingProtocol;
use torsade::{
    Address, ClientEndpoint, ConnectOptions, ConnectStage, ConnectTimedOut, LookupError,
    LookupVerdict, Reactor,
};

use crate::site::{agent, agent_with, request_error};
use crate::support::hosts::{Hosts, mount_over};
use crate::support::peer::temp_dir;

/// How long a slow answer takes, within the time that the system's resolver waits.
const SLOW: Duration = SECOND;

/// How long the system's resolver waits for one.
const WAIT: Duration = Duration::from_secs(3);

const SECOND: Duration = Duration::from_secs(1);

/// The answer to a query (RFC 1035 section 4.1), by the first label of its name; none for `silent`.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let label = &query[13..13 + usize::from(query[12])];
    let question_end = 12 + query[12..].iter().position(|byte| *byte == 0)? + 5;
    let question = &query[12..question_end];
    let is_v6 = question[question.len() - 3] == 28;
    let (code, address): (u8, Option<IpAddr>) = match (label, is_v6) {
        (b"silent", _) => return None,
        (b"unknown", _) => (3, None),
        (b"failing", _) => (2, None),
        (b"refused", _) => (5, None),
        (b"empty", _) | (b"v6only", false) | (b"slow", true) => (0, None),
        (_, false) => (0, Some("192.0.2.7".parse().unwrap())),
        (_, true) => (0, Some("2001:db8::7".parse().unwrap())),
    };
    if label == b"slow" {
        thread::sleep(SLOW);
    }
    let mut reply = query[..2].to_vec();
    let answers = u8::from(address.is_some());
    // A response, with recursion; one question.
    reply.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend(question);
    if let Some(address) = address {
        let bytes = match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let kind = if is_v6 { 28 } else { 1 };
        // The name is where the question has it; for a minute.
        reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, bytes.len() as u8]);
        reply.extend(bytes);
    }
    Some(reply)
}

const CONFIGURATION: &str = "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n";

/// Runs `test` where that name server is the only one.
fn with_name_server(test: impl FnOnce(&Reactor) + Send) {
    Hosts::run(|_| {
        let dir = temp_dir();
        let file = dir.path().join("resolv.conf");
        fs::write(&file, CONFIGURATION).unwrap();
        mount_over(&file, Path::new("/etc/resolv.conf"));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
        // It ends with the process. Each query has its thread, so that none waits for another.
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let (query, socket) = (buffer[..length].to_vec(), socket.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = answer(&query).map(|reply| socket.send_to(&reply, from));
                });
            }
        });
        let reactor = Reactor::new().unwrap();
        test(&reactor);
        let stopping = reactor.clone();
        reactor.call_soon(move || stopping.stop().unwrap());
        let began = Instant::now();
        reactor.run().unwrap();
        // Not even one whose resolver still waits.
        assert!(began.elapsed() < WAIT - SECOND);
    });
}

#[test]
fn what_a_name_server_says_is_told_apart() {
    // R103
    with_name_server(|reactor| {
        let both = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse().unwrap());
        for (name, found) in [
            ("both.test", Ok(both.to_vec())),
            ("v6only.test", Ok(vec![both[1]])),
            ("unknown.test", Err(LookupVerdict::NoSuchName)),
            ("empty.test", Err(LookupVerdict::NoAddress)),
            ("failing.test", Err(LookupVerdict::TryAgain)),
            ("refused.test", Err(LookupVerdict::TryAgain)),
            ("silent.test", Err(LookupVerdict::TryAgain)),
        ] {
            let looked_up = reactor.run_until(reactor.look_up(name));
            let looked_up = looked_up.map_err(|failure| {
                let error = failure.check::<LookupError>().expect("it is told as such");
                assert_eq!(error.host, name);
                error.verdict.clone()
            });
            let sorted = looked_up.map(|mut addresses| {
                addresses.sort();
                addresses
            });
            assert_eq!(sorted, found, "{name}");
        }
    });
}

#[test]
fn the_reactor_goes_on_while_a_name_server_takes_its_time() {
    // R102
    with_name_server(|reactor| {
        let mut ticks = 0;
        let last = std::rc::Rc::new(std::cell::Cell::new(0));
        let seen = std::rc::Rc::clone(&last);
        let ticking = LoopingCall::new(reactor, move |_| {
            ticks += 1;
            seen.set(ticks);
        });
        let ended = ticking.start(Duration::from_millis(10));
        let began = Instant::now();
        let found = reactor.run_until(reactor.look_up("slow.test")).unwrap();
        assert_eq!(found, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert!(began.elapsed() >= SLOW);
        // Of some hundred; a busy machine may skip many.
        assert!(last.get() > 10, "only {} ticks", last.get());
        ticking.stop().unwrap();
        reactor.run_until(ended).unwrap();
    });
}

#[test]
fn a_name_server_that_is_silent_does_not_hold_up_who_has_less_patience() {
    // R102, R103
    with_name_server(|reactor| {
        let limit = Duration::from_millis(200);
        let began = Instant::now();
        let client = HostnameClient::new(reactor, "silent.test", 80)
            .options(ConnectOptions::new().timeout(limit));
        let connected = client.connect(|_: &Address| AccumulatingProtocol::new());
        let failure = reactor.run_until(connected).map(|_| ()).unwrap_err();
        let error = failure.check::<ConnectTimedOut>().unwrap();
        assert_eq!((error.stage, error.after), (ConnectStage::LookUp, limit));

        let hasty = agent_with(reactor, None, |options| options.connect_timeout(limit));
        let asked = hasty.get("http://silent.test/");
        let failure = reactor.run_until(asked).map(|_| ()).unwrap_err();
        let error = request_error(&failure);
        assert!(error.stage == Stage::Connecting && error.is_timeout());
        assert!(began.elapsed() < WAIT - SECOND);

        // Others are found meanwhile.
        let found = reactor.run_until(reactor.look_up("both.test"));
        assert_eq!(found.unwrap().len(), 2);
        // A whole request tells a name that is unknown from a host that refuses.
        let asked = agent(reactor, None).get("http://unknown.test/");
        let failure = reactor.run_until(asked).map(|_| ()).unwrap_err();
        let error = failure.find::<LookupError>().expect("it is found in it");
        assert_eq!(error.verdict, LookupVerdict::NoSuchName);
        reactor
            .run_until(defer_later(reactor, Duration::ZERO, || ()))
            .unwrap();
    });
}
