//! TLS around endpoints, and on connections that are already there.

use torsade_core::endpoints::{ClientEndpoint, Established, StreamServer};
use torsade_core::filter::{ByFirstBytes, FirstBytes};
use torsade_core::{Deferred, Transport};

use crate::{ClientTls, ConfigError, ServerTls, TlsFilter};

/// An endpoint that speaks TLS over the stream of another.
///
/// Connecting fires after the handshake, with the peer's certificate verified: what is wrong with
/// it fails the Deferred with a [`TlsError`](crate::TlsError). Wrapped twice, it is TLS in TLS.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
/// use torsade_tls::{ClientTls, TlsError, wrap_client_tls};
/// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
///
/// # fn main() -> torsade_core::Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let authority = Authority::new("for tests");
/// # let own = ServerTls::builder().certificate(authority.issue(["example.com"])).build()?;
/// # let address = "127.0.0.1:443".parse()?;
/// # wrap_server_tls(TcpServer::new(&reactor, address), &own).listen(|_: &Address| Echo)?;
/// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
/// // Who answers there proves to be example.com.
/// let client = wrap_client_tls(TcpClient::new(&reactor, address), &tls, "example.net");
/// let connected = client.connect_protocol(AccumulatingProtocol::new());
/// let failure = reactor.run_until(connected).unwrap_err();
/// assert!(matches!(failure.find(), Some(TlsError::WrongName { found, .. }) if found == &["example.com"]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "wrapClientTLS")]
#[doc(alias = "SSL4ClientEndpoint")]
pub struct TlsClient<E> {
    endpoint: E,
    tls: ClientTls,
    server_name: String,
    early_data: Option<Vec<u8>>,
}

impl<E> TlsClient<E> {
    /// Sends these bytes first: see [`ClientTls::filter_with_early_data`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// use torsade_tls::{ClientTls, TlsInfo, wrap_client_tls};
    /// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// # let reactor = Simulation::new().reactor();
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// # let own = ServerTls::builder().certificate(own).early_data(1000).build()?;
    /// # let address = "127.0.0.1:443".parse()?;
    /// # wrap_server_tls(TcpServer::new(&reactor, address), &own).listen(|_: &Address| Echo)?;
    /// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
    /// let tcp = TcpClient::new(&reactor, address);
    /// let client = wrap_client_tls(tcp, &tls, "example.com").early_data("GET /");
    /// for was_early in [false, true] {
    ///     let echoed = AccumulatingProtocol::new();
    ///     let connected = reactor.run_until(client.connect_protocol(echoed.clone()))?;
    ///     reactor.advance(Duration::from_secs(1))?;
    ///     assert_eq!(echoed.data(), b"GET /");
    ///     let info = connected.transport().negotiated::<TlsInfo>();
    ///     assert_eq!(info.map(|info| info.early_data), Some(was_early));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn early_data(mut self, first: impl Into<Vec<u8>>) -> Self {
        self.early_data = Some(first.into());
        self
    }

    fn filter(&self) -> Result<TlsFilter, ConfigError> {
        match &self.early_data {
            None => self.tls.filter(&self.server_name),
            Some(first) => self
                .tls
                .filter_with_early_data(&self.server_name, first.clone()),
        }
    }
}

/// Wraps an endpoint in TLS. `server_name` is the name (or IP address) that the server has to
/// prove to be; it is sent to the server if it is a name.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, HostnameClient, TcpServer};
/// use torsade_tls::{ClientTls, wrap_client_tls};
/// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// # let authority = Authority::new("for tests");
/// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
/// # let server = TcpServer::new(&reactor, "127.0.0.1:443".parse()?);
/// # wrap_server_tls(server, &own).listen(|_: &Address| Echo)?;
/// let tls = ClientTls::builder().trust(authority.trust()).build()?;
/// let tcp = HostnameClient::new(&reactor, "localhost", 443);
/// let echoed = AccumulatingProtocol::new();
/// let connected = wrap_client_tls(tcp, &tls, "localhost").connect_protocol(echoed.clone());
/// reactor.run_until(connected)?.transport().write(b"in secret");
/// reactor.advance(Duration::from_secs(1))?;
/// assert_eq!(echoed.data(), b"in secret");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "optionsForClientTLS")]
#[doc(alias = "IReactorSSL")]
#[doc(alias = "SSL4ClientEndpoint")]
#[doc(alias = "TLSMemoryBIOFactory")]
#[doc(alias = "connectSSL")]
#[doc(alias = "wrapClientTLS")]
pub fn wrap_client_tls<E: ClientEndpoint>(
    endpoint: E,
    tls: &ClientTls,
    server_name: impl Into<String>,
) -> TlsClient<E> {
    TlsClient {
        endpoint,
        tls: tls.clone(),
        server_name: server_name.into(),
        early_data: None,
    }
}

