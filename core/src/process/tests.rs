//! Child processes.

use std::cell::RefCell;
use std::io::Read;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::endpoints::{ClientEndpoint, ProcessClient};
use crate::reactor::Signal;
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{Deferred, Reactor, Resolver, Result};

/// Notes what it is told, and fires at the end with all of it.
struct Noting {
    notes: Rc<RefCell<Vec<String>>>,
    ended: Option<Resolver<ProcessExit>>,
    begin: Box<dyn FnMut(&Process)>,
}

impl Noting {
    fn note(&self, note: impl Into<String>) {
        self.notes.borrow_mut().push(note.into());
    }
}

impl ProcessProtocol for Noting {
    fn connection_made(&mut self, process: &Process) {
        self.note("made");
        (self.begin)(process);
    }

    fn child_data_received(&mut self, _: &Process, number: i32, data: &[u8]) -> Result<()> {
        self.note(format!(
            "{number}: {}",
            String::from_utf8_lossy(data).trim_end()
        ));
        Ok(())
    }

    fn child_connection_lost(&mut self, _: &Process, number: i32) {
        self.note(format!("{number} lost"));
    }

    fn process_exited(&mut self, process: &Process, exit: ProcessExit) {
        assert!(!process.is_running());
        self.note(exit.to_string());
    }

    fn process_ended(&mut self, exit: ProcessExit) {
        self.note("ended");
        if let Some(ended) = self.ended.take() {
            ended.callback(exit);
        }
    }
}

struct Started {
    notes: Rc<RefCell<Vec<String>>>,
    ended: Deferred<ProcessExit>,
    process: Process,
}

fn start(
    reactor: &Reactor,
    spawn: impl Into<Spawn>,
    begin: impl FnMut(&Process) + 'static,
) -> Started {
    let notes = Rc::<RefCell<Vec<String>>>::default();
    let (resolver, ended) = Deferred::new();
    let protocol = Noting {
        notes: notes.clone(),
        ended: Some(resolver),
        begin: Box::new(begin),
    };
    let process = reactor.spawn_process(protocol, spawn).unwrap();
    Started {
        notes,
        ended,
        process,
    }
}

