//! What is read out of a certificate.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::oid_registry::OidRegistry;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use super::PublicKey;

/// What the accessors of [`Certificate`](super::Certificate) give.
#[derive(Clone)]
pub(super) struct Details {
    pub(super) subject: Option<String>,
    pub(super) subject_name: String,
    pub(super) raw_subject: Vec<u8>,
    pub(super) issuer: Option<String>,
    pub(super) issuer_name: String,
    pub(super) raw_issuer: Vec<u8>,
    pub(super) serial: String,
    pub(super) dns_names: Vec<String>,
    pub(super) ip_addresses: Vec<IpAddr>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    pub(super) public_key: PublicKey,
    pub(super) signature_algorithm: String,
    pub(super) is_authority: bool,
    pub(super) is_self_signed: bool,
}

/// Those of what cannot be read.
impl Default for Details {
    fn default() -> Self {
        Self {
            subject: None,
            subject_name: String::new(),
            raw_subject: Vec::new(),
            issuer: None,
            issuer_name: String::new(),
            raw_issuer: Vec::new(),
            serial: String::new(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            not_before: UNIX_EPOCH,
            not_after: UNIX_EPOCH,
            public_key: PublicKey::default(),
            signature_algorithm: String::new(),
            is_authority: false,
            is_self_signed: false,
        }
    }
}

impl Details {
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let mut details = Self {
            subject: common_name(subject),
            subject_name: subject.to_string(),
            raw_subject: subject.as_raw().to_vec(),
            issuer: common_name(issuer).or_else(|| organization(issuer)),
            issuer_name: issuer.to_string(),
            raw_issuer: issuer.as_raw().to_vec(),
            serial: integer(certificate.raw_serial()),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            not_before: system_time(certificate.validity().not_before.timestamp()),
            not_after: system_time(certificate.validity().not_after.timestamp()),
            public_key: PublicKey::read(certificate.public_key()),
            signature_algorithm: algorithm_name(&certificate),
            is_authority: certificate.is_ca(),
            is_self_signed: subject.as_raw() == issuer.as_raw(),
        };
        details.read_names(&certificate);
        Some(details)
    }

    fn read_names(&mut self, certificate: &X509Certificate<'_>) {
        let Ok(Some(names)) = certificate.subject_alternative_name() else {
            return;
        };
        for name in &names.value.general_names {
            match name {
                GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(octets) => self.ip_addresses.extend(ip_address(octets)),
                _ => {}
            }
        }
    }
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    let name = name.iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

fn organization(name: &X509Name<'_>) -> Option<String> {
    let name = name.iter_organization().next()?;
    name.as_str().ok().map(str::to_owned)
}

/// An INTEGER in hexadecimal digits; a negative one, which no issuer should give, with its sign.
fn integer(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    match bytes {
        // A leading zero keeps the number positive; nobody prints it.
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        [0x80..=0xff, ..] => {
            let mut magnitude: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
            for byte in magnitude.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
            format!("-{}", hex(&magnitude))
        }
        _ => hex(bytes),
    }
}

fn algorithm_name(certificate: &X509Certificate<'_>) -> String {
    /// RFC 3279, 2.2.3; it is missing in the registry.
    const ECDSA_WITH_SHA1: &str = "1.2.840.10045.4.1";
    let registry = OidRegistry::default().with_crypto().with_x509();
    let oid = &certificate.signature_algorithm.algorithm;
    if oid.to_id_string() == ECDSA_WITH_SHA1 {
        return "ecdsa-with-SHA1".to_owned();
    }
    registry
        .get(oid)
        .map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn system_time(timestamp: i64) -> SystemTime {
    let distance = Duration::from_secs(timestamp.unsigned_abs());
    if timestamp < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn numbers_of_both_signs_are_written() {
        for (bytes, text) in [
            (&[0][..], "00"),
            (&[0x7f, 0xff], "7fff"),
            (&[0, 0x80], "80"),
            (&[0x80], "-80"),
            (&[0xff], "-01"),
            (&[0xff, 0], "-0100"),
        ] {
            assert_eq!(integer(bytes), text);
        }
    }
}
