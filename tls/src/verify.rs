//! Whether the certificate of a peer is accepted.
//!
//! ```text
//! chain -> [listed exactly | leads to a root, not revoked | whatever dangerous() says]
//!       -> pins -> the program's own checks
//! ```
//!
//! What is refused is noted for the filter, which makes the error of it.

mod client_certificates;
mod pins;
mod revocation;

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

pub(crate) use self::client_certificates::ClientVerifier;
use self::pins::PinCheck;
pub(crate) use self::pins::PinMismatch;
pub use self::pins::{BadPin, Pin, Pins};
pub use self::revocation::Revocation;
use crate::certificate::seconds_since_epoch;
use crate::error::ConfigError;
use crate::observe::note_refusal;
use crate::trust::Trusted;
use crate::{Certificate, Trust};

/// What a program checks besides, of a chain that is good otherwise, and of a server's name.
pub(crate) type Check = Arc<
    dyn Fn(&[Certificate], &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
        + Send
        + Sync,
>;

/// How servers are to be checked.
#[derive(Clone, Default)]
pub(crate) struct ServerChecks {
    pub(crate) base: Base,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) pins: Option<Pins>,
    pub(crate) expected_name: Option<ServerName<'static>>,
    pub(crate) checks: Vec<Check>,
}

/// What decides first.
#[derive(Clone, Default)]
pub(crate) enum Base {
    #[default]
    Trust,
    AcceptAny,
    Custom(Arc<dyn ServerCertVerifier>),
}

impl fmt::Debug for ServerChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerChecks")
            .field("revocation", &self.revocation)
            .field("pins", &self.pins)
            .field("expected_name", &self.expected_name)
            .field("checks", &self.checks.len())
            .finish_non_exhaustive()
    }
}

impl ServerChecks {
    pub(crate) fn verifier(
        self,
        trust: &Trust,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ServerVerifier, ConfigError> {
        let algorithms = provider.signature_verification_algorithms;
        let (accepts, roots) = match self.base {
            Base::Trust => {
                let trusted = trust.load()?;
                let roots = Arc::clone(&trusted.roots);
                let accepts = Accepts::trusted(trusted, self.revocation.as_ref(), provider)?;
                (accepts, Some(roots))
            }
            Base::AcceptAny => {
                log::warn!(
                    target: "torsade::tls",
                    "TLS: the certificates of servers are not checked (accept_any_certificate)"
                );
                (Accepts::Any, None)
            }
            Base::Custom(verifier) => {
                log::warn!(target: "torsade::tls", "TLS: the certificates of servers are checked by a custom verifier");
                (Accepts::Custom(verifier), None)
            }
        };
        let pins = self.pins.map(|pins| PinCheck {
            pins,
            roots,
            algorithms,
        });
        Ok(ServerVerifier {
            accepts,
            algorithms,
            expected_name: self.expected_name,
            pins,
            checks: self.checks,
        })
    }
}

/// The verifier of a client's configuration.
pub(crate) struct ServerVerifier {
    accepts: Accepts,
    algorithms: WebPkiSupportedAlgorithms,
    expected_name: Option<ServerName<'static>>,
    pins: Option<PinCheck>,
    checks: Vec<Check>,
}

enum Accepts {
    Trusted {
        exact: Exact,
        hosts: Exact,
        roots: Option<Arc<WebPkiServerVerifier>>,
    },
    Any,
    Custom(Arc<dyn ServerCertVerifier>),
}

impl Accepts {
    fn trusted(
        trusted: Trusted,
        revocation: Option<&Revocation>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let mut roots = None;
        if !trusted.roots.is_empty() {
            let provider = Arc::clone(provider);
            let mut builder = WebPkiServerVerifier::builder_with_provider(trusted.roots, provider);
            if let Some(revocation) = revocation {
                builder = revocation.apply_to_servers(builder)?;
            }
            roots = Some(builder.build().map_err(ConfigError::from_verifier)?);
        }
        Ok(Self::Trusted {
            exact: Exact(trusted.exact),
            hosts: Exact(trusted.hosts),
            roots,
        })
    }

    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::Custom(verifier) => verifier
                .verify_server_cert(end_entity, intermediates, name, ocsp, now)
                .map(drop),
            Self::Trusted {
                exact,
                hosts,
                roots,
            } => {
                let verdict = match roots {
                    _ if exact.has(end_entity) => return is_valid_itself(end_entity, name, now),
                    Some(roots) => {
                        roots.verify_server_cert(end_entity, intermediates, name, ocsp, now)
                    }
                    None => Err(CertificateError::UnknownIssuer.into()),
                };
                match verdict {
                    Err(error) if is_authority_as_host(&error) && hosts.has(end_entity) => {
                        is_valid_itself(end_entity, name, now)
                    }
                    verdict => verdict.map(drop),
                }
            }
        }
    }
}

