//! Certificates for a test: an authority, and what it issued, as PEM files in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority made for one test, and the folder that its files are in.
pub(crate) struct Pki {
    dir: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its private key, each in a PEM file.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pki {
    /// Makes an authority whose certificate is `ca.pem` in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        // Each has a name of its own, as with real ones: by it an issuer is found.
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("torsade test authority {number}");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority =
            CertifiedIssuer::self_signed(params, new_key()).expect("the parameters are sound");
        write(&dir.join("ca.pem"), &authority.pem());
        Self {
            dir: dir.to_owned(),
            authority,
        }
    }

    /// The file with the authority's certificate: what a peer is to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A server's certificate for `localhost`, `127.0.0.1` and `::1`, valid now.
    pub(crate) fn server(&self) -> Identity {
        self.server_for(&["localhost", "127.0.0.1", "::1"])
    }

    /// A server's certificate for `names` (addresses too), valid now.
    pub(crate) fn server_for(&self, names: &[&str]) -> Identity {
        self.issue(&format!("server-{}", names[0]), server_params(names))
    }

    /// A server's certificate for `localhost` that ended with the year 2020.
    pub(crate) fn expired_server(&self) -> Identity {
        let mut params = server_params(&["localhost", "127.0.0.1", "::1"]);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.issue("server-expired", params)
    }

    /// A client's certificate whose common name is `name`.
    pub(crate) fn client(&self, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&format!("client-{name}"), params)
    }

    /// Signs `params` and writes the chain to `STEM.pem`, the key to `STEM.key`.
    pub(crate) fn issue(&self, stem: &str, mut params: CertificateParams) -> Identity {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.authority)
            .expect("the parameters are sound");
        let identity = Identity {
            certificate: self.dir.join(format!("{stem}.pem")),
            key: self.dir.join(format!("{stem}.key")),
        };
        write(
            &identity.certificate,
            &(certificate.pem() + &self.authority.pem()),
        );
        write(&identity.key, &key.serialize_pem());
        identity
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names.clone()).expect("names of a test are ASCII");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, names[0].clone());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("P-256 is always there")
}

fn write(file: &Path, pem: &str) {
    fs::write(file, pem).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}
