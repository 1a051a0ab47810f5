//! IPv6 addresses that mean something on one link only: `fe80::1%eth0` (RFC 4007, section 11).

use std::io;
use std::net::Ipv6Addr;

use rustix::net::{AddressFamily, SocketType, netdevice, socket};

/// The address and the number of its interface, if `host` is one with a zone.
pub(crate) fn parse_scoped(host: &str) -> Option<io::Result<(Ipv6Addr, u32)>> {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let (address, zone) = inner.unwrap_or(host).split_once('%')?;
    let address = address.parse().ok()?;
    Some(interface(zone).map(|index| (address, index)))
}

/// The number of an interface of that name, or of that number.
fn interface(zone: &str) -> io::Result<u32> {
    match zone.parse() {
        Ok(index) => Ok(index),
        Err(_) => {
            // Any socket will do: the system is asked through one.
            let socket = socket(AddressFamily::INET6, SocketType::DGRAM, None)?;
            Ok(netdevice::name_to_index(&socket, zone)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_name_or_a_number() {
        let parsed = |host| parse_scoped(host).unwrap().unwrap();
        let local: Ipv6Addr = "fe80::1".parse().unwrap();
        assert_eq!(parsed("fe80::1%7"), (local, 7));
        assert_eq!(parsed("[fe80::1%7]"), (local, 7));
        let (_, loopback) = parsed("::1%lo");
        assert_eq!(parsed(&format!("fe80::1%{loopback}")), (local, loopback));
    }

    #[test]
    fn what_has_no_zone_is_left_to_others_and_a_wrong_one_is_told() {
        for host in [
            "fe80::1",
            "[::1]",
            "example.org",
            "50%off.example",
            "%",
            "1.2.3.4%lo",
        ] {
            assert!(parse_scoped(host).is_none(), "{host}");
        }
        assert!(parse_scoped("fe80::1%no-such-interface").unwrap().is_err());
        assert!(parse_scoped("fe80::1%").unwrap().is_err());
    }
}
