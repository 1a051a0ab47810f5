//! The body of a request, and those who produce one.

mod file;
mod form;
mod pieces;
mod response;

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use torsade_core::Deferred;

use crate::connection::Http1;
use crate::wire::BodyLength;

pub use file::FileBodyProducer;
pub use form::Form;

/// What is sent behind the head of a request.
///
/// ```
/// use torsade_http::RequestBody;
///
/// let body: RequestBody = "some text".into();
/// assert!(matches!(body, RequestBody::Bytes(_)));
/// ```
pub enum RequestBody {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(Bytes),
    /// What a producer gives.
    Producer(Box<dyn BodyProducer>),
    /// What a producer gives, of which there can be another for the next attempt.
    Producers(Rc<dyn Fn() -> Box<dyn BodyProducer>>),
}

impl RequestBody {
    /// The same body for another request, if there can be one.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Producer(_) => None,
            Self::Producers(make) => Some(Self::Producers(Rc::clone(make))),
        }
    }

    /// What is sent now.
    pub(crate) fn begin(self) -> Self {
        match self {
            Self::Producers(make) => Self::Producer(make()),
            other => other,
        }
    }

    /// All of it, if that is known before it is sent.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Empty => Some(b""),
            Self::Bytes(bytes) => Some(bytes),
            Self::Producer(_) | Self::Producers(_) => None,
        }
    }

    pub(crate) fn length(&self) -> BodyLength {
        match self {
            Self::Empty => BodyLength::None,
            Self::Bytes(bytes) => BodyLength::Known(bytes.len() as u64),
            Self::Producer(producer) => match producer.length() {
                Some(length) => BodyLength::Known(length),
                None => BodyLength::Unknown,
            },
            Self::Producers(make) => Self::Producer(make()).length(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Producer(producer) => write!(f, "Producer({:?})", producer.length()),
            Self::Producers(_) => f.write_str("Producers"),
        }
    }
}

