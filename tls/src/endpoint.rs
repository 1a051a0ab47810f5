//! TLS around endpoints, and on connections that are already there.

use torsade_core::endpoints::{ClientEndpoint, Established, StreamServer};
use torsade_core::filter::{ByFirstBytes, FirstBytes};
use torsade_core::{Deferred, Transport};

use crate::{ClientTls, ConfigError, ServerTls, TlsFilter};

/// An endpoint that speaks TLS over the stream of another.
///
/// Connecting fires after the handshake, with the peer's certificate verified: what is wrong with
/// it fails the Deferred with a [`TlsError`](crate::TlsError). Wrapped twice, it is TLS in TLS.
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
/// use torsade_core::endpoints::{ClientEndpoint, HostnameClient};
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Protocol, Result, Transport};
/// use torsade_tls::{ClientTls, wrap_client_tls};
///
/// struct Quiet;
/// impl Protocol for Quiet {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let tls = ClientTls::builder().bundled_roots().build()?;
/// let tcp = HostnameClient::new(&reactor, "localhost", 443);
/// let connected = wrap_client_tls(tcp, &tls, "localhost").connect(|_: &Address| Quiet);
/// // Nobody listens in this world.
/// assert!(reactor.run_until(connected).is_err());
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
/// ```no_run
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Reactor, TcpServer};
/// use torsade_tls::{ServerTls, wrap_server_tls};
///
/// let reactor = Reactor::new()?;
/// let tls = ServerTls::builder().certificate_files("chain.pem", "key.pem").build()?;
/// let server = TcpServer::new(&reactor, "0.0.0.0:8443".parse()?);
/// let port = wrap_server_tls(server, &tls).listen(|_: &Address| Echo)?;
/// # drop(port);
/// # torsade_core::Result::<()>::Ok(())
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
/// ```no_run
/// use torsade_core::{Address, Protocol, Reactor, Result, TcpServer, Transport};
/// use torsade_tls::{ServerTls, TlsInfo, sniff_server_tls};
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
/// let reactor = Reactor::new()?;
/// let tls = ServerTls::builder().certificate_files("chain.pem", "key.pem").build()?;
/// let server = TcpServer::new(&reactor, "127.0.0.1:8007".parse()?);
/// sniff_server_tls(server, &tls).listen(|_: &Address| Says)?;
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
/// use torsade_core::protocols::{LineControl, LineProtocol};
/// use torsade_core::Result;
/// use torsade_tls::{ClientTls, StartTls};
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
/// ```
#[doc(alias = "startTLS")]
#[doc(alias = "ITLSTransport")]
pub trait StartTls {
    /// Becomes a TLS client whose server has to prove to be `server_name`.
    ///
    /// # Errors
    /// [`ConfigError`] at once for what is no server name; through the Deferred, what the
    /// handshake failed with, as the source of a
    /// [`HandshakeFailed`](torsade_core::HandshakeFailed).
    #[doc(alias = "startTLS")]
    fn start_tls(&self, tls: &ClientTls, server_name: &str) -> Result<Deferred<()>, ConfigError>;

    /// Becomes a TLS server.
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
