//! The body of a response on its way from the connection to whoever takes it.
//!
//! ```text
//!           feed                      deliver
//! connection ---> [early bytes] ----> receiver: connection_made, data_received.., connection_lost
//! ```
//!
//! Until somebody takes the body, the connection is paused, so what waits here is bounded by what
//! one read gave.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use torsade_core::{Deferred, Failure, Result, Transport};

use crate::connection::Connection;
use crate::error::{PotentialDataLoss, ResponseDone};

/// What takes a body as it comes. The methods are called like those of a
/// [`Protocol`](torsade_core::Protocol), in that order.
///
/// ```
/// use torsade_core::{Failure, Result};
/// use torsade_http::{Agent, BodyControl, BodyProtocol};
/// # use torsade_core::{Deferred, Resolver};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// Counts what comes, and says so when all did.
/// struct Count(usize, Option<Resolver<usize>>);
///
/// impl BodyProtocol for Count {
///     fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
///         self.0 += data.len();
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, _: &Failure) {
///         if let Some(resolver) = self.1.take() {
///             resolver.callback(self.0);
///         }
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// let (resolver, counted) = Deferred::new();
/// response.deliver_body(Count(0, Some(resolver)));
/// assert_eq!(reactor.run_until(counted)?, 5);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait BodyProtocol: 'static {
    /// The body is about to come.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, body: &BodyControl) {
        let _ = body;
    }

    /// A piece of the body came.
    ///
    /// # Errors
    /// An error aborts the connection; `connection_lost` is then told of it.
    #[doc(alias = "dataReceived")]
    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()>;

    /// More may be handed on: the body has begun, or was paused and goes on.
    ///
    /// For receivers that stand between the body and another one, and have kept something back
    /// themselves while that one was paused.
    ///
    /// ```
    /// use std::collections::VecDeque;
    /// use torsade_core::{Failure, Result};
    /// use torsade_http::{Agent, BodyControl, BodyProtocol};
    /// # use std::time::Duration;
    /// # use std::cell::RefCell;
    /// # use std::rc::Rc;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// /// Hands on letter by letter, while the one behind it wants any.
    /// struct Letters<P>(P, VecDeque<u8>);
    ///
    /// impl<P: BodyProtocol> BodyProtocol for Letters<P> {
    ///     fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
    ///         self.1.extend(data);
    ///         while !body.is_paused() {
    ///             let Some(letter) = self.1.pop_front() else { break };
    ///             self.0.data_received(body, &[letter])?;
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn resumed(&mut self, body: &BodyControl) {
    ///         // What was kept back; a failure would end the body.
    ///         if self.data_received(body, b"").is_err() {
    ///             body.abort();
    ///         }
    ///     }
    ///
    ///     fn connection_lost(&mut self, reason: &Failure) {
    ///         self.0.connection_lost(reason);
    ///     }
    /// }
    ///
    /// /// Wants a rest after each.
    /// struct Slow(Rc<RefCell<(Vec<u8>, Option<BodyControl>)>>);
    ///
    /// impl BodyProtocol for Slow {
    ///     fn data_received(&mut self, body: &BodyControl, letter: &[u8]) -> Result<()> {
    ///         body.pause();
    ///         self.0.borrow_mut().0.extend_from_slice(letter);
    ///         self.0.borrow_mut().1 = Some(body.clone());
    ///         Ok(())
    ///     }
    /// #     fn connection_lost(&mut self, _: &Failure) {}
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let seen = Rc::new(RefCell::new((Vec::new(), None)));
    /// response.deliver_body(Letters(Slow(Rc::clone(&seen)), VecDeque::new()));
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.borrow().0, b"h");
    /// let body = seen.borrow_mut().1.take().expect("it was paused");
    /// body.resume();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.borrow().0, b"he");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    fn resumed(&mut self, body: &BodyControl) {
        let _ = body;
    }

    /// The body is over: all of it came if the reason is a [`ResponseDone`] (or a
    /// [`PotentialDataLoss`], see there).
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, reason: &Failure);
}

