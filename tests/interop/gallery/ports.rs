//! The port forwarder, and the table for Postfix.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use super::stage::{Port, on_stage};
use super::{Ours, Side, Theirs, program};
use crate::support::peer::{PATIENCE, find, pattern, run};

#[test]
fn a_port_leads_to_another() {
    on_stage(|stage| {
        let _echo = stage.serve(&mut program(stage, Theirs, "simpleserv"), Port::Tcp(8000));
        let mut ours = stage.ours("portforward");
        ours.args(["tcp:6666", "tcp:localhost:8000"]);
        let _ours = stage.serve(&mut ours, Port::Tcp(6666));
        // And theirs to ours.
        let (to, port) = (
            ["--host", "localhost", "--dest_port", "6666"],
            ["--port", "tcp:6667"],
        );
        let arguments = [&["portforward"][..], &to, &port].concat();
        let _theirs = stage.serve(&mut stage.twist(&arguments), Port::Tcp(6667));
        let sent = pattern(10_000);
        for port in [6666, 6667] {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&sent).unwrap();
            let mut back = vec![0; sent.len()];
            stream.read_exact(&mut back).unwrap();
            assert!(back == sent, "by {port}");
        }
    });
}

#[test]
fn postfix_finds_what_is_in_the_table() {
    on_stage(|stage| {
        let Some(postmap) = find("postmap") else {
            return;
        };
        let mut table = stage.ours("postfix");
        table.args(["alice=alice@example.com", "two words=100 %", "empty"]);
        let _running = stage.serve(&mut table, Port::Tcp(4242));
        let query = |key: &str| {
            let mut command = Command::new(&postmap);
            run(command.args(["-q", key, "tcp:127.0.0.1:4242"]), b"")
        };
        assert_eq!(
            query("alice").expect_success().text(),
            "alice@example.com\n"
        );
        assert_eq!(query("two words").expect_success().text(), "100 %\n");
        let none = query("bob");
        assert_eq!((none.status.code(), none.text().as_str()), (Some(1), ""));
        assert!(!none.stderr.contains("tcp:"), "{}", none.stderr);
    });
}

#[test]
fn both_tables_answer_with_the_same_status() {
    // There is no key that Twisted's program finds: it keeps them as text, and asks for bytes.
    const REQUESTS: &[u8] = b"get nobody\nget\nput a b\nput\nnonsense\n";
    on_stage(|stage| {
        let statuses = |side: Side| {
            let _running = stage.serve(&mut program(stage, side, "postfix"), Port::Tcp(4242));
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, 4242)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(REQUESTS).unwrap();
            let mut said = Vec::new();
            while said.iter().filter(|byte| **byte == b'\n').count() < 5 {
                let mut piece = [0; 1000];
                let count = stream.read(&mut piece).unwrap();
                assert!(count > 0, "{side:?} closed: {}", said.escape_ascii());
                said.extend_from_slice(&piece[..count]);
            }
            let said = String::from_utf8(said).unwrap();
            said.lines()
                .map(|line| line[..4].to_owned())
                .collect::<Vec<_>>()
        };
        let (mut ours, theirs) = (statuses(Ours), statuses(Theirs));
        assert_eq!(ours[..3], theirs[..3]);
        // Without a value, or at all: nothing can be put anyhow.
        ours[3].clone_from(&theirs[3]);
        assert_eq!(ours, theirs);
    });
}
