//! The rule that user functions never nest, and the loop that runs what is fired.
//!
//! While a user function runs, whatever becomes ready waits. When the function has returned, what
//! it made ready runs in the order made, each thing wholly (with all that it makes ready in turn)
//! before the next, and all of it before what would have followed the function:
//!
//! ```text
//! a1 fires b and c; b1 fires d        ->   a1  b1  d1  b2  c1  a2
//! ```
//!
//! That is the order that nested calls would give, but it is made by a loop with a stack of its
//! own: neither deep chains nor things that fire each other grow the thread's stack.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::chain::Chain;
use crate::Result;
use crate::error::Panicked;
use crate::logged::log_error;

/// Something that is ready to run, for example a stage that got its input.
pub(crate) trait Run {
    /// Runs.
    ///
    /// A user function that it calls is called through `catch_unwind`, with nothing else at stake
    /// that a panic could lose. (What is left are user values that panic in their `drop`.)
    fn run(self: Rc<Self>, turn: &mut Turn);
}

/// Something that is ready to run, and the chain that it is a part of.
struct Ready {
    run: Rc<dyn Run>,
    chain: Option<Rc<dyn Chain>>,
}

thread_local! {
    /// Whether a user function runs now, or the loop between two of them.
    static RUNNING: Cell<bool> = const { Cell::new(false) };

    /// Whether `QUEUE` has something in it: a look here costs a fraction of a look there.
    static QUEUED: Cell<bool> = const { Cell::new(false) };

    /// What the running user function made ready, the oldest first.
    static QUEUE: RefCell<Vec<Ready>> = const { RefCell::new(Vec::new()) };
}

/// Whether torsade is calling a user function on this thread, further up the stack.
#[inline]
pub(crate) fn in_user_function() -> bool {
    RUNNING.get()
}

/// Calls a user function; what it fires waits until it has returned, and has run when this returns.
///
/// A panic in it becomes an error of type [`Panicked`]; whoever calls logs it or passes it on.
/// If the call comes from inside another user function then what is fired waits for that one.
#[inline]
pub(crate) fn call_user<R>(f: impl FnOnce() -> R) -> Result<R> {
    let outermost = !RUNNING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    if outermost {
        if QUEUED.get() {
            run_all(&mut Turn::new(None));
        }
        RUNNING.set(false);
    }
    result.map_err(|payload| Panicked::from_payload(payload).into())
}

/// A stretch in which user code runs that was not called by torsade, but by the user: leaving the
/// outermost one runs what became ready in it.
pub(crate) struct UserScope {
    outermost: bool,
}

impl UserScope {
    pub(crate) fn enter() -> Self {
        Self {
            outermost: !RUNNING.replace(true),
        }
    }
}

impl Drop for UserScope {
    fn drop(&mut self) {
        if self.outermost {
            if QUEUED.get() {
                run_all(&mut Turn::new(None));
            }
            RUNNING.set(false);
        }
    }
}

/// Runs what is ready, with all that follows from it, now or when the running user function ends.
pub(crate) fn fire(run: Rc<dyn Run>) {
    fire_in(None, run);
}

/// The same, for what is a part of a chain.
pub(super) fn fire_in(chain: Option<Rc<dyn Chain>>, run: Rc<dyn Run>) {
    if RUNNING.replace(true) {
        enqueue(Ready { run, chain });
    } else {
        let mut turn = Turn::new(None);
        turn.next = Some(Ready { run, chain });
        run_all(&mut turn);
        RUNNING.set(false);
    }
}

/// Starts a turn with `first`, in a chain; no user function runs.
///
/// It saves what [`fire_in`] costs.
#[inline]
pub(super) fn start_now(chain: Rc<dyn Chain>, first: impl FnOnce(&mut Turn)) {
    RUNNING.set(true);
    let mut turn = Turn::new(Some(chain));
    let result = catch_unwind(AssertUnwindSafe(|| first(&mut turn)));
    if let Err(payload) = result {
        log_stray(&Panicked::from_payload(payload));
    }
    if turn.next.is_some() || QUEUED.get() {
        run_all(&mut turn);
    }
    RUNNING.set(false);
}

#[cold]
fn enqueue(ready: Ready) {
    let mut ready = Some(ready);
    let queued = QUEUE.try_with(|queue| {
        queue.borrow_mut().extend(ready.take());
        QUEUED.set(true);
    });
    if queued.is_err() {
        // The thread ends and has destroyed its queue: running it nested is better than losing it.
        let mut turn = Turn::new(None);
        turn.next = ready;
        run_all(&mut turn);
    }
}

/// Runs what the turn has to run, what that makes ready, and what is queued.
///
/// `RUNNING` is set, by the caller. Nothing unwinds out of here.
fn run_all(turn: &mut Turn) {
    let mut after = Vec::new();
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| turn.run(&mut after))) {
        log_stray(&Panicked::from_payload(payload));
    }
}

/// One turn of the loop: from the first thing that is ready until nothing is left.
pub(crate) struct Turn {
    /// The chain whose stages run now.
    chain: Option<Rc<dyn Chain>>,
    /// How many more stages may call each other before they have to return to the loop.
    credit: u32,
    /// What runs next: what could not run at once, see [`must_return`](Self::must_return).
    next: Option<Ready>,
}

impl Turn {
    #[inline]
    fn new(chain: Option<Rc<dyn Chain>>) -> Self {
        Self {
            chain,
            credit: CREDIT,
            next: None,
        }
    }

    /// Whether the next stage of a chain must not run now.
    ///
    /// Stages call the next one directly, which is fastest, but only as deep as the stack allows,
    /// and not before what the function that has just returned had fired. The stage keeps its
    /// input then, and goes back to the loop with [`resume`](Self::resume).
    #[inline]
    pub(super) fn must_return(&mut self) -> bool {
        if self.credit == 0 || QUEUED.get() {
            return true;
        }
        self.credit -= 1;
        false
    }

    /// Gives back to the loop what shall run as soon as that is allowed, in the current chain.
    #[cold]
    pub(super) fn resume(&mut self, run: Rc<dyn Run>) {
        debug_assert!(self.next.is_none(), "a turn goes on in one place");
        self.next = Some(Ready {
            run,
            chain: self.chain.take(),
        });
    }

    /// The chain that runs is left, to wait or to go on in another one.
    pub(super) fn take_chain(&mut self) -> Option<Rc<dyn Chain>> {
        self.chain.take()
    }

    /// Goes on in another chain.
    pub(super) fn enter(&mut self, chain: Option<Rc<dyn Chain>>) {
        self.chain = chain;
    }

    /// Runs `next`, what is queued and what is in `after`, with all that follows from it.
    ///
    /// What is in `after` runs after `next` and all that follows from that; the last goes first.
    fn run(&mut self, after: &mut Vec<Ready>) {
        loop {
            if QUEUED.get() {
                // What was queued goes before what would run next.
                after.extend(self.next.take());
                QUEUED.set(false);
                QUEUE.with_borrow_mut(|queue| after.extend(queue.drain(..).rev()));
            }
            let Some(ready) = self.next.take().or_else(|| after.pop()) else {
                return;
            };
            self.credit = CREDIT;
            self.chain = ready.chain;
            ready.run.run(self);
        }
    }
}

/// Logs a panic that belongs to no chain and no connection.
#[cold]
pub(super) fn log_stray(panicked: &Panicked) {
    log_error!("Unhandled panic in a user value's drop or a waker: {panicked}");
}

/// How many stages may call each other: a few kilobytes of stack.
const CREDIT: u32 = 32;
