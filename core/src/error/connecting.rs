//! Why a connection or a listening port never came to be.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::{Address, Failure};

/// A connection to one address could not be made.
///
/// ```
/// use std::io::ErrorKind;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{ClientEndpoint, ConnectError, TcpClient};
///
/// let reactor = Simulation::new().reactor();
/// let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
/// let failure = reactor.run_until(nobody.connect_protocol(Echo)).unwrap_err();
/// let error = failure.check::<ConnectError>().unwrap();
/// assert_eq!(error.error.kind(), ErrorKind::ConnectionRefused);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "ConnectionRefusedError")]
#[doc(alias = "BadFileError")]
#[doc(alias = "ConnectBindError")]
#[doc(alias = "ConnectInProgressError")]
#[doc(alias = "NoRouteError")]
#[doc(alias = "UserError")]
pub struct ConnectError {
    /// Whom we tried to reach.
    pub address: Address,
    /// What the operating system said: its kind tells refused from unroutable.
    pub error: Arc<io::Error>,
}

/// No answer within the time allowed for connecting (look-up, TCP and handshakes together).
///
/// ```
/// use std::net::IpAddr;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{ClientEndpoint, ConnectTimedOut, TcpClient};
///
/// let host = IpAddr::from([192, 0, 2, 7]);
/// let reactor = Simulation::new().silent(host).reactor();
/// let nobody = TcpClient::new(&reactor, (host, 7).into());
/// let failure = reactor.run_until(nobody.connect_protocol(Echo)).unwrap_err();
/// let error = failure.check::<ConnectTimedOut>().unwrap();
/// assert_eq!(error.to_string(), "no TCP connection to 192.0.2.7:7 within 30s");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "TimeoutError")]
#[doc(alias = "TCPTimedOutError")]
pub struct ConnectTimedOut {
    /// Whom we tried to reach.
    pub peer: String,
    /// The time that was allowed.
    pub after: Duration,
    /// What was waited for when the time was up.
    pub stage: ConnectStage,
}

/// The stages of making a connection.
///
/// ```
/// use torsade_core::filter::ProxyHeader;
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
/// use torsade_core::{ClientEndpoint, ConnectStage, ConnectTimedOut, TcpClient};
///
/// let reactor = Simulation::new().silent([192, 0, 2, 7].into()).reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
/// // One host does not answer at all, and one never says the words of the filter.
/// let silent = TcpClient::new(&reactor, "192.0.2.7:7".parse()?).filter(|| Ok(ProxyHeader::new()));
/// let dumb = TcpClient::new(&reactor, address).filter(|| Ok(ProxyHeader::new()));
/// for (endpoint, stage) in [(silent, ConnectStage::Tcp), (dumb, ConnectStage::Handshake)] {
///     let failure = reactor.run_until(endpoint.connect_protocol(Discard)).unwrap_err();
///     assert_eq!(failure.trap::<ConnectTimedOut>()?.stage, stage);
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStage {
    /// Looking the name up.
    LookUp,
    /// Waiting for a TCP connection.
    Tcp,
    /// Waiting for a filter's handshake, such as TLS.
    Handshake,
}

/// No address of a host could be connected to.
///
/// ```
/// use std::net::IpAddr;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{AllAttemptsFailed, ClientEndpoint, HostnameClient};
///
/// let hosts = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
/// let reactor = Simulation::new().host("example.test", hosts).reactor();
/// let connected = HostnameClient::new(&reactor, "example.test", 7).connect_protocol(Echo);
/// let failure = reactor.run_until(connected).unwrap_err();
/// let attempts = &failure.check::<AllAttemptsFailed>().unwrap().attempts;
/// assert_eq!(attempts.len(), 2);
/// for (address, why) in attempts {
///     println!("{address}: {why:#}");
/// }
/// ```
#[derive(Debug)]
pub struct AllAttemptsFailed {
    /// The host that was asked for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Each address that was tried, with what became of it; never empty.
    pub attempts: Vec<(SocketAddr, Failure)>,
}

