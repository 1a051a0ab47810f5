//! The line-ups: who does the same work.

use crate::machine::Machine;
use crate::row::Peer;

/// Echo servers over TCP.
pub(super) fn echo(machine: &Machine) -> Vec<Peer> {
    let programs = &machine.programs;
    let tokio = || Peer::new("tokio", programs.binary("tokio-echo"));
    [
        Peer::new("raw", programs.binary("raw-echo")),
        Peer::new("torsade", programs.binary("bench-echo")),
        tokio(),
        tokio().map(|peer| named(peer, "tokio 64 KiB").env("BUFFER", 64 << 10)),
        tokio().map(|peer| named(peer, "tokio 512 B").env("BUFFER", 512)),
        python(machine, "uvloop", "tcp"),
        Peer::new("node", programs.node("echo.js")).map(|peer| peer.argument("tcp")),
        python(machine, "twisted", "tcp"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Echo servers over TLS.
pub(super) fn tls_echo(machine: &Machine) -> Vec<Peer> {
    let programs = &machine.programs;
    let tokio = || Peer::new("tokio-rustls", programs.binary("tokio-tls-echo"));
    let peers = [
        Peer::new("raw", programs.binary("raw-tls-echo")),
        Peer::new("torsade", programs.binary("bench-tls-echo")),
        tokio(),
        tokio().map(|peer| named(peer, "tokio-rustls 64 KiB").env("BUFFER", 64 << 10)),
        tokio().map(|peer| named(peer, "tokio-rustls 512 B").env("BUFFER", 512)),
        python(machine, "uvloop", "tls"),
        Peer::new("node", programs.node("echo.js")).map(|peer| peer.argument("tls")),
        python(machine, "twisted", "tls"),
    ];
    peers
        .into_iter()
        .flatten()
        .map(|peer| certified(machine, peer))
        .collect()
}

/// HTTP clients. libcurl, where it is here; ureq and raw where they can.
pub(super) fn clients(machine: &Machine) -> Vec<Peer> {
    let programs = &machine.programs;
    let peers = [
        Peer::new("hyper-util", programs.binary("hyper-client")),
        Peer::new("torsade", programs.binary("bench-client")),
        Peer::new("raw", programs.binary("raw-client")),
        Peer::new("reqwest", programs.binary("reqwest-client")),
        Peer::new("libcurl", programs.binary("curl-client")),
        Peer::new("ureq", programs.binary("ureq-client")),
        Peer::new("node", programs.node("client.js")),
        Peer::new(
            "twisted",
            programs.python("client.py", "twisted.internet.ssl"),
        ),
    ];
    peers
        .into_iter()
        .flatten()
        .map(|peer| certified(machine, peer))
        .collect()
}

/// A server in Python, if its library is there.
pub(super) fn python(machine: &Machine, library: &str, what: &str) -> Option<Peer> {
    let command = machine.programs.python("echo.py", library);
    Peer::new(library, command).map(|peer| peer.argument(library).argument(what))
}

fn named(peer: Peer, name: &str) -> Peer {
    Peer {
        name: name.into(),
        ..peer
    }
}

/// Where it finds the certificates.
fn certified(machine: &Machine, peer: Peer) -> Peer {
    peer.env("CERT_DIR", machine.certificates().display())
}
