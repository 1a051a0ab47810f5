//! Two filters, wired to each other in memory.

mod certificates;
mod early;
mod handshake;
mod hostile;
mod interop;
mod traffic;

use std::io::{Read, Write};
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::testing::{Authority, Leaf, Pair, Side};
use crate::{ClientTls, TlsVersion, Trust};

fn authority() -> (Authority, Leaf) {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["localhost"]);
    (authority, leaf)
}

fn both_versions(test: impl Fn(TlsVersion)) {
    test(TlsVersion::Tls12);
    test(TlsVersion::Tls13);
}

fn ready(version: TlsVersion) -> Pair {
    let (authority, leaf) = authority();
    let client = authority.client().versions(version..=version);
    let pair = Pair::shake_hands(client, leaf.server());
    pair.assert_ready();
    pair
}
