//! The header itself: bytes to addresses.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use super::ProxyHeaderError;
use crate::{Address, UnixName};

pub(super) enum Parsed {
    /// There may be more to come.
    Unfinished,
    Header {
        len: usize,
        /// Who connected, and where to.
        addresses: Option<(Address, Address)>,
    },
}

pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const LINE_START: &[u8] = b"PROXY ";

/// The longest line of version 1, with its end.
const LINE_LIMIT: usize = 107;

/// Signature, command, family and length.
const FIXED: usize = 16;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let begins = |whole: &[u8]| {
        let len = bytes.len().min(whole.len());
        bytes[..len] == whole[..len]
    };
    if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(LINE_START) {
        line(bytes)
    } else {
        Err(ProxyHeaderError::NotThere)
    }
}

/// Version 1.
fn line(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let searched = &bytes[..bytes.len().min(LINE_LIMIT)];
    let Some(end) = searched.windows(2).position(|two| two == b"\r\n") else {
        return match bytes.len() < LINE_LIMIT {
            true => Ok(Parsed::Unfinished),
            false => Err(ProxyHeaderError::LineTooLong),
        };
    };
    let mut words = Words {
        line: &bytes[..end],
        at: LINE_START.len(),
    };
    let addresses = match words.next() {
        b"UNKNOWN" => None,
        b"TCP4" => Some(words.addresses::<Ipv4Addr>("an IPv4 address")?),
        b"TCP6" => Some(words.addresses::<Ipv6Addr>("an IPv6 address")?),
        _ => return Err(words.bad("TCP4, TCP6 or UNKNOWN", LINE_START.len())),
    };
    Ok(Parsed::Header {
        len: end + 2,
        addresses,
    })
}

/// The words of a line, each ended by one space.
struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a [u8] {
        let rest = &self.line[self.at.min(self.line.len())..];
        let len = rest.iter().position(|byte| *byte == b' ');
        let word = &rest[..len.unwrap_or(rest.len())];
        self.at += word.len() + 1;
        word
    }

    fn value<T: std::str::FromStr>(
        &mut self,
        expected: &'static str,
    ) -> Result<T, ProxyHeaderError> {
        let at = self.at;
        let word = std::str::from_utf8(self.next()).ok();
        // `parse` takes a sign for numbers, which no sender writes.
        word.filter(|word| !word.starts_with('+'))
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| self.bad(expected, at))
    }

    fn addresses<I: std::str::FromStr + Into<IpAddr>>(
        &mut self,
        ip: &'static str,
    ) -> Result<(Address, Address), ProxyHeaderError> {
        let (from, to): (I, I) = (self.value(ip)?, self.value(ip)?);
        let (from_port, to_port) = (self.value("a port")?, self.value("a port")?);
        if self.at <= self.line.len() {
            return Err(self.bad("the end", self.at));
        }
        let address = |ip: I, port| Address::Tcp(SocketAddr::new(ip.into(), port));
        Ok((address(from, from_port), address(to, to_port)))
    }

    fn bad(&self, expected: &'static str, at: usize) -> ProxyHeaderError {
        ProxyHeaderError::BadLine { expected, at }
    }
}

/// Version 2.
fn binary(bytes: &[u8]) -> Result<Parsed, ProxyHeaderError> {
    let is_local = match bytes.get(12) {
        None => return Ok(Parsed::Unfinished),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(other) => return Err(ProxyHeaderError::BadCommand(*other)),
    };
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(Parsed::Unfinished);
    };
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    // What follows the addresses inside of the length is for others to know.
    let Some(body) = rest.get(..len) else {
        return Ok(Parsed::Unfinished);
    };
    let addresses = match fixed[13] {
        _ if is_local => None,
        // Unspecified, and datagrams, which no stream can be.
        0x00 | 0x12 | 0x22 | 0x32 => None,
        0x11 => Some(ip_addresses::<4>(body)?),
        0x21 => Some(ip_addresses::<16>(body)?),
        0x31 => Some(unix_addresses(body)?),
        other => return Err(ProxyHeaderError::BadFamily(other)),
    };
    Ok(Parsed::Header {
        len: FIXED + len,
        addresses,
    })
}

/// Two IP addresses of so many bytes, then their ports.
fn ip_addresses<const LEN: usize>(body: &[u8]) -> Result<(Address, Address), ProxyHeaderError>
where
    IpAddr: From<[u8; LEN]>,
{
    let too_short = || ProxyHeaderError::TooShort(body.len());
    let address = |which: usize| {
        let ip: [u8; LEN] = body.get(which * LEN..)?.first_chunk().copied()?;
        let port: [u8; 2] = body.get(2 * LEN + 2 * which..)?.first_chunk().copied()?;
        let address = SocketAddr::new(ip.into(), u16::from_be_bytes(port));
        Some(Address::Tcp(address))
    };
    let pair = address(0).zip(address(1));
    pair.ok_or_else(too_short)
}

/// The longest name of a UNIX socket here.
pub(super) const NAME: usize = 108;

fn unix_addresses(body: &[u8]) -> Result<(Address, Address), ProxyHeaderError> {
    let Some((from, rest)) = body.split_at_checked(NAME) else {
        return Err(ProxyHeaderError::TooShort(body.len()));
    };
    let Some((to, _)) = rest.split_at_checked(NAME) else {
        return Err(ProxyHeaderError::TooShort(body.len()));
    };
    Ok((unix_address(from), unix_address(to)))
}

fn unix_address(name: &[u8]) -> Address {
    // An abstract name begins with a NUL; either kind ends with the last byte that is none.
    let len = name
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let len = match name {
        [0, ..] => len,
        _ => name.iter().position(|byte| *byte == 0).unwrap_or(len),
    };
    match len {
        0 => UnixName::Unnamed.into(),
        _ => UnixName::from(OsStr::from_bytes(&name[..len])).into(),
    }
}
