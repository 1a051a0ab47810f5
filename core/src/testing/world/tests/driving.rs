//! Whose turn it is, and when.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::mpsc;

use super::*;
use crate::reactor::Phase;
use crate::{Deferred, ReactorError};

#[test]
fn two_reactors_talk_whichever_of_them_drives() {
    let two = Two::new();
    let client = two.connect();
    client.transport().write(b"hello");
    let passed = defer_later(&two.b, ms(10), || Ok(()));
    two.b.run_until(passed).unwrap();
    assert_eq!(two.notes.text(), "30: b hello");
    client.transport().lose_connection();
    two.pass(ms(100));
    assert_eq!(two.notes.text(), "30: a done, 40: b done");
    // It was no turn too many: nothing is left to do but the listening.
    assert_eq!((two.a.open_sources(), two.b.open_sources()), (0, 1));
}

#[test]
fn three_hosts_pass_on_what_comes() {
    use crate::protocols::PortForward;
    let two = Two::new();
    let c = two.world.host("c", [C]);
    two.world.link("b", "c").latency(ms(100));
    TcpServer::new(&c, at(C, 7))
        .listen(|_: &Address| Echo)
        .unwrap();
    let onward = TcpClient::new(&two.b, at(C, 7));
    TcpServer::new(&two.b, at(B, 7))
        .listen(PortForward::to(onward))
        .unwrap();
    let endpoint = TcpClient::new(&two.a, at(B, 7));
    let client = two
        .a
        .run_until(endpoint.connect_protocol(two.noting("a")))
        .unwrap();
    client.transport().write(b"hello");
    two.pass(ms(1000));
    // One way to b, which then connects, asks, and answers.
    assert_eq!(two.notes.text(), "420: a hello");
}

#[test]
fn timers_come_at_their_times_on_a_host_that_does_not_drive() {
    let two = Two::new();
    let times = [1, 7_000_000_001, 3_600_000_000_000].map(Duration::from_nanos);
    for time in times {
        let notes = two.notes.clone();
        let _ = two.b.call_later(time, move || notes.note("timer"));
    }
    // Made by a timer, also while the other does nothing at all.
    let (notes, b) = (two.notes.clone(), two.b.clone());
    let _ = two.b.call_later(ms(5), move || {
        let _ = b.call_later(ms(5), move || notes.note("made by a timer"));
    });
    two.pass(Duration::from_secs(3600));
    let noted = two.notes.take();
    let whens: Vec<_> = noted.iter().map(|(at, _)| *at).collect();
    assert_eq!(whens, [times[0], ms(10), times[1], times[2]]);
}

#[test]
fn the_others_get_their_turns_while_one_is_busy() {
    let two = Two::new();
    let left = Rc::new(Cell::new(100));
    fn go_on(reactor: &Reactor, left: &Rc<Cell<u32>>) {
        if left.replace(left.get().saturating_sub(1)) > 0 {
            let (handle, left) = (reactor.clone(), Rc::clone(left));
            reactor.call_soon(move || go_on(&handle, &left));
        }
    }
    go_on(&two.a, &left);
    let seen = Rc::clone(&left);
    let (resolver, deferred) = Deferred::new();
    two.b.call_soon(move || resolver.callback(seen.get()));
    assert!(two.a.run_until(deferred).unwrap() > 90);
}

#[test]
fn the_seed_decides_whose_turn_comes_first() {
    let order = |seed| {
        let world = World::new(seed);
        let notes = Notes::new(&world);
        let hosts = [("a", A), ("b", B), ("c", C)].map(|(name, ip)| {
            let reactor = world.host(name, [ip]);
            let notes = notes.clone();
            let _ = reactor.call_later(ms(5), move || notes.note(name));
            reactor
        });
        let passed = defer_later(&hosts[0], ms(10), || Ok(()));
        hosts[0].run_until(passed).unwrap();
        notes.text()
    };
    let orders: BTreeSet<_> = (0..20).map(order).collect();
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert_eq!(order(7), order(7));
}

#[test]
fn a_world_in_which_nothing_can_happen_says_so() {
    let two = Two::new();
    let _client = two.connect();
    let (_resolver, never) = Deferred::<()>::new();
    let failure = two.a.run_until(never).unwrap_err();
    assert!(
        failure.to_string().contains("nothing can ever happen"),
        "{failure}"
    );
    assert_eq!(two.world.elapsed(), ms(20));
}

