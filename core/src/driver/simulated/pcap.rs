//! Packets of IP, and files of them in the format of pcap, as Wireshark and tcpdump read them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// What a TCP packet says.
pub(super) struct Segment<'a> {
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
    pub(super) bytes: &'a [u8],
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A packet with a segment of TCP (RFC 9293 section 3.1).
pub(super) fn tcp(from: SocketAddr, to: SocketAddr, segment: &Segment<'_>) -> Vec<u8> {
    let mut packet = Vec::with_capacity(20 + segment.bytes.len());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(segment.sequence.to_be_bytes());
    let acknowledged = match segment.flags & ACK {
        0 => 0,
        _ => segment.acknowledged,
    };
    packet.extend(acknowledged.to_be_bytes());
    // A header of five words, the flags, the window, no checksum yet, nothing urgent.
    packet.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(segment.bytes);
    ip(from.ip(), to.ip(), TCP, packet, 16)
}

/// A packet with a datagram of UDP (RFC 768).
pub(super) fn udp(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(8 + bytes.len());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(length(8 + bytes.len()));
    packet.extend([0, 0]);
    packet.extend(bytes);
    ip(from.ip(), to.ip(), UDP, packet, 6)
}

/// Puts the checksum into a packet and an IP header before it (RFC 791, RFC 8200).
fn ip(from: IpAddr, to: IpAddr, protocol: u8, mut inner: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    let size = length(inner.len());
    let mut header = Vec::with_capacity(40 + inner.len());
    let pseudo = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.extend([0x45, 0]);
            header.extend(length(20 + inner.len()));
            // No identification, not to be fragmented, 64 hops.
            header.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            header.extend(from.octets());
            header.extend(to.octets());
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum);
            [&from.octets()[..], &to.octets()].concat()
        }
        _ => {
            let octets = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            header.extend([0x60, 0, 0, 0]);
            header.extend(size);
            header.extend([protocol, 64]);
            header.extend(octets(from));
            header.extend(octets(to));
            [octets(from), octets(to)].concat()
        }
    };
    let sum = match checksum(&[&pseudo, &[0, protocol], &size, &inner]) {
        // No checksum, for UDP; the other way to write zero is the same sum.
        [0, 0] if protocol == UDP => [0xff, 0xff],
        sum => sum,
    };
    inner[checksum_at..checksum_at + 2].copy_from_slice(&sum);
    header.append(&mut inner);
    header
}

/// A length as headers have it. No packet that is made here is too long.
fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// The checksum of the internet (RFC 1071); all pieces but the last have an even length.
fn checksum(pieces: &[&[u8]]) -> [u8; 2] {
    let mut sum = 0_u64;
    for pair in pieces.iter().flat_map(|piece| piece.chunks(2)) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u64::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// A file of these packets. The world begins with the year 1970.
pub(super) fn to_pcap(packets: &[(Duration, Vec<u8>)]) -> Vec<u8> {
    /// Times in nanoseconds.
    const MAGIC: u32 = 0xa1b2_3c4d;
    /// Packets that begin with the header of IP.
    const LINKTYPE_RAW: u32 = 101;
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    for word in [0, 0, 0x4_0000, LINKTYPE_RAW] {
        file.extend(word.to_le_bytes());
    }
    for (at, packet) in packets {
        let size = packet.len() as u32;
        for word in [at.as_secs() as u32, at.subsec_nanos(), size, size] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_what_the_rfcs_say() {
        let from = "10.0.0.1:1000".parse().unwrap();
        let to = "10.0.0.2:80".parse().unwrap();
        let segment = Segment {
            sequence: 1,
            acknowledged: 2,
            flags: PSH | ACK,
            bytes: b"abc",
        };
        let packet = tcp(from, to, &segment);
        let head = b"\x45\0\0\x2b\0\0\x40\0\x40\x06\x26\xcb\x0a\0\0\x01\x0a\0\0\x02";
        assert_eq!(packet[..20], head[..]);
        let inner = b"\x03\xe8\0\x50\0\0\0\x01\0\0\0\x02\x50\x18\xff\xff";
        assert_eq!(packet[20..36], inner[..]);
        assert_eq!(&packet[40..], b"abc");
        // A sum over what has its checksum in it is zero (RFC 1071).
        assert_eq!(checksum(&[&packet[..20]]), [0, 0]);
        let pseudo = [&packet[12..20], &[0, TCP, 0, 23]].concat();
        assert_eq!(checksum(&[&pseudo, &packet[20..]]), [0, 0]);
    }

    #[test]
    fn a_datagram_over_ipv6_has_its_checksum() {
        let from = "[fd00::1]:1000".parse().unwrap();
        let to = "[fd00::2]:53".parse().unwrap();
        let packet = udp(from, to, b"question");
        assert_eq!(packet.len(), 40 + 8 + 8);
        let pseudo = [&packet[8..40], &[0, UDP, 0, 16]].concat();
        assert_eq!(checksum(&[&pseudo, &packet[40..]]), [0, 0]);
    }

    #[test]
    fn a_file_has_its_head_and_each_packet_its_time() {
        let at = Duration::new(3, 5);
        let file = to_pcap(&[(at, vec![7; 30])]);
        assert_eq!(file[..8], [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(file[20..24], [101, 0, 0, 0]);
        assert_eq!(
            file[24..40],
            [3, 0, 0, 0, 5, 0, 0, 0, 30, 0, 0, 0, 30, 0, 0, 0]
        );
        assert_eq!(file.len(), 24 + 16 + 30);
    }
}