/// Produces the body of a request while it is sent.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_core::Deferred;
/// use torsade_http::{Agent, BodyProducer, BodyWriter, Method, Request};
///
/// /// So many zeros.
/// struct Zeros(usize);
///
/// impl BodyProducer for Zeros {
///     fn length(&self) -> Option<u64> {
///         Some(self.0 as u64)
///     }
///
///     fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
///         writer.write(&vec![b'0'; self.0]);
///         Deferred::succeed(())
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// let request = Request::new(Method::PUT, "http://127.0.0.1/zeros")?.body_producer(Zeros(3));
/// let _answer = Agent::new(&reactor).request(request);
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(seen.data().ends_with(b"Content-Length: 3\r\n\r\n000"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IBodyProducer")]
pub trait BodyProducer: 'static {
    /// How many bytes it will give, if that is known. If it is not, they are sent in chunks.
    fn length(&self) -> Option<u64>;

    /// Begins to write to `writer`; the Deferred fires when all is written.
    ///
    /// Whoever has much should write a piece at a time, each from a function of its own (a callback, a
    /// timer): a function is never interrupted, so one that writes in a loop is told to
    /// [pause](Self::pause_producing) only after it, and all that it wrote is kept meanwhile.
    ///
    /// A failure of the Deferred fails the request, and closes its connection; so do fewer or more
    /// bytes than [`length`](Self::length) has promised.
    #[doc(alias = "startProducing")]
    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()>;

    /// More is queued than the server reads: write no more for the time being.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use std::cell::Cell;
    /// use torsade_core::task::LoopingCall;
    /// use torsade_core::{Deferred, Reactor};
    /// use torsade_http::{Agent, BodyProducer, BodyWriter, Method, Request};
    /// # use std::time::Duration;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Deaf;
    /// # impl Protocol for Deaf {
    /// #     fn connection_made(&mut self, transport: &Transport) { transport.pause_reading(); }
    /// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> torsade_core::Result<()> { Ok(()) }
    /// # }
    ///
    /// /// A kilobyte every millisecond, as long as that is wanted.
    /// struct Ticker(Reactor, Rc<Cell<bool>>, Rc<Cell<u64>>);
    ///
    /// impl BodyProducer for Ticker {
    ///     fn length(&self) -> Option<u64> {
    ///         None
    ///     }
    ///
    ///     fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
    ///         let (is_paused, written) = (Rc::clone(&self.1), Rc::clone(&self.2));
    ///         LoopingCall::new(&self.0, move |_| {
    ///             if !is_paused.get() {
    ///                 writer.write(&[b'x'; 1024]);
    ///                 written.set(written.get() + 1024);
    ///             }
    ///         })
    ///         .start(Duration::from_millis(1)).map(drop)
    ///     }
    ///
    ///     fn pause_producing(&mut self) {
    ///         self.1.set(true);
    ///     }
    ///
    ///     fn resume_producing(&mut self) {
    ///         self.1.set(false);
    ///     }
    /// }
    ///
    /// // A server that reads nothing.
    /// # let reactor = Simulation::new().reactor();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Deaf)?;
    /// let written = Rc::new(Cell::new(0));
    /// let body = Ticker(reactor.clone(), Rc::default(), Rc::clone(&written));
    /// let request = Request::new(Method::PUT, "http://127.0.0.1/")?.body_producer(body);
    /// let _answer = Agent::new(&reactor).request(request);
    /// reactor.advance(Duration::from_secs(10))?;
    /// assert!(written.get() < 1_000_000, "{} bytes wait here", written.get());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "pauseProducing")]
    fn pause_producing(&mut self) {}

    /// Go on writing.
    #[doc(alias = "resumeProducing")]
    fn resume_producing(&mut self) {}

    /// Nothing more will be sent: the request failed, or was answered before its end. The Deferred
    /// that was given does not matter any more.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_core::{Deferred, Resolver};
    /// use torsade_http::{Agent, BodyProducer, BodyWriter, Method, Request};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// /// Never comes to an end by itself.
    /// struct Endless(Option<Resolver<()>>, Rc<Cell<bool>>);
    ///
    /// impl BodyProducer for Endless {
    ///     fn length(&self) -> Option<u64> {
    ///         None
    ///     }
    ///
    ///     fn start_producing(&mut self, _: BodyWriter) -> Deferred<()> {
    ///         let (resolver, done) = Deferred::new();
    ///         self.0 = Some(resolver);
    ///         done
    ///     }
    ///
    ///     fn stop_producing(&mut self) {
    ///         self.1.set(true);
    ///     }
    /// }
    ///
    /// // It is answered before its end.
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let stopped = Rc::new(Cell::new(false));
    /// let body = Endless(None, Rc::clone(&stopped));
    /// let request = Request::new(Method::PUT, "http://127.0.0.1/")?.body_producer(body);
    /// assert_eq!(reactor.run_until(Agent::new(&reactor).request(request))?.status(), 413);
    /// assert!(stopped.get());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "stopProducing")]
    fn stop_producing(&mut self) {}
}

/// Where a [`BodyProducer`] writes to.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_core::task::defer_later;
/// use torsade_core::{Deferred, Reactor};
/// use torsade_http::{Agent, BodyProducer, BodyWriter, Method, Request};
///
/// /// One half now, the other a moment later.
/// struct Halves(Reactor);
///
/// impl BodyProducer for Halves {
///     fn length(&self) -> Option<u64> {
///         None
///     }
///
///     fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
///         writer.write(b"hel");
///         defer_later(&self.0, Duration::from_millis(100), move || writer.write(b"lo"))
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// let request = Request::new(Method::PUT, "http://127.0.0.1/")?.body_producer(Halves(reactor.clone()));
/// let _answer = Agent::new(&reactor).request(request);
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(seen.data().ends_with(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct BodyWriter {
    connection: Weak<Http1>,
    /// Which of the connection's requests this is for.
    request: u64,
}

impl BodyWriter {
    pub(crate) fn new(connection: &Rc<Http1>, request: u64) -> Self {
        Self {
            connection: Rc::downgrade(connection),
            request,
        }
    }

    /// Sends `data`. After the request has ended, it is dropped.
    pub fn write(&self, data: &[u8]) {
        if let Some(connection) = self.connection.upgrade() {
            connection.write_body(self.request, data);
        }
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyWriter")
    }
}

/// A producer that its connection and the transport both have a hand on.
pub(crate) type SharedProducer = Rc<RefCell<Box<dyn BodyProducer>>>;
