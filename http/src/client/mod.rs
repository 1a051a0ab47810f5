//! The client with everything on: what most programs want.

mod builder;
mod download;
mod one_liners;

use std::fmt;
use std::rc::Rc;

use http::Method;
use torsade_core::Reactor;

pub use self::builder::{ClientRequest, HttpStatusError};
pub use self::one_liners::{get, get_text};
use crate::agent::{Agent, AgentOptions, RequestAgent};
use crate::auth::AuthAgent;
use crate::decode::ContentDecoderAgent;
use crate::proxy::{InvalidProxy, Proxies};
use crate::redirect::RedirectAgent;
#[cfg(feature = "cookies")]
use crate::{CookieAgent, CookieJar};

/// A client with the manners that people expect: it follows redirects as browsers do, decodes what
/// was compressed, keeps cookies while it lives, says who it is, and goes by way of the proxies that
/// the environment names. A cheap handle: clones share connections and cookies.
///
/// ```no_run
/// use torsade_core::Reactor;
/// use torsade_http::Client;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Reactor::new()?;
/// let client = Client::new(&reactor);
/// let answer = client
///     .get("https://example.org/search")
///     .query(&[("q", "twisted cord")])
///     .bearer_auth("secret")
///     .send()
///     .add_callback(|response| response.error_for_status())
///     .add_callback(|response| response.text());
/// println!("{}", reactor.run_until(answer)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "treq")]
#[doc(alias = "HTTPClient")]
pub struct Client {
    reactor: Reactor,
    /// What is wrong with the environment fails each request: without the proxy it names, they would
    /// go where they should not.
    agent: Result<Rc<dyn RequestAgent>, InvalidProxy>,
}

impl Client {
    /// With the defaults.
    pub fn new(reactor: &Reactor) -> Self {
        match Proxies::from_env() {
            Ok(proxies) => Self::with_options(reactor, AgentOptions::new().proxies(proxies)),
            Err(error) => Self {
                reactor: reactor.clone(),
                agent: Err(error),
            },
        }
    }

    /// On an [`Agent`] with these options, which know of proxies or not.
    pub fn with_options(reactor: &Reactor, options: AgentOptions) -> Self {
        let agent: Rc<dyn RequestAgent> = Rc::new(Agent::with_options(reactor, options));
        #[cfg(feature = "cookies")]
        let agent: Rc<dyn RequestAgent> = Rc::new(CookieAgent::new(agent, &CookieJar::new()));
        let agent = ContentDecoderAgent::new(AuthAgent::new(agent));
        Self::over(reactor, Rc::new(RedirectAgent::new(agent).browser_like()))
    }

    /// Over an agent of one's own, which does all that is to be done.
    pub fn over(reactor: &Reactor, agent: Rc<dyn RequestAgent>) -> Self {
        Self {
            reactor: reactor.clone(),
            agent: Ok(agent),
        }
    }

    /// The reactor that it is of.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: &str) -> ClientRequest {
        ClientRequest::new(self.clone(), method, url)
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> ClientRequest {
        self.request(Method::GET, url)
    }

    /// Begins a HEAD.
    pub fn head(&self, url: &str) -> ClientRequest {
        self.request(Method::HEAD, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> ClientRequest {
        self.request(Method::POST, url)
    }

    /// Begins a PUT.
    pub fn put(&self, url: &str) -> ClientRequest {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH.
    pub fn patch(&self, url: &str) -> ClientRequest {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE.
    pub fn delete(&self, url: &str) -> ClientRequest {
        self.request(Method::DELETE, url)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
