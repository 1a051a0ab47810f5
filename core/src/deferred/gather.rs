//! gather: waits for several Deferreds that all have to succeed.

use std::panic::Location;

use super::Deferred;
use super::join::{Join, Slots};

/// Waits for all of several Deferreds, and gives their values in the order given.
///
/// They are a tuple of two to eight Deferreds of any types, which gives a tuple, or any number of
/// one type, in an array, a vector or whatever can be iterated over, which give a `Vec`. None at
/// all give an empty one, at once.
///
/// Cancelling cancels those that have no result yet; the cancel then shows as
/// [`Cancelled`](crate::Cancelled) itself.
///
/// # Errors
/// [`FirstError`](crate::FirstError) as soon as one of them fails. The others run on: their values
/// are dropped, and their failures are logged, since nobody else will see them.
///
/// # Examples
/// ```
/// use torsade_core::{Deferred, FirstError, gather};
///
/// let both = gather((Deferred::succeed("port"), Deferred::succeed(80)));
/// assert_eq!(both.try_take().unwrap().unwrap(), ("port", 80));
///
/// let squares = gather((1..=3).map(|n| Deferred::succeed(n * n)));
/// assert_eq!(squares.try_take().unwrap().unwrap(), [1, 4, 9]);
///
/// let failed = gather([Deferred::succeed(1), Deferred::fail(std::fmt::Error)]);
/// let first = failed.try_take().unwrap().unwrap_err().trap::<FirstError>().unwrap();
/// assert_eq!(first.index, 1);
/// ```
#[doc(alias = "gatherResults")]
#[track_caller]
pub fn gather<Kind, I: Gather<Kind>>(inputs: I) -> Deferred<I::Output> {
    inputs.gather(Location::caller())
}

/// What [`gather`] takes.
///
/// `Kind` tells tuples from what can be iterated over; the compiler finds it by itself.
///
/// ```
/// use torsade_core::{Deferred, gather};
///
/// // Of one type: a vector. Of several: a tuple.
/// let all = gather([Deferred::succeed(1), Deferred::succeed(2)]);
/// assert_eq!(all.try_take().unwrap()?, [1, 2]);
/// let both = gather((Deferred::succeed(1), Deferred::succeed("two")));
/// assert_eq!(both.try_take().unwrap()?, (1, "two"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait Gather<Kind> {
    /// The values, together.
    type Output: 'static;

    #[doc(hidden)]
    fn gather(self, at: &'static Location<'static>) -> Deferred<Self::Output>;
}

/// Deferreds of one type.
#[derive(Debug)]
pub enum Row {}

/// Deferreds that each have a type of their own.
#[derive(Debug)]
pub enum Tuple {}

impl<T: 'static, I: IntoIterator<Item = Deferred<T>>> Gather<Row> for I {
    type Output = Vec<T>;

    fn gather(self, at: &'static Location<'static>) -> Deferred<Vec<T>> {
        row(self.into_iter().collect(), true, at)
    }
}

/// Waits for all; `log_late` is whether failures after the first are logged.
pub(super) fn row<T: 'static>(
    inputs: Vec<Deferred<T>>,
    log_late: bool,
    at: &'static Location<'static>,
) -> Deferred<Vec<T>> {
    let join = Join::at(at);
    if inputs.is_empty() {
        join.fire(Ok(Vec::new()));
    }
    let values = Slots::row(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let values = values.clone();
        join.work.note(&input);
        join.add(index, input, move |join, result| match result {
            Ok(_) if join.work.is_fired() => Ok(()),
            Ok(value) => {
                if let Some(all) = values.fill_at(index, value) {
                    join.fire(Ok(all));
                }
                Ok(())
            }
            Err(failure) => {
                let late = join.fail_first(index, failure);
                // Not before: their `drop` is the user's, and may panic.
                drop(values.take());
                if log_late { late } else { Ok(()) }
            }
        });
    }
    join.into_deferred()
}

macro_rules! gather_tuples {
    ($count:literal: $($Value:ident $index:tt),+) => {
        impl<$($Value: 'static),+> Gather<Tuple> for ($(Deferred<$Value>,)+) {
            type Output = ($($Value,)+);

            fn gather(self, at: &'static Location<'static>) -> Deferred<Self::Output> {
                fn whole<$($Value),+>(row: ($(Option<$Value>,)+)) -> Option<($($Value,)+)> {
                    Some(($(row.$index?,)+))
                }

                let join = Join::<Self::Output>::at(at);
                let values = Slots::new(($(None::<$Value>,)+), $count);
                $(
                    let slots = values.clone();
                    join.work.note(&self.$index);
                    join.add($index, self.$index, move |join, result| match result {
                        Ok(_) if join.work.is_fired() => Ok(()),
                        Ok(value) => {
                            let all = slots.fill(|row| row.$index = Some(value));
                            if let Some(all) = all.and_then(whole) {
                                join.fire(Ok(all));
                            }
                            Ok(())
                        }
                        Err(failure) => {
                            let late = join.fail_first($index, failure);
                            drop(slots.take());
                            late
                        }
                    });
                )+
                join.into_deferred()
            }
        }
    };
}

gather_tuples!(2: A 0, B 1);
gather_tuples!(3: A 0, B 1, C 2);
gather_tuples!(4: A 0, B 1, C 2, D 3);
gather_tuples!(5: A 0, B 1, C 2, D 3, E 4);
gather_tuples!(6: A 0, B 1, C 2, D 3, E 4, F 5);
gather_tuples!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
gather_tuples!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
