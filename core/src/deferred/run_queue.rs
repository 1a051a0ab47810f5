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

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::Result;
use crate::error::Panicked;

/// Something that is ready to run, for example a stage that got its input.
///
/// `this` is always the `Rc` that `self` lies in. (`self: Rc<Self>` would cost a count up and down
/// for each run, and few need it.)
pub(crate) trait Run: Any {
    /// Runs, and returns what is ready because of that.
    ///
    /// It may panic, as it may call user functions.
    fn run(&self, this: &Rc<dyn Run>) -> Option<Rc<dyn Run>>;

    /// A panic came while this was the one to run. Returns what is to run next.
    ///
    /// The panic need not be from this one's `run`: the value that is dropped between two runs
    /// may have panicked in its `drop`. Then this has not run yet, and should log the panic and
    /// return `this` again.
    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>>;
}

thread_local! {
    /// Whether a user function runs now, or the loop between two of them.
    static RUNNING: Cell<bool> = const { Cell::new(false) };

    /// Whether `QUEUE` has something in it: a look here costs a fraction of a look there.
    static QUEUED: Cell<bool> = const { Cell::new(false) };

    /// What the running user function made ready, the oldest first.
    static QUEUE: RefCell<Vec<Rc<dyn Run>>> = const { RefCell::new(Vec::new()) };
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
            run_all(None);
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
                run_all(None);
            }
            RUNNING.set(false);
        }
    }
}

/// Runs what is ready, with all that follows from it, now or when the running user function ends.
#[inline]
pub(crate) fn fire(ready: Rc<dyn Run>) {
    if RUNNING.replace(true) {
        enqueue(ready);
    } else {
        run_all(Some(ready));
        RUNNING.set(false);
    }
}

fn enqueue(ready: Rc<dyn Run>) {
    let mut ready = Some(ready);
    let queued = QUEUE.try_with(|queue| {
        queue.borrow_mut().extend(ready.take());
        QUEUED.set(true);
    });
    if queued.is_err() {
        // The thread ends and has destroyed its queue: running it nested is better than losing it.
        run_all(ready);
    }
}

/// Runs `current`, what it makes ready, and what is queued, until nothing is left.
///
/// `RUNNING` is set, by the caller. Nothing unwinds out of here.
fn run_all(current: Option<Rc<dyn Run>>) {
    let mut turn = Turn {
        current,
        after: Vec::new(),
        panicked: None,
    };
    // One `catch_unwind` for as many runs as go well, not one for each: that is measurable.
    while let Err(payload) = catch_unwind(AssertUnwindSafe(|| turn.run())) {
        turn.panicked = Some(Panicked::from_payload(payload));
    }
}

/// The state of the loop, outside of the `catch_unwind`.
struct Turn {
    /// What runs now.
    current: Option<Rc<dyn Run>>,
    /// What runs after `current` and all that follows from it; the last goes first.
    after: Vec<Rc<dyn Run>>,
    /// What a panic said that `current` has not been told of yet.
    panicked: Option<Panicked>,
}

impl Turn {
    fn run(&mut self) {
        if let Some(panicked) = self.panicked.take() {
            self.current = match &self.current {
                Some(current) => current.panicked(current, panicked),
                None => {
                    log_stray(&panicked);
                    None
                }
            };
        }
        loop {
            // Things run here, between `current` and the next: what it made ready goes first.
            if QUEUED.get() {
                self.take_queued();
            }
            let next = match &self.current {
                Some(current) => current.run(current),
                None => match self.after.pop() {
                    Some(next) => Some(next),
                    None => return,
                },
            };
            // This drops what has just run, and with it perhaps user values, which may fire
            // or panic in their `drop`: see `Run::panicked`.
            self.current = next;
        }
    }

    /// Puts what was queued before what would run next.
    #[cold]
    fn take_queued(&mut self) {
        let start = self.after.len();
        self.after.extend(self.current.take());
        QUEUE.with_borrow_mut(|queue| self.after.extend(queue.drain(..).rev()));
        QUEUED.set(false);
        debug_assert!(self.after.len() > start);
        self.current = self.after.pop();
    }
}

/// Logs a panic that belongs to no chain and no connection.
pub(super) fn log_stray(panicked: &Panicked) {
    log::error!(target: "torsade", "Unhandled panic in a user value's drop or a waker: {panicked}");
}
