//! The chat server, the stream of random integers, and the shaper: with clients that tests play.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::stage::{Port, Stage, on_stage};
use super::{Ours, Side, Theirs, program};
use crate::support::peer::PATIENCE;

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Runs `act` with the server of both sides, which says what `act` gives.
fn with_both(stage: &Stage, name: &str, port: u16, act: impl Fn(Side) -> Vec<&'static str>) {
    for side in [Ours, Theirs] {
        let mut command = match (side, name) {
            // It is an application, which twistd runs.
            (Theirs, "chatserver") => stage.twistd("docs/core/examples/chatserver.py"),
            _ => program(stage, side, name),
        };
        let mut running = stage.serve(&mut command, Port::Tcp(port));
        for text in act(side) {
            running.says(text);
        }
    }
}

#[test]
fn what_one_says_all_hear() {
    on_stage(|stage| {
        with_both(stage, "chatserver", 1025, |side| {
            let mut one = BufReader::new(connect(1025));
            let says = |person: &BufReader<TcpStream>, line: &str| {
                write!(person.get_ref(), "{line}\r\n").unwrap();
            };
            let hears = |person: &mut BufReader<TcpStream>, expected: &str| {
                let mut line = String::new();
                person.read_line(&mut line).unwrap();
                assert_eq!(line, expected, "{side:?}");
            };
            // Who hears himself is there for the other.
            says(&one, "is anybody here?");
            hears(&mut one, "is anybody here?\n");
            let mut other = BufReader::new(connect(1025));
            says(&other, "hello");
            hears(&mut other, "hello\n");
            hears(&mut one, "hello\n");
            drop(one);
            vec!["Got new client!", "received", "hello", "Lost a client!"]
        });
    });
}

#[test]
fn as_many_integers_come_as_were_asked_for() {
    on_stage(|stage| {
        with_both(stage, "streaming", 1234, |side| {
            let mut stream = connect(1234);
            stream.write_all(b"100000\r\n").unwrap();
            let mut all = String::new();
            stream.read_to_string(&mut all).unwrap();
            let mut lines = all.lines();
            assert_eq!(lines.next(), Some("How many random integers do you want?"));
            let integers: Vec<u32> = lines.map(|line| line.parse().unwrap()).collect();
            assert_eq!(integers.len(), 100_000, "{side:?}");
            assert!(integers.iter().all(|integer| *integer < 10_000));
            let mean = integers.iter().sum::<u32>() / 100_000;
            assert!((4_500..5_500).contains(&mean), "{side:?}: {mean}");
            vec![
                "Connection made from",
                "Client requested 100000 random integers!",
            ]
        });
    });
}

#[test]
fn the_first_ten_thousand_bytes_are_free_and_a_thousand_a_second_come_then() {
    // The original does not run: twisted.protocols.htb takes the address of a peer for a tuple.
    on_stage(|stage| {
        let _running = stage.serve(&mut stage.ours("shaper"), Port::Tcp(8000));
        let begun = Instant::now();
        let mut stream = connect(8000);
        let mut free = [0; 10_000];
        stream.read_exact(&mut free).unwrap();
        let mut second = [0; 1_000];
        for _ in 0..2 {
            stream.read_exact(&mut second).unwrap();
        }
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(1_800), "{took:?}");
        // Another connection of the same host has no part of its own.
        let begun = Instant::now();
        connect(8000).read_exact(&mut second[..400]).unwrap();
        assert!(begun.elapsed() > Duration::from_millis(200));
    });
}
