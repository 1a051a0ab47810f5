//! An Agent on a reactor of its own, for tests that ask one thing after the other.

use std::time::Duration;

use torsade::http::{Agent, AgentOptions, ContentDecoderAgent, Method, Request, Response};
use torsade::tls::{ClientTls, ClientTlsBuilder};
use torsade::{Deferred, Reactor, Result};

use super::daemon::Daemon;
use super::peer::PATIENCE;
use super::pki::{Identity, Pki};

/// An agent that trusts a test's authority.
pub(crate) struct Client {
    pub(crate) reactor: Reactor,
    pub(crate) agent: Agent,
}

impl Client {
    /// It may be known by `identity`.
    pub(crate) fn new(pki: &Pki, identity: Option<Identity>) -> Self {
        let mut tls = ClientTls::builder().roots_from_pem_file(pki.authority());
        if let Some(identity) = identity {
            tls = tls.client_certificate_files(identity.certificate, identity.key);
        }
        Self::with(tls, |_, options| options)
    }

    /// One that trusts the authority of a daemon's certificate.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        Self::with(ClientTls::builder().trust(daemon.trust()), |_, options| {
            options
        })
    }

    /// One with options of its own.
    pub(crate) fn with(
        tls: ClientTlsBuilder,
        options: impl FnOnce(&Reactor, AgentOptions) -> AgentOptions,
    ) -> Self {
        let reactor = Reactor::new().unwrap();
        let options = options(&reactor, AgentOptions::new().tls(&tls.build().unwrap()));
        let agent = Agent::with_options(&reactor, options);
        Self { reactor, agent }
    }

    /// Runs until it has fired; a hang fails the test.
    pub(crate) fn run<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        let deferred = deferred.add_timeout(&self.reactor, PATIENCE);
        self.reactor.run_until(deferred)
    }

    pub(crate) fn get(&self, url: &str) -> Result<Response> {
        self.run(self.agent.get(url))
    }

    pub(crate) fn request(&self, request: Request) -> Result<Response> {
        self.run(self.agent.request(request))
    }

    pub(crate) fn body(&self, url: &str) -> Vec<u8> {
        let body = self.agent.get(url).add_callback(Response::read_body);
        self.run(body)
            .unwrap_or_else(|failure| panic!("{url}: {failure:#}"))
            .to_vec()
    }

    pub(crate) fn text(&self, url: &str) -> String {
        String::from_utf8(self.body(url)).unwrap()
    }

    /// The body, decoded.
    pub(crate) fn decoded_body(&self, url: &str) -> Vec<u8> {
        use torsade::http::RequestAgent as _;
        let agent = ContentDecoderAgent::new(self.agent.clone());
        let request = Request::new(Method::GET, url).unwrap();
        let body = agent.request(request).add_callback(Response::read_body);
        self.run(body).unwrap().to_vec()
    }

    /// Waits until no connection is kept any more.
    pub(crate) fn until_nothing_is_kept(&self) {
        let began = self.reactor.now();
        while self.agent.pool_statistics().open > 0 {
            assert!(self.reactor.now() - began < PATIENCE, "it is kept");
            let later = torsade::task::defer_later(&self.reactor, Duration::from_millis(5), || ());
            self.run(later).unwrap();
        }
    }
}
