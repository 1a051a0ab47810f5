//! The checks of a handshake, for certificates that come from elsewhere.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::server_name::parse_name;
use crate::error::{Context, diagnose, is_weak};
use crate::verify::ServerVerifier;
use crate::{Certificate, ConfigError, TlsError, observe};

/// Checks certificates as a client does in its handshakes, but from a file or at another time.
///
/// From [`ClientTlsBuilder::verifier`](super::ClientTlsBuilder::verifier).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, TlsError};
///
/// # let authority = Authority::new("for tests");
/// let verifier = ClientTls::builder().trust(authority.trust()).verifier()?;
/// # let own = authority.issue(["example.com"]);
/// # let chain = own.chain();
/// assert!(verifier.verify(chain, "example.com", SystemTime::now())?.is_ok());
/// let next_year = SystemTime::now() + Duration::from_secs(366 * 24 * 60 * 60);
/// let error = verifier.verify(chain, "example.com", next_year)?.unwrap_err();
/// assert!(matches!(error, TlsError::Expired { .. }));
/// println!("{error}: {}", error.help());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct CertificateVerifier {
    verifier: Arc<ServerVerifier>,
}

impl CertificateVerifier {
    pub(super) fn new(verifier: ServerVerifier) -> Self {
        Self {
            verifier: Arc::new(verifier),
        }
    }

    /// Whether a client accepts this chain, the host's own certificate first, from a server of
    /// this name at this time.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::{ClientTls, ConfigError};
    ///
    /// let verifier = ClientTls::builder().bundled_roots().verifier()?;
    /// let asked_wrongly = verifier.verify(&[], "example.com", SystemTime::now());
    /// assert!(matches!(asked_wrongly, Err(ConfigError::NoCertificate)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::BadServerName`], and [`ConfigError::NoCertificate`] for an empty chain. What
    /// is wrong with the certificates is the inner error.
    pub fn verify(
        &self,
        chain: &[Certificate],
        server_name: &str,
        now: SystemTime,
    ) -> Result<Result<(), TlsError>, ConfigError> {
        let name = parse_name(server_name)
            .ok_or_else(|| ConfigError::BadServerName(server_name.to_owned()))?;
        let ders: Vec<CertificateDer<'_>> = chain
            .iter()
            .map(|certificate| CertificateDer::from(certificate.der()))
            .collect();
        let (end_entity, intermediates) = ders.split_first().ok_or(ConfigError::NoCertificate)?;
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let verdict = self
            .verifier
            .verify(end_entity, intermediates, &name, &[], now)
            // In a handshake the key of a host would have to sign, and a weak one cannot.
            .and_then(|()| match is_weak(&chain[0]) {
                true => Err(CertificateError::BadSignature.into()),
                false => Ok(()),
            });
        drop(observe::take());
        Ok(verdict.map_err(|error| {
            diagnose(
                error,
                Context {
                    peer: &server_name.into(),
                    refused: chain.to_vec(),
                    had_certificate: None,
                    in_handshake: true,
                    first_bytes: None,
                },
            )
        }))
    }
}
