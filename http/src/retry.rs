//! Trying again what failed by chance.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use http::{StatusCode, header};
use torsade_core::endpoints::Backoff;
use torsade_core::filter::Socks5Error;
use torsade_core::task::defer_later;
use torsade_core::{
    AllAttemptsFailed, ConnectError, ConnectTimedOut, ConnectionDone, ConnectionLost, Deferred,
    Failure, LookupError, LookupVerdict, Reactor, TimedOut,
};
use torsade_tls::TlsError;

use crate::agent::RequestAgent;
use crate::error::{RequestError, Stage, WireError};
use crate::proxy::ProxyError;
use crate::request::Request;
use crate::response::Response;

/// Makes requests again that failed by chance, over another agent: after an error before the
/// response began that may pass (no connection, a time-out, a name server that did not answer; not
/// a bad certificate), or with a status that says that it may work later (429, 502, 503, 504).
///
/// Only requests that do no harm when made twice (of an idempotent method, RFC 9110 section 9.2.2)
/// and whose body can be sent again. How long it waits says the server (`Retry-After`), if it does,
/// and the [`Backoff`] otherwise. The last error, or the last response, is the result.
///
/// ```
/// use torsade_http::{Agent, Method, Request, RequestAgent, RetryAgent};
/// # use std::cell::Cell;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let asked = Cell::new(0);
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(move |_: &Address| {
/// #     asked.set(asked.get() + 1);
/// #     let status = if asked.get() < 3 { "503 Not yet" } else { "200 OK" };
/// #     Telling::new(move || format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into())
/// # })?;
/// // The server has to start first.
/// let agent = RetryAgent::new(&reactor, Agent::new(&reactor));
/// let request = Request::new(Method::GET, "http://127.0.0.1/")?;
/// assert_eq!(reactor.run_until(agent.request(request))?.status(), 200); // the third time
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "retryAutomatically")]
pub struct RetryAgent<A> {
    agent: A,
    reactor: Reactor,
    attempts: u32,
    longest: Duration,
    backoff: Rc<RefCell<Backoff>>,
}

impl<A: RequestAgent + Clone + 'static> RetryAgent<A> {
    /// Tries three times.
    pub fn new(reactor: &Reactor, agent: A) -> Self {
        Self {
            agent,
            reactor: reactor.clone(),
            attempts: 3,
            longest: Duration::from_secs(60),
            backoff: Rc::default(),
        }
    }

    /// Tries so many times in all.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, Method, Request, RequestAgent, RetryAgent};
    ///
    /// let (reactor, network) = Simulation::new().start();
    /// let agent = RetryAgent::new(&reactor, Agent::new(&reactor)).attempts(5);
    /// let response = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?);
    /// assert!(reactor.run_until(response).is_err()); // nobody listens
    /// assert_eq!(network.attempts().len(), 5);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn attempts(mut self, count: u32) -> Self {
        self.attempts = count.max(1);
        self
    }

    /// How long it waits where the server does not say.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::endpoints::Backoff;
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, Method, Request, RequestAgent, RetryAgent};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let patient = Backoff::new(Duration::from_secs(100), Duration::from_secs(100)).jitter(Duration::ZERO);
    /// let agent = RetryAgent::new(&reactor, Agent::new(&reactor)).attempts(2).backoff(patient);
    /// let start = reactor.now();
    /// let response = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?);
    /// assert!(reactor.run_until(response).is_err());
    /// assert!(reactor.now() - start >= Duration::from_secs(100));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Rc::new(RefCell::new(backoff));
        self
    }

    /// Gives up when the server wants it to wait longer: a minute unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{Agent, Method, Request, RequestAgent, RetryAgent};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 429 Slowly\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let agent = RetryAgent::new(&reactor, Agent::new(&reactor)).longest_wait(Duration::from_secs(300));
    /// let start = reactor.now();
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?;
    /// assert_eq!(reactor.run_until(agent.request(request))?.status(), 429);
    /// assert!(reactor.now() - start < Duration::from_secs(1));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn longest_wait(mut self, time: Duration) -> Self {
        self.longest = time;
        self
    }

    fn attempt(self, request: Request, failures: u32) -> Deferred<Response> {
        let again = request
            .again()
            .filter(|again| again.method.is_idempotent() && failures + 1 < self.attempts);
        let sent = self.agent.request(request);
        let Some(again) = again else { return sent };
        sent.add_both(move |result| {
            let wait = match &result {
                Ok(response) if may_work_later(response.status()) => {
                    match asked_to_wait(response, self.reactor.system_time()) {
                        Some(wait) if wait > self.longest => None,
                        Some(wait) => Some(wait),
                        None => Some(self.backoff.borrow_mut().delay(failures + 1)),
                    }
                }
                Ok(_) => None,
                Err(failure) if is_by_chance(failure) => {
                    Some(self.backoff.borrow_mut().delay(failures + 1))
                }
                Err(_) => None,
            };
            let Some(wait) = wait else {
                return match result {
                    Ok(response) => Deferred::succeed(response),
                    Err(failure) => Deferred::fail(failure),
                };
            };
            log::debug!(target: "torsade::http", "{} again in {wait:?}", again.url);
            // Its body is read, or its connection closed, meanwhile.
            drop(result);
            let reactor = self.reactor.clone();
            defer_later(&reactor, wait, move || self.attempt(again, failures + 1))
        })
    }
}

fn may_work_later(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

/// Whether it was not the request's own fault, nor anybody's will.
fn is_by_chance(failure: &Failure) -> bool {
    failure.check::<RequestError>().is_some_and(|error| {
        error.stage < Stage::ReadingHead && !error.is_cancelled() && may_pass(&error.cause)
    })
}

/// Whether what went wrong may pass by itself. An unknown name, a bad certificate, a server that
/// speaks something else, or a body that could not be produced, will be the same the next time.
fn may_pass(cause: &Failure) -> bool {
    if let Some(error) = cause.find::<TlsError>() {
        return error.is_transient();
    }
    if let Some(error) = cause.find::<WireError>() {
        return error.is_closed();
    }
    match cause.find::<ProxyError>() {
        Some(ProxyError::Refused { status, .. }) => return may_work_later(*status),
        Some(_) => return false,
        None => {}
    }
    if let Some(error) = cause.find::<LookupError>() {
        return error.verdict == LookupVerdict::TryAgain;
    }
    if let Some(error) = cause.find::<Socks5Error>() {
        // RFC 1928, section 6: the proxy failed, the network or the host is out of reach, or refused.
        return matches!(error, Socks5Error::Refused(1 | 3..=6) | Socks5Error::CutOff);
    }
    cause.find::<ConnectError>().is_some()
        || cause.find::<AllAttemptsFailed>().is_some()
        || cause.find::<ConnectTimedOut>().is_some()
        || cause.find::<TimedOut>().is_some()
        || cause.find::<ConnectionLost>().is_some()
        || cause.find::<ConnectionDone>().is_some()
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
fn asked_to_wait(response: &Response, now: SystemTime) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

impl<A: RequestAgent + Clone + 'static> RequestAgent for RetryAgent<A> {
    fn request(&self, request: Request) -> Deferred<Response> {
        self.clone().attempt(request, 0)
    }
}

impl<A: fmt::Debug> fmt::Debug for RetryAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryAgent")
            .field("agent", &self.agent)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
