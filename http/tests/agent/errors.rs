//! What bad input gets: each its own typed error with whom it was about, the connection closed,
//! the pool clean, and the next request none the wiser.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{
    AllAttemptsFailed, ConnectTimedOut, ConnectionLost, Failure, LookupError, LookupVerdict,
};
use torsade_http::wire::{ChunkFault, FieldFault, Foreign, Limits, WireError};
use torsade_http::{AgentOptions, Stage};

use crate::support::{HOST, Step, World, answer, request_error, send, stage};

/// A server that answers with `reply`, then does `last`; after that, one that is in order.
fn world_with_reply(reply: &[u8], last: Step) -> World {
    let good = vec![Step::Request, answer("good"), Step::Fin];
    // What is queued would not survive a reset.
    let in_a_moment = Step::Sleep(Duration::from_millis(100));
    World::new([vec![Step::Request, send(reply), in_a_moment, last], good])
}

/// The error of a reply, which names the server and leaves nothing behind.
fn error_of_reply(reply: &[u8], last: Step) -> Failure {
    let world = world_with_reply(reply, last);
    let failure = world.get_error();
    assert_eq!(request_error(&failure).origin, "http://server.test:80");
    let text = format!("{failure:#}");
    assert!(text.contains("server.test:80"), "{text}");
    assert_eq!(world.get_text().unwrap(), "good");
    world.is_clean();
    failure
}

type IsExpected = fn(&WireError) -> bool;

fn wire_error(failure: &Failure) -> &WireError {
    request_error(failure)
        .cause
        .find::<WireError>()
        .unwrap_or_else(|| panic!("no error of the wire: {failure:#}"))
}

/// The error of connecting to a host in a world of its own.
fn error_of_connecting(simulation: Simulation, options: AgentOptions, url: &str) -> Failure {
    let world = World::with(simulation, options, [vec![]]);
    let failure = world.run(world.agent.get(url)).unwrap_err();
    assert_eq!(stage(&failure), Stage::Connecting);
    world.is_clean();
    failure
}

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

#[test]
fn a_refused_connection_says_which_address_refused() {
    let failure = error_of_connecting(
        Simulation::new(),
        AgentOptions::new(),
        "http://server.test:81/",
    );
    // Complaint 22. Each fact is told once.
    assert_eq!(
        failure.to_string(),
        "http://server.test:81: failed while connecting"
    );
    assert_eq!(
        format!("{failure:#}"),
        "http://server.test:81: failed while connecting: cannot connect to server.test at \
         127.0.0.1:81: connection refused"
    );
    let failure = error_of_connecting(
        Simulation::new(),
        AgentOptions::new(),
        "http://127.0.0.1:81/",
    );
    assert_eq!(
        format!("{failure:#}"),
        "http://127.0.0.1:81: failed while connecting: cannot connect to 127.0.0.1:81: connection \
         refused"
    );
}

#[test]
fn a_host_without_a_way_to_it_says_so() {
    let simulation = Simulation::new()
        .host("far.test", [ELSEWHERE])
        .unreachable(ELSEWHERE);
    let failure = error_of_connecting(simulation, AgentOptions::new(), "http://far.test/");
    let text = format!("{failure:#}");
    assert!(text.contains("far.test:80"), "{text}");
    assert!(text.contains("unreachable"), "{text}");
}

// Complaint 22
#[test]
fn all_addresses_of_a_host_are_in_the_error() {
    let simulation = Simulation::new()
        .host("far.test", [ELSEWHERE, HOST])
        .unreachable(ELSEWHERE);
    let failure = error_of_connecting(simulation, AgentOptions::new(), "http://far.test:81/");
    let all = failure.find::<AllAttemptsFailed>().unwrap();
    assert_eq!(all.attempts.len(), 2);
    assert_eq!(
        format!("{failure:#}"),
        "http://far.test:81: failed while connecting: cannot connect to far.test at 192.0.2.1:81: \
         host unreachable, nor at 127.0.0.1:81: connection refused"
    );
}

