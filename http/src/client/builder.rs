//! A request in the making.

use std::error::Error;
use std::fmt;
use std::ops::RangeBounds;
use std::rc::Rc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RANGE, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use torsade_core::{Deferred, Result};
use url::Url;

use super::Client;
use crate::agent::RequestAgent;
use crate::auth::{Credentials, basic};
use crate::body::{BodyProducer, Form, RequestBody};
use crate::error::InvalidRequest;
use crate::request::Request;
use crate::response::{Progress, Response};

/// A request in the making; from [`Client::request`] and the like.
///
/// What is wrong with any part of it is told when it is sent.
///
/// ```no_run
/// use std::time::Duration;
/// use torsade_core::Reactor;
/// use torsade_http::{Client, Response};
///
/// let reactor = Reactor::new()?;
/// let client = Client::new(&reactor);
/// let answer = client
///     .post("https://example.com/notes")
///     .form(&[("text", "hello")])
///     .timeout(Duration::from_secs(10))
///     .send()
///     .add_callback(Response::error_for_status);
/// println!("{}", reactor.run_until(answer)?.status());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[must_use]
pub struct ClientRequest {
    pub(super) client: Client,
    request: Result<Request>,
    timeout: Option<Duration>,
    on_progress: Option<Rc<dyn Fn(Progress)>>,
}

impl ClientRequest {
    pub(super) fn new(client: Client, method: Method, url: &str) -> Self {
        Self {
            client,
            request: begin(method, url),
            timeout: None,
            on_progress: None,
        }
    }

    /// The same once more, if its body can be sent again.
    pub(super) fn again(&self) -> Option<Self> {
        Some(Self {
            client: self.client.clone(),
            request: Ok(self.request.as_ref().ok()?.again()?),
            timeout: self.timeout,
            on_progress: self.on_progress.clone(),
        })
    }

    /// Where to, if that is a URL.
    pub(super) fn url(&self) -> Option<Url> {
        Some(self.request.as_ref().ok()?.url.clone())
    }

    pub(super) fn with(mut self, change: impl FnOnce(Request) -> Result<Request>) -> Self {
        self.request = self.request.and_then(change);
        self
    }

    /// Adds a field; one of the same name stays.
    #[doc(alias = "headers")]
    pub fn header(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.with(|request| Ok(request.header(name, value)?))
    }

    /// Adds parameters to the URL.
    #[doc(alias = "params")]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        self.with(|mut request| {
            request.url.query_pairs_mut().extend_pairs(pairs);
            Ok(request)
        })
    }

    /// Asks for these bytes only (RFC 9110 section 14.2). The server may send all the same:
    /// [`Response::content_range`] tells which came. What is no range, or all, asks for all.
    ///
    /// ```
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_http::Client;
    /// # let client = Client::new(&Simulation::new().reactor());
    /// let first_kilobyte = client.get("http://example.test/large").range(..1024);
    /// # drop(first_kilobyte);
    /// ```
    pub fn range(self, bytes: impl RangeBounds<u64>) -> Self {
        let value = crate::range::field(bytes);
        self.with(|mut request| {
            request.headers.remove(RANGE);
            request.headers.extend(value.map(|value| (RANGE, value)));
            Ok(request)
        })
    }

    /// Is known to the server by a user name and a password (RFC 7617).
    #[doc(alias = "auth")]
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let value = basic(user, password);
        self.with(|request| Ok(authorized(request, value)))
    }

    /// Is known to the server by a user name and a password, by Digest alone (RFC 7616): once the
    /// server asks, it is shown that we know the password.
    #[doc(alias = "HTTPDigestAuth")]
    pub fn digest_auth(self, user: &str, password: &str) -> Self {
        self.credentials(Credentials::new(user, password).digest_only())
    }

    /// Answers what the server asks with these: see [`AuthAgent`](crate::AuthAgent), which a client
    /// [over another agent](Client::over) has to have within.
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.with(|mut request| {
            request.headers.remove(AUTHORIZATION);
            Ok(request.credentials(credentials))
        })
    }

    /// Is known to the server by a token (RFC 6750).
    pub fn bearer_auth(self, token: &str) -> Self {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        self.with(|request| {
            let value = value.map_err(|error| InvalidRequest::value(AUTHORIZATION, &error))?;
            Ok(authorized(request, value))
        })
    }

    /// Sets the body, from bytes or text.
    #[doc(alias = "data")]
    pub fn body(self, body: impl Into<RequestBody>) -> Self {
        let body = body.into();
        self.with(|request| Ok(request.body(body)))
    }

    /// Sets a body that is produced while it is sent, such as a
    /// [`FileBodyProducer`](crate::FileBodyProducer).
    pub fn body_producer(self, producer: impl BodyProducer) -> Self {
        self.with(|request| Ok(request.body_producer(producer)))
    }

    /// Sends a form, as browsers do (`application/x-www-form-urlencoded`).
    pub fn form<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let text = form.extend_pairs(pairs).finish();
        self.typed("application/x-www-form-urlencoded", text)
    }

    /// Sends a form with files (`multipart/form-data`).
    #[doc(alias = "files")]
    pub fn multipart(self, form: Form) -> Self {
        let (media_type, body) = form.into_body(&self.client.reactor);
        self.typed(&media_type, body)
    }

    /// Sends a value as JSON.
    #[cfg(feature = "json")]
    pub fn json(self, value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => self.typed("application/json", text),
            Err(error) => self.with(|_| Err(error.into())),
        }
    }

    fn typed(self, media_type: &str, body: impl Into<RequestBody>) -> Self {
        let body = body.into();
        let media_type = HeaderValue::try_from(media_type).expect("it is made here");
        self.with(|mut request| {
            request.headers.entry(CONTENT_TYPE).or_insert(media_type);
            Ok(request.body(body))
        })
    }

    /// How long it may take until the response's head is there, redirects included. Each of them has
    /// its [own limit](Self::head_timeout) besides.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// See [`Request::head_timeout`].
    pub fn head_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.head_timeout(timeout)))
    }

    /// See [`Request::silence_timeout`].
    pub fn silence_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.silence_timeout(timeout)))
    }

    /// See [`Request::total_timeout`].
    pub fn total_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.total_timeout(timeout)))
    }

    /// Has `tell` called as the body of the response comes: see [`Response::on_progress`].
    #[doc(alias = "progress")]
    pub fn on_progress(mut self, tell: impl Fn(Progress) + 'static) -> Self {
        self.on_progress = Some(Rc::new(tell));
        self
    }

    /// Sends it. The Deferred fires when the head of the response is there, whatever its status.
    ///
    /// # Errors
    /// [`InvalidRequest`], [`InvalidProxy`](crate::InvalidProxy),
    /// [`RedirectError`](crate::RedirectError), [`AuthError`](crate::AuthError), and
    /// [`RequestError`](crate::RequestError).
    pub fn send(self) -> Deferred<Response> {
        let mut request = match self.request {
            Ok(request) => request,
            Err(failure) => return Deferred::fail(failure),
        };
        let own = HeaderValue::from_static(concat!("torsade/", env!("CARGO_PKG_VERSION")));
        request.headers.entry(USER_AGENT).or_insert(own);
        let sent = match &self.client.agent {
            Ok(agent) => agent.request(request),
            Err(error) => Deferred::fail(error.clone()),
        };
        let sent = match self.timeout {
            Some(timeout) => sent.add_timeout(&self.client.reactor, timeout),
            None => sent,
        };
        match self.on_progress {
            Some(tell) => {
                sent.map(move |response| response.on_progress(move |progress| tell(progress)))
            }
            None => sent,
        }
    }
}

