//! What a coroutine awaits: noted when the future of a Deferred is polled and not ready.

use std::cell::RefCell;

use super::Canceller;

thread_local! {
    /// The Deferreds awaited by the coroutine that is being polled.
    static AWAITED: RefCell<Vec<Canceller>> = const { RefCell::new(Vec::new()) };
}

/// Calls `poll`, and gives with its result the cancellers of what it found pending.
pub(crate) fn collect<R>(poll: impl FnOnce() -> R) -> (R, Vec<Canceller>) {
    let outer = AWAITED.take();
    let result = poll();
    (result, AWAITED.replace(outer))
}

/// A Deferred was polled and is pending.
pub(super) fn note(canceller: Canceller) {
    AWAITED.with_borrow_mut(|awaited| awaited.push(canceller));
}
