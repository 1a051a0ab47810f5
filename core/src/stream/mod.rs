//! A connection as a stream of bytes that is awaited, for code written for futures.
//!
//! ```text
//!   connection ── data_received ──> input ── poll_read ──> a coroutine
//!   connection <── write ─────────────────── poll_write ── a coroutine
//! ```
//!
//! What is read ahead is bounded: the connection is paused while more waits than that. What is
//! written is bounded by the transport's water marks: above them, writing waits.

#[cfg(feature = "futures-io")]
mod futures_io;
mod protocol;
#[cfg(test)]
mod tests;
#[cfg(feature = "tokio-io")]
mod tokio_io;

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};

use crate::endpoints::ClientEndpoint;
use crate::{Address, Deferred, Factory, Outcome, Reactor, Transport};
use protocol::StreamProtocol;

/// More than this is not read ahead: the peer feels it.
const READ_AHEAD: usize = 64 * 1024;

/// With more than this queued, a coroutine that goes on writing waits for the next turn.
const WRITTEN_IN_A_TURN: usize = 64 * 1024;

/// A connection as a stream of bytes: `AsyncRead` and `AsyncWrite` of futures-io, and, with the
/// feature `tokio-io`, of tokio.
///
/// With it, crates that speak a protocol over any such stream run on torsade's reactor, in a
/// coroutine of [`Reactor::spawn`]. Dropping it closes the connection when all that was written is
/// sent. Flushing is no work: what is written goes out at the end of the reactor's turn.
///
/// Errors are [`io::Error`]s, of the kind of the system's error if there was one; the text is that
/// of the connection's end.
///
/// ```
/// use futures_util::{AsyncReadExt, AsyncWriteExt};
/// use torsade_core::stream::AsyncStream;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Result, TcpClient, TcpServer};
///
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let server = TcpServer::new(&reactor, "127.0.0.1:0".parse()?).listen(AsyncStream::serve(
///     &reactor,
///     |mut stream| async move {
///         let mut question = [0; 4];
///         stream.read_exact(&mut question).await?;
///         stream.write_all(b"pong").await?;
///         Ok(())
///     },
/// ))?;
///
/// let address = server.socket_addr()?;
/// let client = TcpClient::new(&reactor, address);
/// let answer = reactor.spawn(async move {
///     let mut stream = AsyncStream::connect(&client).await?;
///     stream.write_all(b"ping").await?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer).await?;
///     Ok(answer)
/// });
/// assert_eq!(reactor.run_until(answer)?, "pong");
/// # Ok(())
/// # }
/// ```
pub struct AsyncStream {
    shared: Rc<Shared>,
}

/// What the stream and its protocol, which the connection owns, both have a hand on.
struct Shared {
    transport: OnceCell<Transport>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// What was received and not yet read.
    input: BytesMut,
    is_paused: bool,
    /// The peer will send no more.
    is_read_closed: bool,
    /// Our direction has ended.
    is_write_closed: bool,
    /// The transport wants no more for now.
    is_full: bool,
    /// Why the connection ended, if not in an orderly way.
    error: Option<(io::ErrorKind, String)>,
    is_lost: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn failure(&self) -> Option<io::Error> {
        let (kind, text) = self.error.as_ref()?;
        Some(io::Error::new(*kind, text.clone()))
    }
}

impl AsyncStream {
    /// Connects to an endpoint. The Deferred may be awaited.
    ///
    /// ```
    /// use futures_util::AsyncReadExt;
    /// # use torsade_core::protocols::wire::Telling;
    /// use torsade_core::stream::AsyncStream;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Result, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:17".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Telling::new(|| b"hello".to_vec()))?;
    /// let endpoint = TcpClient::new(&reactor, address);
    /// let told = reactor.run_until(reactor.spawn(async move {
    ///     let mut stream = AsyncStream::connect(&endpoint).await?;
    ///     let mut told = String::new();
    ///     stream.read_to_string(&mut told).await?;
    ///     Ok(told)
    /// }))?;
    /// assert_eq!(told, "hello");
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// Those of the endpoint.
    pub fn connect(endpoint: &impl ClientEndpoint) -> Deferred<Self> {
        let shared = Shared::new();
        let stream = Rc::clone(&shared);
        endpoint
            .connect(move |_: &Address| StreamProtocol::new(&shared, |_| {}))
            .map(move |_| Self { shared: stream })
    }

    /// A factory for a listening endpoint: each connection is given to `handler`, whose future
    /// runs as a coroutine. Its failure is logged, as that of any Deferred.
    pub fn serve<H, F>(reactor: &Reactor, handler: H) -> impl Factory
    where
        H: FnMut(Self) -> F + 'static,
        F: Future + 'static,
        F::Output: Outcome,
    {
        let (reactor, handler) = (reactor.clone(), Rc::new(RefCell::new(handler)));
        move |_: &Address| {
            let shared = Shared::new();
            let stream = Self {
                shared: Rc::clone(&shared),
            };
            let (reactor, handler) = (reactor.clone(), Rc::clone(&handler));
            // Not before: the handler may look at the stream's transport at once.
            StreamProtocol::new(&shared, move |_| {
                let future = handler.borrow_mut()(stream);
                reactor.spawn(future);
            })
        }
    }

    /// The connection's transport, for its addresses, its options, and for aborting it.
    ///
    /// What is written through it mixes with what is written through the stream.
    ///
    /// ```
    /// use futures_util::AsyncWriteExt;
    /// # use torsade_core::protocols::wire::Discard;
    /// use torsade_core::stream::AsyncStream;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
    /// # let endpoint = TcpClient::new(&reactor, address);
    /// let mut stream = reactor.run_until(AsyncStream::connect(&endpoint))?;
    /// assert_eq!(stream.transport().peer(), Address::Tcp(address));
    /// stream.transport().abort_connection();
    /// let written = reactor.spawn(async move { Ok(stream.write_all(b"too late").await?) });
    /// assert!(reactor.run_until(written).is_err());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn transport(&self) -> &Transport {
        self.shared.transport()
    }

    fn poll_read_with(
        &self,
        context: &Context<'_>,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.shared.state.borrow_mut();
        if state.input.is_empty() {
            if let Some(error) = state.failure() {
                return Poll::Ready(Err(error));
            }
            if state.is_read_closed || state.is_lost {
                return Poll::Ready(Ok(0));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = take(&state.input);
        state.input.advance(count);
        let must_resume = state.input.is_empty() && std::mem::take(&mut state.is_paused);
        if state.input.is_empty() {
            // An idle stream owns no buffer.
            state.input = BytesMut::new();
        }
        drop(state);
        if must_resume {
            self.transport().resume_reading();
        }
        Poll::Ready(Ok(count))
    }

    fn poll_write_with(
        &self,
        context: &Context<'_>,
        write: impl FnOnce(&Transport) -> usize,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.shared.state.borrow_mut();
        if let Some(error) = state.failure() {
            return Poll::Ready(Err(error));
        }
        if state.is_lost || state.is_write_closed || !self.transport().is_open() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.is_full {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        if self.transport().queued() > WRITTEN_IN_A_TURN {
            // The end of the turn sends it, or has the transport say that it is full.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(write(self.transport())))
    }

    fn poll_close_write(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state.borrow_mut();
        if state.is_write_closed {
            return Poll::Ready(Ok(()));
        }
        if state.is_lost {
            return Poll::Ready(state.failure().map_or(Ok(()), Err));
        }
        state.writer = Some(context.waker().clone());
        drop(state);
        let transport = self.transport();
        transport.unregister_producer();
        transport.lose_write_connection();
        Poll::Pending
    }
}

impl Shared {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            transport: OnceCell::new(),
            state: RefCell::default(),
        })
    }

    /// A stream is handed out when it is connected.
    fn transport(&self) -> &Transport {
        self.transport
            .get()
            .expect("a stream is not used before its connection is made")
    }
}

fn write_pieces(transport: &Transport, pieces: &[io::IoSlice<'_>]) -> usize {
    transport.write_sequence(pieces.iter().map(|piece| &**piece));
    pieces.iter().map(|piece| piece.len()).sum()
}

impl Drop for AsyncStream {
    fn drop(&mut self) {
        if let Some(transport) = self.shared.transport.get() {
            transport.unregister_producer();
            transport.lose_connection();
        }
    }
}

impl fmt::Debug for AsyncStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.borrow();
        f.debug_struct("AsyncStream")
            .field("transport", &self.shared.transport.get())
            .field("read_ahead", &state.input.len())
            .field("is_lost", &state.is_lost)
            .finish()
    }
}
