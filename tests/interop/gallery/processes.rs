//! A shell on a terminal, and programs that talk on their standard input and output.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::stage::{Port, on_stage};
use super::{Ours, Theirs, program};
use crate::support::peer::PATIENCE;

#[test]
fn a_connection_has_a_shell_on_a_terminal() {
    on_stage(|stage| {
        for side in [Ours, Theirs] {
            let mut running = stage.serve(&mut program(stage, side, "ptyserv"), Port::Tcp(5823));
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, 5823)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
                .write_all(b"tty; pwd; echo $((6 * 7)); exit\n")
                .unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            assert!(said.contains("/dev/pts/"), "{side:?}: {said}");
            assert!(
                said.contains("/tmp") && said.contains("42"),
                "{side:?}: {said}"
            );
            running.says("connection made");
            running.says("protocol connection lost");
        }
    });
}

#[test]
fn our_shell_ends_with_its_connection() {
    // Theirs does not: a name is misspelt there.
    on_stage(|stage| {
        let mut running = stage.serve(&mut stage.ours("ptyserv"), Port::Tcp(5823));
        // The second one prints more than the connection and the terminal hold, and nobody reads it.
        for (ended, typed) in [(1, ""), (2, "yes\n")] {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, 5823)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut prompt = [0; 10];
            assert!(stream.read(&mut prompt).unwrap() > 0);
            stream.write_all(typed.as_bytes()).unwrap();
            drop(stream);
            let both = "protocol connection lost";
            running.shows(both, |output| output.matches(both).count() == ended);
        }
    });
}

#[test]
fn lines_of_standard_input_are_echoed() {
    on_stage(|stage| {
        for side in [Ours, Theirs] {
            let (hears, mut says) = std::io::pipe().unwrap();
            let mut running = stage.start_with(&mut program(stage, side, "stdin"), hears);
            says.write_all(b"one\ntwo\n").unwrap();
            running.says(">>> Echo: one\n>>> Echo: two\n>>> ");
            drop(says);
            if side == Ours {
                assert!(running.ends().success());
            }
        }
    });
}

#[test]
fn the_console_tells_whether_pages_are_there() {
    on_stage(|stage| {
        let site = stage.dir.path().join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join("page.html"), "x".repeat(12_345)).unwrap();
        let site = site.to_str().unwrap();
        let mut web = stage.twist(&["web", "--listen", "tcp:8080", "--path", site]);
        let _web = stage.serve(&mut web, Port::Tcp(8080));
        for side in [Ours, Theirs] {
            let (hears, mut says) = std::io::pipe().unwrap();
            let mut running = stage.start_with(&mut program(stage, side, "stdiodemo"), hears);
            for (command, answer) in [
                ("", "Web checker console. Type 'help' for help.\n"),
                ("help", "Valid commands: check help quit\n"),
                (
                    "help check",
                    "check <url>: Attempt to download the given web page\n",
                ),
                ("nonsense", "Error: no such command.\n"),
                (
                    "check http://localhost:8080/page.html",
                    "Success: got 12345 bytes.\n",
                ),
                ("check http://localhost:1/", "Failure: "),
                ("quit", "Goodbye.\n"),
            ] {
                writeln!(says, "{command}").unwrap();
                running.says(answer);
            }
            assert!(running.ends().success(), "{side:?}");
        }
    });
}
