//! The errors that torsade itself makes: each is a type of its own, so that `trap` can name it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The [`Resolver`](crate::Resolver) was dropped before it fired its Deferred.
///
/// Whoever promised the result has forgotten it, or died in a panic. The failure's path says where
/// the Deferred was made.
///
/// ```
/// use torsade_core::{Abandoned, Deferred};
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// drop(resolver);
/// let failure = deferred.try_take().unwrap().unwrap_err();
/// assert!(failure.check::<Abandoned>().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Resolver was dropped without a result")
    }
}

impl Error for Abandoned {}

/// The operation was cancelled by the one who asked for it.
///
/// ```
/// use torsade_core::{Cancelled, Deferred};
///
/// let (_resolver, deferred) = Deferred::<u32>::new();
/// let canceller = deferred.canceller();
/// canceller.cancel();
/// let failure = deferred.try_take().unwrap().unwrap_err();
/// assert!(failure.check::<Cancelled>().is_some());
/// ```
#[doc(alias = "CancelledError")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "ConnectingCancelledError")]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl Error for Cancelled {}

/// A function that torsade called panicked.
///
/// The panic ends the chain or the connection that the function belongs to; the reactor runs on.
///
/// ```
/// use torsade_core::{Deferred, Panicked};
///
/// let deferred = Deferred::succeed(0).map(|zero| 1 / zero);
/// let failure = deferred.try_take().unwrap().unwrap_err();
/// assert!(failure.check::<Panicked>().unwrap().message.contains("divide by zero"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// What the panic said; a fixed text if its payload was not a string.
    pub message: String,
}

impl Panicked {
    /// Reads the message of a panic's payload and disposes of the payload.
    pub(crate) fn from_payload(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(message) => return Self { message: *message },
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(message) => {
                    return Self {
                        message: (*message).to_owned(),
                    };
                }
                Err(payload) => {
                    // A payload of the user's own type may panic once more in its `drop`. That
                    // second payload is leaked: nothing says that the row would ever end.
                    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                        std::mem::forget(second);
                    }
                    "a panic without a message"
                }
            },
        };
        Self {
            message: message.to_owned(),
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

impl Error for Panicked {}

/// The operation did not end in the time it had.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Deferred, TimedOut};
///
/// let reactor = Simulation::new().reactor();
/// let (_resolver, never) = Deferred::<u32>::new();
/// let limited = never.add_timeout(&reactor, Duration::from_secs(5));
/// let failure = reactor.run_until(limited).unwrap_err();
/// assert_eq!(failure.check::<TimedOut>().unwrap().after, Duration::from_secs(5));
/// ```
#[doc(alias = "TimeoutError")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    /// The time it had.
    pub after: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out after {:?}", self.after)
    }
}

impl Error for TimedOut {}

/// A callback returned the Deferred that its own chain leads to: it would wait for itself for ever.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{Deferred, WaitsForItself};
///
/// # let seen = Rc::new(RefCell::new(None));
/// # let sees = seen.clone();
/// let slot = Rc::new(RefCell::new(None));
/// let returned = slot.clone();
/// let (resolver, deferred) = Deferred::new();
/// let chain = deferred.add_callback(move |()| returned.take().unwrap());
/// # let chain = chain.add_errback(move |failure| { sees.replace(Some(failure)); Ok(()) });
/// slot.replace(Some(chain));
/// resolver.callback(()); // the callback gives the end of its own chain
/// # let failure = failure_result_of(Deferred::<()>::fail(seen.take().unwrap()));
/// assert!(failure.check::<WaitsForItself>().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitsForItself;

impl fmt::Display for WaitsForItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a callback returned a Deferred that waits for this same callback")
    }
}

impl Error for WaitsForItself {}
