//! The endpoint for a host name: looked up, then its addresses raced.

use std::cell::Cell;
use std::net::SocketAddrV6;
use std::rc::Rc;
use std::time::Duration;

use super::{ClientEndpoint, happy_eyeballs};
use crate::names::parse_scoped;
use crate::net::{ConnectOptions, Established};
use crate::{
    ConnectStage, ConnectTimedOut, Deferred, LookupError, LookupVerdict, Reactor, ReactorError,
};

/// Connects to a host by name (or IP literal): looks it up, and tries its addresses as RFC 8305
/// (happy eyeballs) says, so that one dead address costs a quarter of a second and not a minute.
///
/// ```
/// use std::net::IpAddr;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, HostnameClient, TcpServer};
///
/// let host = IpAddr::from([192, 0, 2, 7]);
/// let reactor = Simulation::new().host("echo.test", [host]).reactor();
/// TcpServer::new(&reactor, (host, 7).into()).listen(|_: &Address| Echo)?;
/// let connected = HostnameClient::new(&reactor, "echo.test", 7).connect_protocol(Echo);
/// let peer = reactor.run_until(connected)?.transport().peer();
/// assert_eq!(peer.to_string(), "192.0.2.7:7");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`LookupError`](crate::LookupError); [`AllAttemptsFailed`](crate::AllAttemptsFailed) with what
/// became of each address; [`ConnectTimedOut`] with the stage it was in.
#[derive(Clone, Debug)]
#[doc(alias = "HostnameEndpoint")]
pub struct HostnameClient {
    reactor: Reactor,
    host: String,
    port: u16,
    options: ConnectOptions,
    attempt_delay: Duration,
}

impl HostnameClient {
    /// An endpoint for `host` and `port`. An IPv6 literal may be in brackets, and have a zone:
    /// `fe80::1%eth0`.
    pub fn new(reactor: &Reactor, host: impl Into<String>, port: u16) -> Self {
        Self {
            reactor: reactor.clone(),
            host: host.into(),
            port,
            options: ConnectOptions::new(),
            attempt_delay: happy_eyeballs::ATTEMPT_DELAY,
        }
    }

    /// Sets how the connection is made; its time-out covers all, the look-up included.
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// How long an address may be silent before the next is tried beside it: 250 ms unless set.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use std::time::Duration;
    /// # use torsade_core::protocols::wire::Echo;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, ClientEndpoint, HostnameClient, TcpServer};
    ///
    /// let [dead, alive] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
    /// let world = Simulation::new().host("example.test", [dead, alive]).silent(dead);
    /// let reactor = world.reactor();
    /// TcpServer::new(&reactor, (alive, 7).into()).listen(|_: &Address| Echo)?;
    /// let delay = Duration::from_millis(100);
    /// let endpoint = HostnameClient::new(&reactor, "example.test", 7).attempt_delay(delay);
    /// let start = reactor.now();
    /// let client = reactor.run_until(endpoint.connect_protocol(Echo))?;
    /// assert_eq!(client.transport().peer(), Address::Tcp((alive, 7).into()));
    /// assert_eq!(reactor.now() - start, delay + Duration::from_millis(2)); // there and back
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }
}

impl ClientEndpoint for HostnameClient {
    fn establish(&self) -> Deferred<Established> {
        let core = match self.reactor.try_core() {
            Ok(core) => core,
            Err(error) => return Deferred::fail(error),
        };
        match parse_scoped(&self.host) {
            None => {}
            Some(Ok((ip, scope))) => {
                let address = SocketAddrV6::new(ip, self.port, 0, scope);
                return self.reactor.establish_tcp(address.into(), &self.options);
            }
            Some(Err(_)) => {
                let why = "its zone is no interface of this system";
                return Deferred::fail(LookupError {
                    host: self.host.clone(),
                    verdict: LookupVerdict::BadName(why),
                });
            }
        }
        let (total, delay) = (self.options.total(), self.attempt_delay);
        let deadline = core.moment_after(total);
        let peer = format!("{}:{}", self.host, self.port);
        let stage = Rc::new(Cell::new(ConnectStage::LookUp));
        let too_late = {
            let (peer, stage) = (peer.clone(), Rc::clone(&stage));
            move |_| {
                ConnectTimedOut {
                    peer,
                    after: total,
                    stage: stage.get(),
                }
                .into()
            }
        };
        let (host, port, options) = (self.host.clone(), self.port, self.options.clone());
        let weak = Rc::downgrade(&core);
        log::debug!(target: "torsade::connect", "looking up {host}");
        self.reactor
            .look_up(&self.host)
            .add_callback(move |addresses| {
                stage.set(ConnectStage::Tcp);
                log::debug!(target: "torsade::connect", "{host} has the addresses {addresses:?}");
                match weak.upgrade() {
                    Some(core) => {
                        happy_eyeballs::race(&core, host, port, addresses, &options, delay)
                    }
                    None => Deferred::fail(ReactorError::Gone),
                }
            })
            .fail_after(&self.reactor, total, too_late)
            .map(move |stream| stream.open_by(deadline, total, peer))
    }
}
