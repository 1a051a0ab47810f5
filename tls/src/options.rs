//! What a client's and a server's configuration have in common.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{
    ConfigBuilder, ConfigSide, KeyLog, KeyLogFile, SupportedProtocolVersion, WantsVerifier,
    WantsVersions,
};

use crate::error::ConfigError;
use crate::{TlsVersion, choices, provider};

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    suites: Suites,
    groups: Option<Vec<String>>,
    pub(crate) resumption: bool,
    pub(crate) session_cache: Option<usize>,
    pub(crate) max_fragment_size: Option<usize>,
    pub(crate) key_log: bool,
}

/// Which cipher suites of the provider are offered.
#[derive(Clone, Debug)]
enum Suites {
    All,
    Named(Vec<String>),
    OpenSsl(String),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            provider: provider::default(),
            alpn: Vec::new(),
            versions: TlsVersion::within(&..),
            suites: Suites::All,
            groups: None,
            resumption: true,
            session_cache: None,
            max_fragment_size: None,
            key_log: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("alpn", &self.alpn)
            .field("versions", &self.versions)
            .field("suites", &self.suites)
            .field("groups", &self.groups)
            .field("resumption", &self.resumption)
            .field("key_log", &self.key_log)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(crate) fn set_alpn<P: AsRef<[u8]>>(&mut self, protocols: impl IntoIterator<Item = P>) {
        self.alpn = protocols
            .into_iter()
            .map(|name| name.as_ref().to_vec())
            .collect();
    }

    pub(crate) fn set_versions(&mut self, range: &impl RangeBounds<TlsVersion>) {
        self.versions = TlsVersion::within(range);
    }

    pub(crate) fn set_suites<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.suites = Suites::Named(names.into_iter().map(Into::into).collect());
    }

    pub(crate) fn set_openssl_suites(&mut self, list: String) {
        self.suites = Suites::OpenSsl(list);
    }

    pub(crate) fn set_groups<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.groups = Some(names.into_iter().map(Into::into).collect());
    }

    /// Checks what does not depend on the side, and narrows the provider to what was chosen.
    pub(crate) fn narrowed(&self) -> Result<Arc<CryptoProvider>, ConfigError> {
        // The length is one byte on the wire (RFC 7301, 3.1); rustls would panic or cut it.
        if let Some(bad) = self
            .alpn
            .iter()
            .find(|name| !(1..=255).contains(&name.len()))
        {
            return Err(ConfigError::BadProtocolName(bad.clone()));
        }
        // What rustls allows: a record with a few bytes in it at least.
        if let Some(bad) = self
            .max_fragment_size
            .filter(|size| !(32..=16_389).contains(size))
        {
            return Err(ConfigError::BadFragmentSize(bad));
        }
        if matches!(self.suites, Suites::All) && self.groups.is_none() {
            return Ok(Arc::clone(&self.provider));
        }
        let mut provider = (*self.provider).clone();
        match &self.suites {
            Suites::All => {}
            Suites::Named(names) => provider.cipher_suites = choices::suites(&provider, names)?,
            Suites::OpenSsl(list) => provider.cipher_suites = choices::select(&provider, list)?,
        }
        if let Some(names) = &self.groups {
            provider.kx_groups = choices::groups(&provider, names)?;
        }
        Ok(Arc::new(provider))
    }

    /// Gives the versions to rustls' builder: those in the range for which there is a suite.
    pub(crate) fn begin<S: ConfigSide>(
        &self,
        builder: ConfigBuilder<S, WantsVersions>,
    ) -> Result<ConfigBuilder<S, WantsVerifier>, ConfigError> {
        if self.versions.is_empty() {
            return Err(ConfigError::NoVersion);
        }
        let suites = &builder.crypto_provider().cipher_suites;
        let has_suite = |version: &&&'static SupportedProtocolVersion| {
            suites
                .iter()
                .any(|suite| suite.version().version == version.version)
        };
        let mut versions: Vec<_> = self.versions.iter().filter(has_suite).copied().collect();
        if versions.is_empty() {
            // rustls says why.
            versions.clone_from(&self.versions);
        }
        builder
            .with_protocol_versions(&versions)
            .map_err(ConfigError::NoSuite)
    }

    /// Where the secrets are to be logged, if at all.
    pub(crate) fn key_log(&self) -> Option<Arc<dyn KeyLog>> {
        self.key_log
            .then(|| Arc::new(KeyLogFile::new()) as Arc<dyn KeyLog>)
    }
}