/// # Errors
/// Those of the wrapped endpoint; [`ConfigError`] for what is no server name.
impl<E: ClientEndpoint> ClientEndpoint for TlsClient<E> {
    fn establish(&self) -> Deferred<Established> {
        // Made first: a wrong name is told without a connection.
        match self.filter() {
            Ok(filter) => self
                .endpoint
                .establish()
                .map(move |stream| stream.with_filter(filter)),
            Err(error) => Deferred::fail(error),
        }
    }
}

/// Has every connection of a listening endpoint, of whatever kind, speak TLS.
///
/// A protocol is built for a connection after its handshake. A handshake that fails is logged, and
/// told to the factory's `handshake_failed`. Wrapped twice, it is TLS in TLS, the second inside.
/// How long a handshake may take, and how many may be under way, say the endpoint's
/// [`ListenOptions`](torsade_core::endpoints::ListenOptions).
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, TlsInfo, wrap_client_tls, wrap_server_tls};
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:8443".parse()?;
/// # let authority = Authority::new("for tests");
/// # let own = authority.issue(["example.com"]);
/// let tls = ServerTls::builder().certificate(own).build()?;
/// let port = wrap_server_tls(TcpServer::new(&reactor, address), &tls).listen(|_: &Address| Echo)?;
///
/// let tls = ClientTls::builder().trust(authority.trust()).build()?;
/// let client = wrap_client_tls(TcpClient::new(&reactor, address), &tls, "example.com");
/// let connected = reactor.run_until(client.connect_protocol(AccumulatingProtocol::new()))?;
/// assert!(connected.transport().negotiated::<TlsInfo>().is_some());
/// # drop(port);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "wrapServerTLS")]
#[doc(alias = "SSL4ServerEndpoint")]
#[doc(alias = "IReactorSSL")]
#[doc(alias = "TLSMemoryBIOFactory")]
#[doc(alias = "listenSSL")]
pub fn wrap_server_tls<E: StreamServer>(endpoint: E, tls: &ServerTls) -> E {
    let tls = tls.clone();
    endpoint.filter(move || Ok(tls.filter()?))
}

/// Has those connections of a listening endpoint speak TLS that begin with a handshake of it; the others
/// stay plain, so that one port serves both.
///
/// It is the client that has to speak first. Whoever demands TLS must look whether there is any
/// ([`TlsInfo`](crate::TlsInfo) by [`Transport::negotiated`]): a client can leave it away.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, Protocol, Result, TcpClient, TcpServer, Transport};
/// # use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, TlsInfo, sniff_server_tls, wrap_client_tls};
///
/// /// Says whether it can be trusted with secrets.
/// struct Says;
///
/// impl Protocol for Says {
///     fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
///         let is_safe = transport.negotiated::<TlsInfo>().is_some();
///         transport.write(if is_safe { b"yes" } else { b"no!" });
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// # let authority = Authority::new("for tests");
/// # let own = authority.issue(["example.com"]);
/// let tls = ServerTls::builder().certificate(own).build()?;
/// sniff_server_tls(TcpServer::new(&reactor, address), &tls).listen(|_: &Address| Says)?;
///
/// let (plain, secret) = (AccumulatingProtocol::new(), AccumulatingProtocol::new());
/// let tcp = TcpClient::new(&reactor, address);
/// reactor.run_until(tcp.connect_protocol(plain.clone()))?.transport().write(b"?");
/// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
/// let tcp = wrap_client_tls(tcp, &tls, "example.com");
/// reactor.run_until(tcp.connect_protocol(secret.clone()))?.transport().write(b"?");
/// reactor.advance(Duration::from_secs(1))?;
/// assert_eq!((plain.data(), secret.data()), (b"no!".to_vec(), b"yes".to_vec()));
/// # Ok(())
/// # }
/// ```
pub fn sniff_server_tls<E: StreamServer>(endpoint: E, tls: &ServerTls) -> E {
    let tls = tls.clone();
    endpoint.filter(move || {
        let tls = tls.clone();
        Ok(ByFirstBytes::new(move |bytes| {
            Ok(match bytes.first() {
                None => FirstBytes::More,
                Some(&HANDSHAKE) => FirstBytes::Filter(Box::new(tls.filter()?)),
                Some(_) => FirstBytes::Plain,
            })
        }))
    })
}