/// The receiver's hand on the body that it takes.
///
/// What has come while the body was paused is kept as long as one of these is.
///
/// ```
/// use torsade_core::{Failure, Result};
/// use torsade_http::{Agent, BodyControl, BodyProtocol};
/// # use torsade_core::{Deferred, Resolver};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// Has seen enough after three bytes.
/// struct Beginning(Vec<u8>, Option<Resolver<Vec<u8>>>);
///
/// impl BodyProtocol for Beginning {
///     fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
///         self.0.extend_from_slice(data);
///         if self.0.len() >= 3 {
///             body.abort();
///         }
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, _: &Failure) {
///         if let Some(resolver) = self.1.take() {
///             resolver.callback(std::mem::take(&mut self.0));
///         }
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// let (resolver, seen) = Deferred::new();
/// response.deliver_body(Beginning(Vec::new(), Some(resolver)));
/// assert!(reactor.run_until(seen)?.starts_with(b"hel"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "TransportProxyProducer")]
pub struct BodyControl {
    // Not weak: the connection lets go of a body that has come whole, paused or not.
    incoming: Rc<Incoming>,
}

impl BodyControl {
    /// Lets nothing come until [`resume`](Self::resume): the server is slowed down by that. Only a
    /// failure of the connection is told all the same, after what came before it.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::{Failure, Result};
    /// use torsade_http::{Agent, BodyControl, BodyProtocol};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// /// Shows its hand on the body, and what has come.
    /// #[derive(Clone, Default)]
    /// struct Held(Rc<RefCell<(Option<BodyControl>, Vec<u8>)>>);
    ///
    /// impl BodyProtocol for Held {
    ///     fn connection_made(&mut self, body: &BodyControl) {
    ///         body.pause();
    ///         self.0.borrow_mut().0 = Some(body.clone());
    ///     }
    ///
    ///     fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
    ///         self.0.borrow_mut().1.extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn connection_lost(&mut self, _: &Failure) {}
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let held = Held::default();
    /// response.deliver_body(held.clone());
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(held.0.borrow().1, b"");
    /// let body = held.0.borrow().0.clone().expect("the body has begun");
    /// assert!(body.is_paused());
    /// body.resume();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(held.0.borrow().1, b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "pauseProducing")]
    pub fn pause(&self) {
        let mut state = self.incoming.state.borrow_mut();
        state.is_paused = true;
        // Afterwards the connection may be another request's.
        let is_coming = state.outcome.is_none();
        drop(state);
        if is_coming {
            self.incoming.transport.pause_reading();
        }
    }

    /// Whether it was paused last.
    pub fn is_paused(&self) -> bool {
        self.incoming.state.borrow().is_paused
    }

    /// Lets the body come again.
    #[doc(alias = "resumeProducing")]
    pub fn resume(&self) {
        self.incoming.state.borrow_mut().is_paused = false;
        self.incoming.pump_later();
    }

    /// Wants no more: the connection is closed.
    #[doc(alias = "stopProducing")]
    pub fn abort(&self) {
        self.incoming.abort();
    }
}

impl fmt::Debug for BodyControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyControl")
    }
}

/// See the module.
pub(crate) struct Incoming {
    state: RefCell<State>,
    transport: Transport,
    connection: Weak<dyn Connection>,
}

struct State {
    /// What came before the receiver, or while it was paused.
    waiting: BytesMut,
    receiver: Receiver,
    is_paused: bool,
    outcome: Option<Outcome>,
    /// How many bytes are to come, if that is known.
    left: Option<u64>,
}

impl State {
    /// Whether the receiver wants nothing just now, and need not be told of a failure.
    fn is_held_back(&self) -> bool {
        self.is_paused && !matches!(self.outcome, Some(Outcome::Failed(_)))
    }
}

enum Receiver {
    /// Nobody has taken the body yet.
    None,
    /// Taken, but not told yet.
    New(Box<dyn BodyProtocol>),
    Here(Box<dyn BodyProtocol>),
    /// It is being called just now.
    Running,
    /// What comes is dropped, or all is over.
    Gone,
}

/// How a body ended.
pub(crate) enum Outcome {
    /// All came.
    Done(Option<HeaderMap>),
    /// The connection's end was its end.
    UntilClose,
    Failed(Failure),
}

impl Outcome {
    fn into_reason(self) -> Failure {
        match self {
            Self::Done(trailers) => Failure::without_backtrace(ResponseDone { trailers }),
            Self::UntilClose => PotentialDataLoss.into(),
            Self::Failed(failure) => failure,
        }
    }
}

/// A body that nobody wants is read to its end if no more than this is left: that is cheaper than
/// a new connection.
const DRAINED: u64 = 64 * 1024;

impl Incoming {
    pub(crate) fn new(
        connection: Weak<dyn Connection>,
        transport: Transport,
        length: Option<u64>,
    ) -> Rc<Self> {
        Rc::new(Self {
            state: RefCell::new(State {
                waiting: BytesMut::new(),
                receiver: Receiver::None,
                is_paused: false,
                outcome: None,
                left: length,
            }),
            transport,
            connection,
        })
    }

