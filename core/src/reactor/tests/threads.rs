//! Work on other threads: `defer_to_thread`, and name look-ups beside it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::{Journal, errors, ms, run_and_stop, run_for, simulated};
use crate::endpoints::{ClientEndpoint, ConnectOptions, HostnameClient};
use crate::reactor::resolver;
use crate::testing::log_capture::capture;
use crate::{
    Cancelled, ConnectStage, ConnectTimedOut, Deferred, Failure, Panicked, Reactor, TimedOut,
};

/// The size of the pool, as `defer_to_thread` documents it.
const WORKERS: usize = 10;

/// A job that tells when it runs, and runs until it is let go.
fn blocked(reactor: &Reactor) -> (Deferred<()>, Receiver<()>, Sender<()>) {
    let (started, has_started) = channel();
    let (let_go, go) = channel();
    let done = reactor.defer_to_thread(move || {
        started.send(()).unwrap();
        // Let go by a word, or by the sender's end.
        let _ = go.recv();
        Ok(())
    });
    (done, has_started, let_go)
}

#[test]
fn a_job_runs_on_another_thread_and_its_result_comes_on_ours() {
    // C64
    for reactor in [simulated(), Reactor::new().unwrap()] {
        let here = thread::current().id();
        let there = reactor
            .defer_to_thread(|| Ok(thread::current().id()))
            .map(move |there| {
                assert_eq!(thread::current().id(), here);
                there
            });
        assert_ne!(reactor.run_until(there).unwrap(), here);
    }
}

#[test]
fn an_error_and_a_panic_of_a_job_come_as_failures() {
    // C64
    let reactor = simulated();
    let failed = reactor.defer_to_thread(|| Err::<(), _>(Failure::from(std::fmt::Error)));
    let failure = reactor.run_until(failed).unwrap_err();
    assert!(failure.check::<std::fmt::Error>().is_some());

    let panicked = reactor.defer_to_thread::<()>(|| panic!("broken job"));
    let failure = reactor.run_until(panicked).unwrap_err();
    assert_eq!(failure.check::<Panicked>().unwrap().message, "broken job");
}

#[test]
fn jobs_wait_until_the_reactor_runs() {
    // C65
    let reactor = simulated();
    let journal = Journal::default();
    let noted = journal.clone();
    let job = reactor.defer_to_thread(move || {
        noted.note("ran");
        Ok(())
    });
    let idle = reactor.core().unwrap().workers.statistics();
    assert_eq!((idle.threads, idle.queued), (0, 1));
    reactor.run_until(job).unwrap();
    assert_eq!(journal.take(), "ran");
}

#[test]
fn a_stop_waits_for_the_jobs_that_run_and_drops_the_others() {
    // C65
    let reactor = Reactor::new().unwrap();
    let journal = Journal::default();
    let jobs = (0..WORKERS).map(|_| blocked(&reactor)).collect::<Vec<_>>();
    let queued = reactor.defer_to_thread(|| -> crate::Result<()> { unreachable!("it is dropped") });
    let (stop, noted) = (reactor.clone(), journal.clone());
    reactor.call_soon(move || {
        let mut dones = Vec::new();
        for (done, has_started, let_go) in jobs {
            has_started.recv().unwrap();
            dones.push(done);
            let noted = noted.clone();
            // Only when the pool is being stopped do they end.
            stop.on_shutdown(crate::reactor::Phase::After, move || {
                noted.note("after");
                drop(let_go);
            });
        }
        std::mem::forget(dones);
        stop.stop().unwrap();
    });
    reactor.run().unwrap();
    assert_eq!(journal.take(), ["after"; WORKERS].join(" "));
    assert!(queued.try_take().unwrap().is_err());
    assert_eq!(reactor.core().unwrap().workers.statistics().threads, 0);
}

