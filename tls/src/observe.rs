//! What rustls tells only to its callbacks, taken down for the filter that is being processed.
//!
//! The certificate of a peer that was refused, the name that a client asked a server for, and
//! whether a certificate was asked for, and was there, are seen by verifiers and certificate
//! resolvers only. These belong to a configuration that many connections share, on several threads
//! perhaps, but they are called synchronously while one connection processes its records. So they
//! leave their notes in a thread-local, from where that connection's filter takes them right after.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};

use crate::Certificate;
use crate::verify::certificates;

/// What the callbacks saw during one step of a handshake.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The chain that was refused; empty if none was.
    pub(crate) refused: Vec<Certificate>,
    /// The name in the client's hello.
    pub(crate) server_name: Option<String>,
    /// Whether there was a certificate to show when the peer asked for one.
    pub(crate) had_certificate: Option<bool>,
}

thread_local! {
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// The notes since the last call.
pub(crate) fn take() -> Notes {
    NOTES.take()
}

/// Notes which chain was refused, and passes `result` on.
pub(crate) fn note_refusal<T>(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    result: Result<T, Error>,
) -> Result<T, Error> {
    if result.is_err() {
        let refused = certificates(end_entity, intermediates);
        NOTES.with_borrow_mut(|notes| notes.refused = refused);
    }
    result
}

/// A client's certificate resolver that notes whether it has something to offer.
#[derive(Debug)]
pub(crate) struct NotingClientResolver(pub(crate) Arc<dyn ResolvesClientCert>);

impl ResolvesClientCert for NotingClientResolver {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let found = self.0.resolve(root_hint_subjects, schemes);
        NOTES.with_borrow_mut(|notes| notes.had_certificate = Some(found.is_some()));
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.0.has_certs()
    }
}

/// A server's certificate resolver that notes the name asked for, and whether it has one for it;
/// rustls asks it in every handshake, resumed ones too.
#[derive(Debug)]
pub(crate) struct NotingServerResolver(pub(crate) Arc<dyn ResolvesServerCert>);

impl ResolvesServerCert for NotingServerResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let server_name = hello.server_name().map(str::to_owned);
        let found = self.0.resolve(hello);
        NOTES.with_borrow_mut(|notes| {
            notes.server_name = server_name;
            notes.had_certificate = Some(found.is_some());
        });
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }
}
