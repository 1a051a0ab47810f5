//! A SOCKS server.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::joint::{Joint, Side};
use super::onward;
use super::socks_request::{Outcome, Parser, Step};
use crate::endpoints::{ClientEndpoint, HostnameClient};
use crate::protocols::IdleTimeout;
use crate::{
    Address, AllAttemptsFailed, Canceller, ConnectError, Factory, Failure, LookupError, Protocol,
    Reactor, Result, Transport,
};

/// Serves SOCKS4, SOCKS4a and SOCKS5 (RFC 1928): connects to where its clients ask, if they may.
///
/// It does as [`PortForward`](super::PortForward) does once it is connected. BIND and UDP are refused.
/// A client has 30 seconds to say what it wants.
///
/// ```
/// use torsade_core::filter::{Socks5, Socks5Error};
/// use torsade_core::protocols::SocksServer;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{ClientEndpoint, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:1080".parse()?;
/// let only_https = SocksServer::new(&reactor, |_host, port| port == 443)
///     .password(|user, password| user == "me" && password == "secret");
/// TcpServer::new(&reactor, address).listen(only_https)?;
/// let client = TcpClient::new(&reactor, address)
///     .filter(|| Ok(Socks5::connect("example.org", 25)?.credentials("me", "secret")?));
/// let failure = reactor.run_until(client.connect_protocol(Discard)).unwrap_err();
/// assert_eq!(failure.trap::<Socks5Error>()?, Socks5Error::Refused(2)); // by its rules
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "SOCKSv4Factory")]
#[doc(alias = "SOCKSv4")]
pub struct SocksServer {
    rules: Rc<Rules>,
}

type Allow = dyn Fn(&str, u16) -> bool;
type Login = dyn Fn(&str, &str) -> bool;
type MakeEndpoint = dyn Fn(&str, u16) -> Box<dyn ClientEndpoint>;

#[derive(Clone)]
struct Rules {
    allow: Rc<Allow>,
    login: Option<Rc<Login>>,
    endpoint: Rc<MakeEndpoint>,
}

/// So long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

impl SocksServer {
    /// Connects to those hosts and ports that `allow` allows. A host is a name or an IP address; what
    /// the name leads to is not looked at.
    #[doc(alias = "authorize")]
    pub fn new(reactor: &Reactor, allow: impl Fn(&str, u16) -> bool + 'static) -> Self {
        let reactor = reactor.clone();
        Self {
            rules: Rc::new(Rules {
                allow: Rc::new(allow),
                login: None,
                endpoint: Rc::new(move |host, port| {
                    Box::new(HostnameClient::new(&reactor, host, port))
                }),
            }),
        }
    }

    /// Serves only those whose name and password `is_right` knows (RFC 1929), by SOCKS5 alone. They come
    /// in clear.
    #[must_use]
    pub fn password(mut self, is_right: impl Fn(&str, &str) -> bool + 'static) -> Self {
        Rc::make_mut(&mut self.rules).login = Some(Rc::new(is_right));
        self
    }

    /// Connects by endpoints of one's own, made for a host and a port.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Echo;
    /// use torsade_core::protocols::SocksServer;
    /// use torsade_core::testing::{Simulation, StringTransport};
    /// use torsade_core::{Address, Factory, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let local = "127.0.0.1:7".parse()?;
    /// # TcpServer::new(&reactor, local).listen(|_: &Address| Echo)?;
    /// // Whatever is asked for, it leads to an echo server.
    /// let clock = reactor.clone();
    /// let mut server = SocksServer::new(&reactor, |_, _| true)
    ///     .endpoints(move |_host, _port| Box::new(TcpClient::new(&clock, local)));
    /// let wire = StringTransport::new().on(&reactor);
    /// let _server = wire.connect(server.build_protocol(&Address::Unnamed).unwrap());
    /// wire.receive(&[5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 1, 0, 25])?; // to 192.0.2.1:25
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// wire.clear(); // the answers to that
    /// wire.receive(b"hello")?;
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert_eq!(wire.value(), b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn endpoints(
        mut self,
        make: impl Fn(&str, u16) -> Box<dyn ClientEndpoint> + 'static,
    ) -> Self {
        Rc::make_mut(&mut self.rules).endpoint = Rc::new(make);
        self
    }
}

impl Factory for SocksServer {
    type Protocol = SocksConnection;

