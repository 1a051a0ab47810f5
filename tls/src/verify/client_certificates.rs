//! Whether a server accepts the certificate of a client.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::{Exact, Revocation, exact_is_valid};
use crate::Trust;
use crate::error::ConfigError;
use crate::observe::note_refusal;

/// The verifier of a server's configuration that asks for certificates.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    exact: Exact,
    roots: Option<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    is_required: bool,
}

impl ClientVerifier {
    pub(crate) fn new(
        trust: &Trust,
        is_required: bool,
        revocation: Option<&Revocation>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        let trusted = trust.load()?;
        let mut roots = None;
        if !trusted.roots.is_empty() {
            let provider = Arc::clone(provider);
            let mut builder = WebPkiClientVerifier::builder_with_provider(trusted.roots, provider);
            if let Some(revocation) = revocation {
                builder = revocation.apply_to_clients(builder)?;
            }
            roots = Some(builder.build().map_err(ConfigError::from_verifier)?);
        }
        Ok(Self {
            exact: Exact(trusted.exact),
            roots,
            algorithms: provider.signature_verification_algorithms,
            is_required,
        })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // With the names of some authorities only, a client would not show what is listed exactly.
        match &self.roots {
            Some(roots) if self.exact.0.is_empty() => roots.root_hint_subjects(),
            _ => &[],
        }
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = match &self.roots {
            _ if self.exact.has(end_entity) => {
                exact_is_valid(end_entity, now).map(|()| ClientCertVerified::assertion())
            }
            Some(roots) => roots.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        note_refusal(end_entity, intermediates, verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = verify_tls12_signature(message, cert, dss, &self.algorithms);
        note_refusal(cert, &[], verdict)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = verify_tls13_signature(message, cert, dss, &self.algorithms);
        note_refusal(cert, &[], verdict)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