/// A request; user name and password in its URL go into a field.
fn begin(method: Method, url: &str) -> Result<Request> {
    let mut parsed = Url::parse(url).map_err(|error| InvalidRequest::Url {
        url: url.to_owned(),
        error,
    })?;
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text);
        text.decode_utf8_lossy().into_owned()
    };
    let user = decoded(parsed.username());
    let password = decoded(parsed.password().unwrap_or_default());
    // They fail only where there can be none.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    let request = Request::to(method, parsed)?;
    match (user.as_str(), password.as_str()) {
        ("", "") => Ok(request),
        (user, password) => Ok(authorized(request, basic(user, password))),
    }
}

fn authorized(mut request: Request, mut value: HeaderValue) -> Request {
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    request
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// A response whose status is not one that was asked for.
///
/// ```no_run
/// use torsade_core::Reactor;
/// use torsade_http::{Client, HttpStatusError, Response};
///
/// let reactor = Reactor::new()?;
/// let answer = Client::new(&reactor).get("https://example.com/none").send();
/// let failure = reactor.run_until(answer.add_callback(Response::error_for_status)).unwrap_err();
/// if let Some(error) = failure.check::<HttpStatusError>() {
///     println!("{} has {}", error.url, error.status);
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpStatusError {
    /// What was requested.
    pub url: String,
    /// The status.
    pub status: StatusCode,
}

impl fmt::Display for HttpStatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.url, self.status)
    }
}

impl Error for HttpStatusError {}

impl HttpStatusError {
    pub(super) fn of(response: &Response) -> Self {
        Self {
            url: response.url().to_string(),
            status: response.status(),
        }
    }
}

impl Response {
    /// Itself, unless its status is 400 or more.
    ///
    /// # Errors
    /// [`HttpStatusError`].
    pub fn error_for_status(self) -> Result<Self> {
        if self.status().as_u16() < 400 {
            return Ok(self);
        }
        Err(HttpStatusError::of(&self).into())
    }

    /// Collects the body as JSON.
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body), and what is wrong with the JSON.
    #[cfg(feature = "json")]
    #[doc(alias = "json_content")]
    pub fn json<T: serde::de::DeserializeOwned + 'static>(self) -> Deferred<T> {
        self.read_body()
            .add_callback(|bytes| Ok(serde_json::from_slice(&bytes)?))
    }
}
