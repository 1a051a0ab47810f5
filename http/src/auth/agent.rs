//! The agent that answers servers.

use std::fmt;
use std::rc::Rc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use torsade_core::Deferred;
use url::Url;

use super::credentials::{BasicRule, Credentials};
use super::space::{Space, Spaces};
use super::{AuthError, Challenge, DigestChallenge};
use crate::agent::RequestAgent;
use crate::error::InvalidRequest;
use crate::origin::Origin;
use crate::request::Request;
use crate::response::Response;

/// Answers the challenges of servers (401), over another agent: Digest (RFC 7616), or Basic where
/// the [`Credentials`] allow that.
///
/// A challenge is answered once, and again if the server says that only its nonce was too old; a
/// response that still is a 401 is the result. Of several challenges, the Digest with the strongest
/// algorithm is answered. What was accepted is sent along with later requests to the same protection
/// space at once. Credentials go to the origin that they are for, and to no other: put the
/// [`RedirectAgent`](crate::RedirectAgent) around this one. A request with a field `Authorization` of
/// its own is sent as it is.
///
/// Who the server is, Digest does not prove here; TLS does that.
///
/// ```
/// use torsade_http::{Agent, AuthAgent, Credentials, Method, Request, RequestAgent};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Protocol, TcpServer, Transport};
/// # struct Server(fn(&str) -> &'static str);
/// # impl Protocol for Server {
/// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
/// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
/// #         Ok(())
/// #     }
/// # }
///
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Server(|request| match request.contains("Authorization: Digest username=\"me\"") {
/// #     true => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
/// #     false => "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\n\
/// #               Content-Length: 0\r\n\r\n",
/// # }))?;
/// let agent = AuthAgent::new(Agent::new(&reactor))
///     .credentials("http://127.0.0.1", Credentials::new("me", "secret"))?;
/// let request = Request::new(Method::GET, "http://127.0.0.1/private")?;
/// assert_eq!(reactor.run_until(agent.request(request))?.status(), 200);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPDigestAuth")]
pub struct AuthAgent<A> {
    agent: A,
    credentials: Rc<Vec<(Origin, Rc<Credentials>)>>,
    spaces: Rc<Spaces>,
}

impl<A: RequestAgent + Clone + 'static> AuthAgent<A> {
    /// With the credentials that requests bring along ([`Request::credentials`]).
    pub fn new(agent: A) -> Self {
        Self {
            agent,
            credentials: Rc::default(),
            spaces: Rc::default(),
        }
    }

    /// Uses these for requests to the origin of this URL (its scheme, host and port) that bring none.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, AuthAgent, Credentials, InvalidRequest};
    ///
    /// let agent = AuthAgent::new(Agent::new(&Simulation::new().reactor()));
    /// let error = agent.credentials("example.org", Credentials::new("me", "secret")).unwrap_err();
    /// assert!(matches!(error, InvalidRequest::Url { .. })); // it has no scheme
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`]: what is no URL of http or https with a host.
    pub fn credentials(
        mut self,
        origin: &str,
        credentials: Credentials,
    ) -> Result<Self, InvalidRequest> {
        let url = Request::new(Method::GET, origin)?.url;
        let known = Rc::make_mut(&mut self.credentials);
        // The last word counts.
        known.insert(0, (Origin::of(&url), Rc::new(credentials)));
        Ok(self)
    }

    fn credentials_for(&self, request: &Request) -> Option<Rc<Credentials>> {
        if request.headers.contains_key(AUTHORIZATION) {
            return None;
        }
        if let Some(own) = &request.credentials {
            return Some(Rc::clone(own));
        }
        let origin = Origin::of(&request.url);
        let mut known = self.credentials.iter();
        let (_, credentials) = known.find(|(known, _)| *known == origin)?;
        Some(Rc::clone(credentials))
    }

    fn attempt(
        self,
        mut request: Request,
        credentials: Rc<Credentials>,
        space: Option<Rc<Space>>,
        answers: u8,
    ) -> Deferred<Response> {
        let (url, again) = (request.url.clone(), request.again());
        let value = space
            .as_ref()
            .and_then(|space| space.authorization(&request));
        let space = space.filter(|_| value.is_some());
        if let Some(value) = value {
            request.headers.insert(AUTHORIZATION, value);
        }
        self.agent.request(request).add_callback(move |response| {
            if response.status() != StatusCode::UNAUTHORIZED {
                if let Some(space) = space {
                    space.renew(response.headers());
                    self.spaces.remember(&space);
                }
                return Deferred::succeed(response);
            }
            if let Some(space) = &space {
                self.spaces.forget(space);
            }
            let asked = Asked {
                url: &url,
                credentials: &credentials,
                refused: space.as_deref(),
                answers,
            };
            let known_body = again
                .as_ref()
                .is_some_and(|again| again.body.bytes().is_some());
            let challenges = Challenge::parse_all(response.headers(), &WWW_AUTHENTICATE);
            let space = match asked.answer(&challenges, known_body) {
                Ok(Some(space)) => Rc::new(space),
                Ok(None) => return Deferred::succeed(response),
                Err(error) => return Deferred::fail(error),
            };
            let Some(again) = again else {
                return Deferred::fail(AuthError::BodyIsGone { url: url.into() });
            };
            log::debug!(target: "torsade::http", "{url} asks who we are; again with an answer");
            response
                .discard()
                .add_callback(move |()| self.attempt(again, credentials, Some(space), answers + 1))
        })
    }
}

/// A server asks who we are.
struct Asked<'a> {
    url: &'a Url,
    credentials: &'a Rc<Credentials>,
    /// What it was told already.
    refused: Option<&'a Space>,
    /// How often it has asked about this request before.
    answers: u8,
}

impl Asked<'_> {
    /// What to tell it, if there is anything.
    fn answer(
        &self,
        challenges: &[Challenge],
        known_body: bool,
    ) -> Result<Option<Space>, AuthError> {
        if let Some(digest) = DigestChallenge::strongest(challenges, known_body) {
            let may = digest.may_be_answered(self.answers);
            return Ok(may.then(|| Space::digest(self.url, self.credentials, digest)));
        }
        let was_refused = self.answers > 0 || self.refused.is_some_and(Space::is_basic);
        let takes_basic = challenges.iter().any(|challenge| challenge.is("Basic"));
        if !takes_basic || was_refused {
            return Ok(None);
        }
        match self.credentials.basic {
            BasicRule::Never => Ok(None),
            BasicRule::OverHttps if self.url.scheme() != "https" => Err(AuthError::BasicInClear {
                url: self.url.to_string(),
            }),
            _ => Ok(Some(Space::basic(self.url, self.credentials))),
        }
    }
}

impl<A: RequestAgent + Clone + 'static> RequestAgent for AuthAgent<A> {
    /// # Errors
    /// [`AuthError`], and those of the agent below.
    fn request(&self, request: Request) -> Deferred<Response> {
        let Some(credentials) = self.credentials_for(&request) else {
            return self.agent.request(request);
        };
        let space = self.spaces.find(&request.url, &credentials);
        self.clone().attempt(request, credentials, space, 0)
    }
}

impl<A: fmt::Debug> fmt::Debug for AuthAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthAgent")
            .field("agent", &self.agent)
            .field("credentials", &self.credentials)
            .field("spaces", &self.spaces)
            .finish()
    }
}