#[test]
fn one_that_stops_is_waited_for_by_nobody_and_its_triggers_by_itself() {
    let two = Two::new();
    let (b, notes) = (two.b.clone(), two.notes.clone());
    let _client = two.connect();
    two.b.on_shutdown(Phase::Before, move || {
        notes.note("before");
        let notes = notes.clone();
        defer_later(&b, ms(50), move || {
            notes.note("now");
            Ok(())
        })
    });
    let b = two.b.clone();
    let _ = two.b.call_later(ms(30), move || b.stop().unwrap());
    two.pass(ms(1000));
    // Only when the trigger is done does the connection go, and the other side learns it.
    let noted = two.notes.text();
    assert!(
        noted.starts_with("50: before, 100: now, 100: b ") && noted.contains("110: a "),
        "{noted}"
    );
    assert!(two.b.has_stopped());
    // The same when another stops it, between its turns.
    let c = two.world.host("c", [C]);
    two.pass(ms(1));
    assert!(c.is_running());
    c.stop().unwrap();
    two.pass(ms(1));
    assert!(c.has_stopped());
}

#[test]
fn one_that_is_dropped_is_skipped() {
    let Two { world, a, b, notes } = Two::new();
    let dropped = Rc::new(Cell::new(Some(b)));
    let b = Rc::clone(&dropped);
    let of_b = notes.clone();
    let ended = notes.clone();
    // From its own function, in a turn that another gave it.
    if let Some(reactor) = dropped.take() {
        reactor.on_shutdown(Phase::During, move || {
            ended.note("ended");
            Ok(())
        });
        let _ = reactor.call_later(ms(5), move || {
            drop(b.take());
            of_b.note("dropped");
        });
        dropped.set(Some(reactor));
    }
    let two = |time| a.run_until(defer_later(&a, time, || Ok(()))).unwrap();
    two(ms(10));
    assert_eq!(notes.text(), "5: dropped, 5: ended");
    assert!(dropped.take().is_none());
    // From another's.
    let c = world.host("c", [C]);
    let handle = c.clone();
    let c = Cell::new(Some(c));
    a.call_soon(move || drop(c.take()));
    two(ms(10));
    assert!(handle.has_stopped());
}

#[test]
fn time_stands_still_while_a_thread_works_for_any_of_them() {
    let two = Two::new();
    let (go, wait) = mpsc::channel::<()>();
    let notes = two.notes.clone();
    let job = two.b.defer_to_thread(move || {
        wait.recv()?;
        Ok(())
    });
    drop(job.map(move |()| notes.note("the thread is done")));
    two.a.call_soon(move || go.send(()).unwrap());
    two.pass(ms(7));
    assert_eq!(two.notes.text(), "0: the thread is done");
    // One whose reactor has ended keeps nobody waiting.
    let (end, wait) = mpsc::channel::<()>();
    let c = two.world.host("c", [C]);
    let (started, has_started) = mpsc::channel();
    drop(c.defer_to_thread(move || {
        started.send(())?;
        let _ = wait.recv();
        Ok(())
    }));
    /// It takes turns until it has, as a thread has to begin meanwhile.
    fn crash_when_started(
        a: &Reactor,
        has_started: mpsc::Receiver<()>,
        crash: impl FnOnce() + 'static,
    ) {
        let again = a.clone();
        a.call_soon(move || match has_started.try_recv() {
            Ok(()) => crash(),
            Err(_) => crash_when_started(&again, has_started, crash),
        });
    }
    let world = two.world.clone();
    crash_when_started(&two.a, has_started, move || {
        // To end, it waits for its threads.
        drop(end);
        world.crash("c");
    });
    two.pass(ms(5));
    assert_eq!(two.world.elapsed(), ms(12));
}

#[test]
fn a_driven_reactor_may_drive_afterwards() {
    let two = Two::new();
    two.pass(ms(1));
    assert!(two.b.is_running() && !two.a.is_running());
    let (a, b) = (two.a.clone(), two.b.clone());
    // But not meanwhile.
    two.a.call_soon(move || {
        let why = |failure: Failure| failure.check::<ReactorError>().copied();
        assert_eq!(
            b.run().map_err(why),
            Err(Some(ReactorError::InsideCallback))
        );
        assert_eq!(
            a.run().map_err(why),
            Err(Some(ReactorError::AlreadyRunning))
        );
    });
    two.pass(ms(1));
    let passed = defer_later(&two.b, ms(8), || Ok(()));
    two.b.run_until(passed).unwrap();
    two.b.iterate(Some(ms(5))).unwrap();
    assert_eq!(two.world.elapsed(), ms(15));
    assert!(two.a.is_running());
}

#[test]
fn to_advance_is_over_when_nobody_has_anything_left_to_do() {
    let two = Two::new();
    let (b, notes) = (two.b.clone(), two.notes.clone());
    let _ = two.b.call_later(ms(5), move || {
        let again = b.clone();
        b.call_soon(move || again.call_soon(move || notes.note("called")));
    });
    two.a.advance(ms(4)).unwrap();
    assert_eq!(two.notes.text(), "");
    two.a.advance(ms(1)).unwrap();
    assert_eq!(two.notes.text(), "5: called");
}
