//! Whatever a peer sends, in pieces of any size, the TLS filter does not panic, and is dead after
//! an error.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use torsade_core::Filter;
use torsade_tls::{ClientTls, ServerTls};

static TLS: LazyLock<(ClientTls, ServerTls)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let client = ClientTls::builder()
        .roots_from_pem(certificate.as_str())
        .build()
        .unwrap();
    (
        client,
        ServerTls::builder()
            .certificate_pem(certificate, key)
            .build()
            .unwrap(),
    )
});

fuzz_target!(|input: &[u8]| {
    let [is_client, piece, rest @ ..] = input else {
        return;
    };
    let mut filter = match is_client & 1 {
        0 => TLS.1.filter().unwrap(),
        _ => TLS.0.filter("localhost").unwrap(),
    };
    let (mut plain, mut wire) = (Vec::new(), Vec::new());
    filter.start(&mut wire).unwrap();
    let mut has_failed = false;
    for piece in rest.chunks(usize::from(*piece).max(1)) {
        wire.clear();
        let result = filter.decode(&mut piece.to_vec(), &mut plain, &mut wire);
        assert!(!has_failed || (result.is_ok() && wire.is_empty()));
        has_failed |= result.is_err();
    }
    // Without a key nobody gets a byte through.
    assert!(plain.is_empty() && !filter.is_ready());
    let _ = filter.wire_closed();
});
