//! What rustls tells only to its callbacks, taken down for the filter that is being processed.
//!
//! The certificate of a peer that was refused, the name that a client asked a server for, and
//! whether a server asked for a certificate are seen by verifiers and certificate resolvers only.
//! These belong to a configuration that many connections share, on several threads perhaps, but
//! they are called synchronously while one connection processes its records. So they leave their notes in a thread-local, from
//! where that connection's filter takes them right after.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// What the callbacks saw during one step of a handshake.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The first certificate of a chain that was refused.
    pub(crate) refused: Option<CertificateDer<'static>>,
    /// The name in the client's hello.
    pub(crate) server_name: Option<String>,
    /// A server asked for a certificate, and there was none to show.
    pub(crate) lacks_certificate: bool,
}

thread_local! {
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// The notes since the last call.
pub(crate) fn take() -> Notes {
    NOTES.take()
}

/// Notes which certificate was refused, and passes `result` on.
fn note_refusal<T>(certificate: &CertificateDer<'_>, result: Result<T, Error>) -> Result<T, Error> {
    if result.is_err() {
        NOTES.with_borrow_mut(|notes| notes.refused = Some(certificate.clone().into_owned()));
    }
    result
}

/// A verifier (of servers, or of clients) that notes what it refuses.
#[derive(Debug)]
pub(crate) struct Noting<V: ?Sized>(pub(crate) Arc<V>);

impl<V: ServerCertVerifier + ?Sized> ServerCertVerifier for Noting<V> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        note_refusal(end_entity, verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.0.root_hint_subjects()
    }
}

impl<V: ClientCertVerifier + ?Sized> ClientCertVerifier for Noting<V> {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.0.verify_client_cert(end_entity, intermediates, now);
        note_refusal(end_entity, verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.0.requires_raw_public_keys()
    }
}

/// A client's certificate resolver that notes when it has nothing to offer.
#[derive(Debug)]
pub(crate) struct NotingClientResolver(pub(crate) Arc<dyn ResolvesClientCert>);

impl ResolvesClientCert for NotingClientResolver {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let found = self.0.resolve(root_hint_subjects, schemes);
        NOTES.with_borrow_mut(|notes| notes.lacks_certificate = found.is_none());
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.0.has_certs()
    }
}

/// A server's certificate resolver that notes the name asked for; rustls asks it in every handshake,
/// resumed ones too.
#[derive(Debug)]
pub(crate) struct NotingServerResolver(pub(crate) Arc<dyn ResolvesServerCert>);

impl ResolvesServerCert for NotingServerResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        NOTES.with_borrow_mut(|notes| {
            notes.server_name = hello.server_name().map(str::to_owned);
        });
        self.0.resolve(hello)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }
}
