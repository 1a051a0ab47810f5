//! Tests of Deferreds, by topic, with what they share.

mod cancelling;
mod chains;
mod deep;
mod futures;
mod gather;
mod list;
mod locks;
mod maybe;
mod model;
mod nesting;
mod pausing;
mod queue;
mod race;
mod shared;
mod showing;
mod unhandled;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::{Deferred, Resolver, Result};

/// An error with a name, to tell one from another.
#[derive(Debug, PartialEq)]
struct Oops(&'static str);

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oops {}", self.0)
    }
}

impl Error for Oops {}

/// Notes what happens, in order.
#[derive(Clone, Default)]
struct Journal {
    entries: Rc<RefCell<Vec<String>>>,
}

impl Journal {
    fn note(&self, entry: impl Into<String>) {
        self.entries.borrow_mut().push(entry.into());
    }

    fn take(&self) -> String {
        self.entries.take().join(" ")
    }
}

/// The result of a Deferred that must have one.
#[track_caller]
fn result_of<T: 'static>(deferred: Deferred<T>) -> Result<T> {
    deferred.try_take().expect("it has fired")
}

/// The value of a Deferred that must have one.
#[track_caller]
fn value_of<T: 'static>(deferred: Deferred<T>) -> T {
    result_of(deferred).expect("it has not failed")
}

/// The error of a Deferred that must have failed with an `E`.
#[track_caller]
fn error_of<E: Error + 'static>(deferred: Deferred<impl fmt::Debug + 'static>) -> E {
    let failure = result_of(deferred).expect_err("it has failed");
    failure.trap().expect("it has failed with that error")
}

/// Some Deferreds, and the Resolvers that will fire them.
fn pairs<T: 'static>(count: usize) -> (Vec<Option<Resolver<T>>>, Vec<Deferred<T>>) {
    (0..count)
        .map(|_| Deferred::new())
        .map(|(resolver, deferred)| (Some(resolver), deferred))
        .unzip()
}
