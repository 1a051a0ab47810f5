//! The client's side of TLS: what it trusts, who it is, what it offers.

mod builder;
mod server_name;
mod verifier;

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{ClientConnection, UnbufferedClientConnection};
use rustls::pki_types::ServerName;

pub use self::builder::{ClientTlsBuilder, DangerousClientTls};
use self::server_name::parse_name;
pub use self::verifier::CertificateVerifier;
use crate::TlsFilter;
use crate::error::ConfigError;
use crate::observe::NotingClientResolver;

/// TLS for clients: immutable, and cheap to clone.
///
/// Sessions are remembered in here, per server name, and resumed by later connections: keep one
/// rather than making many. Two of them share no session, so that one with stricter trust never
/// resumes what a laxer one began.
///
/// ```
/// use torsade_tls::{ClientTls, ConfigError};
///
/// let tls = ClientTls::builder().bundled_roots().build()?;
/// let by_name = tls.filter("example.com")?;
/// let by_address = tls.filter("[2001:db8::1]")?;
/// let by_mistake = tls.filter("https://example.com/");
/// assert!(matches!(by_mistake, Err(ConfigError::BadServerName(_))));
/// # drop((by_name, by_address));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "optionsForClientTLS")]
#[doc(alias = "ClientContextFactory")]
#[doc(alias = "ContextFactory")]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts the platform's roots, and has no certificate of its own.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError};
    ///
    /// // A small container image often has no roots.
    /// let tls = match ClientTls::new() {
    ///     Err(ConfigError::NoPlatformRoots { .. }) => ClientTls::builder().bundled_roots().build()?,
    ///     other => other?,
    /// };
    /// assert!(tls.filter("example.com").is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::NoPlatformRoots`].
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Begins a configuration.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, TlsVersion};
    ///
    /// let tls = ClientTls::builder().bundled_roots().versions(TlsVersion::Tls13..).build()?;
    /// assert!(tls.filter("example.com").is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::default()
    }

    /// Takes a configuration of rustls.
    ///
    /// Early data is turned off. Its verifier cannot be looked into, so a certificate that fails
    /// because it is self-signed is reported as [`UnknownIssuer`](crate::TlsError::UnknownIssuer).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::rustls::{ClientConfig, RootCertStore};
    /// # #[cfg(feature = "aws-lc-rs")]
    /// # use torsade_tls::rustls::crypto::aws_lc_rs as crypto;
    /// # #[cfg(not(feature = "aws-lc-rs"))]
    /// # use torsade_tls::rustls::crypto::ring as crypto;
    ///
    /// let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(RootCertStore::empty())
    ///     .with_no_client_auth();
    /// config.alpn_protocols = vec![b"http/1.1".to_vec()];
    /// let tls = ClientTls::from_rustls(Arc::new(config));
    /// assert!(tls.filter("example.com").is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "IOpenSSLContextFactory")]
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.enable_early_data = false;
        config.client_auth_cert_resolver =
            Arc::new(NotingClientResolver(config.client_auth_cert_resolver));
        Self {
            config: Arc::new(config),
        }
    }

    /// The same as [`filter`](Self::filter), with the first bytes of the stream: they are sent
    /// together with the hello (early data, 0-RTT) if a session is resumed whose server takes so
    /// many of them, and after the handshake otherwise. Either way they arrive once.
    ///
    /// Who records the connection can play early data to the server again, as often as it
    /// accepts it: it has to be something that does no harm when it is done twice (RFC 8446,
    /// section 8).
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).early_data(1000).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// for is_early in [false, true] {
    ///     let served = AccumulatingProtocol::new();
    ///     let pair = ConnectedPair::new(AccumulatingProtocol::new(), served.clone())?;
    ///     let filter = client.filter_with_early_data("example.com", "GET /")?;
    ///     drop(pair.client().transport().start_filter(filter));
    ///     drop(pair.server().transport().start_tls_server(&server)?);
    ///     pair.flush()?;
    ///     assert_eq!(served.data(), b"GET /");
    ///     // Only the second connection has a session to resume.
    ///     let info = pair.server().transport().negotiated::<TlsInfo>();
    ///     assert_eq!(info.map(|info| info.early_data), Some(is_early));
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`filter`](Self::filter).
    pub fn filter_with_early_data(
        &self,
        server_name: &str,
        first: impl Into<Vec<u8>>,
    ) -> Result<TlsFilter, ConfigError> {
        let (name, peer) = named(server_name)?;
        let mut config = (*self.config).clone();
        config.enable_early_data = true;
        let connection =
            ClientConnection::new(Arc::new(config), name).map_err(ConfigError::Rustls)?;
        Ok(TlsFilter::early_client(connection, peer, first.into()))
    }

    /// The filter for one connection to `server_name`: a host name (one beyond ASCII is converted,
    /// RFC 5891; a final dot does not matter), or an IP address (of IPv6 with or without
    /// brackets).
    ///
    /// The server has to prove this name. A host name is told to it (SNI), an address is not
    /// (RFC 6066, section 3).
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError};
    ///
    /// let tls = ClientTls::builder().bundled_roots().build()?;
    /// assert!(tls.filter("bücher.example").is_ok()); // xn--bcher-kva.example
    /// let error = tls.filter("example.com:443").unwrap_err();
    /// assert!(matches!(error, ConfigError::BadServerName(name) if name == "example.com:443"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::BadServerName`].
    #[doc(alias = "clientConnectionForTLS")]
    #[doc(alias = "IOpenSSLClientConnectionCreator")]
    pub fn filter(&self, server_name: &str) -> Result<TlsFilter, ConfigError> {
        let (name, peer) = named(server_name)?;
        let connection = UnbufferedClientConnection::new(Arc::clone(&self.config), name)
            .map_err(ConfigError::Rustls)?;
        Ok(TlsFilter::client(connection, peer))
    }
}

/// The name of a server, for rustls and for people.
fn named(server_name: &str) -> Result<(ServerName<'static>, Arc<str>), ConfigError> {
    let name = parse_name(server_name)
        .ok_or_else(|| ConfigError::BadServerName(server_name.to_owned()))?;
    let peer = name.to_str().into();
    Ok((name, peer))
}

#[cfg(test)]
impl ClientTls {
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
