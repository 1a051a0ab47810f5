//! What a proxy or a balancer says before a connection is one: whatever it is and however it is cut,
//! the filters that take it do the same, and no byte is lost behind it. A PROXY header that we send is
//! understood as it was meant.
#![no_main]

mod common;

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use torsade_core::filter::{ByFirstBytes, FirstBytes, ProxyHeader, SendProxyHeader, Socks5};
use torsade_core::{Address, Filter};
use torsade_http::HttpTunnel;

/// What came of it.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    plain: Vec<u8>,
    wire: Vec<u8>,
    error: Option<String>,
    is_ready: bool,
    ends: Option<Address>,
    is_cut_off: bool,
}

fn play(mut filter: impl Filter, pieces: &[&[u8]]) -> Outcome {
    let mut outcome = Outcome::default();
    let Outcome { plain, wire, .. } = &mut outcome;
    filter.start(wire).unwrap();
    for piece in pieces {
        let was_ready = filter.is_ready();
        let result = filter.decode(&mut piece.to_vec(), plain, wire);
        assert!(!was_ready || (result.is_ok() && filter.is_ready()));
        if let Err(failure) = result {
            outcome.error = Some(failure.to_string());
            return outcome;
        }
        // Nothing comes through one that is not there yet.
        assert!(filter.is_ready() || plain.is_empty());
    }
    outcome.is_ready = filter.is_ready();
    outcome.ends = filter.peer().or(filter.host());
    outcome.is_cut_off = filter.wire_closed().is_err();
    // Who is not ready has been cut off.
    assert!(outcome.is_ready || outcome.is_cut_off);
    outcome
}

fn socks(with_password: bool) -> Socks5 {
    let filter = Socks5::connect("example.org", 443).unwrap();
    match with_password {
        true => filter.credentials("me", "secret").unwrap(),
        false => filter,
    }
}

/// A PROXY header, TLS' first byte for a tunnel, or nothing.
fn by_first_bytes() -> ByFirstBytes {
    ByFirstBytes::new(|bytes| {
        Ok(match bytes {
            [] => FirstBytes::More,
            [b'P', ..] if bytes.len() < 6 => FirstBytes::More,
            [b'P' | b'\r', ..] => FirstBytes::Filter(Box::new(ProxyHeader::new())),
            [5, ..] => FirstBytes::Filter(Box::new(socks(false))),
            _ => FirstBytes::Plain,
        })
    })
}

/// Two addresses out of random bytes.
fn addresses(bytes: &[u8]) -> Option<[SocketAddr; 2]> {
    let (kinds, bytes) = bytes.split_first()?;
    let bytes = bytes.first_chunk::<36>()?;
    Some([0, 1].map(|which| {
        let own = &bytes[which * 18..];
        let ip: IpAddr = match kinds >> which & 1 {
            0 => own.first_chunk::<4>().copied().unwrap_or_default().into(),
            _ => own.first_chunk::<16>().copied().unwrap_or_default().into(),
        };
        (ip, u16::from_be_bytes([own[16], own[17]])).into()
    }))
}

fn is_understood(bytes: &[u8]) {
    let Some([peer, host]) = addresses(bytes) else {
        return;
    };
    let (peer, host) = (Address::Tcp(peer), Address::Tcp(host));
    for sender in [
        SendProxyHeader::version_1(&peer, &host),
        SendProxyHeader::version_2(&peer, &host),
        SendProxyHeader::local(),
    ] {
        let (mut sender, mut wire) = (sender, Vec::new());
        sender.start(&mut wire).unwrap();
        sender.encode(b"hello", &mut wire).unwrap();
        let (mut filter, mut plain) = (ProxyHeader::new(), Vec::new());
        filter
            .decode(&mut wire, &mut plain, &mut Vec::new())
            .unwrap();
        assert!(filter.is_ready() && plain == b"hello");
        match (filter.peer(), filter.host()) {
            (Some(own_peer), Some(own_host)) => {
                let ip = |address: &Address| address.socket_addr().unwrap().ip().to_canonical();
                assert_eq!(ip(&own_peer), ip(&peer));
                assert_eq!(ip(&own_host), ip(&host));
                assert_eq!(
                    (own_peer.port(), own_host.port()),
                    (peer.port(), host.port())
                );
            }
            nothing => assert_eq!(nothing, (None, None)),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let Some((pieces, bytes)) = common::pieces(rest) else {
        return;
    };
    let same = |whole: Outcome, cut: Outcome| assert_eq!(whole, cut);
    match which % 7 {
        0 => same(
            play(ProxyHeader::new(), &[bytes]),
            play(ProxyHeader::new(), &pieces),
        ),
        1 => same(play(socks(false), &[bytes]), play(socks(false), &pieces)),
        2 => same(play(socks(true), &[bytes]), play(socks(true), &pieces)),
        3 => {
            let tunnel = || HttpTunnel::to("example.org", 443);
            same(play(tunnel(), &[bytes]), play(tunnel(), &pieces));
        }
        4 => {
            let tunnel = || HttpTunnel::to("2001:db8::1", 80).by("proxy.test");
            same(play(tunnel(), &[bytes]), play(tunnel(), &pieces));
        }
        5 => same(
            play(by_first_bytes(), &[bytes]),
            play(by_first_bytes(), &pieces),
        ),
        _ => is_understood(bytes),
    }
});
