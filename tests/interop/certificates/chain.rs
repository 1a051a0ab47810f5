//! Chains of certificates in which each thing can be wrong.

use std::process::Command;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use crate::support::peer::temp_dir;

/// The host that all good certificates are for.
pub(crate) const HOST: &str = "www.host.test";

/// What a server shows, and what its client trusts.
pub(crate) struct Chain {
    /// In PEM, the own one first.
    pub(crate) shown: Vec<String>,
    pub(crate) roots: String,
    /// Lists of what was revoked.
    pub(crate) lists: String,
    /// The name or address that is connected to.
    pub(crate) host: &'static str,
}

impl Chain {
    pub(crate) fn of(root: &Authority, shown: impl IntoIterator<Item = String>) -> Self {
        Self {
            shown: shown.into_iter().collect(),
            roots: root.pem.clone(),
            lists: String::new(),
            host: HOST,
        }
    }

    pub(crate) fn to(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    pub(crate) fn lists(mut self, lists: impl IntoIterator<Item = String>) -> Self {
        self.lists = lists.into_iter().collect();
        self
    }
}

/// An authority, sound unless it is made otherwise.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

/// What is special about a certificate.
pub(crate) type Special = fn(&mut CertificateParams);

pub(crate) fn nothing(_: &mut CertificateParams) {}

impl Authority {
    pub(crate) fn root(special: Special) -> Self {
        let mut params = authority_params("Root");
        special(&mut params);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn below(&self, name: &str, special: Special) -> Self {
        let mut params = authority_params(name);
        special(&mut params);
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// The same authority, by another certificate that this one made for its key.
    pub(crate) fn again(&self, other: &Self, special: Special) -> String {
        let mut params = authority_params("Below");
        special(&mut params);
        params
            .signed_by(other.issuer.key(), &self.issuer)
            .unwrap()
            .pem()
    }

    pub(crate) fn leaf(&self, special: Special) -> String {
        self.certificate(special, &KeyPair::generate().unwrap())
            .pem()
    }

    pub(crate) fn leaf_with(&self, key: &KeyPair) -> String {
        self.certificate(nothing, key).pem()
    }

    pub(crate) fn certificate(&self, special: Special, key: &KeyPair) -> Certificate {
        let mut params = leaf_params();
        special(&mut params);
        params.signed_by(key, &self.issuer).unwrap()
    }

    /// A leaf that `openssl` signs, for what is too weak for everything else: `key` and `digest` are
    /// its arguments.
    pub(crate) fn weak(&self, key: &[&str], digest: &str) -> String {
        let dir = temp_dir();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("ca.pem"), &self.pem).unwrap();
        std::fs::write(path("ca.key"), self.issuer.key().serialize_pem()).unwrap();
        let extensions = format!(
            "subjectAltName=DNS:{HOST}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
        );
        std::fs::write(path("ext"), extensions).unwrap();
        let (csr, key_file) = (path("csr"), path("key"));
        let request = [
            "req", "-new", "-nodes", "-subj", "/CN=weak", "-out", &csr, "-keyout", &key_file,
        ];
        openssl(&[&request[..], key].concat());
        let (ca, ca_key, ext, out) = (path("ca.pem"), path("ca.key"), path("ext"), path("leaf"));
        openssl(&[
            "x509",
            "-req",
            "-in",
            &csr,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-extfile",
            &ext,
            "-days",
            "10",
            digest,
            "-out",
            &out,
        ]);
        std::fs::read_to_string(out).unwrap()
    }

    /// A list of what it has revoked.
    pub(crate) fn list(&self, revoked: &[u64], next_update: time::OffsetDateTime) -> String {
        let serial = |&number: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(number),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(serial).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "openssl {arguments:?}: {told}");
}

/// A host's certificate that vouches for itself.
pub(crate) fn self_signed(special: Special) -> String {
    let mut params = leaf_params();
    special(&mut params);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = named(name);
    valid(&mut params);
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = named("leaf");
    valid(&mut params);
    params
}

pub(crate) fn named(name: &str) -> rcgen::DistinguishedName {
    let mut names = rcgen::DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
}

/// It has only these names, taken as names of hosts whatever they look like.
pub(crate) fn names(params: &mut CertificateParams, names: &[&str]) {
    params.subject_alt_names = names
        .iter()
        .map(|name| SanType::DnsName((*name).try_into().unwrap()))
        .collect();
}

pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2024, 2, 1);
}

pub(crate) fn future(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2098, 1, 1);
}

/// An extension that nobody knows.
pub(crate) fn unknown_extension(params: &mut CertificateParams, is_critical: bool) {
    let mut extension =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![5, 0]);
    extension.set_criticality(is_critical);
    params.custom_extensions.push(extension);
}

/// Changes one bit of the signature.
pub(crate) fn forged(pem: &str) -> String {
    let mut der = torsade::tls::Certificate::from_pem(pem).unwrap()[0]
        .der()
        .to_vec();
    // It ends with the signature; its last bytes are those of a number.
    let last = der.len() - 4;
    der[last] ^= 1;
    torsade::tls::Certificate::from_der(der).unwrap().to_pem()
}
