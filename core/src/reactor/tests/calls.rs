//! `call_soon`, `call_when_running`, and calls from other threads.

use std::cell::RefCell;
use std::thread;

use super::{Journal, errors, ms, run_for, simulated};
use crate::testing::log_capture::capture;
use crate::{Reactor, ReactorError};

#[test]
fn calls_come_in_the_next_turn_in_the_order_made() {
    let reactor = simulated();
    let journal = Journal::default();
    let (handle, noted) = (reactor.clone(), journal.clone());
    reactor.call_soon(move || {
        noted.note("first");
        handle.call_soon(noted.noting("third"));
    });
    reactor.call_soon(journal.noting("second"));
    assert_eq!(journal.take(), "");
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "first second third");
}

#[test]
fn calls_for_a_running_reactor_come_when_it_has_started_in_order() {
    // C55, C56
    let reactor = simulated();
    let journal = Journal::default();
    let (handle, noted) = (reactor.clone(), journal.clone());
    reactor.call_when_running(move || {
        assert!(handle.is_running());
        noted.note("first");
        handle.call_when_running(noted.noting("inner"));
        noted.note("first's end");
    });
    reactor.call_when_running(journal.noting("second"));
    assert!(!reactor.is_running());
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "first first's end second inner");
    assert!(!reactor.is_running());
}

#[test]
fn a_panic_in_a_call_is_logged_and_the_others_come() {
    // C61
    let reactor = simulated();
    let journal = Journal::default();
    let (records, ()) = capture(|| {
        reactor.call_when_running(|| panic!("broken start"));
        reactor.call_when_running(journal.noting("start"));
        reactor.call_soon(|| panic!("broken call"));
        reactor.call_soon(journal.noting("call"));
        let remote = reactor.remote();
        remote
            .call_from_thread(|_| panic!("broken remote"))
            .unwrap();
        run_for(&reactor, ms(1));
    });
    assert_eq!(journal.take(), "start call");
    let errors = errors(&records).join("\n");
    for part in ["broken start", "broken call", "broken remote"] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
}

thread_local! {
    /// The calls that ran, by thread: what a call from a thread can find only here.
    static RAN: RefCell<[usize; 4]> = const { RefCell::new([0; 4]) };
}

#[test]
fn calls_from_threads_wait_until_the_reactor_runs() {
    // C63
    let reactor = Reactor::new().unwrap();
    let journal = Journal::default();
    let (remote, noting) = (reactor.remote(), journal.noting("ran"));
    thread::spawn(move || remote.call_from_thread(|_| noting()))
        .join()
        .unwrap()
        .unwrap();
    assert_eq!(journal.take(), "");
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "ran");
}

#[test]
fn a_call_made_by_a_call_from_a_thread_waits_for_the_next_turn() {
    // C63
    let reactor = simulated();
    let journal = Journal::default();
    let (remote, noted) = (reactor.remote(), journal.clone());
    remote
        .call_from_thread(move |reactor| {
            reactor.call_soon(noted.noting("this turn"));
            let _ = reactor
                .remote()
                .call_from_thread(move |_| noted.noting("next turn")());
        })
        .unwrap();
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "this turn next turn");
}

#[test]
fn a_hundred_thousand_calls_from_four_threads_all_come_in_order() {
    // C63, R101
    const EACH: usize = 25_000;
    let reactor = Reactor::new().unwrap();
    let threads = (0..4)
        .map(|thread| {
            let remote = reactor.remote();
            thread::spawn(move || {
                for n in 0..EACH {
                    remote
                        .call_from_thread(move |reactor| {
                            RAN.with_borrow_mut(|ran| {
                                assert_eq!(ran[thread], n);
                                ran[thread] += 1;
                                if ran.iter().all(|&ran| ran == EACH) {
                                    let _ = reactor.stop();
                                }
                            });
                        })
                        .unwrap();
                    if n % 1000 == 0 {
                        // So that the reactor falls asleep now and then.
                        thread::yield_now();
                    }
                }
            })
        })
        .collect::<Vec<_>>();
    let (records, result) = capture(|| reactor.run());
    result.unwrap();
    assert!(errors(&records).is_empty());
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_sleeping_reactor_is_woken_for_each_of_many_single_calls() {
    // C63, R101: each call is made only after the one before has been answered.
    let reactor = Reactor::new().unwrap();
    let remote = reactor.remote();
    let thread = thread::spawn(move || {
        let (answer, answered) = std::sync::mpsc::channel();
        for n in 0..2000 {
            let answer = answer.clone();
            remote
                .call_from_thread(move |_| answer.send(n).unwrap())
                .unwrap();
            assert_eq!(answered.recv(), Ok(n));
        }
        remote
            .call_from_thread(|reactor| reactor.stop().unwrap())
            .unwrap();
    });
    reactor.run().unwrap();
    thread.join().unwrap();
}

#[test]
fn a_stop_from_another_thread_before_the_first_wait_stops() {
    // C63, R101
    for _ in 0..50 {
        let reactor = Reactor::new().unwrap();
        let remote = reactor.remote();
        let thread = thread::spawn(move || {
            remote.call_from_thread(|reactor| {
                let _ = reactor.stop();
            })
        });
        reactor.run().unwrap();
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_stopped_reactor_refuses_calls_from_threads() {
    let reactor = simulated();
    let remote = reactor.remote();
    let stop = reactor.clone();
    reactor.call_soon(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(
        remote.call_from_thread(|_| panic!("it is refused")),
        Err(ReactorError::Gone)
    );
    drop(reactor);
    assert_eq!(
        remote.call_from_thread(|_| panic!("it is refused")),
        Err(ReactorError::Gone)
    );
}
