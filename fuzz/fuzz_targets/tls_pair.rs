//! Two TLS filters whose wire is split anywhere and changed here and there: nothing panics or
//! hangs, and what arrives is always a beginning of what was sent.
//!
//! To be run with `-O`: rustls asserts in debug builds that it sends no alert after a close_notify.
//! The filter catches that, but libFuzzer ends with every panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use torsade_core::Filter;
use torsade_tls::{ClientTls, ServerTls, TlsFilter, TlsVersion};

static TLS: LazyLock<[(ClientTls, ServerTls); 2]> = LazyLock::new(|| {
    [TlsVersion::Tls12, TlsVersion::Tls13].map(|version| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let client = ClientTls::builder()
            .roots_from_pem(certificate.as_str())
            .versions(version..=version)
            .build()
            .unwrap();
        let server = ServerTls::builder()
            .certificate_pem(certificate, key)
            .build()
            .unwrap();
        (client, server)
    })
});

struct Side {
    filter: TlsFilter,
    wire: Vec<u8>,
    plain: Vec<u8>,
    sent: Vec<u8>,
    has_failed: bool,
    has_closed: bool,
}

impl Side {
    fn new(mut filter: TlsFilter) -> Self {
        let mut wire = Vec::new();
        filter.start(&mut wire).unwrap();
        Self {
            filter,
            wire,
            plain: Vec::new(),
            sent: Vec::new(),
            has_failed: false,
            has_closed: false,
        }
    }

    /// As a connection does: nothing is written behind the end.
    fn send(&mut self, text: &[u8]) {
        if self.filter.is_ready() && !self.has_failed && !self.has_closed {
            self.sent.extend_from_slice(text);
            self.filter.encode(text, &mut self.wire).unwrap();
        }
    }

    fn receive(&mut self, mut bytes: Vec<u8>) {
        let result = self
            .filter
            .decode(&mut bytes, &mut self.plain, &mut self.wire);
        self.has_failed |= result.is_err();
    }
}

fuzz_target!(|input: &[u8]| {
    let [which, orders @ ..] = input else { return };
    let (client, server) = &TLS[usize::from(which & 1)];
    let mut sides = [
        Side::new(client.filter("localhost").unwrap()),
        Side::new(server.filter().unwrap()),
    ];
    // Each order is two bytes: what to do, and how much.
    for order in orders.chunks_exact(2) {
        let (from, amount) = (usize::from(order[0] & 1), usize::from(order[1]));
        match order[0] >> 1 & 7 {
            0 => sides[from].send(&[order[1]; 100]),
            1 => sides[from].send(&vec![order[1]; 40_000]),
            2 => {
                let side = &mut sides[from];
                side.has_closed = true;
                side.filter.close_write(&mut side.wire);
            }
            // A bit changes on the way.
            3 => {
                let wire = &mut sides[from].wire;
                let at = amount * 7 % wire.len().max(1);
                if let Some(byte) = wire.get_mut(at) {
                    *byte ^= 1 << (amount & 7);
                }
            }
            // So many bytes arrive, or all.
            what => {
                let wire = &mut sides[from].wire;
                let count = if what < 6 { amount } else { wire.len() };
                let bytes = wire.drain(..count.min(wire.len())).collect();
                sides[1 - from].receive(bytes);
            }
        }
    }
    for (at, side) in sides.iter().enumerate() {
        assert!(sides[1 - at].sent.starts_with(&side.plain));
    }
});