/// Whether it is the fault of a certificate that is marked as an authority.
pub(crate) fn is_authority_as_host(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => matches!(
            other.0.downcast_ref::<webpki::Error>(),
            Some(webpki::Error::CaUsedAsEndEntity)
        ),
        _ => false,
    }
}

/// What there is to check of a certificate that is accepted itself: its time and its name.
fn is_valid_itself(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    exact_is_valid(certificate, now)?;
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

impl ServerVerifier {
    /// Checks a chain, and notes it if it is refused.
    pub(crate) fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let name = self.expected_name.as_ref().unwrap_or(name);
        let check = || {
            self.accepts
                .check(end_entity, intermediates, name, ocsp, now)?;
            if let Some(pins) = &self.pins {
                pins.check(end_entity, intermediates, now)
                    .map_err(|mismatch| other(OtherError(Arc::new(mismatch))))?;
            }
            if self.checks.is_empty() {
                return Ok(());
            }
            let chain = certificates(end_entity, intermediates);
            self.checks.iter().try_for_each(|check| {
                check(&chain, &name.to_str())
                    .map_err(|error| other(OtherError(Arc::new(Rejected(error.into())))))
            })
        };
        note_refusal(end_entity, intermediates, check())
    }
}

fn other(error: OtherError) -> Error {
    CertificateError::Other(error).into()
}

pub(crate) fn certificates(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Vec<Certificate> {
    [end_entity]
        .into_iter()
        .chain(intermediates)
        .map(|der| Certificate::unparsed(der.clone().into_owned()))
        .collect()
}

/// The verdict of a program's own check.
#[derive(Clone, Debug)]
pub(crate) struct Rejected(pub(crate) Arc<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Rejected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Certificates that are accepted themselves.
#[derive(Debug)]
struct Exact(Vec<CertificateDer<'static>>);

impl Exact {
    fn has(&self, certificate: &CertificateDer<'_>) -> bool {
        self.0.iter().any(|exact| exact == certificate)
    }
}

/// Whether the certificate is valid at this time; that is all that its chain would tell.
fn exact_is_valid(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = Certificate::unparsed(certificate.clone().into_owned());
    let seconds = |time| {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            u64::try_from(seconds_since_epoch(time)).unwrap_or(0),
        ))
    };
    let (not_before, not_after) = (
        seconds(certificate.not_before()),
        seconds(certificate.not_after()),
    );
    if now > not_after {
        Err(CertificateError::ExpiredContext {
            time: now,
            not_after,
        }
        .into())
    } else if now < not_before {
        Err(CertificateError::NotValidYetContext {
            time: now,
            not_before,
        }
        .into())
    } else {
        Ok(())
    }
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerVerifier").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, intermediates, server_name, ocsp_response, now)
            .map(|()| ServerCertVerified::assertion())
    }

    // A key that is too weak shows here: with a weak one no signature is good.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = match &self.accepts {
            Accepts::Custom(verifier) => verifier.verify_tls12_signature(message, cert, dss),
            _ => verify_tls12_signature(message, cert, dss, &self.algorithms),
        };
        note_refusal(cert, &[], verdict)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = match &self.accepts {
            Accepts::Custom(verifier) => verifier.verify_tls13_signature(message, cert, dss),
            _ => verify_tls13_signature(message, cert, dss, &self.algorithms),
        };
        note_refusal(cert, &[], verdict)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match &self.accepts {
            Accepts::Custom(verifier) => verifier.supported_verify_schemes(),
            _ => self.algorithms.supported_schemes(),
        }
    }
}

#[cfg(test)]
mod tests;