/// A host name could not be turned into addresses.
///
/// ```
/// use torsade_core::testing::Simulation;
/// use torsade_core::{LookupError, LookupVerdict};
///
/// let reactor = Simulation::new().reactor();
/// let failure = reactor.run_until(reactor.look_up("nobody.test")).unwrap_err();
/// let error = failure.check::<LookupError>().unwrap();
/// assert!(matches!(error.verdict, LookupVerdict::NoSuchName));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "DNSLookupError")]
#[doc(alias = "UnknownHostError")]
pub struct LookupError {
    /// The name that was asked for.
    pub host: String,
    /// What the resolver said.
    pub verdict: LookupVerdict,
}

/// What a resolver said instead of an address.
///
/// ```
/// use torsade_core::testing::World;
/// use torsade_core::{LookupError, LookupVerdict};
///
/// let world = World::new(1);
/// let reactor = world.host("here", [[192, 0, 2, 1]]);
/// world.names_fail("example.com", LookupVerdict::TryAgain);
/// let failure = reactor.run_until(reactor.look_up("example.com")).unwrap_err();
/// match failure.trap::<LookupError>()?.verdict {
///     LookupVerdict::TryAgain => world.names_heal("example.com"), // or wait
///     verdict => panic!("a second look-up would not help: {verdict:?}"),
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupVerdict {
    /// There is no such name.
    NoSuchName,
    /// The name exists, without an address.
    NoAddress,
    /// The resolver did not answer, or not usably; it may later.
    TryAgain,
    /// It is not a host name at all: what is wrong with it.
    BadName(&'static str),
    /// Anything else, in the words of the resolver, or of the system that had no thread or no
    /// descriptor for it.
    Other(String),
}

/// A port could not be listened on.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, CannotListen, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let server = TcpServer::new(&reactor, "127.0.0.1:7".parse()?);
/// let _first = server.listen(|_: &Address| Echo)?;
/// let failure = server.listen(|_: &Address| Echo).unwrap_err();
/// assert!(failure.check::<CannotListen>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "CannotListenError")]
#[doc(alias = "BindError")]
pub struct CannotListen {
    /// The address that was asked for.
    pub address: Address,
    /// What the operating system said.
    pub error: Arc<io::Error>,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}", self.address)
    }
}

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = match self.stage {
            ConnectStage::LookUp => "no address of",
            ConnectStage::Tcp => "no TCP connection to",
            ConnectStage::Handshake => "no handshake with",
        };
        write!(f, "{missing} {} within {:?}", self.peer, self.after)
    }
}

impl fmt::Display for AllAttemptsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot connect to ")?;
        for (number, (address, failure)) in self.attempts.iter().enumerate() {
            match number {
                0 if self.host == address.ip().to_string() => write!(f, "{address}: ")?,
                0 => write!(f, "{} at {address}: ", self.host)?,
                _ => write!(f, ", nor at {address}: ")?,
            }
            match failure.check::<ConnectError>() {
                // Its own text would name the address once more.
                Some(error) => write!(f, "{}", error.error)?,
                None => write!(f, "{failure:#}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.verdict {
            LookupVerdict::NoSuchName => write!(f, "there is no host named {host}"),
            LookupVerdict::NoAddress => write!(f, "the host {host} has no address"),
            LookupVerdict::TryAgain => {
                write!(f, "the name server did not tell about {host}; it may later")
            }
            LookupVerdict::BadName(why) => write!(f, "{host:?} is not a host name: {why}"),
            LookupVerdict::Other(why) => write!(f, "looking up {host} failed: {why}"),
        }
    }
}

impl fmt::Display for CannotListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}", self.address)
    }
}

impl Error for ConnectTimedOut {}
impl Error for AllAttemptsFailed {}
impl Error for LookupError {}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

impl Error for CannotListen {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}
