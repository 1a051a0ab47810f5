//! Standard input and output, processes, UNIX sockets and datagrams, with Twisted and systemd at the
//! other end.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::endpoints::Description;
use torsade::{Address, Deferred, Reactor, Resolver, Result};

use crate::support::peer::{self, Peer, find, pattern, run};
use crate::support::program::example;
use crate::support::python::endpoint_echo;

const SIZE: usize = 3_000_000;

/// Our example, with arguments.
fn endpoints(arguments: &[&str]) -> Command {
    let mut command = example("endpoints");
    command.args(arguments);
    command
}

#[test]
fn files_are_standard_input_and_output() {
    // Which Twisted refuses.
    let echoed = run(&mut endpoints(&["echo", "stdio:"]), &pattern(SIZE)).expect_success();
    assert!(echoed.stdout == pattern(SIZE));
}

#[test]
fn twisted_echoes_on_its_standard_input_and_output_what_we_send_to_its_process() {
    let Some(twisted) = endpoint_echo(&["serve", "stdio:"]) else {
        return;
    };
    let mut description = "process".to_owned();
    for argument in std::iter::once(twisted.get_program()).chain(twisted.get_args()) {
        let argument = argument.to_str().expect("its path is text");
        description += ":";
        description += &Description::escape(argument);
    }
    let joined = run(&mut endpoints(&["join", &description]), &pattern(SIZE));
    assert!(joined.expect_success().stdout == pattern(SIZE));
}

#[test]
fn we_echo_on_our_standard_input_and_output_what_twisted_sends_to_our_process() {
    let ours = endpoints(&["echo", "stdio:"]);
    let program = ours.get_program().to_str().expect("its path is text");
    let Some(mut twisted) = endpoint_echo(&["process", program, "echo", "stdio:"]) else {
        return;
    };
    run(&mut twisted, &pattern(SIZE)).expect_success();
}

#[test]
fn twisteds_unix_client_gets_everything_back_from_our_server() {
    let dir = peer::temp_dir();
    let path = dir.path().join("socket").display().to_string();
    let mut ours = endpoints(&["echo", &format!("unix:{path}")]);
    let mut server = Peer::spawn("endpoints", &mut ours, dir.path());
    assert_eq!(server.announces("listening on "), path);
    let Some(mut twisted) = endpoint_echo(&["call", &format!("unix:{path}")]) else {
        return;
    };
    run(&mut twisted, &pattern(SIZE)).expect_success();
}

#[test]
fn our_unix_client_gets_everything_back_from_twisteds_server() {
    let dir = peer::temp_dir();
    let description = format!("unix:{}", dir.path().join("socket").display());
    let Some(mut twisted) = endpoint_echo(&["serve", &description]) else {
        return;
    };
    let mut server = Peer::spawn("endpoint_echo.py", &mut twisted, dir.path());
    server.announces("READY");
    let joined = run(&mut endpoints(&["join", &description]), &pattern(SIZE));
    assert!(joined.expect_success().stdout == pattern(SIZE));
}

#[test]
fn systemd_hands_a_socket_over_to_us() {
    // C124
    let Some(activate) = find("systemd-socket-activate") else {
        return;
    };
    let dir = peer::temp_dir();
    for (number, how) in ["index=0", "name=echo"].into_iter().enumerate() {
        let path = dir.path().join(format!("socket-{number}"));
        let ours = endpoints(&["echo", &format!("systemd:domain=UNIX:{how}")]);
        let mut command = Command::new(&activate);
        command.arg("-l").arg(&path).arg("--fdname=echo");
        command.arg(ours.get_program()).args(ours.get_args());
        let mut server = Peer::spawn("systemd-socket-activate", &mut command, dir.path());
        assert!(server.becomes_ready(|| UnixStream::connect(&path).is_ok()));
        let join = format!("unix:{}", path.display());
        let joined = run(&mut endpoints(&["join", &join]), &pattern(SIZE));
        assert!(joined.expect_success().stdout == pattern(SIZE));
        assert_eq!(
            server.announces("listening on "),
            path.display().to_string()
        );
    }
}

/// Sends each text when the one before has come back.
struct Asks {
    left: Vec<&'static str>,
    server: Address,
    done: Rc<Cell<Option<Resolver<()>>>>,
}

impl Asks {
    fn ask(&self, port: &DatagramPort) -> Result<()> {
        match self.left.last() {
            Some(text) => port.send(text.as_bytes(), &self.server)?,
            None => self.done.take().expect("it is done once").callback(()),
        }
        Ok(())
    }
}

impl DatagramProtocol for Asks {
    fn start_protocol(&mut self, port: &DatagramPort) {
        self.ask(port).expect("it can be sent");
    }

    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        assert_eq!(*from, self.server);
        assert_eq!(data, self.left.pop().unwrap_or_default().as_bytes());
        self.ask(port)
    }
}

#[test]
fn twisted_sends_our_datagrams_back() {
    // C182
    let dir = peer::temp_dir();
    let Some(mut twisted) = endpoint_echo(&["udp"]) else {
        return;
    };
    let mut server = Peer::spawn("endpoint_echo.py", &mut twisted, dir.path());
    let port: u16 = server.announces("PORT ").parse().expect("it is a number");
    let reactor = Reactor::new().unwrap();
    let (resolver, done) = Deferred::new();
    let asks = Asks {
        left: vec!["one", "", "three"],
        server: Address::Udp(([127, 0, 0, 1], port).into()),
        done: Rc::new(Cell::new(Some(resolver))),
    };
    let any = "127.0.0.1:0".parse().unwrap();
    reactor
        .listen_udp(any, asks, &DatagramOptions::new())
        .unwrap();
    let limit = std::time::Duration::from_secs(30);
    reactor
        .run_until(done.add_timeout(&reactor, limit))
        .unwrap();
}

/// Sends back what comes.
struct SendsBack;

impl DatagramProtocol for SendsBack {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        port.send(data, from)
    }
}

#[test]
fn we_send_twisteds_datagrams_back() {
    // C182
    let (announce, announced) = mpsc::channel();
    let server = thread::spawn(move || -> Result<()> {
        let reactor = Reactor::new()?;
        let any = "127.0.0.1:0".parse()?;
        let port = reactor.listen_udp(any, SendsBack, &DatagramOptions::new())?;
        announce
            .send((port.host().port().unwrap(), reactor.remote()))
            .unwrap();
        reactor.run()
    });
    let (port, remote) = announced.recv().unwrap();
    if let Some(mut twisted) = endpoint_echo(&["udp", &port.to_string()]) {
        let called = run(&mut twisted, b"one\ntwo\nthree\n").expect_success();
        assert_eq!(called.text(), "one\ntwo\nthree\n");
    }
    let stopped = remote.call_from_thread(|reactor| reactor.stop().unwrap());
    stopped.unwrap();
    server.join().unwrap().unwrap();
}
