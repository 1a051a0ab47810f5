//! Failure: an error on its way through a program, with the path it took.

mod path;
mod render;
mod shared;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt;
use std::panic::Location;

pub use path::{Path, Step, StepKind};
pub(crate) use shared::SharedFailure;

/// An error on its way through a program.
///
/// It is made by `From` from any [`Error`], so `?` works in every function that returns
/// [`torsade_core::Result`](crate::Result). It knows the error, the [path](Self::path) it took
/// through Deferreds and callbacks, and, if `RUST_BACKTRACE` asks for one, a backtrace.
///
/// A `Failure` is not itself an `Error`: that keeps `?` unambiguous, and a `Failure` that meets
/// `From` again is the same one, with the path it had. It is one pointer in size, and can go to
/// another thread.
///
/// # Display
/// `{}` is the error's own text. `{:#}` adds its sources, joined by `: `. `{:?}` is for logs: the
/// error, its sources, the path and the backtrace, over several lines. None of these ever fails or
/// panics, even if the error's own `Display` does.
///
/// # Examples
/// ```
/// use torsade_core::Result;
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse()?)
/// }
///
/// let failure = port("http").unwrap_err();
/// assert!(failure.check::<std::num::ParseIntError>().is_some());
/// assert_eq!(failure.to_string(), "invalid digit found in string");
/// ```
#[doc(alias = "twisted.python.failure.Failure")]
#[doc(alias = "getBriefTraceback")]
#[doc(alias = "getErrorMessage")]
#[doc(alias = "getTraceback")]
#[doc(alias = "printBriefTraceback")]
#[doc(alias = "printDetailedTraceback")]
#[doc(alias = "printTraceback")]
pub struct Failure {
    inner: Box<Inner>,
}

/// Behind one pointer, so that a `Result<T>` that does not fail stays small.
struct Inner {
    error: Box<dyn Error + Send + Sync + 'static>,
    path: Path,
    /// Only if `RUST_BACKTRACE` asked for it.
    backtrace: Option<Box<Backtrace>>,
    raised_at: &'static Location<'static>,
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let backtrace = Backtrace::capture();
        Self {
            inner: Box::new(Inner {
                backtrace: (backtrace.status() == BacktraceStatus::Captured)
                    .then(|| Box::new(backtrace)),
                ..Inner::new(error)
            }),
        }
    }
}

impl Inner {
    #[track_caller]
    fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            error: Box::new(error),
            path: Path::default(),
            backtrace: None,
            raised_at: Location::caller(),
        }
    }
}