/// The methods that both builders have.
macro_rules! common_options {
    () => {
        /// Speaks only versions within this range, such as `TlsVersion::Tls13..`; 1.2 and 1.3 by
        /// default.
        ///
        /// ```
        /// use torsade_tls::{ClientTls, ConfigError, TlsVersion};
        ///
        /// let builder = ClientTls::builder().bundled_roots();
        /// assert!(builder.clone().versions(..=TlsVersion::Tls12).build().is_ok());
        /// let built = builder.versions(TlsVersion::Tls13..TlsVersion::Tls13).build();
        /// assert!(matches!(built, Err(ConfigError::NoVersion)));
        /// ```
        #[doc(alias = "raiseMinimumTo")]
        #[doc(alias = "insecurelyLowerMinimumTo")]
        #[doc(alias = "lowerMaximumSecurityTo")]
        pub fn versions(mut self, range: impl std::ops::RangeBounds<$crate::TlsVersion>) -> Self {
            self.options.set_versions(&range);
            self
        }

        /// Speaks only these cipher suites, the best first, by their IANA names
        /// (`TLS_AES_128_GCM_SHA256`) or OpenSSL's (`ECDHE-RSA-AES128-GCM-SHA256`). A version of
        /// TLS of which there is no suite is not spoken.
        ///
        /// ```
        /// use torsade_tls::{ClientTls, ConfigError};
        ///
        /// let builder = ClientTls::builder().bundled_roots();
        /// let suites = ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"];
        /// assert!(builder.clone().cipher_suites(suites).build().is_ok());
        /// let error = builder.cipher_suites(["RC4-MD5"]).build().unwrap_err();
        /// let ConfigError::UnknownCipherSuite { known, .. } = error else { panic!("{error}") };
        /// assert!(known.iter().any(|name| name == "TLS_AES_128_GCM_SHA256"));
        /// ```
        #[doc(alias = "acceptableCiphers")]
        #[doc(alias = "AcceptableCiphers")]
        #[doc(alias = "IAcceptableCiphers")]
        #[doc(alias = "selectCiphers")]
        pub fn cipher_suites<S: Into<String>>(
            mut self,
            names: impl IntoIterator<Item = S>,
        ) -> Self {
            self.options.set_suites(names);
            self
        }

        /// Speaks the cipher suites that a list in OpenSSL's notation selects, such as
        /// `ECDHE+AESGCM:ECDHE+CHACHA20:!aRSA`.
        ///
        /// As in OpenSSL it is about TLS 1.2; the suites of TLS 1.3 stay as they are unless some
        /// are named. What is not available here is passed over, as long as anything is selected.
        ///
        /// ```
        /// use torsade_tls::ClientTls;
        ///
        /// let builder = ClientTls::builder().bundled_roots();
        /// assert!(builder.clone().openssl_ciphers("ECDHE+AESGCM:RC4:!aRSA").build().is_ok());
        /// assert!(builder.openssl_ciphers("RC4:3DES").build().is_err());
        /// ```
        #[doc(alias = "fromOpenSSLCipherString")]
        #[doc(alias = "AcceptableCiphers")]
        pub fn openssl_ciphers(mut self, list: impl Into<String>) -> Self {
            self.options.set_openssl_suites(list.into());
            self
        }

        /// Exchanges keys by these groups only, the best first: `X25519MLKEM768` (which a future
        /// quantum computer cannot break, and which is preferred by default with aws-lc-rs),
        /// `x25519`, `secp256r1` (`P-256`, `prime256v1`), `secp384r1`.
        ///
        /// ```
        /// use torsade_tls::{ClientTls, ConfigError};
        ///
        /// let builder = ClientTls::builder().bundled_roots();
        /// assert!(builder.clone().key_exchange_groups(["x25519", "P-256"]).build().is_ok());
        /// let built = builder.key_exchange_groups(["ffdhe2048"]).build();
        /// assert!(matches!(built, Err(ConfigError::UnknownGroup { name, .. }) if name == "ffdhe2048"));
        /// ```
        #[doc(alias = "dhParameters")]
        #[doc(alias = "DiffieHellmanParameters")]
        pub fn key_exchange_groups<S: Into<String>>(
            mut self,
            names: impl IntoIterator<Item = S>,
        ) -> Self {
            self.options.set_groups(names);
            self
        }

        /// Writes no TLS record larger than so many bytes, its header included: 32 to 16,389.
        /// Small ones arrive sooner on slow lines, and cost more.
        ///
        /// ```
        /// use torsade_tls::{ClientTls, ConfigError};
        ///
        /// let builder = ClientTls::builder().bundled_roots();
        /// assert!(builder.clone().max_fragment_size(1400).build().is_ok());
        /// let built = builder.max_fragment_size(100_000).build();
        /// assert!(matches!(built, Err(ConfigError::BadFragmentSize(100_000))));
        /// ```
        pub fn max_fragment_size(mut self, bytes: usize) -> Self {
            self.options.max_fragment_size = Some(bytes);
            self
        }

        /// Appends the secrets of every connection to the file that the environment variable
        /// `SSLKEYLOGFILE` names, if it does, for Wireshark to read.
        ///
        /// Whoever has that file reads the traffic.
        ///
        /// ```
        /// use torsade_tls::ClientTls;
        ///
        /// let mut builder = ClientTls::builder().bundled_roots();
        /// if cfg!(debug_assertions) {
        ///     builder = builder.key_log();
        /// }
        /// assert!(builder.build().is_ok());
        /// ```
        pub fn key_log(mut self) -> Self {
            self.options.key_log = true;
            self
        }

        /// Uses this cryptography provider, whose lists of cipher suites and key exchange groups
        /// are offered in their order. Tickets of a server are encrypted with the provider chosen
        /// by feature all the same.
        ///
        /// ```
        /// use std::sync::Arc;
        /// use torsade_tls::{ClientTls, ConfigError, TlsVersion};
        /// # #[cfg(feature = "aws-lc-rs")]
        /// # use torsade_tls::rustls::crypto::aws_lc_rs as crypto;
        /// # #[cfg(not(feature = "aws-lc-rs"))]
        /// # use torsade_tls::rustls::crypto::ring as crypto;
        ///
        /// let mut provider = crypto::default_provider();
        /// provider.cipher_suites.retain(|suite| suite.tls13().is_some());
        /// let builder = ClientTls::builder().bundled_roots().crypto_provider(Arc::new(provider));
        /// assert!(builder.clone().build().is_ok());
        /// let built = builder.versions(..=TlsVersion::Tls12).build();
        /// assert!(matches!(built, Err(ConfigError::NoSuite(_))));
        /// ```
        pub fn crypto_provider(
            mut self,
            provider: std::sync::Arc<rustls::crypto::CryptoProvider>,
        ) -> Self {
            self.options.provider = provider;
            self
        }
    };
}
pub(crate) use common_options;
