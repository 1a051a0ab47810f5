use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::World;
use crate::protocols::IdleTimeout;
use crate::{Address, Protocol, Result, Transport};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

type Kept = Rc<RefCell<Option<IdleTimeout>>>;

/// Each byte puts the time-out off.
struct Patient {
    idle: Kept,
}

impl Protocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        let mut idle = IdleTimeout::new(transport);
        assert_eq!(idle.set(Some(secs(10))), None);
        *self.idle.borrow_mut() = Some(idle);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        if let Some(idle) = &mut *self.idle.borrow_mut() {
            idle.reset();
        }
        Ok(())
    }
}

fn world() -> (World, Kept) {
    let kept = Kept::default();
    let idle = Rc::clone(&kept);
    let world = World::new(move |_: &Address| Patient {
        idle: Rc::clone(&idle),
    });
    world.pass(Duration::from_millis(10));
    (world, kept)
}

#[test]
fn a_connection_on_which_nothing_happens_is_closed() {
    // C110
    let (world, _kept) = world();
    world.pass(secs(9));
    assert!(!world.is_over.get());
    world.pass(secs(2));
    assert!(world.is_over.get());
}

#[test]
fn whatever_happens_puts_it_off() {
    // C110
    let (world, _kept) = world();
    for _ in 0..10 {
        world.pass(secs(8));
        world.send("x");
        assert!(!world.is_over.get());
    }
    world.pass(secs(11));
    assert!(world.is_over.get());
}

#[test]
fn a_new_period_begins_now_and_none_is_for_ever() {
    // C110
    let (world, kept) = world();
    world.pass(secs(9));
    let set = |period| kept.borrow_mut().as_mut().unwrap().set(period);
    assert_eq!(set(Some(secs(100))), Some(secs(10)));
    world.pass(secs(99));
    assert!(!world.is_over.get());
    assert_eq!(set(None), Some(secs(100)));
    world.pass(secs(1000));
    assert!(!world.is_over.get());
    assert_eq!(world.reactor.delayed_calls(), 0);
}

#[test]
fn no_timer_is_left_when_it_is_dropped() {
    // C110
    let (world, kept) = world();
    assert_eq!(world.reactor.delayed_calls(), 1);
    drop(kept.take());
    assert_eq!(world.reactor.delayed_calls(), 0);
}

#[test]
fn something_else_may_be_done_and_done_again() {
    // C110
    let (world, kept) = world();
    let count = Rc::new(RefCell::new(0));
    let counter = Rc::clone(&count);
    let transport = world.peer.transport().clone();
    let mut idle = IdleTimeout::with(&transport, move |_| *counter.borrow_mut() += 1);
    kept.take();
    idle.set(Some(secs(1)));
    world.pass(secs(5));
    assert_eq!(*count.borrow(), 1, "once, until it is begun again");
    idle.reset();
    world.pass(secs(5));
    assert_eq!(*count.borrow(), 2);
}
