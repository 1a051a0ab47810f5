//! Deferred: a result that is not there yet, and what is to be done with it.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::canceller::Canceller;
use super::chain::{self, Bare, Chain};
use super::future::DeferredFuture;
use super::node::End;
use super::outcome::Outcome;
use super::pause::{Gate, Pause};
use super::resolver::Resolver;
use super::source::{CancelFn, Source};
use super::unhandled::{Unseen, UnseenResult, seen, unseen};
use crate::Result;
use crate::failure::{Failure, Step};

/// A result that is not there yet, and the chain of callbacks that will get it.
///
/// It is the read side; its [`Resolver`] is the write side. Each `add_...` takes the Deferred and
/// gives the next one, whose result is what the callback returned: a [`Result`], another Deferred,
/// or nothing (see [`Outcome`]). A failure skips callbacks until an errback takes it; a value
/// skips errbacks. A panic in a callback becomes a failure of type
/// [`Panicked`](crate::error::Panicked).
///
/// # When callbacks run
/// Your functions never nest. Inside a user function (a callback, a protocol method, a timer), what
/// becomes ready waits until that function returns, and runs before anything else then, in the
/// order fired. Outside of any, firing a Deferred runs its callbacks before the call returns, and
/// adding to a Deferred that has fired runs the callback before the `add_...` returns.
///
/// # Dropping
/// Dropping a Deferred does not cancel it: its callbacks run all the same. If it ends in a failure
/// then that is logged, once, as soon as it is known that nobody can take it. (Dropping the
/// *future* made from a Deferred does cancel.)
///
/// # Examples
/// ```
/// use torsade_core::Deferred;
/// use torsade_core::error::TimedOut;
///
/// let (resolver, deferred) = Deferred::new();
/// let deferred = deferred
///     .add_callback(|n: u32| Ok(n + 1))                   // a Result
///     .add_callback(|n| Deferred::succeed(n * 2))         // or another Deferred
///     .add_errback(|failure| {
///         let _late = failure.trap::<TimedOut>()?;        // other failures pass on
///         Ok(0)
///     })
///     .add_callback(|n| println!("{n}"));                 // or ()
/// resolver.callback(20);
/// assert!(deferred.is_fired());
/// ```
///
/// A Deferred has one owner, so it cannot be returned from two chains:
/// ```compile_fail,E0382
/// # use torsade_core::Deferred;
/// let (resolver, shared) = Deferred::<u32>::new();
/// let one = Deferred::succeed(()).add_callback(move |()| shared);
/// let two = Deferred::succeed(()).add_callback(move |()| shared);
/// ```
///
/// It stays on its thread:
/// ```compile_fail,E0277
/// fn sends<T: Send>(_: T) {}
/// sends(torsade_core::Deferred::succeed(1));
/// ```
#[doc(alias = "twisted.internet.defer.Deferred")]
pub struct Deferred<T> {
    state: State<T>,
}

/// What a Deferred is made of.
pub(super) enum State<T> {
    /// The result is there: no allocation.
    Ready(UnseenResult<T>),
    Pending {
        /// The end of the chain, which will have the result.
        end: End<T>,
        /// What there is to cancel.
        chain: Rc<dyn Chain>,
    },
}

