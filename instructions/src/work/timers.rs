//! Timers. There are a few thousand of them at any time, as in a server.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use torsade::testing::Simulation;
use torsade::{Reactor, Result};

const PENDING: u32 = 2000;

/// Delays of up to a minute, in no order.
fn delay(index: u32) -> Duration {
    Duration::from_micros(u64::from(index.wrapping_mul(2_654_435_761)) % 60_000_000)
}

fn reactor() -> Reactor {
    let reactor = Simulation::new().reactor();
    for index in 0..PENDING {
        let _ = reactor.call_later(Duration::from_secs(3600) + delay(index), || {});
    }
    reactor
}

pub(super) fn cancelled(times: u32) -> Result<()> {
    let reactor = reactor();
    for index in 0..times {
        let call = reactor.call_later(delay(index), || {});
        assert!(call.cancel());
    }
    Ok(())
}

pub(super) fn fired(times: u32) -> Result<()> {
    let (reactor, fired) = (reactor(), Rc::new(Cell::new(0)));
    for index in 0..times {
        let fired = Rc::clone(&fired);
        let _ = reactor.call_later(delay(index), move || fired.set(fired.get() + 1));
    }
    reactor.advance(Duration::from_secs(60))?;
    assert_eq!(fired.get(), times);
    Ok(())
}
