//! The pool, with channels instead of sleeps.

use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};

fn running(max: usize) -> ThreadPool {
    let pool = ThreadPool::new("test", max);
    pool.start().unwrap();
    pool
}

/// A job that tells when it runs and ends when it is let go.
fn blocking_job(pool: &ThreadPool) -> (Receiver<()>, Sender<()>) {
    let (started, has_started) = channel();
    let (let_go, go) = channel::<()>();
    let job = move || {
        started.send(()).unwrap();
        let _ = go.recv();
    };
    pool.submit(Box::new(job)).unwrap();
    (has_started, let_go)
}

fn wait_until(pool: &ThreadPool, condition: impl Fn(ThreadStatistics) -> bool) {
    while !condition(pool.statistics()) {
        thread::yield_now();
    }
}

// C65
#[test]
fn jobs_wait_for_the_start() {
    let pool = ThreadPool::new("test", 2);
    let (sender, receiver) = channel();
    for n in 0..3 {
        let sender = sender.clone();
        pool.submit(Box::new(move || sender.send(n).unwrap()))
            .unwrap();
    }
    let expected = ThreadStatistics {
        threads: 0,
        idle: 0,
        queued: 3,
    };
    assert_eq!(pool.statistics(), expected);
    pool.start().unwrap();
    let mut ran = receiver.iter().take(3).collect::<Vec<_>>();
    ran.sort_unstable();
    assert_eq!(ran, [0, 1, 2]);
}

#[test]
fn threads_are_made_on_demand_and_no_more_than_allowed() {
    let pool = running(2);
    assert_eq!(pool.statistics().threads, 0);
    let (first, _go_first) = blocking_job(&pool);
    first.recv().unwrap();
    assert_eq!(pool.statistics().threads, 1);
    let (second, go_second) = blocking_job(&pool);
    second.recv().unwrap();
    let (third, _go_third) = blocking_job(&pool);
    let expected = ThreadStatistics {
        threads: 2,
        idle: 0,
        queued: 1,
    };
    assert_eq!(pool.statistics(), expected);
    go_second.send(()).unwrap();
    third.recv().unwrap();
    assert_eq!(pool.statistics().queued, 0);
}

#[test]
fn an_idle_thread_is_used_again() {
    let pool = running(8);
    let (sender, receiver) = channel();
    for _ in 0..20 {
        let sender = sender.clone();
        pool.submit(Box::new(move || {
            sender.send(thread::current().id()).unwrap();
        }))
        .unwrap();
        wait_until(&pool, |now| now.idle == 1 && now.queued == 0);
    }
    assert_eq!(pool.statistics().threads, 1);
    drop(sender);
    let ids = receiver.iter().collect::<std::collections::HashSet<_>>();
    assert_eq!(ids.len(), 1);
}

#[test]
fn jobs_run_in_the_order_of_submission() {
    let pool = running(1);
    let (sender, receiver) = channel();
    for n in 0..100 {
        let sender = sender.clone();
        pool.submit(Box::new(move || sender.send(n).unwrap()))
            .unwrap();
    }
    assert_eq!(
        receiver.iter().take(100).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
}

#[test]
fn a_panic_ends_the_job_only() {
    let pool = running(1);
    let (sender, receiver) = channel::<thread::ThreadId>();
    let other = sender.clone();
    let panicking = move || {
        other.send(thread::current().id()).unwrap();
        // As `panic!`, but without the message on stderr.
        std::panic::resume_unwind(Box::new("on purpose"));
    };
    pool.submit(Box::new(panicking)).unwrap();
    pool.submit(Box::new(move || {
        sender.send(thread::current().id()).unwrap();
    }))
    .unwrap();
    let ids = receiver.iter().collect::<Vec<_>>();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

// C65
#[test]
fn stop_lets_running_jobs_end_and_drops_the_others() {
    let pool = running(1);
    let (started, let_go) = blocking_job(&pool);
    started.recv().unwrap();
    let (sender, queued) = channel::<()>();
    pool.submit(Box::new(move || sender.send(()).unwrap()))
        .unwrap();
    let releaser = thread::spawn(move || {
        // The queued job goes before the running one is waited for.
        queued.recv().expect_err("dropped unrun");
        let_go.send(()).unwrap();
    });
    pool.stop();
    releaser.join().unwrap();
    started.recv().expect_err("the running job has ended");
    let expected = ThreadStatistics {
        threads: 0,
        idle: 0,
        queued: 0,
    };
    assert_eq!(pool.statistics(), expected);
    assert!(pool.submit(Box::new(|| unreachable!())).is_err());
    pool.stop();
}

#[test]
fn a_stopped_pool_can_be_started_again() {
    let pool = running(2);
    pool.stop();
    pool.start().unwrap();
    let (sender, receiver) = channel();
    pool.submit(Box::new(move || sender.send(()).unwrap()))
        .unwrap();
    receiver.recv().unwrap();
}

#[test]
fn a_job_may_stop_or_drop_its_own_pool() {
    let pool = Arc::new(running(2));
    let (sender, receiver) = channel();
    let (own, told) = (pool.clone(), sender.clone());
    let stop = move || {
        own.stop();
        told.send(()).unwrap();
    };
    pool.submit(Box::new(stop)).unwrap();
    receiver.recv().unwrap();
    wait_until(&pool, |now| now.threads == 0);

    pool.start().unwrap();
    let own = pool.clone();
    let (let_go, go) = channel::<()>();
    let drop_it = move || {
        go.recv().unwrap();
        drop(own);
        sender.send(()).unwrap();
    };
    pool.submit(Box::new(drop_it)).unwrap();
    drop(pool);
    let_go.send(()).unwrap();
    receiver.recv().unwrap();
}

#[test]
fn dropping_the_pool_waits_for_what_runs() {
    let pool = running(4);
    let (started, let_go) = blocking_job(&pool);
    started.recv().unwrap();
    let_go.send(()).unwrap();
    drop(pool);
    started.recv().expect_err("the job has ended");
}

#[test]
fn a_pool_grows_for_what_waits_when_it_may() {
    let pool = running(1);
    let (first, _go_first) = blocking_job(&pool);
    first.recv().unwrap();
    let (second, go_second) = blocking_job(&pool);
    assert_eq!(pool.statistics().queued, 1);
    pool.set_max(2).unwrap();
    second.recv().unwrap();
    assert_eq!(pool.statistics().threads, 2);
    drop(go_second);
}

#[test]
fn threads_that_are_too_many_end_and_no_more_than_those() {
    let pool = running(8);
    let jobs: Vec<_> = (0..8).map(|_| blocking_job(&pool)).collect();
    for (started, _) in &jobs {
        started.recv().unwrap();
    }
    pool.set_max(3).unwrap();
    assert_eq!(pool.statistics().threads, 8, "each ends its job");
    drop(jobs);
    wait_until(&pool, |now| now.threads == 3 && now.idle == 3);
    // Those that are idle end as well, and who is left runs what comes.
    pool.set_max(0).unwrap();
    wait_until(&pool, |now| now.threads == 1);
    let (started, _go) = blocking_job(&pool);
    started.recv().unwrap();
    assert_eq!(pool.statistics().threads, 1);
}