impl<T: 'static> Deferred<T> {
    /// A Deferred that has no result yet, and the [`Resolver`] that will give it one.
    #[doc(alias = "Deferred.__init__")]
    #[track_caller]
    #[inline]
    pub fn new() -> (Resolver<T>, Self) {
        Self::pair(None, Location::caller())
    }

    /// The same, with a function that is called if the Deferred is cancelled before it is fired.
    ///
    /// The canceller stops the work, and may fire the Resolver: that result stands. If it does not
    /// then the Deferred fails with [`Cancelled`](crate::error::Cancelled). It is a user function,
    /// so it never runs inside another one; it is called once at most, and dropped uncalled when
    /// the Deferred is fired. If it panics then that is logged.
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_core::Deferred;
    /// use torsade_core::error::Cancelled;
    ///
    /// let stopped = Rc::new(Cell::new(false));
    /// let seen = stopped.clone();
    /// let (_resolver, deferred) = Deferred::<u32>::with_canceller(move || stopped.set(true));
    /// deferred.cancel();
    /// assert!(seen.get());
    /// assert!(deferred.try_take().unwrap().unwrap_err().check::<Cancelled>().is_some());
    /// ```
    #[track_caller]
    pub fn with_canceller(canceller: impl FnOnce() + 'static) -> (Resolver<T>, Self) {
        Self::pair(Some(Box::new(canceller)), Location::caller())
    }

    #[inline]
    pub(crate) fn pair(
        canceller: Option<CancelFn>,
        made_at: &'static Location<'static>,
    ) -> (Resolver<T>, Self) {
        let source = Rc::<Source<T>>::default();
        source.work.set(canceller, made_at);
        (
            Resolver::new(source.clone()),
            Self::pending(source.clone(), source),
        )
    }

    /// A Deferred that has the value already.
    #[track_caller]
    #[inline]
    pub fn succeed(value: T) -> Self {
        Self::ready(Ok(value))
    }

    /// A Deferred that has failed already.
    #[track_caller]
    pub fn fail(failure: impl Into<Failure>) -> Self {
        Self::from(Err(failure.into()))
    }

    /// Adds a function that gets the value; a failure passes it by.
    ///
    /// ```
    /// use torsade_core::{Deferred, Failure, Result};
    ///
    /// let (resolver, answer) = Deferred::<String>::new();
    /// let port = answer
    ///     .add_callback(|text: String| -> Result<u16> { Ok(text.parse()?) }) // a Result
    ///     .add_callback(|port| Deferred::succeed(port + 1)) // what comes later
    ///     .add_callback(|port| Ok(port * 2));
    /// resolver.callback("no number".to_owned()); // the other two are passed by
    /// let failure: Failure = port.try_take().unwrap().unwrap_err();
    /// assert!(failure.check::<std::num::ParseIntError>().is_some());
    /// ```
    #[doc(alias = "addCallback")]
    #[track_caller]
    #[inline]
    pub fn add_callback<O: Outcome>(
        self,
        callback: impl FnOnce(T) -> O + 'static,
    ) -> Deferred<O::Output> {
        self.attach(Location::caller(), move |result| match result {
            Ok(value) => callback(value).into_deferred(),
            Err(failure) => Deferred::ready(Err(failure)),
        })
    }

    /// Adds a function that gets the failure; a value passes it by.
    ///
    /// It returns what the value's type asks for: the chain goes on with that, or with its error.
    ///
    /// ```
    /// use std::io;
    /// use torsade_core::{Deferred, Failure};
    ///
    /// let size = |found: Result<u64, io::ErrorKind>| {
    ///     let found = Deferred::from(found.map_err(|kind| Failure::from(io::Error::from(kind))));
    ///     let size = found.add_errback(|failure| match failure.trap::<io::Error>()? {
    ///         error if error.kind() == io::ErrorKind::NotFound => Ok(0),
    ///         error => Err(error.into()),
    ///     });
    ///     size.try_take().unwrap()
    /// };
    /// assert_eq!(size(Ok(5)).unwrap(), 5);
    /// assert_eq!(size(Err(io::ErrorKind::NotFound)).unwrap(), 0);
    /// assert!(size(Err(io::ErrorKind::PermissionDenied)).is_err());
    /// ```
    #[doc(alias = "addErrback")]
    #[track_caller]
    pub fn add_errback<O: Outcome<Output = T>>(
        self,
        errback: impl FnOnce(Failure) -> O + 'static,
    ) -> Self {
        self.attach(Location::caller(), move |result| match result {
            Ok(value) => Self::ready(Ok(value)),
            Err(failure) => errback(failure).into_deferred(),
        })
    }

    /// Adds two functions, of which the value or the failure gets one.
    ///
    /// If the callback fails then its own errback does not get that failure: only later ones do.
    ///
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let told = |deferred: Deferred<u32>| {
    ///     let told = deferred.add_callbacks(
    ///         |number| Ok(format!("{number}")),
    ///         |failure| Ok(format!("none: {failure}")),
    ///     );
    ///     told.try_take().unwrap().unwrap()
    /// };
    /// assert_eq!(told(Deferred::succeed(7)), "7");
    /// assert_eq!(told(Deferred::fail(std::io::Error::other("sold out"))), "none: sold out");
    /// ```
    #[doc(alias = "addCallbacks")]
    #[track_caller]
    pub fn add_callbacks<O: Outcome, P: Outcome<Output = O::Output>>(
        self,
        callback: impl FnOnce(T) -> O + 'static,
        errback: impl FnOnce(Failure) -> P + 'static,
    ) -> Deferred<O::Output> {
        self.attach(Location::caller(), move |result| match result {
            Ok(value) => callback(value).into_deferred(),
            Err(failure) => errback(failure).into_deferred(),
        })
    }

    /// Adds a function that gets the result, value or failure.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_core::Deferred;
    ///
    /// let busy = Rc::new(Cell::new(true));
    /// let done = busy.clone();
    /// let (resolver, work) = Deferred::<u32>::new();
    /// let work = work.add_both(move |result| {
    ///     done.set(false); // whatever came of it
    ///     result
    /// });
    /// resolver.errback(std::io::Error::other("no"));
    /// assert!(!busy.get());
    /// assert!(work.try_take().unwrap().is_err());
    /// ```
    #[doc(alias = "addBoth")]
    #[track_caller]
    #[inline]
    pub fn add_both<O: Outcome>(
        self,
        callback: impl FnOnce(Result<T>) -> O + 'static,
    ) -> Deferred<O::Output> {
        self.attach(Location::caller(), move |result| {
            callback(result).into_deferred()
        })
    }

    /// Adds a function that makes another value of the value; a failure passes it by.
    ///
    /// # Examples
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let length = Deferred::succeed("torsade").map(str::len);
    /// assert_eq!(length.try_take().unwrap().unwrap(), 7);
    /// ```
    #[track_caller]
    #[inline]
    pub fn map<U: 'static>(self, function: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        self.attach(Location::caller(), move |result| {
            Deferred::ready(result.map(function))
        })
    }

    /// Fires another Deferred, by its Resolver, with the result of this one.
    ///
    /// Cancelling the other one does not cancel this one. (For that, return this one from a
    /// callback of the other.)
    ///
    /// # Examples
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let (resolver, deferred) = Deferred::new();
    /// Deferred::succeed(7).chain(resolver);
    /// assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
    /// ```
    #[doc(alias = "chainDeferred")]
    #[track_caller]
    pub fn chain(self, resolver: Resolver<T>) {
        drop(self.add_both(move |result| resolver.resolve(result)));
    }

    /// Cancels what this Deferred waits for; the result comes down its chain.
    ///
    /// If its callbacks wait for a Deferred that one of them returned then that one is cancelled,
    /// else the one at the top of the chain: its canceller runs, and if that does not fire it, it
    /// fails with [`Cancelled`](crate::error::Cancelled). What the producer fires it with later is
    /// dropped. A Deferred that has its result is left alone; cancelling twice is harmless.
    ///
    /// Inside a user function, the canceller and the callbacks run when that function has
    /// returned. What the producer fires after this call is dropped all the same.
    ///
    /// As `add_...` consumes the Deferred, a [`canceller`](Self::canceller) is often handier.
    ///
    /// ```
    /// use torsade_core::{Cancelled, Deferred};
    ///
    /// // It waits for the second step, so that is what ends.
    /// let (second_resolver, second) = Deferred::<u32>::new();
    /// let both = Deferred::succeed(1).add_callback(move |_| second);
    /// both.cancel();
    /// assert!(second_resolver.is_cancelled());
    /// second_resolver.callback(2); // too late
    /// let failure = both.try_take().unwrap().unwrap_err();
    /// assert!(failure.check::<Cancelled>().is_some());
    /// ```
    #[doc(alias = "Deferred.cancel")]
    pub fn cancel(&self) {
        if let State::Pending { end, chain } = &self.state
            && !end.is_ready()
        {
            chain::cancel(chain);
        }
    }

    /// A handle that can [cancel](Self::cancel) this Deferred later, without holding it.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(match &self.state {
            State::Ready(_) => None,
            State::Pending { chain, .. } => Some(Rc::downgrade(chain)),
        })
    }

    /// Holds the result back until the [`Pause`] is given up.
    ///
    /// The callbacks added so far run; those added after this wait. Pauses nest: what comes behind
    /// two of them needs both to be given up. A failure by [`cancel`](Self::cancel) waits as well.
    ///
    /// # Examples
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let mut deferred = Deferred::succeed(1);
    /// let pause = deferred.pause();
    /// let deferred = deferred.map(|n| n + 1);
    /// assert!(!deferred.is_fired());
    /// pause.unpause();
    /// assert_eq!(deferred.try_take().unwrap().unwrap(), 2);
    /// ```
    #[doc(alias = "Deferred.pause")]
    pub fn pause(&mut self) -> Pause {
        let gate = Rc::<Gate<T>>::default();
        let chain: Rc<dyn Chain> = match &self.state {
            State::Ready(_) => Rc::new(Bare::default()),
            State::Pending { chain, .. } => chain.clone(),
        };
        let paused = State::Pending {
            end: gate.clone(),
            chain: chain.clone(),
        };
        match std::mem::replace(&mut self.state, paused) {
            State::Ready(result) => gate.work.put(seen(result), Some(chain)),
            State::Pending { end, .. } => match end.take() {
                Some(result) => gate.work.put(result, Some(chain)),
                None => end.connect(gate.clone()),
            },
        }
        Pause::new(gate)
    }

    /// Whether the result is there, behind all callbacks added so far.
    #[doc(alias = "Deferred.called")]
    pub fn is_fired(&self) -> bool {
        self.has_result()
    }

    /// Takes the result if it is there; gives the Deferred back if it is not.
    ///
    /// # Errors
    /// The Deferred itself, which has no result yet.
    ///
    /// # Examples
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let (resolver, deferred) = Deferred::new();
    /// let deferred = deferred.try_take().unwrap_err();
    /// resolver.callback("now");
    /// assert_eq!(deferred.try_take().unwrap().unwrap(), "now");
    /// ```
    pub fn try_take(self) -> Result<Result<T>, Self> {
        match self.state {
            State::Ready(result) => Ok(seen(result)),
            State::Pending { end, chain } => match end.take() {
                Some(result) => Ok(result),
                None => Err(Self::pending(end, chain)),
            },
        }
    }

    /// Looks at the result where it is, if it is there.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(Result<&T, &Failure>) -> R) -> Option<R> {
        match &self.state {
            State::Ready(result) => Some(look(result.as_ref().map_err(Unseen::failure))),
            State::Pending { end, .. } => {
                let result = end.take()?;
                let looked = look(result.as_ref());
                end.keep(result);
                Some(looked)
            }
        }
    }

    #[inline]
    pub(super) fn into_state(self) -> State<T> {
        self.state
    }

    #[inline]
    pub(super) fn ready(result: Result<T>) -> Self {
        Self {
            state: State::Ready(unseen(result)),
        }
    }

    #[inline]
    pub(super) fn pending(end: End<T>, chain: Rc<dyn Chain>) -> Self {
        Self {
            state: State::Pending { end, chain },
        }
    }
}

impl<T> Deferred<T> {
    fn has_result(&self) -> bool {
        match &self.state {
            State::Ready(_) => true,
            State::Pending { end, .. } => end.is_ready(),
        }
    }
}

impl<T: 'static> From<Result<T>> for Deferred<T> {
    /// A Deferred that has the result already.
    #[track_caller]
    fn from(mut result: Result<T>) -> Self {
        if let Err(failure) = &mut result {
            failure.add_step(Step::made(Location::caller()));
        }
        Self::ready(result)
    }
}

impl<T: 'static> IntoFuture for Deferred<T> {
    type Output = Result<T>;
    type IntoFuture = DeferredFuture<T>;

    /// A future of the result; dropping it cancels what the Deferred waits for.
    #[track_caller]
    fn into_future(self) -> DeferredFuture<T> {
        DeferredFuture::new(self, Location::caller())
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("is_fired", &self.has_result())
            .finish()
    }
}
