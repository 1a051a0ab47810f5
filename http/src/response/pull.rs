//! Bodies that are pulled, piece by piece or line by line.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use torsade_core::{Deferred, Failure, Resolver, Result};

use super::Response;
use crate::error::how_it_ended;
use crate::incoming::{BodyControl, BodyProtocol};

/// As many bytes are kept for whoever pulls before the server is slowed down.
const AHEAD: usize = 64 * 1024;

/// The longest line that [`Response::lines`] takes, in bytes: 1 MiB.
const LINE_LIMIT: usize = 1024 * 1024;

impl Response {
    /// The body in pieces, as they come, for whoever asks for the next one: from [`BodyChunks::next`].
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// async fn count(response: Response) -> torsade_core::Result<usize> {
    ///     let (mut chunks, mut count) = (response.chunks(), 0);
    ///     while let Some(chunk) = chunks.next().await? {
    ///         count += chunk.len();
    ///     }
    ///     Ok(count)
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// assert_eq!(reactor.run_until(reactor.spawn(count(response)))?, 5);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "iter_content")]
    #[doc(alias = "bytes_stream")]
    pub fn chunks(self) -> BodyChunks {
        BodyChunks(Pulled::of(self, None))
    }

    /// The body in lines, as they come: from [`BodyLines::next`]. They end with LF or CR LF, and are at
    /// most 1 MiB long.
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// async fn last(response: Response) -> torsade_core::Result<String> {
    ///     let (mut lines, mut last) = (response.lines(), String::new());
    ///     while let Some(line) = lines.next().await? {
    ///         last = String::from_utf8(line.to_vec())?;
    ///     }
    ///     Ok(last)
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\none\r\ntwo\nthree\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// assert_eq!(reactor.run_until(reactor.spawn(last(response)))?, "three");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "iter_lines")]
    pub fn lines(self) -> BodyLines {
        self.lines_up_to(LINE_LIMIT)
    }

    /// As [`lines`](Self::lines), with a limit of one's own, in bytes.
    ///
    /// ```
    /// use torsade_http::{Agent, BodyLineTooLong};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na\nmuch too";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let mut lines = response.lines_up_to(5);
    /// assert_eq!(reactor.run_until(lines.next())?.as_deref(), Some(&b"a"[..]));
    /// let failure = reactor.run_until(lines.next()).unwrap_err();
    /// assert!(failure.find::<BodyLineTooLong>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn lines_up_to(self, limit: usize) -> BodyLines {
        let splitter = Splitter {
            begun: BytesMut::new(),
            limit,
        };
        BodyLines(Pulled::of(self, Some(splitter)))
    }
}

/// The pieces of a body: see [`Response::chunks`]. Dropping it closes the connection, unless all came.
///
/// ```
/// use torsade_http::Agent;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// let (mut chunks, mut length) = (response.chunks(), 0);
/// while let Some(chunk) = reactor.run_until(chunks.next())? {
///     length += chunk.len();
/// }
/// assert_eq!(length, 5);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct BodyChunks(Pulled);

impl BodyChunks {
    /// The next piece, once it is here; `None` when all came. Only as much is read ahead as comes at
    /// once: the server waits for whoever pulls.
    ///
    /// ```
    /// use torsade_http::{Agent, RequestError, Stage};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let mut chunks = response.chunks();
    /// assert_eq!(reactor.run_until(chunks.next())?.as_deref(), Some(&b"hel"[..]));
    /// let failure = reactor.run_until(chunks.next()).unwrap_err(); // it broke off
    /// let error: &RequestError = failure.find().expect("that is what they are");
    /// assert_eq!(error.stage, Stage::ReadingBody);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`](crate::RequestError) and what else ends a body before its time, behind all that
    /// came before it. Cancelling loses nothing: the next call gives the piece.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Deferred<Option<Bytes>> {
        self.0.next()
    }
}

/// The lines of a body: see [`Response::lines`]. Dropping it closes the connection, unless all came.
///
/// ```
/// use torsade_http::Agent;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\none\r\ntwo\r\nthree";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// let (mut lines, mut all) = (response.lines(), Vec::new());
/// while let Some(line) = reactor.run_until(lines.next())? {
///     all.push(line);
/// }
/// assert_eq!(all, ["one", "two", "three"]);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct BodyLines(Pulled);

impl BodyLines {
    /// The next line without its end, once it is here; `None` when all came. What stands behind the last
    /// line end is a line too, unless it is empty.
    ///
    /// ```
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na\n\r\nb";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let mut lines = response.lines();
    /// for line in [Some(&b"a"[..]), Some(b""), Some(b"b"), None] {
    ///     assert_eq!(reactor.run_until(lines.next())?.as_deref(), line);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`BodyChunks::next`], and [`BodyLineTooLong`].
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Deferred<Option<Bytes>> {
        self.0.next()
    }
}

/// A body has a longer line than is allowed.
///
/// ```
/// use torsade_http::{Agent, BodyLineTooLong};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nwithout any line end";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// let failure = reactor.run_until(response.lines_up_to(10).next()).unwrap_err();
/// assert_eq!(failure.find(), Some(&BodyLineTooLong { limit: 10 }));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLineTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

