//! What Marathon and the load balancers are asked, by https.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use torsade::http::{
    AgentOptions, Client, ClientRequest, HttpStatusError, Response, StatusCode, Url, header,
};
use torsade::tls::ClientTls;
use torsade::{Deferred, DeferredList, Reactor, Result};

use super::is_cancelled;

/// How long it may take until an answer begins.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing may come of the events: Marathon sends an empty line now and then.
const SILENCE: Duration = Duration::from_secs(60);

/// The servers of a Marathon. The first is asked, and the next if that does not answer.
pub(crate) struct Marathon {
    servers: Vec<Url>,
    client: Client,
}

impl Marathon {
    pub(crate) fn new(reactor: &Reactor, tls: &ClientTls, servers: Vec<Url>) -> Self {
        let client = client(reactor, tls);
        Self { servers, client }
    }

    /// All programs.
    pub(crate) async fn apps(&self) -> Result<Vec<Value>> {
        let ask = |server: &Url| {
            let request = self.client.get(at(server, "/v2/apps").as_str());
            request.header("Accept", "application/json")
        };
        let response = self.ask(ask).await?.error_for_status()?;
        is_of_type(&response, "application/json")?;
        let mut answer: Value = response.json().await?;
        match answer["apps"].take() {
            Value::Array(apps) => Ok(apps),
            _ => {
                let answer = answer.to_string().chars().take(200).collect();
                Err(Unexpected::NoApps(answer).into())
            }
        }
    }

    /// An answer whose body are the events of these kinds.
    pub(crate) async fn events(&self, kinds: &[&str]) -> Result<Response> {
        let kinds: Vec<_> = kinds.iter().map(|kind| ("event_type", kind)).collect();
        let ask = |server: &Url| {
            let request = self.client.get(at(server, "/v2/events").as_str());
            let request = request.query(&kinds).header("Accept", "text/event-stream");
            let request = request.header("Cache-Control", "no-store");
            request.total_timeout(None).silence_timeout(Some(SILENCE))
        };
        let response = self.ask(ask).await?;
        if response.status() != StatusCode::OK {
            let (url, status) = (response.url().to_string(), response.status());
            return Err(HttpStatusError { url, status }.into());
        }
        is_of_type(&response, "text/event-stream")?;
        Ok(response)
    }

    /// The answer of the first server that gives one, whatever its status.
    async fn ask(&self, request: impl Fn(&Url) -> ClientRequest) -> Result<Response> {
        let mut last = Unexpected::NoServers.into();
        for server in &self.servers {
            match request(server).timeout(PATIENCE).send().await {
                Ok(response) => return Ok(response),
                Err(failure) if is_cancelled(&failure) => return Err(failure),
                Err(failure) => {
                    log::error!("{failure:#}");
                    last = failure;
                }
            }
        }
        log::error!("no server of Marathon answers");
        Err(last)
    }
}

/// The load balancers, which read their certificates when they are told to.
pub(crate) struct LoadBalancers {
    servers: Vec<Url>,
    client: Client,
}

impl LoadBalancers {
    pub(crate) fn new(reactor: &Reactor, tls: &ClientTls, servers: Vec<Url>) -> Self {
        let client = client(reactor, tls);
        Self { servers, client }
    }

    /// Tells all of them at once. It fails if none has heard it.
    pub(crate) fn reload(&self) -> Deferred<()> {
        let told = self.servers.iter().map(|server| {
            let request = self.client.post(at(server, "/_mlb_signal/usr1").as_str());
            let answer = request.timeout(PATIENCE).send();
            answer.add_callback(Response::error_for_status)
        });
        DeferredList::new(told).all().add_callback(|answers| {
            let all = answers.len();
            let failures: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
            for failure in &failures {
                log::error!("a load balancer was not told: {failure:#}");
            }
            match failures.len() {
                failed if failed == all && all > 0 => Err(Unexpected::NobodyTold.into()),
                _ => Ok(()),
            }
        })
    }
}

/// A client that keeps no connections.
fn client(reactor: &Reactor, tls: &ClientTls) -> Client {
    Client::with_options(reactor, AgentOptions::new().tls(tls).keep_alive(false))
}

fn at(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(path);
    url
}

fn is_of_type(response: &Response, expected: &'static str) -> Result<()> {
    let last = response
        .headers()
        .get_all(header::CONTENT_TYPE)
        .iter()
        .next_back();
    let found = last.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let essence = found.as_deref().and_then(|value| value.split(';').next());
    if essence.map(str::trim) == Some(expected) {
        return Ok(());
    }
    Err(Unexpected::Type { expected, found }.into())
}

/// An answer is not as it should be.
#[derive(Debug)]
pub(crate) enum Unexpected {
    NoServers,
    NobodyTold,
    NoApps(String),
    Type {
        expected: &'static str,
        found: Option<String>,
    },
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServers => f.write_str("there are no servers to ask"),
            Self::NobodyTold => f.write_str("no load balancer was told"),
            Self::NoApps(answer) => write!(f, "there are no apps in {answer}"),
            Self::Type { expected, found } => {
                let found = found.as_deref().unwrap_or("nothing");
                write!(f, "the answer should be {expected} and is {found}")
            }
        }
    }
}

impl Error for Unexpected {}
