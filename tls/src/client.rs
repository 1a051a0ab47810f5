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
/// use torsade_tls::ClientTls;
///
/// # fn main() -> torsade_core::Result<()> {
/// let tls = ClientTls::builder().bundled_roots().build()?;
/// let by_name = tls.filter("example.com")?;
/// let by_address = tls.filter("[2001:db8::1]")?;
/// # drop((by_name, by_address));
/// # Ok(())
/// # }
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
    /// # Errors
    /// [`ConfigError::NoPlatformRoots`].
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Begins a configuration.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::default()
    }

    /// Takes a configuration of rustls.
    ///
    /// Early data is turned off. Its verifier cannot be looked into, so a certificate that fails
    /// because it is self-signed is reported as [`UnknownIssuer`](crate::TlsError::UnknownIssuer).
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
