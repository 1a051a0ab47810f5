//! A time-out that is put off again and again.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::{DelayedCall, Transport};

/// Closes a connection, or does something else, when nothing has happened for a while.
///
/// A protocol keeps one, and calls [`reset`](Self::reset) when something happens. Dropping it, as
/// happens with the protocol when the connection ends, cancels it.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::protocols::IdleTimeout;
/// use torsade_core::testing::{Simulation, StringTransport};
/// use torsade_core::{Protocol, Result, Transport};
///
/// #[derive(Default)]
/// struct Patient {
///     idle: Option<IdleTimeout>,
/// }
///
/// impl Protocol for Patient {
///     fn connection_made(&mut self, transport: &Transport) {
///         let mut idle = IdleTimeout::new(transport);
///         idle.set(Some(Duration::from_secs(60)));
///         self.idle = Some(idle);
///     }
///
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         if let Some(idle) = &mut self.idle {
///             idle.reset();
///         }
///         Ok(())
///     }
/// }
///
/// let reactor = Simulation::new().reactor();
/// let wire = StringTransport::new().on(&reactor);
/// let _patient = wire.connect(Patient::default());
/// reactor.advance(Duration::from_secs(59))?;
/// wire.receive(b"hello")?;
/// reactor.advance(Duration::from_secs(59))?;
/// assert!(!wire.is_disconnecting());
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(wire.is_disconnecting());
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "TimeoutMixin")]
pub struct IdleTimeout {
    transport: Transport,
    period: Option<Duration>,
    timer: Option<DelayedCall>,
    on_expiry: Rc<RefCell<OnExpiry>>,
}

type OnExpiry = Box<dyn FnMut(&Transport)>;

impl IdleTimeout {
    /// For that connection, which it closes; without a period yet.
    pub fn new(transport: &Transport) -> Self {
        Self::with(transport, Transport::lose_connection)
    }

    /// As [`new`](Self::new), but calls `on_expiry` instead.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::IdleTimeout;
    /// use torsade_core::testing::{Simulation, StringTransport};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let mut idle = IdleTimeout::with(wire.transport(), |transport| transport.write(b"ping\r\n"));
    /// idle.set(Some(Duration::from_secs(60)));
    /// reactor.advance(Duration::from_secs(59))?;
    /// idle.reset(); // something has happened
    /// reactor.advance(Duration::from_secs(59))?;
    /// assert_eq!(wire.value(), b"");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(wire.value(), b"ping\r\n");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "timeoutConnection")]
    pub fn with(transport: &Transport, on_expiry: impl FnMut(&Transport) + 'static) -> Self {
        Self {
            transport: transport.clone(),
            period: None,
            timer: None,
            on_expiry: Rc::new(RefCell::new(Box::new(on_expiry))),
        }
    }

    /// Sets the period, beginning now; `None` switches it off. Gives back the one before.
    #[doc(alias = "setTimeout")]
    #[doc(alias = "timeOut")]
    pub fn set(&mut self, period: Option<Duration>) -> Option<Duration> {
        let before = std::mem::replace(&mut self.period, period);
        self.begin();
        before
    }

    /// Begins the period anew: something has happened.
    #[doc(alias = "resetTimeout")]
    pub fn reset(&mut self) {
        self.begin();
    }

    fn begin(&mut self) {
        let Some(period) = self.period else {
            if let Some(timer) = self.timer.take() {
                timer.cancel();
            }
            return;
        };
        if self.timer.as_ref().is_some_and(|timer| timer.reset(period)) {
            return;
        }
        let (transport, on_expiry) = (self.transport.clone(), Rc::clone(&self.on_expiry));
        let expire = move || on_expiry.borrow_mut()(&transport);
        self.timer = Some(self.transport.reactor().call_later(period, expire));
    }
}

impl Drop for IdleTimeout {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}

impl fmt::Debug for IdleTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleTimeout")
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}
