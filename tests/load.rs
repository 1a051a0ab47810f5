//! What a server of ours does under load, and when there is none: seen from outside, on the example
//! `echo_server`.
//!
//! `TORSADE_LOAD=full` makes crowds and times what they are meant to be; without, they are smaller.

#[path = "interop/support/mod.rs"]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use support::memory::Memory;
use support::peer::PATIENCE;
use support::program::{Server, example};
use torsade::{
    Address, ClientEndpoint, ConnectOptions, Protocol, Reactor, Result, TcpClient, Transport,
};

fn is_full() -> bool {
    std::env::var("TORSADE_LOAD").is_ok_and(|load| load == "full")
}

/// How often a process has slept and been woken, and how long it has worked, in clock ticks of
/// 10 ms.
fn activity(id: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
    let switches = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
        .and_then(|count| count.trim().parse().ok())
        .expect("Linux counts them");
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("the process runs");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number of ticks");
    (switches, ticks(11) + ticks(12))
}

/// Has a byte echoed.
fn echoes(client: &mut TcpStream) {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"x").unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn an_idle_reactor_sleeps_and_does_nothing_else() {
    let server = Server::start("echo_server", &[]);
    let mut client = TcpStream::connect(server.address).unwrap();
    echoes(&mut client);
    let id = server.peer.id();
    // Until it has gone to sleep after that.
    thread::sleep(Duration::from_millis(100));
    let before = activity(id);
    thread::sleep(Duration::from_millis(if is_full() { 10_000 } else { 500 }));
    assert_eq!(activity(id), before, "it was woken, or worked");
    echoes(&mut client);
}

#[test]
fn a_server_without_descriptors_rests_and_loses_nobody() {
    // C95
    let dir = support::peer::temp_dir();
    let ours = example("echo_server");
    let mut command = std::process::Command::new("sh");
    let script = "ulimit -n 40; exec \"$0\" 127.0.0.1:0";
    command.args(["-c", script]).arg(ours.get_program());
    let mut server = support::peer::Peer::spawn("echo_server", &mut command, dir.path());
    let address = server.announces("listening on ");
    // More than it can have at once: the others wait in the system's queue.
    let mut clients: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    for client in &mut clients[..20] {
        echoes(client);
    }
    let (_, before) = activity(server.id());
    let seconds = if is_full() { 10 } else { 1 };
    thread::sleep(Duration::from_secs(seconds));
    let (_, after) = activity(server.id());
    let share = (after - before) as f64 / (seconds * 100) as f64;
    assert!(
        share < 0.05,
        "it worked for {:.0} % of the time",
        share * 100.0
    );
    // Those who have been served make room for those who wait, in their order.
    for mut client in clients {
        echoes(&mut client);
    }
    let said = server.stderr();
    assert_eq!(said.matches("cannot accept").count(), 1, "{said}");
}

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn fifty_thousand_idle_connections_cost_little_and_no_time() {
    let wanted: u64 = if is_full() { 50_000 } else { 1_000 };
    // For the other tests of this process as well.
    let needed = wanted + 1_000;
    if rlimit::Resource::NOFILE.get_hard().unwrap() < needed {
        // Only the administrator may.
        let _ = rlimit::Resource::NOFILE.set(needed, needed);
    }
    let allowed = rlimit::increase_nofile_limit(needed).unwrap();
    let count = wanted.min(allowed - 1_000) as usize;
    if (count as u64) < wanted {
        println!("this system allows only {count} of {wanted} connections");
    }
    // A child inherits the limit.
    let server = Server::start("echo_server", &[]);
    let id = server.peer.id();
    let reactor = Reactor::new().unwrap();
    let before = Memory::of(id);
    let mut open = 0;
    while open < count {
        // An address has some 28,000 ports of its own to connect from.
        let source = [127, 0, 1, (1 + open / 20_000) as u8];
        let options = ConnectOptions::new().bind_address((source, 0).into());
        let attempts = (open..count.min(open + 200)).map(|_| {
            let client = TcpClient::new(&reactor, server.address).options(options.clone());
            client.connect(|_: &Address| Quiet)
        });
        let connected = reactor.run_until(torsade::gather(attempts.collect::<Vec<_>>()));
        open += connected.unwrap().len();
    }
    assert_eq!(reactor.open_sources(), count);
    // Until it has taken the last of them.
    let mut last = TcpStream::connect(server.address).unwrap();
    echoes(&mut last);
    let each = Memory::of(id).resident.saturating_sub(before.resident) / count as u64;
    println!("{count} connections, {each} bytes of resident memory each");
    assert!(each < 2048, "{each} bytes each");

    let (_, before) = activity(id);
    for _ in 0..100 {
        echoes(&mut last);
    }
    let (_, after) = activity(id);
    assert!(
        after - before <= 5,
        "{} ticks for 100 echoes",
        after - before
    );
}