    fn build_protocol(&mut self, _: &Address) -> Option<SocksConnection> {
        Some(SocksConnection {
            parser: Parser::new(self.rules.login.is_some()),
            rules: Rc::clone(&self.rules),
            joint: Rc::default(),
            patience: None,
            phase: Phase::Asking,
        })
    }
}

/// A connection of a client.
///
/// ```
/// use torsade_core::protocols::{SocksConnection, SocksServer};
/// use torsade_core::testing::{Simulation, StringTransport};
/// use torsade_core::{Address, Factory};
///
/// let reactor = Simulation::new().reactor();
/// let mut factory = SocksServer::new(&reactor, |_host, port| port == 443);
/// let connection: SocksConnection = factory.build_protocol(&Address::Unnamed).unwrap();
/// let wire = StringTransport::new().on(&reactor);
/// let _connection = wire.connect(connection);
/// wire.receive(&[5, 1, 0])?; // SOCKS5, without authentication
/// assert_eq!(wire.value(), [5, 0]);
/// wire.receive(&[5, 1, 0, 1, 192, 0, 2, 1, 0, 25])?; // to 192.0.2.1:25
/// assert_eq!(wire.value()[2..4], [5, 2]); // the rules forbid it
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "SOCKSv4")]
#[doc(alias = "SOCKSv4Incoming")]
#[doc(alias = "SOCKSv4IncomingFactory")]
#[doc(alias = "SOCKSv4Outgoing")]
pub struct SocksConnection {
    parser: Parser,
    rules: Rc<Rules>,
    joint: Rc<Joint>,
    patience: Option<IdleTimeout>,
    phase: Phase,
}

enum Phase {
    /// It says what it wants.
    Asking,
    /// Its connection is made; this gives that up.
    Connecting(Canceller),
}

impl SocksConnection {
    /// Does what the client has asked for so far.
    fn go_on(&mut self, transport: &Transport) {
        let mut step = self.parser.next();
        loop {
            step = match step {
                Step::More => return,
                Step::Answer(bytes) => {
                    transport.write(&bytes);
                    self.parser.next()
                }
                Step::LogIn(user, password) => {
                    let is_right = self
                        .rules
                        .login
                        .as_ref()
                        .is_some_and(|login| login(&user, &password));
                    self.parser.logged_in(is_right)
                }
                Step::Connect(host, port) => return self.connect(transport, &host, port),
                Step::Refuse(bytes) => {
                    transport.write(&bytes);
                    return transport.lose_connection();
                }
            };
        }
    }

    fn connect(&mut self, transport: &Transport, host: &str, port: u16) {
        self.patience = None;
        if !(self.rules.allow)(host, port) {
            log::debug!(target: "torsade", "{} may not connect to {host}:{port}", transport.peer());
            transport.write(&self.parser.reply(Outcome::NotAllowed));
            return transport.lose_connection();
        }
        let endpoint = (self.rules.endpoint)(host, port);
        let connected = onward::connect(&*endpoint, &self.joint, transport);
        self.phase = Phase::Connecting(connected.canceller());
        let (joint, incoming) = (Rc::clone(&self.joint), transport.clone());
        let success = self.parser.reply(Outcome::Connected);
        let early = self.parser.rest();
        let replies = [Outcome::Unreachable, Outcome::Refused, Outcome::Failed]
            .map(|outcome| (outcome, self.parser.reply(outcome)));
        connected.add_both(move |connected| {
            match connected {
                Ok(outgoing) => {
                    incoming.write(&success);
                    joint.join(&incoming, &outgoing);
                    joint.received(Side::Incoming, &early);
                }
                Err(failure) => {
                    log::debug!(target: "torsade", "not connected for {}: {failure:#}", incoming.peer());
                    let outcome = outcome(&failure);
                    let reply = replies.iter().find(|(known, _)| *known == outcome);
                    incoming.write(reply.map_or(&[], |(_, reply)| reply));
                    incoming.lose_connection();
                }
            }
            Ok(())
        });
    }
}

fn outcome(failure: &Failure) -> Outcome {
    if failure.find::<LookupError>().is_some() {
        return Outcome::Unreachable;
    }
    let failed = failure.find::<AllAttemptsFailed>();
    let last = failed.and_then(|failed| failed.attempts.last());
    let failure = last.map_or(failure, |(_, failure)| failure);
    match failure
        .find::<ConnectError>()
        .map(|error| error.error.kind())
    {
        Some(io::ErrorKind::ConnectionRefused) => Outcome::Refused,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            Outcome::Unreachable
        }
        _ => Outcome::Failed,
    }
}

impl Protocol for SocksConnection {
    fn connection_made(&mut self, transport: &Transport) {
        let mut patience = IdleTimeout::new(transport);
        patience.set(Some(PATIENCE));
        self.patience = Some(patience);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        match self.phase {
            Phase::Asking => {
                self.parser.receive(data);
                self.go_on(transport);
            }
            Phase::Connecting(_) => self.joint.received(Side::Incoming, data),
        }
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        match self.phase {
            Phase::Asking => transport.lose_connection(),
            Phase::Connecting(_) => self.joint.read_closed(Side::Incoming),
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Phase::Connecting(connecting) = &self.phase {
            connecting.cancel();
        }
        self.joint.lost(Side::Incoming, reason);
    }
}

impl fmt::Debug for SocksServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocksServer").finish_non_exhaustive()
    }
}

impl fmt::Debug for SocksConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocksConnection").finish_non_exhaustive()
    }
}