#[test]
fn a_full_pool_starves_neither_literal_addresses_nor_names() {
    // R102
    let reactor = Reactor::new().unwrap();
    let jobs = (0..WORKERS + 6)
        .map(|_| blocked(&reactor))
        .collect::<Vec<_>>();
    let first = reactor.defer_to_thread(|| Ok(())).is_fired();
    assert!(!first);
    let literal = reactor.look_up("127.0.0.1");
    assert!(literal.is_fired(), "at once");
    let name = reactor.look_up("localhost");
    assert!(reactor.run_until(name).unwrap()[0].is_loopback());
    for (done, has_started, let_go) in jobs {
        drop(let_go);
        reactor.run_until(done).unwrap();
        has_started.recv().unwrap();
    }
}

#[test]
fn a_cancelled_job_runs_on_and_its_result_is_dropped() {
    // C64, R107
    let reactor = Reactor::new().unwrap();
    let (done, has_started, let_go) = blocked(&reactor);
    let (records, ()) = capture(|| {
        run_for(&reactor, ms(1));
        has_started.recv().unwrap();
        done.cancel();
        let failure = done.try_take().unwrap().unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());
        drop(let_go);
        // The same worker is free again.
        reactor
            .run_until(reactor.defer_to_thread(|| Ok(())))
            .unwrap();
        run_and_stop(&reactor);
    });
    assert!(errors(&records).is_empty());
}

#[test]
fn a_time_limit_in_a_simulated_world_does_not_run_while_a_thread_works() {
    // C64, C29
    let reactor = simulated();
    let start = reactor.now();
    for n in 0..100 {
        let job = reactor
            .defer_to_thread(move || {
                thread::yield_now();
                Ok(n)
            })
            .add_timeout(&reactor, ms(1));
        assert_eq!(reactor.run_until(job).unwrap(), n);
    }
    assert_eq!(reactor.now(), start);
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn a_time_limit_passes_while_a_real_thread_works() {
    // C29
    let reactor = Reactor::new().unwrap();
    let (done, _has_started, let_go) = blocked(&reactor);
    let failure = reactor
        .run_until(done.add_timeout(&reactor, ms(2)))
        .unwrap_err();
    assert!(failure.check::<TimedOut>().is_some());
    drop(let_go);
}

/// Keeps all threads that look up names busy, until what it gives is dropped.
fn block_names(reactor: &Reactor) -> Vec<Sender<()>> {
    (0..resolver::THREADS)
        .map(|_| {
            let (let_go, go) = channel();
            let job = move || {
                let _ = go.recv();
            };
            let core = reactor.core().unwrap();
            core.names.threads.submit(Box::new(job)).unwrap();
            let_go
        })
        .collect()
}

#[test]
fn a_look_up_can_be_cancelled() {
    // C122
    let reactor = Reactor::new().unwrap();
    let _blocked = block_names(&reactor);
    let client = HostnameClient::new(&reactor, "localhost", 9);
    for connecting in [
        reactor.look_up("localhost").map(drop),
        client.establish().map(drop),
    ] {
        run_for(&reactor, ms(1));
        connecting.cancel();
        let failure = connecting.try_take().unwrap().unwrap_err();
        assert!(failure.check::<Cancelled>().is_some(), "{failure:?}");
    }
    assert_eq!((reactor.delayed_calls(), reactor.open_sources()), (0, 0));
}

#[test]
fn a_connect_times_out_in_the_look_up_and_says_so() {
    // C76, C122, R103
    let reactor = Reactor::new().unwrap();
    let _blocked = block_names(&reactor);
    let client =
        HostnameClient::new(&reactor, "localhost", 9).options(ConnectOptions::new().timeout(ms(2)));
    let failure = reactor.run_until(client.establish()).unwrap_err();
    let timed_out = failure.check::<ConnectTimedOut>().unwrap();
    assert_eq!(timed_out.stage, ConnectStage::LookUp);
    assert_eq!(timed_out.peer, "localhost:9");
    assert_eq!((reactor.delayed_calls(), reactor.open_sources()), (0, 0));
}

#[test]
fn a_stop_does_not_wait_for_a_resolver_that_is_silent() {
    // R102
    let reactor = Reactor::new().unwrap();
    let blocked = block_names(&reactor);
    let pending = reactor.look_up("localhost");
    run_and_stop(&reactor);
    assert!(pending.try_take().unwrap().is_err());
    drop(reactor);
    drop(blocked);
}
