//! race: waits for the first of several Deferreds that succeeds.

use std::panic::Location;

use super::Deferred;
use super::join::{Join, Slots};
use crate::error::NoDeferreds;

/// Waits for the first of several Deferreds that succeeds; gives its index and its value.
///
/// As soon as there is one, the others are cancelled, and what they come to is dropped. Cancelling
/// the race cancels all of them; the cancel then shows as [`Cancelled`](crate::Cancelled) itself.
///
/// # Errors
/// [`FailureGroup`](crate::FailureGroup) when all of them failed; [`NoDeferreds`] at once when
/// there are none.
///
/// # Examples
/// ```
/// use torsade_core::{Deferred, race};
///
/// let (slow, slow_answer) = Deferred::new();
/// let (fast, fast_answer) = Deferred::new();
/// let first = race([slow_answer, fast_answer]);
/// fast.callback("here");
/// assert_eq!(first.try_take().unwrap().unwrap(), (1, "here"));
/// assert!(slow.is_cancelled());
/// ```
#[doc(alias = "twisted.internet.defer.race")]
#[track_caller]
pub fn race<T: 'static>(inputs: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    let join = Join::at(Location::caller());
    let inputs: Vec<_> = inputs.into_iter().collect();
    if inputs.is_empty() {
        join.fire(Err(NoDeferreds.into()));
    }
    let failures = Slots::row(inputs.len());
    // All of them before the first is looked at: it may have won already.
    for input in &inputs {
        join.work.note(input);
    }
    for (index, input) in inputs.into_iter().enumerate() {
        let failures = failures.clone();
        join.add(index, input, move |join, result| {
            match result {
                _ if join.work.is_fired() => {}
                Ok(value) => {
                    join.fire_and_cancel(Ok((index, value)));
                    drop(failures.take());
                }
                Err(failure) => {
                    if let Some(all) = failures.fill_at(index, failure) {
                        join.fail_all(all);
                    }
                }
            }
            Ok(())
        });
    }
    join.into_deferred()
}
