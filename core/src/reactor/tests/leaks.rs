//! What is left when a reactor, or a connection, is gone: nothing.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Journal, Noting, errors, ms, noting, run_for, simulated};
use crate::net::{ConnectOptions, ListenOptions};
use crate::reactor::Phase;
use crate::task::defer_later;
use crate::testing::log_capture::capture;
use crate::{
    AccessError, Address, Deferred, Failure, Protocol, Reactor, ReactorError, Result, Transport,
};

/// A protocol that keeps its own handles, and something that is counted.
struct Keeps {
    alive: Arc<()>,
    transport: Option<Transport>,
    reactor: Reactor,
}

impl Protocol for Keeps {
    fn connection_made(&mut self, transport: &Transport) {
        self.transport = Some(transport.clone());
        transport.write(b"never read");
        transport.pause_reading();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        // What is asked for now is asked for in vain.
        let alive = Arc::clone(&self.alive);
        let _ = self.reactor.call_later(ms(1), move || drop(alive));
    }
}

fn keeping(reactor: &Reactor, alive: &Arc<()>) -> impl FnMut(&Address) -> Keeps + Clone + 'static {
    let (reactor, alive) = (reactor.clone(), Arc::clone(alive));
    move |_| Keeps {
        alive: Arc::clone(&alive),
        transport: None,
        reactor: reactor.clone(),
    }
}

/// Fills a reactor with one of everything, each holding `alive`.
fn fill(reactor: &Reactor, alive: &Arc<()>) {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let keeper = keeping(reactor, alive);
    let port = reactor
        .listen_tcp(local, keeper.clone(), &ListenOptions::new())
        .unwrap();
    let address = port.socket_addr().unwrap();
    let options = ConnectOptions::new();
    let connected = reactor.connect_tcp(address, keeper.clone(), &options);
    reactor.run_until(connected).unwrap();
    run_for(reactor, ms(5));
    // One that is under way.
    let under_way = reactor.connect_tcp(address, keeper, &options);
    drop(under_way.map(drop).add_errback(|_| Ok(())));

    let hold = || {
        let alive = Arc::clone(alive);
        move || drop(alive)
    };
    let _ = reactor.call_later(Duration::from_secs(1000), hold());
    reactor.call_soon(hold());
    reactor.call_when_running(hold());
    reactor.on_shutdown(Phase::Before, hold());
    let held = hold();
    let _ = reactor.remote().call_from_thread(move |_| held());
    let held = hold();
    drop(reactor.defer_to_thread(move || {
        held();
        Ok(())
    }));
    drop(defer_later(reactor, ms(1000), hold()));
    for awaits in [true, false] {
        let (held, later) = (hold(), reactor.clone());
        drop(reactor.spawn(async move {
            if awaits {
                defer_later(&later, ms(1000), || ()).await?;
            } else {
                std::future::pending::<()>().await;
            }
            held();
            Ok(())
        }));
    }
}

#[test]
fn a_dropped_reactor_frees_all_that_lives_in_it() {
    // C96
    for reactor in [simulated(), Reactor::new().unwrap()] {
        let alive = Arc::new(());
        let core = Rc::downgrade(&reactor.core().unwrap());
        fill(&reactor, &alive);
        assert!(Arc::strong_count(&alive) > 10);
        drop(reactor);
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(core.upgrade().is_none());
    }
}

#[test]
fn a_stopped_reactor_has_freed_all_that_lived_in_it() {
    // C57, C96
    for reactor in [simulated(), Reactor::new().unwrap()] {
        let alive = Arc::new(());
        fill(&reactor, &alive);
        let (records, ()) = capture(|| super::run_and_stop(&reactor));
        assert!(errors(&records).is_empty(), "{records:?}");
        assert_eq!(Arc::strong_count(&alive), 1);
        assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (0, 0));
    }
}