#[test]
fn an_unknown_name_is_an_error_of_the_look_up() {
    // R103
    let failure = error_of_connecting(
        Simulation::new(),
        AgentOptions::new(),
        "http://nowhere.test/",
    );
    let lookup = failure.find::<LookupError>().unwrap();
    assert!(matches!(lookup.verdict, LookupVerdict::NoSuchName));
    let text = format!("{failure:#}");
    assert!(text.contains("nowhere.test"), "{text}");
}

#[test]
fn a_host_that_never_answers_is_given_up_in_time() {
    let options = AgentOptions::new().connect_timeout(Duration::from_secs(5));
    let simulation = Simulation::new()
        .host("quiet.test", [ELSEWHERE])
        .silent(ELSEWHERE);
    let failure = error_of_connecting(simulation, options, "http://quiet.test/");
    assert!(request_error(&failure).is_timeout());
    assert!(failure.find::<ConnectTimedOut>().is_some(), "{failure:#}");
    assert_eq!(
        format!("{failure:#}"),
        "http://quiet.test:80: failed while connecting: no TCP connection to quiet.test:80 within 5s"
    );
}

#[test]
fn a_server_that_closes_without_a_word_never_answered() {
    // C157
    let failure = error_of_reply(b"", Step::Fin);
    assert_eq!(stage(&failure), Stage::WaitingForResponse);
    assert!(matches!(
        wire_error(&failure),
        WireError::ClosedBeforeResponse
    ));
}

#[test]
fn a_reset_in_the_head_says_that_the_head_had_begun() {
    // C157
    let failure = error_of_reply(b"HTTP/1.1 200 O", Step::Reset);
    assert_eq!(stage(&failure), Stage::ReadingHead);
    assert!(failure.find::<ConnectionLost>().is_some(), "{failure:#}");
}

#[test]
fn an_end_in_the_head_says_how_much_of_it_came() {
    // R13, C157
    let failure = error_of_reply(b"HTTP/1.1 200 OK\r\nContent-Le", Step::Fin);
    assert_eq!(stage(&failure), Stage::ReadingHead);
    assert!(matches!(
        wire_error(&failure),
        WireError::ClosedInHead { .. }
    ));
}

#[test]
fn a_reset_in_the_body_keeps_what_came() {
    let failure = error_of_reply(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        Step::Reset,
    );
    assert_eq!(stage(&failure), Stage::ReadingBody);
    assert!(
        request_error(&failure)
            .cause
            .find::<ConnectionLost>()
            .is_some()
    );
    let partial = failure.check::<torsade_http::PartialBody>().unwrap();
    assert_eq!(partial.bytes, "half");
}

