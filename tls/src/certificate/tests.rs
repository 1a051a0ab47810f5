use std::time::Duration;

use super::*;
use crate::testing::{Authority, Leaf};

#[test]
fn its_parts_are_shown() {
    let leaf = Authority::new("Test CA").issue_with(&["a.example", "*.b.example", "::1"], |p| {
        p.not_before = rcgen::date_time_ymd(2024, 1, 1);
        p.not_after = rcgen::date_time_ymd(2024, 3, 1);
    });
    let certificate = Certificate::from_der(leaf.der).unwrap();
    assert_eq!(certificate.subject(), Some("leaf"));
    assert_eq!(certificate.issuer(), Some("Test CA"));
    assert_eq!(certificate.dns_names(), ["a.example", "*.b.example"]);
    assert_eq!(
        certificate.ip_addresses(),
        ["::1".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(certificate.names().len(), 3);
    assert!(!certificate.is_self_signed());

    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(certificate.not_after() - 60 * day, certificate.not_before());
    assert_eq!(certificate.days_left(certificate.not_before()), 60);
    assert_eq!(certificate.days_left(certificate.not_after() - day / 2), 0);
    assert_eq!(certificate.days_left(certificate.not_after() + day / 2), -1);
    assert!(format!("{certificate:?}").contains("a.example"));
}

#[test]
fn a_home_made_one_is_told_apart() {
    let leaf = Leaf::self_signed(&["localhost"], false);
    let [certificate] = &Certificate::from_pem(leaf.chain).unwrap()[..] else {
        panic!()
    };
    assert!(certificate.is_self_signed());
    assert_eq!(certificate.fingerprint_hex().len(), 32 * 3 - 1);
    assert_eq!(*certificate, Certificate::from_der(leaf.der).unwrap());
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(matches!(
        Certificate::from_der(*b"junk"),
        Err(ConfigError::BadCertificate)
    ));
    // From a peer it is only looked at when asked for.
    let unknown = Certificate::unparsed(CertificateDer::from(b"junk".to_vec()));
    assert!(unknown.names().is_empty() && unknown.days_left(SystemTime::now()) < 0);
}

#[test]
fn times_before_1970_are_no_trouble() {
    let early = Authority::new("Test CA").issue_with(&[], |params| {
        params.not_before = rcgen::date_time_ymd(1955, 1, 1);
    });
    let certificate = Certificate::from_der(early.der).unwrap();
    assert!(certificate.not_before() < UNIX_EPOCH);
}