    /// How many bytes are still to come, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        let state = self.state.borrow();
        state.left.map(|left| left + state.waiting.len() as u64)
    }

    // The connection's side.

    /// A piece came.
    pub(crate) fn feed(self: &Rc<Self>, data: &[u8]) {
        let mut state = self.state.borrow_mut();
        if let Some(left) = &mut state.left {
            *left = left.saturating_sub(data.len() as u64);
        }
        if matches!(state.receiver, Receiver::Gone) {
            return;
        }
        let goes_straight_on = matches!(state.receiver, Receiver::Here(_))
            && !state.is_paused
            && state.waiting.is_empty();
        if !goes_straight_on {
            state.waiting.extend_from_slice(data);
            return;
        }
        drop(state);
        self.give(data);
    }

    /// Nothing more comes.
    pub(crate) fn finish(self: &Rc<Self>, outcome: Outcome) {
        self.state.borrow_mut().outcome.get_or_insert(outcome);
        self.pump();
    }

    /// Whether the connection shall be read from: somebody takes what comes.
    pub(crate) fn is_wanted(&self) -> bool {
        let state = self.state.borrow();
        !state.is_paused && !matches!(state.receiver, Receiver::None | Receiver::New(_))
    }

    // The taker's side.

    /// Gives the body to `receiver`, when the running user function has returned.
    pub(crate) fn deliver(self: &Rc<Self>, receiver: Box<dyn BodyProtocol>) {
        self.state.borrow_mut().receiver = Receiver::New(receiver);
        self.pump_later();
    }

    /// The whole body, if it is here already.
    pub(crate) fn take_whole(&self) -> Option<Bytes> {
        let mut state = self.state.borrow_mut();
        let is_whole = matches!(state.outcome, Some(Outcome::Done(_) | Outcome::UntilClose));
        if !is_whole {
            return None;
        }
        state.receiver = Receiver::Gone;
        Some(std::mem::take(&mut state.waiting).freeze())
    }

    /// Nobody will take the body.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.borrow_mut();
        if !matches!(state.receiver, Receiver::None) {
            return;
        }
        state.receiver = Receiver::Gone;
        state.waiting = BytesMut::new();
        if state.outcome.is_some() {
            return;
        }
        let is_short = state.left.is_some_and(|left| left <= DRAINED);
        drop(state);
        if is_short {
            self.transport.resume_reading();
            self.drain();
        } else {
            self.abort();
        }
    }

    /// Gives the rest of the body the time of one that nobody wants.
    pub(crate) fn drain(&self) {
        let is_coming = self.state.borrow().outcome.is_none();
        if let Some(connection) = self.connection.upgrade().filter(|_| is_coming) {
            connection.drain();
        }
    }

    /// Closes the connection under the body, if it is not over.
    pub(crate) fn abort(&self) {
        if self.state.borrow().outcome.is_none() {
            self.transport.abort_connection();
        }
    }

    pub(crate) fn abort_with(&self, reason: Failure) {
        if self.state.borrow().outcome.is_none() {
            self.transport.abort_with(reason);
        }
    }

    fn pump_later(self: &Rc<Self>) {
        let this = Rc::clone(self);
        Deferred::succeed(()).map(move |()| this.pump());
    }

    /// Gives the receiver what waits for it, as far as it wants it.
    fn pump(self: &Rc<Self>) {
        self.introduce();
        self.tell_resumed();
        while let Some(data) = self.next_waiting() {
            self.give(&data);
        }
        let outcome = {
            let mut state = self.state.borrow_mut();
            if state.is_held_back() || !state.waiting.is_empty() {
                return;
            }
            match (&state.receiver, state.outcome.is_some()) {
                (Receiver::Here(_), true) => state.outcome.take(),
                (Receiver::Here(_), false) => {
                    drop(state);
                    return self.transport.resume_reading();
                }
                _ => return,
            }
        };
        if let (Some(outcome), Some(mut receiver)) = (outcome, self.take_receiver()) {
            self.state.borrow_mut().receiver = Receiver::Gone;
            // Kept, so that nothing is aborted any more.
            self.state.borrow_mut().outcome = Some(Outcome::UntilClose);
            receiver.connection_lost(&outcome.into_reason());
        }
    }

    fn introduce(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        if !matches!(state.receiver, Receiver::New(_)) {
            return;
        }
        let Receiver::New(mut receiver) = std::mem::replace(&mut state.receiver, Receiver::Running)
        else {
            return;
        };
        drop(state);
        receiver.connection_made(&self.control());
        self.state.borrow_mut().receiver = Receiver::Here(receiver);
    }

    fn tell_resumed(self: &Rc<Self>) {
        if self.state.borrow().is_held_back() {
            return;
        }
        if let Some(mut receiver) = self.take_receiver() {
            receiver.resumed(&self.control());
            self.state.borrow_mut().receiver = Receiver::Here(receiver);
        }
    }

    fn next_waiting(&self) -> Option<BytesMut> {
        let mut state = self.state.borrow_mut();
        let may_give = matches!(state.receiver, Receiver::Here(_))
            && !state.is_held_back()
            && !state.waiting.is_empty();
        may_give.then(|| std::mem::take(&mut state.waiting))
    }

    fn take_receiver(&self) -> Option<Box<dyn BodyProtocol>> {
        let mut state = self.state.borrow_mut();
        match std::mem::replace(&mut state.receiver, Receiver::Running) {
            Receiver::Here(receiver) => Some(receiver),
            other => {
                state.receiver = other;
                None
            }
        }
    }

    /// Calls the receiver, with nothing of ours borrowed.
    fn give(self: &Rc<Self>, data: &[u8]) {
        let Some(mut receiver) = self.take_receiver() else {
            return;
        };
        let taken = receiver.data_received(&self.control(), data);
        self.state.borrow_mut().receiver = Receiver::Here(receiver);
        if let Err(failure) = taken {
            self.abort_with(failure);
        }
    }

    fn control(self: &Rc<Self>) -> BodyControl {
        BodyControl {
            incoming: Rc::clone(self),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct("Incoming")
            .field("waiting", &state.waiting.len())
            .field("left", &state.left)
            .field("is_over", &state.outcome.is_some())
            .finish()
    }
}