/// The type of a record that begins a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// TLS in the middle of a connection, as SMTP, IMAP and others begin it with a command.
///
/// What was written before goes out in plain, what is written after it encrypted. The Deferred
/// fires when the handshake is done; when it fails, the connection is closed with the same error.
/// Call it before anything that the peer sends after the command can have come: plain bytes that
/// were received too early are refused (CVE-2011-0411), those too that a receiver of lines or strings
/// keeps.
///
/// ```
/// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_core::Result;
/// use torsade_tls::{ClientTls, StartTls};
/// # use torsade_tls::{ServerTls, generate::Authority};
///
/// /// Goes on in secret when the server agrees.
/// struct Client {
///     tls: ClientTls,
/// }
///
/// impl LineProtocol for Client {
///     fn connection_made(&mut self, lines: &LineControl) {
///         lines.send_line("STARTTLS");
///     }
///
///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
///         if line == b"220 ready" {
///             let lines = lines.clone();
///             let started = lines.transport().start_tls(&self.tls, "mail.example.com")?;
///             started.map(move |()| lines.send_line("EHLO me"));
///         }
///         Ok(())
///     }
/// }
///
/// # let authority = Authority::new("for tests");
/// # let own = authority.issue(["mail.example.com"]);
/// # let server = ServerTls::builder().certificate(own).build()?;
/// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
/// let received = AccumulatingProtocol::new();
/// let pair = ConnectedPair::new(LineReceiver::new(Client { tls }), received.clone())?;
/// let transport = pair.server().transport();
/// pair.flush()?;
/// assert_eq!(received.data(), b"STARTTLS\r\n");
/// transport.write(b"220 ready\r\n");
/// drop(transport.start_tls_server(&server)?);
/// pair.flush()?;
/// assert_eq!(received.data(), b"STARTTLS\r\nEHLO me\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "startTLS")]
#[doc(alias = "ITLSTransport")]
pub trait StartTls {
    /// Becomes a TLS client whose server has to prove to be `server_name`.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["mail.example.com"]);
    /// # let server = ServerTls::builder().certificate(own).build()?;
    /// # let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// let started = pair.client().transport().start_tls(&client, "mail.example.net")?;
    /// pair.flush()?;
    /// let failure = failure_result_of(started);
    /// assert!(matches!(failure.find(), Some(TlsError::WrongName { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] at once for what is no server name; through the Deferred, what the
    /// handshake failed with, as the source of a
    /// [`HandshakeFailed`](torsade_core::HandshakeFailed).
    #[doc(alias = "startTLS")]
    fn start_tls(&self, tls: &ClientTls, server_name: &str) -> Result<Deferred<()>, ConfigError>;

    /// Becomes a TLS server.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, success_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["mail.example.com"]);
    /// # let server = ServerTls::builder().certificate(own).build()?;
    /// # let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// let received = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(received.clone(), AccumulatingProtocol::new())?;
    /// let (client_side, server_side) = (pair.client().transport(), pair.server().transport());
    /// server_side.write(b"220 ready\r\n");
    /// let started = server_side.start_tls_server(&server)?;
    /// pair.flush()?;
    /// drop(client_side.start_tls(&client, "mail.example.com")?);
    /// pair.flush()?;
    /// success_result_of(started);
    /// assert_eq!(received.data(), b"220 ready\r\n");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`start_tls`](Self::start_tls).
    #[doc(alias = "startTLS")]
    fn start_tls_server(&self, tls: &ServerTls) -> Result<Deferred<()>, ConfigError>;
}

impl StartTls for Transport {
    fn start_tls(&self, tls: &ClientTls, server_name: &str) -> Result<Deferred<()>, ConfigError> {
        Ok(self.start_filter(tls.filter(server_name)?))
    }

    fn start_tls_server(&self, tls: &ServerTls) -> Result<Deferred<()>, ConfigError> {
        Ok(self.start_filter(tls.filter()?))
    }
}
