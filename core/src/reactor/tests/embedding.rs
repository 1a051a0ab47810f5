//! A reactor inside another loop, and threads that wait for one.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use super::{ms, simulated};
use crate::task::defer_later;
use crate::{
    Address, ClientEndpoint, Deferred, Panicked, Protocol, Reactor, ReactorError, Result,
    TcpClient, TcpServer, Transport,
};

#[test]
fn a_turn_does_what_is_due_and_no_more() {
    let reactor = simulated();
    let count = Rc::new(Cell::new(0));
    for delay in [0, 5, 5, 20] {
        let count = Rc::clone(&count);
        let _ = reactor.call_later(ms(delay), move || count.set(count.get() + 1));
    }
    reactor.iterate(Some(Duration::ZERO)).unwrap();
    assert_eq!(count.get(), 1);
    assert_eq!(reactor.time_to_next_call(), Some(ms(5)));
    let start = reactor.now();
    reactor.iterate(Some(ms(3))).unwrap();
    assert_eq!((reactor.now() - start, count.get()), (ms(3), 1));
    reactor.iterate(None).unwrap();
    assert_eq!((reactor.now() - start, count.get()), (ms(5), 3));
    reactor.iterate(Some(ms(100))).unwrap();
    assert_eq!((reactor.now() - start, count.get()), (ms(20), 4));
    assert_eq!(reactor.time_to_next_call(), None);
    assert!(!reactor.is_running());
}

#[test]
fn a_turn_that_is_asked_to_stop_stops_the_reactor() {
    let reactor = simulated();
    let to_stop = reactor.clone();
    reactor.call_soon(move || to_stop.stop().unwrap());
    reactor.iterate(Some(Duration::ZERO)).unwrap();
    // The next one sees to it, as a `run` would.
    while !reactor.has_stopped() {
        reactor.iterate(Some(Duration::ZERO)).unwrap();
    }
    let error = reactor.iterate(None).unwrap_err();
    assert_eq!(error.check(), Some(&ReactorError::NotRestartable));
}

#[test]
fn a_turn_inside_a_turn_is_refused() {
    let reactor = simulated();
    let inner = reactor.clone();
    let refused = reactor.spawn(async move { Ok(inner.iterate(None).unwrap_err()) });
    let refused = reactor.run_until(refused).unwrap();
    assert!(refused.check::<ReactorError>().is_some(), "{refused:?}");
}

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"x");
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.lose_connection();
        Ok(())
    }
}

#[test]
fn another_loop_can_wait_for_the_descriptor_and_the_time() {
    let reactor = Reactor::new().unwrap();
    let descriptor = reactor.poll_descriptor().unwrap();
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
    let listening = server.listen(|_: &Address| Echo).unwrap();
    let address = listening.socket_addr().unwrap();
    let client = TcpClient::new(&reactor, address).connect(|_: &Address| Echo);
    let is_connected = Rc::new(Cell::new(false));
    let noted = Rc::clone(&is_connected);
    let _connecting = client.map(move |_| noted.set(true));
    // The other loop: it polls that descriptor, in another poll, and has the reactor turn.
    let mut outer = mio::Poll::new().unwrap();
    let mut source = mio::unix::SourceFd(&descriptor);
    let interest = mio::Interest::READABLE;
    outer
        .registry()
        .register(&mut source, mio::Token(0), interest)
        .unwrap();
    let mut events = mio::Events::with_capacity(8);
    let deadline = Instant::now() + Duration::from_secs(30);
    reactor.iterate(Some(Duration::ZERO)).unwrap();
    while !is_connected.get() {
        assert!(Instant::now() < deadline, "the descriptor does not tell");
        let most = reactor
            .time_to_next_call()
            .unwrap_or(ms(1000))
            .min(ms(1000));
        outer.poll(&mut events, Some(most)).unwrap();
        reactor.iterate(Some(Duration::ZERO)).unwrap();
    }
}

#[test]
fn a_simulated_reactor_has_no_descriptor() {
    assert_eq!(simulated().poll_descriptor(), None);
}

/// What `ask` gets, from another thread, while the reactor runs.
fn asked<T: Send + 'static>(
    ask: impl FnOnce(&crate::Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    let reactor = Reactor::new().unwrap();
    let remote = reactor.remote();
    let waiting = thread::spawn(move || {
        let answer = ask(&remote);
        let _ = remote.call_from_thread(|reactor| {
            let _ = reactor.stop();
        });
        answer
    });
    reactor.run().unwrap();
    waiting.join().unwrap()
}

#[test]
fn a_thread_waits_for_values_and_for_deferreds() {
    // C66
    assert_eq!(asked(|remote| remote.block_on(|_| Ok(1))).unwrap(), 1);
    let later =
        asked(|remote| remote.block_on(|reactor| defer_later(reactor, ms(5), || Ok("later"))));
    assert_eq!(later.unwrap(), "later");
}

#[test]
fn a_thread_gets_failures_and_panics() {
    // C66
    let failed = asked(|remote| remote.block_on(|_| Deferred::<()>::fail(std::fmt::Error)));
    assert!(failed.unwrap_err().check::<std::fmt::Error>().is_some());
    let panicked = asked(|remote| remote.block_on(|_| -> Result<()> { panic!("at the disco") }));
    assert!(panicked.unwrap_err().check::<Panicked>().is_some());
}

#[test]
fn a_thread_does_not_wait_for_a_reactor_that_has_stopped() {
    // C66
    let never = asked(|remote| {
        remote.block_on(|reactor| {
            reactor.stop().unwrap();
            let (resolver, never) = Deferred::<()>::new();
            std::mem::forget(resolver);
            never
        })
    });
    let error = never.unwrap_err();
    assert_eq!(error.check(), Some(&ReactorError::Stopped), "{error:?}");

    let reactor = Reactor::new().unwrap();
    let remote = reactor.remote();
    drop(reactor);
    let gone = thread::spawn(move || remote.block_on(|_| Ok(())))
        .join()
        .unwrap();
    assert_eq!(gone.unwrap_err().check(), Some(&ReactorError::Gone));
}

#[test]
fn the_reactors_own_thread_would_wait_for_itself() {
    // C66
    let reactor = simulated();
    let error = reactor.remote().block_on(|_| Ok(())).unwrap_err();
    assert_eq!(error.check(), Some(&ReactorError::InsideCallback));
}
