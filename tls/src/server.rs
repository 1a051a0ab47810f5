//! The server's side of TLS: who it is, what it offers, whom it asks for a certificate.

use std::fmt;
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoClientAuth, NoServerSessionStorage, UnbufferedServerConnection, WebPkiClientVerifier,
};

use crate::error::ConfigError;
use crate::observe::{Noting, NotingServerResolver};
use crate::options::{Identity, Options};
use crate::pem::Source;
use crate::{TlsFilter, TlsVersion, Trust, provider};

/// TLS for servers: immutable, and cheap to clone.
///
/// ```no_run
/// use torsade_tls::ServerTls;
///
/// # fn main() -> torsade_core::Result<()> {
/// let tls = ServerTls::builder()
///     .certificate_files("fullchain.pem", "key.pem")
///     .alpn(["http/1.1"])
///     .build()?;
/// let filter = tls.filter()?;
/// # drop(filter);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "CertificateOptions")]
#[doc(alias = "DefaultOpenSSLContextFactory")]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Begins a configuration.
    pub fn builder() -> ServerTlsBuilder {
        ServerTlsBuilder::default()
    }

    /// Takes a configuration of rustls. Early data is turned off.
    pub fn from_rustls(config: Arc<ServerConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.max_early_data_size = 0;
        config.cert_resolver = Arc::new(NotingServerResolver(config.cert_resolver));
        Self {
            config: Arc::new(config),
        }
    }

    /// The filter for one connection.
    ///
    /// # Errors
    /// [`ConfigError::Rustls`], for a configuration from [`from_rustls`](Self::from_rustls) that
    /// contradicts itself.
    #[doc(alias = "serverConnectionForTLS")]
    pub fn filter(&self) -> Result<TlsFilter, ConfigError> {
        let connection = UnbufferedServerConnection::new(Arc::clone(&self.config))
            .map_err(ConfigError::Rustls)?;
        Ok(TlsFilter::server(connection))
    }
}

#[cfg(test)]
impl ServerTls {
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Builds a [`ServerTls`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerTlsBuilder {
    identity: Option<Identity>,
    clients: Clients,
    options: Options,
}

/// What is asked of clients.
#[derive(Clone, Debug, Default)]
enum Clients {
    #[default]
    Anybody,
    MayShow(Trust),
    MustShow(Trust),
}

impl ServerTlsBuilder {
    /// The server's certificate: PEM files of the chain, its own certificate first, and of the
    /// key. They may be the same file.
    #[doc(alias = "PrivateCertificate")]
    #[doc(alias = "privateKey")]
    #[doc(alias = "extraCertChain")]
    pub fn certificate_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (chain, key) = (Source::File(chain.into()), Source::File(key.into()));
        self.identity = Some(Identity { chain, key });
        self
    }

    /// Like [`certificate_files`](Self::certificate_files), from PEM text.
    pub fn certificate_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let (chain, key) = (Source::Bytes(chain.into()), Source::Bytes(key.into()));
        self.identity = Some(Identity { chain, key });
        self
    }

    /// Every client must show a certificate from one of these authorities.
    ///
    /// Unlike for a client there is no default trust: the public authorities do not vouch for
    /// your clients.
    #[doc(alias = "trustRoot")]
    #[doc(alias = "requireCertificate")]
    pub fn require_client_certificates(mut self, trust: Trust) -> Self {
        self.clients = Clients::MustShow(trust);
        self
    }

    /// A client may show a certificate from one of these authorities; whether it did is in
    /// [`TlsInfo::peer_certificates`](crate::TlsInfo::peer_certificates).
    ///
    /// A certificate that is not acceptable is an error nevertheless.
    #[doc(alias = "verify")]
    pub fn request_client_certificates(mut self, trust: Trust) -> Self {
        self.clients = Clients::MayShow(trust);
        self
    }

    /// Knows these application protocols; the first one that the client offers too is taken.
    ///
    /// A client that offers some, but none of these, is refused; one that offers none is served.
    #[doc(alias = "acceptableProtocols")]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.options.set_alpn(protocols);
        self
    }

    /// Speaks only versions within this range, such as `TlsVersion::Tls13..`; 1.2 and 1.3 by
    /// default.
    #[doc(alias = "raiseMinimumTo")]
    #[doc(alias = "insecurelyLowerMinimumTo")]
    pub fn versions(mut self, range: impl RangeBounds<TlsVersion>) -> Self {
        self.options.set_versions(&range);
        self
    }

    /// Whether clients get tickets with which to resume their sessions; they do by default.
    ///
    /// The tickets are encrypted with keys that only this `ServerTls` and its clones know, and
    /// that change every six hours.
    #[doc(alias = "enableSessions")]
    pub fn tickets(mut self, on: bool) -> Self {
        self.options.resumption = on;
        self
    }

    /// Appends the secrets of every connection to the file that the environment variable
    /// `SSLKEYLOGFILE` names, if it does, for Wireshark to read.
    ///
    /// Whoever has that file reads the traffic.
    pub fn key_log(mut self) -> Self {
        self.options.key_log = true;
        self
    }

    /// Uses this cryptography provider, with its cipher suites and key exchange groups in their
    /// order. Tickets are encrypted with the provider chosen by feature all the same.
    #[doc(alias = "acceptableCiphers")]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.options.provider = provider;
        self
    }

    /// Reads all files, and checks that everything fits together.
    ///
    /// # Errors
    /// Any [`ConfigError`]. Nothing about the configuration is left to fail later.
    pub fn build(self) -> Result<ServerTls, ConfigError> {
        let builder = self
            .options
            .begin(ServerConfig::builder_with_provider(Arc::clone(
                &self.options.provider,
            )))?;
        let identity = self.identity.as_ref().ok_or(ConfigError::NoCertificate)?;
        let (chain, key) = identity.load()?;
        let mut config = builder
            .with_client_cert_verifier(self.verifier()?)
            .with_single_cert(chain, key)
            .map_err(ConfigError::from_key_pair)?;
        if self.options.resumption {
            config.ticketer = provider::ticketer().map_err(ConfigError::Rustls)?;
        } else {
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        if let Some(key_log) = self.options.key_log() {
            config.key_log = key_log;
        }
        config.alpn_protocols = self.options.alpn;
        Ok(ServerTls::from_rustls(Arc::new(config)))
    }

    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
        let (trust, is_required) = match &self.clients {
            Clients::Anybody => return Ok(Arc::new(NoClientAuth)),
            Clients::MayShow(trust) => (trust, false),
            Clients::MustShow(trust) => (trust, true),
        };
        let provider = Arc::clone(&self.options.provider);
        let builder = WebPkiClientVerifier::builder_with_provider(trust.load()?, provider);
        let builder = if is_required {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        let verifier = builder
            .build()
            .map_err(|error| ConfigError::Rustls(rustls::Error::General(error.to_string())))?;
        Ok(Arc::new(Noting(verifier)))
    }
}

#[cfg(test)]
mod tests;
