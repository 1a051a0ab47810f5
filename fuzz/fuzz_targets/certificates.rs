//! Certificates and keys as files and as bytes: what is understood is told without a panic, and written
//! down it is the same again.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use torsade_tls::{Certificate, ClientTls, KeyPair, Pin};

fn look_at(certificate: &Certificate) {
    let _ = (
        certificate.subject(),
        certificate.issuer(),
        certificate.serial(),
    );
    let _ = (certificate.names(), certificate.signature_algorithm());
    let _ = (
        certificate.days_left(SystemTime::UNIX_EPOCH),
        certificate.is_self_signed(),
    );
    let _ = (
        certificate.public_key().algorithm(),
        certificate.public_key().bits(),
    );
    let _ = format!("{certificate:?}, {}", certificate.public_key());
    let pin = Pin::of(certificate);
    assert_eq!(pin.to_string().parse::<Pin>().ok(), Some(pin));
    let again = Certificate::from_pem(certificate.to_pem()).expect("it is one");
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].der(), certificate.der());
    assert_eq!(again[0].fingerprint(), certificate.fingerprint());
}

fuzz_target!(|input: &[u8]| {
    let [which, bytes @ ..] = input else { return };
    match which % 3 {
        0 => {
            if let Ok(certificate) = Certificate::from_der(bytes) {
                assert_eq!(certificate.der(), bytes);
                look_at(&certificate);
            }
        }
        1 => {
            if let Ok(certificates) = Certificate::from_pem(bytes) {
                assert!(!certificates.is_empty());
                certificates.iter().for_each(look_at);
            }
        }
        _ => {
            let _ = KeyPair::from_pem(bytes);
            let client = ClientTls::builder().roots_from_pem(bytes).build();
            let _ = client.map_err(|error| error.to_string());
        }
    }
});