impl fmt::Display for BodyLineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        write!(
            f,
            "a line of the body is longer than the {limit} bytes that are allowed"
        )
    }
}

impl Error for BodyLineTooLong {}

struct Pulled {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Bytes>,
    /// How many bytes those are.
    size: usize,
    /// Who waits for the next pieces, in their order.
    waiting: VecDeque<Resolver<Option<Bytes>>>,
    body: Option<BodyControl>,
    ended: Option<Result<()>>,
    /// Nobody pulls any more.
    is_dropped: bool,
}

impl Pulled {
    fn of(response: Response, splitter: Option<Splitter>) -> Self {
        let state: Rc<RefCell<State>> = Rc::default();
        response.deliver_body(Feeder {
            state: Rc::clone(&state),
            splitter,
        });
        Self { state }
    }

    fn next(&self) -> Deferred<Option<Bytes>> {
        let mut state = self.state.borrow_mut();
        if !state.ready.is_empty() || state.ended.is_some() {
            return match state.take() {
                Ok(next) => Deferred::succeed(next),
                Err(failure) => Deferred::fail(failure),
            };
        }
        let (resolver, next) = Deferred::new();
        state.waiting.push_back(resolver);
        let body = state.body.clone();
        drop(state);
        if let Some(body) = body.filter(BodyControl::is_paused) {
            body.resume();
        }
        next
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.is_dropped = true;
        state.ready = VecDeque::new();
        let body = state.body.take();
        drop(state);
        if let Some(body) = body {
            body.abort();
        }
    }
}

impl State {
    fn push(&mut self, piece: Bytes) {
        self.size += piece.len();
        self.ready.push_back(piece);
    }

    /// The next piece, or the end. A failure is told once; then there is nothing more.
    fn take(&mut self) -> Result<Option<Bytes>> {
        match self.ready.pop_front() {
            Some(piece) => {
                self.size -= piece.len();
                Ok(Some(piece))
            }
            None => match self.ended.replace(Ok(())) {
                Some(Err(failure)) => Err(failure),
                _ => Ok(None),
            },
        }
    }
}

/// Takes the body.
struct Feeder {
    state: Rc<RefCell<State>>,
    splitter: Option<Splitter>,
}

impl Feeder {
    /// Gives those who wait what there is.
    fn hand_on(&self) {
        loop {
            let mut state = self.state.borrow_mut();
            if state.ready.is_empty() && state.ended.is_none() {
                return;
            }
            let Some(waiting) = state.waiting.pop_front() else {
                return;
            };
            // Whoever has given up gets no piece: it would be lost.
            if waiting.is_cancelled() {
                continue;
            }
            let next = state.take();
            drop(state);
            waiting.resolve(next);
        }
    }
}

impl BodyProtocol for Feeder {
    fn connection_made(&mut self, body: &BodyControl) {
        let mut state = self.state.borrow_mut();
        if state.is_dropped {
            drop(state);
            body.abort();
        } else {
            state.body = Some(body.clone());
        }
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        let mut state = self.state.borrow_mut();
        if state.is_dropped {
            return Ok(());
        }
        match &mut self.splitter {
            None => state.push(Bytes::copy_from_slice(data)),
            Some(splitter) => {
                if let Err(error) = splitter.split(data, |line| state.push(line)) {
                    self.splitter = None;
                    state.ended = Some(Err(error.into()));
                }
            }
        }
        let is_broken = state.ended.is_some();
        let is_much = state.size >= AHEAD || state.ready.len() >= AHEAD / 64;
        drop(state);
        if is_broken {
            body.abort();
        } else if is_much {
            body.pause();
        }
        self.hand_on();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let mut state = self.state.borrow_mut();
        state.body = None;
        if let Some(rest) = self.splitter.as_mut().and_then(Splitter::rest) {
            state.push(rest);
        }
        state.ended.get_or_insert_with(|| how_it_ended(reason));
        drop(state);
        self.hand_on();
    }
}

/// Cuts bytes into lines.
struct Splitter {
    /// What has come of the line that is not over.
    begun: BytesMut,
    limit: usize,
}

impl Splitter {
    fn split(&mut self, data: &[u8], mut give: impl FnMut(Bytes)) -> Result<(), BodyLineTooLong> {
        for part in data.split_inclusive(|&byte| byte == b'\n') {
            self.begun.extend_from_slice(part);
            let is_whole = part.ends_with(b"\n");
            if is_whole {
                self.begun.truncate(self.begun.len() - 1);
                if self.begun.ends_with(b"\r") {
                    self.begun.truncate(self.begun.len() - 1);
                }
            }
            if self.begun.len() > self.limit {
                return Err(BodyLineTooLong { limit: self.limit });
            }
            if is_whole {
                give(self.begun.split().freeze());
            }
        }
        Ok(())
    }

    fn rest(&mut self) -> Option<Bytes> {
        let rest = std::mem::take(&mut self.begun);
        (!rest.is_empty()).then(|| rest.freeze())
    }
}

impl fmt::Debug for BodyChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyChunks").finish_non_exhaustive()
    }
}

impl fmt::Debug for BodyLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyLines").finish_non_exhaustive()
    }
}