/// What it noted until the end; the losses of pipes in their order.
fn run(reactor: &Reactor, started: Started) -> (ProcessExit, Vec<String>) {
    let exit = reactor.run_until(started.ended).unwrap();
    (exit, started.notes.take())
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn count(notes: &[String], wanted: &str) -> usize {
    notes.iter().filter(|note| *note == wanted).count()
}

#[test]
fn a_process_is_told_of_from_beginning_to_end() {
    let reactor = Reactor::new().unwrap();
    let script = "read line; echo got $line; echo oops >&2; exit 3";
    let started = start(&reactor, shell(script), |process| process.write(b"this\n"));
    let (exit, notes) = run(&reactor, started);
    assert_eq!(exit, ProcessExit::Code(3));
    assert_eq!(notes.first().unwrap(), "made");
    assert_eq!(notes.last().unwrap(), "ended");
    for wanted in [
        "1: got this",
        "2: oops",
        "exited with code 3",
        "0 lost",
        "1 lost",
        "2 lost",
    ] {
        assert_eq!(count(&notes, wanted), 1, "{wanted} in {notes:?}");
    }
}

#[test]
fn the_end_waits_for_the_last_output_and_the_exit_does_not() {
    let reactor = Reactor::new().unwrap();
    // The grandchild keeps the pipe open.
    let started = start(
        &reactor,
        shell("(sleep 0.2; echo late) & echo early"),
        |_| (),
    );
    let (exit, notes) = run(&reactor, started);
    assert!(exit.is_success());
    let at = |wanted: &str| notes.iter().position(|note| note == wanted).unwrap();
    assert!(at("exited with code 0") < at("1: late"), "{notes:?}");
    assert!(at("1: late") < at("ended"), "{notes:?}");
}

#[test]
fn signals_are_sent_by_name_and_told_as_the_end() {
    for (name, number) in [("TERM", 15), ("KILL", 9), ("SIGINT", 2)] {
        let reactor = Reactor::new().unwrap();
        let mut sleep = Command::new("sleep");
        sleep.arg("100");
        let signal: Signal = name.parse().unwrap();
        let started = start(&reactor, sleep, move |process| {
            process.signal(signal).unwrap();
        });
        let process = started.process.clone();
        let (exit, _) = run(&reactor, started);
        assert_eq!(exit.signal(), Some(number));
        assert!(exit.to_string().contains("SIG"), "{exit}");
        let again = process.signal(signal).unwrap_err();
        assert!(again.check::<ProcessExitedAlready>().is_some());
        process.write(b"too late");
        process.lose_connection();
    }
}

#[test]
fn a_program_that_is_not_there_is_told_at_once() {
    let reactor = Reactor::new().unwrap();
    let protocol = || Noting {
        notes: Rc::default(),
        ended: None,
        begin: Box::new(|_| ()),
    };
    let failed = reactor.spawn_process(protocol(), Command::new("/no/such/program"));
    let failure = failed.unwrap_err();
    let error = failure.check::<CannotSpawn>().unwrap();
    assert_eq!(error.program, "/no/such/program");
    assert_eq!(error.error.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(reactor.open_sources(), 0);

    for number in [-1, i32::MIN, i32::MAX] {
        let spawn = Spawn::new(Command::new("true")).descriptor(number, ChildDescriptor::Read);
        let failure = reactor.spawn_process(protocol(), spawn).unwrap_err();
        let error = failure.check::<CannotSpawn>().unwrap();
        assert_eq!(error.error.kind(), std::io::ErrorKind::InvalidInput);
    }

    let world = Simulation::new().reactor();
    let failure = world
        .spawn_process(protocol(), Command::new("true"))
        .unwrap_err();
    let error = failure.check::<CannotSpawn>().unwrap();
    assert_eq!(error.error.kind(), std::io::ErrorKind::Unsupported);
}

#[test]
fn any_descriptor_of_the_child_can_be_a_pipe() {
    let reactor = Reactor::new().unwrap();
    let spawn = Spawn::new(shell("cat <&3 >&4; echo done >&5"))
        .descriptor(3, ChildDescriptor::Write)
        .descriptor(4, ChildDescriptor::Read)
        .descriptor(5, ChildDescriptor::Read);
    let started = start(&reactor, spawn, |process| {
        process.write_to(3, b"through");
        process.close(3);
    });
    let (_, notes) = run(&reactor, started);
    assert_eq!(count(&notes, "4: through"), 1, "{notes:?}");
    assert_eq!(count(&notes, "5: done"), 1, "{notes:?}");
}

#[test]
fn a_given_descriptor_is_shared_and_nothing_else_is() {
    let reactor = Reactor::new().unwrap();
    let (mut ours, theirs) = std::io::pipe().unwrap();
    let spawn = Spawn::new(shell("ls -l /proc/self/fd >&7"))
        .descriptor(0, ChildDescriptor::Closed)
        .descriptor(7, ChildDescriptor::Given(theirs.into()));
    let started = start(&reactor, spawn, |_| ());
    run(&reactor, started);
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert!(said.contains(" 7 -> pipe:"), "{said}");
    assert!(said.contains(" 0 -> /dev/null"), "{said}");
    assert!(!said.contains("eventpoll"), "the reactor's own: {said}");
}

#[test]
fn a_terminal_is_one() {
    let reactor = Reactor::new().unwrap();
    let script = "test -t 0 && test -t 1 && stty size && read line && echo got $line";
    let spawn = Spawn::new(shell(script)).terminal(33, 99);
    let started = start(&reactor, spawn, |process| process.write(b"this\n"));
    let (exit, notes) = run(&reactor, started);
    assert!(exit.is_success(), "{exit} {notes:?}");
    let all = notes.join(" ");
    assert!(all.contains("33 99") && all.contains("got this"), "{all}");
    assert_eq!(count(&notes, "1 lost"), 1);
}

#[test]
fn a_terminal_is_no_stream_to_connect_with() {
    let reactor = Reactor::new().unwrap();
    let client = ProcessClient::new(&reactor, || {
        Spawn::new(Command::new("cat")).terminal(24, 80)
    });
    let failure = reactor.run_until(client.establish()).unwrap_err();
    let error = failure.trap::<CannotSpawn>().unwrap();
    assert_eq!(error.error.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(error.program, "cat");
}

#[test]
fn much_goes_through_and_nothing_is_lost() {
    let reactor = Reactor::new().unwrap();
    struct Through {
        left: usize,
        got: usize,
        ended: Option<Resolver<usize>>,
    }
    impl ProcessProtocol for Through {
        fn connection_made(&mut self, process: &Process) {
            process.write(&vec![b'x'; self.left]);
            process.close_stdin();
        }
        fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
            assert!(data.iter().all(|byte| *byte == b'x'));
            self.got += data.len();
            Ok(())
        }
        fn process_ended(&mut self, _: ProcessExit) {
            self.ended.take().unwrap().callback(self.got);
        }
    }
    let (resolver, ended) = Deferred::new();
    let through = Through {
        left: 5_000_000,
        got: 0,
        ended: Some(resolver),
    };
    reactor.spawn_process(through, Command::new("cat")).unwrap();
    assert_eq!(reactor.run_until(ended).unwrap(), 5_000_000);
}

#[test]
fn a_child_that_closes_its_input_is_noticed() {
    let reactor = Reactor::new().unwrap();
    let started = start(&reactor, shell("exec 0<&-; sleep 0.3; echo on"), |_| ());
    let (_, notes) = run(&reactor, started);
    let at = |wanted: &str| notes.iter().position(|note| note == wanted).unwrap();
    assert!(at("0 lost") < at("1: on"), "{notes:?}");
}

#[test]
fn what_is_written_before_the_pipe_is_open_waits_for_that() {
    let reactor = Reactor::new().unwrap();
    let started = start(&reactor, Command::new("cat"), |process| {
        process.write(b"later");
        process.close_stdin();
    });
    started.process.write(b"at once, ");
    started.process.write(b"and more, ");
    let (_, notes) = run(&reactor, started);
    let heard: String = notes
        .iter()
        .filter_map(|note| note.strip_prefix("1: "))
        .collect();
    assert_eq!(heard.replace(' ', ""), "atonce,andmore,later");

    let started = start(&reactor, Command::new("cat"), |_| ());
    started.process.write(b"all");
    started.process.close_stdin();
    started.process.write(b"too late");
    let (_, notes) = run(&reactor, started);
    assert_eq!(count(&notes, "1: all"), 1, "{notes:?}");
}

/// Whether the system has a child of ours under this number, dead or alive.
fn is_our_child(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let parent = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(1));
    parent.is_some_and(|parent| parent == std::process::id().to_string())
}

#[test]
fn a_thousand_short_lives_are_all_told_and_leave_no_zombie() {
    let reactor = Reactor::new().unwrap();
    for _ in 0..10 {
        let mut ids = Vec::new();
        let ended: Vec<_> = (0..100)
            .map(|number| {
                let mut echo = Command::new("echo");
                echo.arg(number.to_string());
                let started = start(&reactor, echo, |_| ());
                ids.push(started.process.id());
                let notes = started.notes;
                started.ended.map(move |exit| {
                    assert!(exit.is_success());
                    assert_eq!(count(&notes.borrow(), &format!("1: {number}")), 1);
                })
            })
            .collect();
        assert!(ids.iter().any(|id| is_our_child(*id)));
        reactor.run_until(crate::gather(ended)).unwrap();
        assert!(!ids.iter().any(|id| is_our_child(*id)));
    }
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn output_and_value_give_what_was_printed_and_how_it_ended() {
    let reactor = Reactor::new().unwrap();
    let both = output_and_value(&reactor, shell("echo out; echo err >&2; exit 5"));
    let both = reactor.run_until(both).unwrap();
    let expected = ProcessOutput {
        out: b"out\n".to_vec(),
        err: b"err\n".to_vec(),
        exit: ProcessExit::Code(5),
    };
    assert_eq!(both, expected);

    let failed = reactor
        .run_until(output(&reactor, shell("exit 7")))
        .unwrap_err();
    assert_eq!(
        failed.check::<ProcessTerminated>().unwrap().exit.code(),
        Some(7)
    );
    assert_eq!(failed.to_string(), "sh exited with code 7");

    // It reads from nowhere, so it does not wait for anybody.
    assert!(
        reactor
            .run_until(value(&reactor, Command::new("cat")))
            .unwrap()
            .is_success()
    );
}

#[test]
fn cancelling_an_output_kills_the_process() {
    let reactor = Reactor::new().unwrap();
    let mut sleep = Command::new("sleep");
    sleep.arg("100");
    let waiting = output(&reactor, sleep);
    waiting.cancel();
    assert!(waiting.try_take().unwrap().is_err());
    while reactor.open_sources() > 0 {
        reactor.iterate(Some(Duration::from_secs(5))).unwrap();
    }
}

#[test]
fn too_much_output_is_an_error_and_kills_the_process() {
    let reactor = Reactor::new().unwrap();
    let failure = reactor
        .run_until(output(&reactor, Command::new("yes")))
        .unwrap_err();
    assert!(failure.check::<OutputTooLong>().is_some());
}

#[test]
fn a_panic_in_a_protocol_closes_the_pipe_and_is_logged() {
    struct Panics(Option<Resolver<ProcessExit>>);
    impl ProcessProtocol for Panics {
        fn out_received(&mut self, _: &Process, _: &[u8]) -> Result<()> {
            panic!("so it is");
        }
        fn process_exited(&mut self, _: &Process, _: ProcessExit) {
            panic!("once more");
        }
        fn process_ended(&mut self, exit: ProcessExit) {
            self.0.take().unwrap().callback(exit);
        }
    }
    let (records, ()) = capture(|| {
        let reactor = Reactor::new().unwrap();
        let (resolver, ended) = Deferred::new();
        let panics = Panics(Some(resolver));
        reactor.spawn_process(panics, shell("echo hello")).unwrap();
        assert!(reactor.run_until(ended).unwrap().is_success());
    });
    let logged: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
    assert!(
        logged.iter().any(|text| text.contains("so it is")),
        "{logged:?}"
    );
    assert!(
        logged.iter().any(|text| text.contains("once more")),
        "{logged:?}"
    );
}

#[test]
fn a_stopping_reactor_tells_of_the_end_and_leaves_the_process_alone() {
    let reactor = Reactor::new().unwrap();
    let mut sleep = Command::new("sleep");
    sleep.arg("0.1");
    let started = start(&reactor, sleep, |_| ());
    let stop = reactor.clone();
    let later = defer_later(&reactor, Duration::from_millis(10), move || {
        stop.stop().unwrap();
    });
    drop(later);
    reactor.run().unwrap();
    let notes = started.notes.take();
    assert_eq!(notes.last().unwrap(), "ended");
    assert!(
        notes.iter().all(|note| !note.starts_with("exited")),
        "{notes:?}"
    );
    assert!(!started.process.is_running());
}

#[test]
fn what_waits_is_listed_with_the_program() {
    let reactor = Reactor::new().unwrap();
    let started = start(&reactor, Command::new("cat"), |process| {
        process.close_stdin();
    });
    let listed = reactor.pending().to_string();
    assert!(listed.contains("a child process, cat ("), "{listed}");
    run(&reactor, started);
}

#[test]
fn processes_of_two_reactors_do_not_mix() {
    let (one, other) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let first = start(&one, shell("exit 1"), |_| ());
    let second = start(&other, shell("exit 2"), |_| ());
    assert_eq!(run(&other, second).0.code(), Some(2));
    assert_eq!(run(&one, first).0.code(), Some(1));
}
