//! TLS handshakes.

use super::{connect, peers};
use crate::load::Security;
use crate::machine::Machine;
use crate::row::{Case, Row};

pub(super) fn row(machine: &Machine) -> Row {
    let case = |label: &str, security| {
        Case::new(label, move |machine, peer| {
            connect::measure(machine, peer, 16, security)
        })
        .without(&["tokio-rustls 64 KiB", "tokio-rustls 512 B"])
    };
    Row {
        peers: peers::tls_echo(machine),
        cases: vec![
            case("full", Security::Tls),
            case("resumed", Security::Resumed).without(&["twisted"]),
        ],
    }
}