#[test]
fn handles_keep_nothing_alive_and_are_harmless_afterwards() {
    // C96
    let reactor = simulated();
    let alive = Arc::new(());
    let local = SocketAddr::from(([127, 0, 0, 1], 7));
    let options = ConnectOptions::new();
    let port = reactor
        .listen_tcp(local, keeping(&reactor, &alive), &ListenOptions::new())
        .unwrap();
    let connected = reactor.connect_tcp(local, keeping(&reactor, &alive), &options);
    let client = reactor.run_until(connected).unwrap();
    let (transport, remote) = (client.transport().clone(), reactor.remote());
    let timer = reactor.call_later(ms(10), || panic!("it is forgotten"));
    let handle = reactor.clone();
    drop(reactor);
    assert_eq!(Arc::strong_count(&alive), 1);

    assert_eq!(client.with(|_, _| ()), Err(AccessError::Gone));
    transport.write(b"into the void");
    transport.lose_connection();
    transport.lose_write_connection();
    transport.abort_connection();
    transport.pause_reading();
    transport.resume_reading();
    transport.unregister_producer();
    assert!(!transport.is_open());
    assert_eq!(transport.queued(), 0);
    assert!(transport.reactor().core().is_none());
    assert!(!timer.is_active() && !timer.cancel() && !timer.reset(ms(1)) && !timer.delay(ms(1)));
    assert!(port.stop_listening().try_take().unwrap().is_ok());
    assert_eq!(remote.call_from_thread(|_| ()), Err(ReactorError::Gone));

    handle.call_soon(|| panic!("it is dropped"));
    handle.call_when_running(|| panic!("it is dropped"));
    handle.handle_signals(true);
    assert!(!handle.call_later(ms(1), || ()).is_active());
    assert!(handle.run().is_err() && handle.stop().is_err());
    assert!(handle.run_until(Deferred::succeed(())).is_err());
    assert!(!handle.is_running() && handle.has_stopped());
    assert_eq!((handle.delayed_calls(), handle.open_sources()), (0, 0));
    let id = handle.on_shutdown(Phase::Before, || ());
    assert!(!handle.remove_shutdown_trigger(id));
    assert!(handle.look_up("127.0.0.1").try_take().unwrap().is_err());
    let listening = handle.listen_tcp(local, keeping(&handle, &alive), &ListenOptions::new());
    assert!(listening.is_err());
    let connecting = handle.connect_tcp(local, keeping(&handle, &alive), &options);
    assert!(connecting.try_take().unwrap().is_err());
    let remote = handle.remote();
    assert_eq!(remote.call_from_thread(|_| ()), Err(ReactorError::Gone));
    assert_eq!(format!("{handle:?}"), "Reactor { state: \"gone\" }");
}

#[test]
fn a_connection_that_ended_leaves_nothing_in_the_reactor() {
    // C96
    let reactor = simulated();
    let alive = Arc::new(());
    let journal = Journal::default();
    let local = SocketAddr::from(([127, 0, 0, 1], 7));
    let port = reactor
        .listen_tcp(local, noting(&journal), &ListenOptions::new())
        .unwrap();
    let held = Arc::clone(&alive);
    let factory = move |_: &Address| {
        let _held = &held;
        Noting(Journal::default())
    };
    let connected = reactor.connect_tcp(local, factory, &ConnectOptions::new());
    let client = reactor.run_until(connected).unwrap();
    assert_eq!(
        Arc::strong_count(&alive),
        1,
        "the factory has done its work"
    );
    client.transport().lose_connection();
    drop(port.stop_listening());
    run_for(&reactor, ms(100));
    assert_eq!(client.with(|_, _| ()), Err(AccessError::Gone));
    assert_eq!(journal.take(), "made done");
    assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (0, 0));
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("broken drop");
    }
}

#[test]
fn what_panics_when_it_is_dropped_is_logged_and_the_rest_is_freed() {
    // C61, C96
    let reactor = simulated();
    let alive = Arc::new(());
    fill(&reactor, &alive);
    let broken = || {
        let broken = PanicsInDrop;
        move || drop(broken)
    };
    let _ = reactor.call_later(ms(1), broken());
    let _ = reactor.call_later(ms(1), broken());
    reactor.call_soon(broken());
    let call = broken();
    let _ = reactor.remote().call_from_thread(move |_| call());
    let call = broken();
    drop(reactor.defer_to_thread(move || {
        call();
        Ok(())
    }));
    let future = PanicsInDrop;
    drop(reactor.spawn(async move {
        std::future::pending::<()>().await;
        drop(future);
    }));
    let (records, ()) = capture(|| drop(reactor));
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(
        errors(&records)
            .iter()
            .all(|text| text.contains("broken drop"))
    );
    assert!(errors(&records).len() >= 5, "{records:?}");
}
