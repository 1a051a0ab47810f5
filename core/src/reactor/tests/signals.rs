//! SIGINT and SIGTERM, sent to a child process: this test binary, with one test to run.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio, exit};
use std::rc::Rc;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::{ms, run_for};
use crate::reactor::{Phase, Signal};
use crate::{Deferred, Reactor};

/// Set in the child: the part that it has to play.
const PART: &str = "TORSADE_TEST_SIGNALS";

/// A child that runs the test `name` of this file.
struct Sent {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Sent {
    fn start(name: &str, part: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([&format!("reactor::tests::signals::{name}"), "--exact"])
            .args(["--nocapture", "--test-threads=1"])
            .env(PART, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Reads on to the line in which the child says `word`.
    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the child ended without saying {word}");
        }
    }

    fn signal(&self, signal: i32) {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn signal_until_it_ends(&mut self, signal: i32) {
        while self.child.try_wait().unwrap().is_none() {
            self.signal(signal);
            std::thread::sleep(ms(50));
        }
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

/// What the child has to do, if this is one.
fn part() -> Option<String> {
    let part = std::env::var(PART).ok()?;
    // Should the other process be gone, this one does not stay.
    std::thread::spawn(|| {
        std::thread::park_timeout(Duration::from_secs(30));
        exit(3);
    });
    Some(part)
}

fn say(word: &str) {
    println!("\nchild: {word}");
}

/// Runs a reactor that says when it is ready, and what becomes of it.
fn run_and_tell(reactor: &Reactor) {
    reactor.call_soon(|| say("ready"));
    reactor.run().unwrap();
    say("stopped");
}

#[test]
fn a_signal_stops_the_reactor_in_an_orderly_way() {
    // C69
    if part().is_some() {
        let reactor = Reactor::new().unwrap();
        let later = reactor.clone();
        reactor.on_shutdown(Phase::Before, move || {
            crate::task::defer_later(&later, ms(1), || say("before"))
        });
        return run_and_tell(&reactor);
    }
    for signal in [SIGINT, SIGTERM] {
        let mut sent = Sent::start("a_signal_stops_the_reactor_in_an_orderly_way", "run");
        sent.wait_for("ready");
        sent.signal(signal);
        let (status, said) = sent.end();
        assert!(status.success(), "{status}");
        let before = said.find("child: before").unwrap();
        assert!(before < said.find("child: stopped").unwrap());
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    // C69
    if part().is_some() {
        let reactor = Reactor::new().unwrap();
        let (resolver, never) = Deferred::<()>::new();
        reactor.on_shutdown(Phase::Before, move || {
            say("before");
            never
        });
        run_and_tell(&reactor);
        return drop(resolver);
    }
    let mut sent = Sent::start("a_second_signal_ends_the_process_at_once", "run");
    sent.wait_for("ready");
    sent.signal(SIGINT);
    sent.wait_for("before");
    sent.signal_until_it_ends(SIGINT);
    let (status, said) = sent.end();
    assert_eq!(status.signal(), Some(SIGINT));
    assert!(!said.contains("stopped"));
}

#[test]
fn two_signals_at_once_are_one() {
    // C69: as `timeout` sends them.
    if part().is_some() {
        let reactor = Reactor::new().unwrap();
        let later = reactor.clone();
        reactor.on_shutdown(Phase::Before, move || {
            crate::task::defer_later(&later, ms(50), || say("before"))
        });
        return run_and_tell(&reactor);
    }
    let mut sent = Sent::start("two_signals_at_once_are_one", "run");
    sent.wait_for("ready");
    let id = sent.child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &id, &id, &id]).status();
    assert!(kill.unwrap().success());
    let (status, said) = sent.end();
    assert!(status.success(), "{status}");
    assert!(said.contains("child: before"));
}

#[test]
fn a_second_signal_ends_a_program_that_hangs_in_its_stop() {
    // C69
    if part().is_some() {
        let reactor = Reactor::new().unwrap();
        reactor.on_shutdown(Phase::Before, || {
            say("hangs");
            let _ = std::io::stdin().read(&mut [0]);
            say("went on");
        });
        return run_and_tell(&reactor);
    }
    let name = "a_second_signal_ends_a_program_that_hangs_in_its_stop";
    let mut sent = Sent::start(name, "run");
    sent.wait_for("ready");
    sent.signal(SIGINT);
    sent.wait_for("hangs");
    sent.signal_until_it_ends(SIGTERM);
    let (status, said) = sent.end();
    assert!(status.signal().is_some(), "{status}");
    assert!(!said.contains("stopped"));
}

#[test]
fn a_reactor_may_leave_signals_alone() {
    // C69
    if part().is_some() {
        let reactor = Reactor::new().unwrap();
        reactor.handle_signals(false);
        return run_and_tell(&reactor);
    }
    let mut sent = Sent::start("a_reactor_may_leave_signals_alone", "run");
    sent.wait_for("ready");
    sent.signal(SIGTERM);
    let (status, _) = sent.end();
    assert_eq!(status.signal(), Some(SIGTERM));
}

#[test]
fn after_the_run_a_signal_does_what_it_did_before() {
    // C69: also between two runs.
    if let Some(part) = part() {
        let reactor = Reactor::new().unwrap();
        run_for(&reactor, ms(1));
        if part == "stopped" {
            super::run_and_stop(&reactor);
        }
        say("ready");
        // Until the signal, or the other process's end.
        let _ = std::io::stdin().read(&mut [0]);
        exit(4);
    }
    for part in ["idle", "stopped"] {
        let mut sent = Sent::start("after_the_run_a_signal_does_what_it_did_before", part);
        sent.wait_for("ready");
        sent.signal(SIGINT);
        let (status, _) = sent.end();
        assert_eq!(status.signal(), Some(SIGINT));
    }
}

#[test]
fn a_signal_is_seen_by_the_next_run_as_well() {
    // C69: handlers are put in place anew.
    if part().is_some() {
        for _ in 0..2 {
            let reactor = Reactor::new().unwrap();
            run_and_tell(&reactor);
        }
        return;
    }
    let mut sent = Sent::start("a_signal_is_seen_by_the_next_run_as_well", "run");
    for signal in [SIGTERM, SIGINT] {
        sent.wait_for("ready");
        sent.signal(signal);
        sent.wait_for("stopped");
    }
    assert!(sent.end().0.success());
}

#[test]
fn a_signal_comes_to_its_handlers_until_they_are_removed() {
    let reactor = Reactor::new().unwrap();
    let count = Rc::new(Cell::new([0, 0]));
    let counting = |at: usize| {
        let count = Rc::clone(&count);
        move || {
            let mut now = count.get();
            now[at] += 1;
            count.set(now);
        }
    };
    let first = reactor.on_signal(Signal::User2, counting(0)).unwrap();
    let second = reactor.on_signal(Signal::User2, counting(1)).unwrap();
    let raise = || {
        let later = crate::task::defer_later(&reactor, ms(1), || {
            signal_hook::low_level::raise(signal_hook::consts::SIGUSR2).unwrap();
        });
        reactor.run_until(later).unwrap();
        // The loop is woken for it.
        run_for(&reactor, ms(1));
    };
    raise();
    assert_eq!(count.get(), [1, 1]);
    assert!(first.remove());
    assert!(!first.remove());
    raise();
    assert_eq!(count.get(), [1, 2]);
    assert!(second.remove());
    raise();
    assert_eq!(count.get(), [1, 2]);
}

#[test]
fn a_signal_wakes_a_loop_that_waits_for_nothing_else() {
    let reactor = Reactor::new().unwrap();
    let to_stop = reactor.clone();
    let _ = reactor
        .on_signal(Signal::User1, move || to_stop.stop().unwrap())
        .unwrap();
    let raising = std::thread::spawn({
        let remote = reactor.remote();
        move || {
            // The reactor runs by then, and waits for ever.
            let running = remote.block_on(|_| Ok(()));
            running.unwrap();
            signal_hook::low_level::raise(signal_hook::consts::SIGUSR1).unwrap();
        }
    });
    reactor.run().unwrap();
    raising.join().unwrap();
}