impl Failure {
    /// A failure without a backtrace, whatever `RUST_BACKTRACE` says: for what is no fault, such as
    /// an end that was to come. To take one costs more than a whole request over HTTP.
    ///
    /// ```
    /// use torsade_core::{ConnectionDone, Failure};
    ///
    /// let end = Failure::without_backtrace(ConnectionDone);
    /// assert!(end.backtrace().is_none());
    /// assert!(end.check::<ConnectionDone>().is_some());
    /// ```
    #[track_caller]
    pub fn without_backtrace(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            inner: Box::new(Inner::new(error)),
        }
    }

    /// The error inside, if it is an `E`.
    ///
    /// Its sources are not looked at; [`find`](Self::find) does that.
    ///
    /// ```
    /// use std::io;
    /// use torsade_core::Failure;
    ///
    /// let failure = Failure::from(io::Error::from(io::ErrorKind::NotFound));
    /// assert!(failure.check::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound));
    /// assert!(failure.check::<std::fmt::Error>().is_none());
    /// ```
    #[doc(alias = "Failure.check")]
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.error().downcast_ref()
    }

    /// The error inside or the first of its [sources](Error::source) that is an `E`.
    ///
    /// ```
    /// use std::io;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{ClientEndpoint, ConnectError, TcpClient, protocols::wire::Echo};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
    /// let failure = reactor.run_until(nobody.connect_protocol(Echo)).unwrap_err();
    /// assert!(failure.check::<io::Error>().is_none()); // it is a `ConnectError`
    /// assert_eq!(failure.find::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionRefused);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn find<E: Error + 'static>(&self) -> Option<&E> {
        if let Some(error) = self.check() {
            return Some(error);
        }
        let mut source = self.error().source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref() {
                return Some(error);
            }
            source = error.source();
        }
        None
    }

    /// Takes the error out if it is an `E`; any other failure comes back as it was.
    ///
    /// With `?` this is how an errback says which errors are its own: the others pass on.
    ///
    /// # Errors
    /// The failure itself, if its error is not an `E`, or is one that other failures have as well,
    /// since a result was [shared](crate::Deferred::share): that can be looked at, not taken out.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::Deferred;
    /// use torsade_core::error::TimedOut;
    ///
    /// let late = TimedOut { after: Duration::from_secs(5) };
    /// let deferred = Deferred::<u64>::fail(late).add_errback(|failure| {
    ///     let late = failure.trap::<TimedOut>()?;
    ///     Ok(late.after.as_secs())
    /// });
    /// assert_eq!(deferred.try_take().unwrap().unwrap(), 5);
    /// ```
    #[doc(alias = "Failure.trap")]
    pub fn trap<E: Error + 'static>(mut self) -> Result<E, Self> {
        match self.inner.error.downcast() {
            Ok(error) => Ok(*error),
            Err(error) => {
                self.inner.error = error;
                Err(self)
            }
        }
    }

    /// The error inside, whatever its type.
    ///
    /// ```
    /// use std::error::Error;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{ClientEndpoint, TcpClient, protocols::wire::Echo};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
    /// let failure = reactor.run_until(nobody.connect_protocol(Echo)).unwrap_err();
    /// assert_eq!(failure.error().to_string(), "cannot connect to 127.0.0.1:7");
    /// assert!(failure.error().source().is_some()); // what the system said
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "Failure.value")]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        match self.inner.error.downcast_ref::<SharedFailure>() {
            Some(shared) => shared.origin().error(),
            None => &*self.inner.error,
        }
    }

    /// A failure of `error`, which stands for `cause` and goes on the path that this one was on.
    pub(crate) fn instead_of(
        cause: Self,
        error: impl FnOnce(Self) -> Box<dyn Error + Send + Sync>,
    ) -> Self {
        let (path, raised_at) = (cause.inner.path.clone(), cause.inner.raised_at);
        Self {
            inner: Box::new(Inner {
                error: error(cause),
                path,
                backtrace: None,
                raised_at,
            }),
        }
    }

    /// Where the error became a `Failure`: a `?`, a `From`, an `into()`.
    ///
    /// ```
    /// use torsade_core::{ConnectionDone, Failure};
    ///
    /// let failure = Failure::from(ConnectionDone);
    /// assert_eq!(failure.raised_at().line(), line!() - 1);
    /// ```
    pub fn raised_at(&self) -> &'static Location<'static> {
        self.inner.raised_at
    }

    /// The places that the failure has come through since it was [raised](Self::raised_at): where
    /// a Deferred was made and fired with it, and each `add_...` that it passed.
    ///
    /// ```
    /// use torsade_core::testing::failure_result_of;
    /// use torsade_core::{ConnectionDone, Deferred};
    ///
    /// let failed = Deferred::<u32>::fail(ConnectionDone).map(|number| number + 1);
    /// let failure = failure_result_of(failed);
    /// let path = failure.path().to_string(); // a line for each place
    /// assert!(path.lines().last().unwrap().starts_with("passed at "));
    /// ```
    #[doc(alias = "Failure.frames")]
    #[doc(alias = "Failure.stack")]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Where the error became a `Failure`, as a stack, if `RUST_BACKTRACE` asked for that.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        match self.inner.error.downcast_ref::<SharedFailure>() {
            Some(shared) => shared.origin().backtrace(),
            None => self.inner.backtrace.as_deref(),
        }
    }

    /// Notes a place that the failure came through.
    #[cold]
    pub(crate) fn add_step(&mut self, step: Step) {
        self.inner.path.push(step);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            render::chain(self.error(), f)
        } else {
            f.write_str(&render::text(self.error()))
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::chain(self.error(), f)?;
        write!(f, "\n  {}", Step::raised(self.inner.raised_at))?;
        for line in self.inner.path.to_string().lines() {
            write!(f, "\n  {line}")?;
        }
        if let Some(backtrace) = self.backtrace() {
            write!(f, "\n{backtrace}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
