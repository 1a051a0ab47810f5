//! The server's side of TLS: who it is, what it offers, whom it asks for a certificate.

mod builder;
mod certificates;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ServerConnection, UnbufferedServerConnection};
use torsade_core::Reactor;
use torsade_core::task::LoopingCall;

pub use self::builder::ServerTlsBuilder;
use self::certificates::Certificates;
use crate::TlsFilter;
use crate::error::ConfigError;
use crate::observe::NotingServerResolver;

/// TLS for servers: immutable, and cheap to clone.
///
/// ```
/// use torsade_tls::{ServerTls, generate::self_signed};
/// use torsade_core::Filter;
///
/// # let folder = tempfile::tempdir()?;
/// # let (chain, key) = (folder.path().join("fullchain.pem"), folder.path().join("key.pem"));
/// # let own = self_signed(["example.com"]);
/// # std::fs::write(&chain, own.chain_pem())?;
/// # std::fs::write(&key, own.key_pair().to_pem())?;
/// let tls = ServerTls::builder().certificate_files(chain, key).alpn(["http/1.1"]).build()?;
/// let filter = tls.filter()?;
/// assert!(!filter.is_ready()); // the client begins
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "CertificateOptions")]
#[doc(alias = "DefaultOpenSSLContextFactory")]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// None for a configuration of rustls, which keeps its own.
    certificates: Option<Arc<Certificates>>,
}

impl ServerTls {
    /// Begins a configuration.
    pub fn builder() -> ServerTlsBuilder {
        ServerTlsBuilder::default()
    }

    /// Takes a configuration of rustls. Early data is turned off.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use torsade_tls::ServerTls;
    /// use torsade_tls::rustls::ServerConfig;
    /// use torsade_tls::rustls::server::ResolvesServerCertUsingSni;
    /// # #[cfg(feature = "aws-lc-rs")]
    /// # use torsade_tls::rustls::crypto::aws_lc_rs as crypto;
    /// # #[cfg(not(feature = "aws-lc-rs"))]
    /// # use torsade_tls::rustls::crypto::ring as crypto;
    ///
    /// let config = ServerConfig::builder_with_provider(Arc::new(crypto::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_no_client_auth()
    ///     .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    /// let tls = ServerTls::from_rustls(Arc::new(config));
    /// assert!(tls.filter().is_ok());
    /// assert!(!tls.reload()?); // its files, if there are any, are not known here
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "IOpenSSLContextFactory")]
    pub fn from_rustls(config: Arc<ServerConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.max_early_data_size = 0;
        Self::with_config(config)
    }

    fn with_config(mut config: ServerConfig) -> Self {
        config.cert_resolver = Arc::new(NotingServerResolver(config.cert_resolver));
        Self {
            config: Arc::new(config),
            certificates: None,
        }
    }

    /// Reads the files of its certificates and keys again, if any has changed since, and uses them
    /// for the handshakes from now on. Connections that there are stay as they are. Clones of this
    /// share their certificates. Says whether anything had changed.
    ///
    /// ```
    /// use std::fs;
    /// use torsade_tls::ServerTls;
    /// use torsade_tls::generate::{Authority, self_signed};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("own.pem");
    /// let old = self_signed(["example.com"]);
    /// fs::write(&file, old.chain_pem() + &old.key_pair().to_pem())?;
    /// let tls = ServerTls::builder().certificate_files(&file, &file).build()?;
    /// assert!(!tls.reload()?);
    ///
    /// let new = Authority::new("Root").intermediate("Below").issue(["example.com"]);
    /// fs::write(&file, new.chain_pem())?;
    /// assert!(tls.reload().is_err()); // without its key, the old one stays in use
    /// fs::write(&file, new.chain_pem() + &new.key_pair().to_pem())?;
    /// assert!(tls.reload()?);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// Any [`ConfigError`] of a certificate: then all stays as it was, and it is tried again by
    /// the next call, as when a new certificate was there before its key.
    pub fn reload(&self) -> Result<bool, ConfigError> {
        match &self.certificates {
            Some(certificates) => certificates.reload(),
            None => Ok(false),
        }
    }

    /// Looks every `interval` whether the files have changed, and reloads them. What goes wrong is
    /// logged. It ends with the reactor, or when the call is stopped.
    ///
    /// ```
    /// use std::fs;
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    /// use torsade_tls::ServerTls;
    /// use torsade_tls::generate::{Authority, self_signed};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("own.pem");
    /// # let old = self_signed(["example.com"]);
    /// # fs::write(&file, old.chain_pem() + &old.key_pair().to_pem())?;
    /// let reactor = Simulation::new().reactor();
    /// let tls = ServerTls::builder().certificate_files(&file, &file).build()?;
    /// tls.reload_every(&reactor, Duration::from_secs(60));
    /// # let new = Authority::new("Root").intermediate("Below").issue(["example.com"]);
    /// fs::write(&file, new.chain_pem() + &new.key_pair().to_pem())?;
    /// reactor.advance(Duration::from_secs(60))?;
    /// assert!(!tls.reload()?); // it was done a moment ago
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn reload_every(&self, reactor: &Reactor, interval: Duration) -> LoopingCall {
        let tls = self.clone();
        let call = LoopingCall::new(reactor, move |_| match tls.reload() {
            Ok(true) => log::info!(target: "torsade::tls", "TLS: reloaded the certificates"),
            Ok(false) => {}
            Err(error) => {
                log::error!(target: "torsade::tls", "TLS: the certificates stay as they were: {error}");
            }
        });
        // It ends when the call is stopped, or with the reactor: neither is news to anybody.
        call.start_later(interval).map(drop).add_errback(|_| ());
        call
    }

    /// The filter for one connection.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_tls::ServerTls;
    /// # use torsade_tls::generate::self_signed;
    ///
    /// # let own = self_signed(["example.com"]);
    /// let mut filter = ServerTls::builder().certificate(own).build()?.filter()?;
    /// let mut wire = Vec::new();
    /// filter.start(&mut wire)?;
    /// assert!(wire.is_empty()); // it is the client that begins
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Rustls`], for a configuration from [`from_rustls`](Self::from_rustls) that
    /// contradicts itself.
    #[doc(alias = "serverConnectionForTLS")]
    #[doc(alias = "IOpenSSLServerConnectionCreator")]
    pub fn filter(&self) -> Result<TlsFilter, ConfigError> {
        if self.config.max_early_data_size > 0 {
            let connection =
                ServerConnection::new(Arc::clone(&self.config)).map_err(ConfigError::Rustls)?;
            return Ok(TlsFilter::early_server(connection));
        }
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

#[cfg(test)]
mod tests;
