//! Certificates, and two filters wired to each other, for tests.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use torsade_core::{Failure, Filter};

use crate::{ClientTls, ClientTlsBuilder, ServerTls, ServerTlsBuilder, TlsError, TlsFilter};

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority below this one.
    pub(crate) fn authority(
        &self,
        name: &str,
        special: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        special(&mut params);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for `names`.
    pub(crate) fn issue(&self, names: &[&str]) -> Leaf {
        self.issue_with(names, |_| {})
    }

    /// A certificate for `names` with something special.
    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        special: impl FnOnce(&mut CertificateParams),
    ) -> Leaf {
        let mut params = params(names);
        special(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self) -> ClientTlsBuilder {
        ClientTls::builder().roots_from_pem(self.pem.as_str())
    }
}

impl Leaf {
    /// One that vouches for itself.
    pub(crate) fn self_signed(names: &[&str], is_authority: bool) -> Self {
        let mut params = params(names);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A server with this certificate.
    pub(crate) fn server(&self) -> ServerTlsBuilder {
        ServerTls::builder().certificate_pem(self.chain.as_str(), self.key.as_str())
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params
}

/// One side of a connection, with what has come out of its filter.
pub(crate) struct Side<F = TlsFilter> {
    pub(crate) filter: F,
    pub(crate) plain: Vec<u8>,
    pub(crate) wire: Vec<u8>,
    pub(crate) error: Option<Failure>,
}

impl<F: Filter> Side<F> {
    pub(crate) fn new(filter: F) -> Self {
        let mut side = Self {
            filter,
            plain: Vec::new(),
            wire: Vec::new(),
            error: None,
        };
        side.filter.start(&mut side.wire).unwrap();
        side
    }

    /// Bytes come from the wire.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let result = self
            .filter
            .decode(&mut bytes.to_vec(), &mut self.plain, &mut self.wire);
        self.error = self.error.take().or_else(|| result.err());
    }

    pub(crate) fn send(&mut self, plain: &[u8]) {
        assert!(self.filter.is_ready());
        self.filter.encode(plain, &mut self.wire).unwrap();
    }

    pub(crate) fn close_write(&mut self) {
        self.filter.close_write(&mut self.wire);
    }

    /// What came so far.
    pub(crate) fn take_plain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.plain)
    }

    pub(crate) fn tls_error(&self) -> &TlsError {
        let error = self.error.as_ref().expect("there was no error");
        error.check().expect("an error that is no TlsError")
    }
}

/// A client and a server with a wire between them.
pub(crate) struct Pair<C = TlsFilter, S = TlsFilter> {
    pub(crate) client: Side<C>,
    pub(crate) server: Side<S>,
    /// The wire carries that many bytes at a time.
    pub(crate) chunk: usize,
}

impl Pair {
    /// Before the handshake; the client connects to `localhost`.
    pub(crate) fn new(client: &ClientTls, server: &ServerTls) -> Self {
        Self::of(
            client.filter("localhost").unwrap(),
            server.filter().unwrap(),
        )
    }

    /// After the handshake, successful or not.
    pub(crate) fn shake_hands(client: ClientTlsBuilder, server: ServerTlsBuilder) -> Self {
        let mut pair = Self::new(&client.build().unwrap(), &server.build().unwrap());
        pair.pump();
        pair
    }
}

impl<C: Filter, S: Filter> Pair<C, S> {
    pub(crate) fn of(client: C, server: S) -> Self {
        Self {
            client: Side::new(client),
            server: Side::new(server),
            chunk: usize::MAX,
        }
    }

    /// Carries bytes until both sides are silent.
    pub(crate) fn pump(&mut self) {
        while !self.client.wire.is_empty() || !self.server.wire.is_empty() {
            let (to_server, to_client) = (
                std::mem::take(&mut self.client.wire),
                std::mem::take(&mut self.server.wire),
            );
            to_server
                .chunks(self.chunk)
                .for_each(|bytes| self.server.receive(bytes));
            to_client
                .chunks(self.chunk)
                .for_each(|bytes| self.client.receive(bytes));
        }
    }

    pub(crate) fn assert_ready(&self) {
        assert!(
            self.client.error.is_none(),
            "{}",
            self.client.error.as_ref().unwrap()
        );
        assert!(
            self.server.error.is_none(),
            "{}",
            self.server.error.as_ref().unwrap()
        );
        assert!(self.client.filter.is_ready() && self.server.filter.is_ready());
    }
}
