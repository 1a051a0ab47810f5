//! The name that a server has to prove.

use std::net::{IpAddr, Ipv6Addr};

use rustls::pki_types::{DnsName, ServerName};

/// Reads a host name or an IP address.
pub(super) fn parse_name(text: &str) -> Option<ServerName<'static>> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = without_zone(inner.strip_suffix(']')?);
        return Some(ServerName::from(IpAddr::from(
            address.parse::<Ipv6Addr>().ok()?,
        )));
    }
    if let Ok(address) = without_zone(text).parse::<IpAddr>() {
        return Some(ServerName::from(address));
    }
    // "example.com." is the same host, but is no valid SNI (RFC 6066, 3).
    let name = text.strip_suffix('.').unwrap_or(text);
    // A name whose last label is a number is a mistyped address to every resolver
    // (WHATWG URL, "ends in a number"), and no certificate can be for it.
    if name
        .rsplit('.')
        .next()?
        .bytes()
        .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let ascii = if name.is_ascii() {
        name.to_owned()
    } else {
        idna::domain_to_ascii(name).ok()?
    };
    DnsName::try_from(ascii).ok().map(ServerName::DnsName)
}

/// An address without its zone (`fe80::1%eth0`), which is of local meaning (RFC 6874).
fn without_zone(address: &str) -> &str {
    match address.split_once('%') {
        Some((address, zone)) if !zone.is_empty() && address.contains(':') => address,
        _ => address,
    }
}