#[test]
fn a_truncated_body_says_how_much_is_missing() {
    // R21, R27, C156
    for (reply, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            "4 of 9 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
            "4 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "4 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
            "4 bytes",
        ),
    ] {
        let failure = error_of_reply(reply.as_bytes(), Step::Fin);
        assert_eq!(stage(&failure), Stage::ReadingBody);
        let error = wire_error(&failure);
        assert!(matches!(error, WireError::ClosedInBody { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_bad_chunk_size_is_shown() {
    // R14
    let failure = error_of_reply(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0x5\r\nworse\r\n",
        Step::HANG,
    );
    assert_eq!(stage(&failure), Stage::ReadingBody);
    let error = wire_error(&failure);
    assert!(
        matches!(
            error,
            WireError::BadChunk {
                fault: ChunkFault::SizeByte(b'x'),
                ..
            }
        ),
        "{error}"
    );
    let partial = failure.check::<torsade_http::PartialBody>().unwrap();
    assert_eq!(
        partial.bytes, "half",
        "what came before the fault is not lost"
    );
}

#[test]
fn what_is_not_http_is_named() {
    let cases: [(&[u8], Foreign); 6] = [
        (b"\x15\x03\x01\x00\x02\x02\x46", Foreign::Tls),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Foreign::Ssh),
        (b"220 mail.test ESMTP\r\n", Foreign::Greeting),
        (b"ICY 200 OK\r\n\r\n", Foreign::Icy),
        (b"<html><body>hello</body></html>", Foreign::Http09),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Foreign::Http2),
    ];
    for (reply, expected) in cases {
        let failure = error_of_reply(reply, Step::HANG);
        assert!(
            stage(&failure) <= Stage::ReadingHead,
            "{expected}: {failure:#}"
        );
        match wire_error(&failure) {
            WireError::NotHttp { looks_like, .. } => assert_eq!(*looks_like, expected),
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn a_head_that_is_wrong_says_where() {
    // R24, R25, R33, C158
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}\r\n\r\n").into_bytes();
    let cases: [(Vec<u8>, IsExpected); 7] = [
        (head("Content-Length: -1"), |error| {
            matches!(error, WireError::BadContentLength { .. })
        }),
        (head("Content-Length: 1\r\nContent-Length: 2"), |error| {
            matches!(error, WireError::ConflictingContentLengths { .. })
        }),
        (head("Transfer-Encoding: sideways"), |error| {
            matches!(error, WireError::BadTransferEncoding { .. })
        }),
        (head("Content-Length : 1"), |error| {
            matches!(
                error,
                WireError::BadField {
                    fault: FieldFault::SpaceBeforeColon,
                    ..
                }
            )
        }),
        (b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(), |error| {
            matches!(error, WireError::BadStatusLine { .. })
        }),
        (b"HTTP/3.0 200 OK\r\n\r\n".to_vec(), |error| {
            matches!(error, WireError::UnsupportedVersion { .. })
        }),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_vec(),
            |error| matches!(error, WireError::UnexpectedUpgrade),
        ),
    ];
    for (reply, is_expected) in cases {
        let failure = error_of_reply(&reply, Step::HANG);
        let error = wire_error(&failure);
        assert!(is_expected(error), "{error}");
    }
}

#[test]
fn what_exceeds_the_limits_is_an_error_of_its_own() {
    // R10, complaint 23, C159
    let long_line = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let many_lines = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1001));
    let endless = format!(
        "HTTP/1.1 200 OK\r\n{}",
        format!("X: {}\r\n", "y".repeat(4000)).repeat(70)
    );
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    let cases: [(&str, IsExpected); 4] = [
        (&long_line, |error| {
            matches!(error, WireError::LineTooLong { .. })
        }),
        (&many_lines, |error| {
            matches!(error, WireError::TooManyHeaders { .. })
        }),
        (&endless, |error| {
            matches!(error, WireError::HeadTooLong { .. })
        }),
        (&interim, |error| {
            matches!(error, WireError::TooManyInformational { .. })
        }),
    ];
    for (reply, is_expected) in cases {
        let failure = error_of_reply(reply.as_bytes(), Step::HANG);
        let error = wire_error(&failure);
        assert!(is_expected(error), "{error}");
    }
}

#[test]
fn the_limits_of_a_head_can_be_set() {
    // R10, C159, complaint 23
    let limits = Limits {
        header_count: 2,
        line_bytes: 30,
        ..Limits::default()
    };
    for (fields, is_expected) in [
        (
            "A: 1\r\nB: 2\r\nC: 3\r\n",
            (|error| matches!(error, WireError::TooManyHeaders { limit: 2 })) as IsExpected,
        ),
        ("A: 0123456789012345678901234567890\r\n", |error| {
            matches!(
                error,
                WireError::LineTooLong {
                    limit: 30,
                    line: 2,
                    ..
                }
            )
        }),
    ] {
        let reply = send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
        let options = AgentOptions::new().limits(limits);
        let world = World::with(Simulation::new(), options, [vec![Step::Request, reply]]);
        let failure = world.get_error();
        assert!(is_expected(wire_error(&failure)), "{failure:#}");
        assert!(wire_error(&failure).is_limit());
        world.is_clean();
    }
}

#[test]
fn one_bad_server_does_not_disturb_another() {
    let world = World::new([
        vec![
            Step::Request,
            Step::Sleep(Duration::from_millis(50)),
            send("nonsense\r\n\r\n"),
        ],
        vec![
            Step::Request,
            Step::Sleep(Duration::from_millis(200)),
            answer("fine"),
        ],
    ]);
    let bad = world.get().add_both(|response| assert!(response.is_err()));
    let good = world.get().add_callback(|response| response.text());
    assert_eq!(world.run(good).unwrap(), "fine");
    world.run(bad).unwrap();
}
