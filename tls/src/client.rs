//! The client's side of TLS: what it trusts, who it is, what it offers.

mod accept_any;
mod server_name;

use std::fmt;
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;

use self::accept_any::AcceptAny;
use self::server_name::parse_name;
use crate::error::ConfigError;
use crate::observe::{Noting, NotingClientResolver};
use crate::options::{Identity, Options};
use crate::pem::Source;
use crate::{TlsFilter, TlsVersion, Trust};

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
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.enable_early_data = false;
        config.client_auth_cert_resolver =
            Arc::new(NotingClientResolver(config.client_auth_cert_resolver));
        Self {
            config: Arc::new(config),
        }
    }

    /// The filter for one connection to `server_name`: a host name in ASCII (a final dot does not
    /// matter), or an IP address (of IPv6 with or without brackets).
    ///
    /// The server has to prove this name. A host name is told to it (SNI), an address is not
    /// (RFC 6066, section 3).
    ///
    /// # Errors
    /// [`ConfigError::BadServerName`].
    #[doc(alias = "clientConnectionForTLS")]
    pub fn filter(&self, server_name: &str) -> Result<TlsFilter, ConfigError> {
        let name = parse_name(server_name)
            .ok_or_else(|| ConfigError::BadServerName(server_name.to_owned()))?;
        let peer: Arc<str> = name.to_str().into();
        let connection = UnbufferedClientConnection::new(Arc::clone(&self.config), name)
            .map_err(ConfigError::Rustls)?;
        Ok(TlsFilter::client(connection, peer))
    }
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

/// Builds a [`ClientTls`].
///
/// The platform's roots are trusted unless there is any choice of trust, which then replaces
/// them.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientTlsBuilder {
    trust: Trust,
    identity: Option<Identity>,
    options: Options,
    accept_any: bool,
}

impl ClientTlsBuilder {
    /// Adds the platform's roots to the trust.
    #[doc(alias = "platformTrust")]
    pub fn platform_roots(mut self) -> Self {
        self.trust = self.trust.platform_roots();
        self
    }

    /// Adds Mozilla's roots, as they were when this program was built, to the trust.
    pub fn bundled_roots(mut self) -> Self {
        self.trust = self.trust.bundled_roots();
        self
    }

    /// Adds every certificate of a PEM file to the trust.
    pub fn roots_from_pem_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust = self.trust.roots_from_pem_file(path);
        self
    }

    /// Adds every certificate of some PEM text to the trust.
    #[doc(alias = "trustRootFromCertificates")]
    pub fn roots_from_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = self.trust.roots_from_pem(pem);
        self
    }

    /// Trusts this, and nothing that was chosen before.
    #[doc(alias = "trustRoot")]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Shows a certificate to servers that ask for one: PEM files of the chain, its own
    /// certificate first, and of the key. They may be the same file.
    #[doc(alias = "PrivateCertificate")]
    #[doc(alias = "clientCertificate")]
    pub fn client_certificate_files(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let (chain, key) = (Source::File(chain.into()), Source::File(key.into()));
        self.identity = Some(Identity { chain, key });
        self
    }

    /// Like [`client_certificate_files`](Self::client_certificate_files), from PEM text.
    pub fn client_certificate_pem(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        let (chain, key) = (Source::Bytes(chain.into()), Source::Bytes(key.into()));
        self.identity = Some(Identity { chain, key });
        self
    }

    /// Offers these application protocols, the best first; none by default.
    ///
    /// A server that knows none of them may refuse, or go on without.
    #[doc(alias = "acceptableProtocols")]
    #[doc(alias = "nextProtocols")]
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

    /// Whether sessions are remembered and resumed; they are by default.
    #[doc(alias = "enableSessions")]
    pub fn resumption(mut self, on: bool) -> Self {
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

    /// Uses this cryptography provider, whose lists of cipher suites and key exchange groups are
    /// offered in their order.
    #[doc(alias = "acceptableCiphers")]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.options.provider = provider;
        self
    }

    /// What makes a connection insecure is behind this door.
    pub fn dangerous(self) -> DangerousClientTls {
        DangerousClientTls { builder: self }
    }

    /// Reads all files, and checks that everything fits together.
    ///
    /// # Errors
    /// Any [`ConfigError`]. Nothing about the configuration is left to fail later.
    pub fn build(self) -> Result<ClientTls, ConfigError> {
        let builder = self
            .options
            .begin(ClientConfig::builder_with_provider(Arc::clone(
                &self.options.provider,
            )))?;
        let verifier = self.verifier()?;
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => {
                let (chain, key) = identity.load()?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(ConfigError::from_key_pair)?
            }
            None => builder.with_no_client_auth(),
        };
        if let Some(key_log) = self.options.key_log() {
            config.key_log = key_log;
        }
        if !self.options.resumption {
            config.resumption = Resumption::disabled();
        }
        config.alpn_protocols = self.options.alpn;
        Ok(ClientTls::from_rustls(Arc::new(config)))
    }

    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
        if self.accept_any {
            log::warn!("TLS: the certificates of servers are not checked (accept_any_certificate)");
            let algorithms = self.options.provider.signature_verification_algorithms;
            return Ok(Arc::new(AcceptAny { algorithms }));
        }
        let roots = if self.trust.is_none() {
            Trust::none().platform_roots().load()?
        } else {
            self.trust.load()?
        };
        let provider = Arc::clone(&self.options.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|error| ConfigError::Rustls(rustls::Error::General(error.to_string())))?;
        Ok(Arc::new(Noting(verifier)))
    }
}

/// What makes a connection insecure; from [`ClientTlsBuilder::dangerous`].
#[derive(Clone, Debug)]
#[must_use]
pub struct DangerousClientTls {
    builder: ClientTlsBuilder,
}

impl DangerousClientTls {
    /// Accepts whatever certificate a server shows, whosever it is: anybody on the way can read
    /// and change everything. A warning is logged when it is built.
    ///
    /// To accept one self-signed certificate, add it to the trust instead.
    pub fn accept_any_certificate(mut self) -> ClientTlsBuilder {
        self.builder.accept_any = true;
        self.builder
    }
}

#[cfg(test)]
mod tests;
