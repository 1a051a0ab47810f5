//! How long connections may do nothing, and how long they may be.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Guard, Policy, Refusal};
use crate::{Address, DelayedCall, Traffic, Transport};

/// Closes connections on which nothing moves for too long, in either direction, or that are too old.
/// One that has not ended 15 seconds later, since a producer or its peer does not let it, is aborted.
///
/// How long a handshake may take is a matter of listening:
/// [`ListenOptions::handshake_timeout`](crate::net::ListenOptions::handshake_timeout). A protocol that
/// knows better what counts as something happening has an
/// [`IdleTimeout`](crate::protocols::IdleTimeout) of its own.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::policies::Timeouts;
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::{AccumulatingProtocol, Ending, Simulation};
/// use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:7".parse()?;
/// let factory = (|_: &Address| Discard).policy(Timeouts::new().idle(Duration::from_secs(60)));
/// TcpServer::new(&reactor, address).listen(factory)?;
/// let seen = AccumulatingProtocol::new();
/// reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// reactor.advance(Duration::from_secs(61))?;
/// assert_eq!(seen.ending(), Some(Ending::Done));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "TimeoutFactory")]
#[doc(alias = "TimeoutProtocol")]
pub struct Timeouts {
    idle: Option<Duration>,
    total: Option<Duration>,
}

impl Timeouts {
    /// No limit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes a connection when no byte has come or gone for so long.
    #[doc(alias = "timeoutPeriod")]
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }

    /// Closes a connection so long after it began.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer};
    /// use torsade_core::policies::Timeouts;
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// let factory = (|_: &Address| Discard).policy(Timeouts::new().total(Duration::from_secs(3600)));
    /// TcpServer::new(&reactor, address).listen(factory)?;
    /// let seen = AccumulatingProtocol::new();
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
    /// for _ in 0..59 {
    ///     reactor.advance(Duration::from_secs(60))?;
    ///     client.transport().write(b"still here");
    ///     assert!(seen.ending().is_none());
    /// }
    /// reactor.advance(Duration::from_secs(61))?;
    /// assert!(seen.ending().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn total(mut self, time: Duration) -> Self {
        self.total = Some(time);
        self
    }
}

impl Policy for Timeouts {
    type Guard = TimeoutGuard;

    fn admit(&mut self, _: &Address) -> Result<TimeoutGuard, Refusal> {
        Ok(TimeoutGuard {
            timeouts: self.clone(),
            total: Timer::default(),
            idle: Timer::default(),
        })
    }
}

/// The time limits of one connection.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::Address;
/// use torsade_core::policies::{Guard, Policy, TimeoutGuard, Timeouts};
/// use torsade_core::testing::{Simulation, StringTransport};
///
/// let reactor = Simulation::new().reactor();
/// let wire = StringTransport::new().on(&reactor);
/// let mut policy = Timeouts::new().total(Duration::from_secs(60));
/// let mut guard: TimeoutGuard = policy.admit(&Address::Unnamed).unwrap();
/// guard.connection_made(wire.transport());
/// reactor.advance(Duration::from_secs(60))?;
/// assert!(wire.is_disconnecting());
/// // Its timers go with it.
/// drop(guard);
/// assert_eq!(reactor.delayed_calls(), 0);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
#[doc(alias = "TimeoutProtocol")]
pub struct TimeoutGuard {
    timeouts: Timeouts,
    total: Timer,
    idle: Timer,
}

/// A call to come; what is called sets the next one.
type Timer = Rc<RefCell<Option<DelayedCall>>>;

/// So long a connection has to end once it is to.
const GRACE: Duration = Duration::from_secs(15);

impl Guard for TimeoutGuard {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(time) = self.timeouts.total {
            let (old, timer) = (transport.clone(), Rc::downgrade(&self.total));
            let end = move || end(&old, timer.upgrade().as_ref());
            *self.total.borrow_mut() = Some(transport.reactor().call_later(time, end));
        }
        if let Some(time) = self.timeouts.idle {
            watch(
                transport.clone(),
                transport.traffic(),
                time,
                time,
                &self.idle,
            );
        }
    }
}

/// Looks in `after` whether anything has moved within `time`.
fn watch(transport: Transport, traffic: Traffic, time: Duration, after: Duration, timer: &Timer) {
    let reactor = transport.reactor();
    let weak = Rc::downgrade(timer);
    let look = move || {
        let Some(timer) = weak.upgrade() else { return };
        let now = transport.reactor().now();
        let still = now.saturating_duration_since(traffic.last_moved());
        match time.checked_sub(still).filter(|left| !left.is_zero()) {
            Some(left) => watch(transport, traffic, time, left, &timer),
            None => end(&transport, Some(&timer)),
        }
    };
    *timer.borrow_mut() = Some(reactor.call_later(after, look));
}

/// Its time is over.
fn end(transport: &Transport, timer: Option<&Timer>) {
    transport.lose_connection();
    if let Some(timer) = timer {
        let stuck = transport.clone();
        let abort = move || stuck.abort_connection();
        *timer.borrow_mut() = Some(transport.reactor().call_later(GRACE, abort));
    }
}

impl Drop for TimeoutGuard {
    fn drop(&mut self) {
        for timer in [self.total.take(), self.idle.take()].into_iter().flatten() {
            timer.cancel();
        }
    }
}
