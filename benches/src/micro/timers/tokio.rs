//! tokio's two ways, in its paused time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, Sleep, advance, sleep_until};
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;

use super::Timers;

type Call = Box<dyn FnOnce(&mut u64)>;

/// A runtime whose time passes when it is told to.
struct Clock {
    runtime: Runtime,
    beginning: Instant,
}

impl Clock {
    fn new() -> Self {
        let builder = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = builder.expect("a runtime can be built");
        let beginning = runtime.block_on(async { Instant::now() });
        Self { runtime, beginning }
    }

    fn moment(&self, at: u64) -> Instant {
        self.beginning + Duration::from_nanos(at)
    }

    fn pass(&self, until: u64) {
        self.runtime.block_on(async {
            advance(self.moment(until).saturating_duration_since(Instant::now())).await;
        });
    }
}

/// A `DelayQueue` of functions.
pub(super) struct Queue {
    queue: DelayQueue<Call>,
    clock: Clock,
    fired: u64,
}

impl Timers for Queue {
    type Key = Key;

    fn new() -> Self {
        Self {
            clock: Clock::new(),
            queue: DelayQueue::new(),
            fired: 0,
        }
    }

    fn add(&mut self, at: u64) -> Key {
        let one = std::hint::black_box(1);
        let _in = self.clock.runtime.enter();
        self.queue
            .insert_at(Box::new(move |fired| *fired += one), self.clock.moment(at))
    }

    fn cancel(&mut self, key: Key) {
        let _in = self.clock.runtime.enter();
        self.queue.remove(&key);
    }

    fn pass(&mut self, until: u64) {
        self.clock.pass(until);
        let _in = self.clock.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(due)) = self.queue.poll_expired(&mut context) {
            due.into_inner()(&mut self.fired);
        }
    }

    fn fired(&self) -> u64 {
        self.fired
    }

    fn reset(&mut self, key: &mut Key, at: u64) {
        let _in = self.clock.runtime.enter();
        self.queue.reset_at(key, self.clock.moment(at));
    }
}

/// A future for each, as programs have them; polled once, so that it is registered.
pub(super) struct Sleeps {
    clock: Clock,
    woken: Arc<Woken>,
    waker: Waker,
}

/// Counts what the timers wake; no task runs then.
#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Timers for Sleeps {
    type Key = Pin<Box<Sleep>>;

    fn new() -> Self {
        let woken = Arc::new(Woken::default());
        Self {
            clock: Clock::new(),
            waker: Waker::from(Arc::clone(&woken)),
            woken,
        }
    }

    fn add(&mut self, at: u64) -> Self::Key {
        let _in = self.clock.runtime.enter();
        let mut sleep = Box::pin(sleep_until(self.clock.moment(at)));
        let _ = sleep.as_mut().poll(&mut Context::from_waker(&self.waker));
        sleep
    }

    fn cancel(&mut self, key: Self::Key) {
        drop(key);
    }

    fn pass(&mut self, until: u64) {
        self.clock.pass(until);
    }

    fn fired(&self) -> u64 {
        self.woken.0.load(Ordering::Relaxed)
    }

    fn reset(&mut self, key: &mut Self::Key, at: u64) {
        key.as_mut().reset(self.clock.moment(at));
    }
}
