use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;

use super::{ProxyHeader, ProxyHeaderError, SendProxyHeader};
use crate::endpoints::{ClientEndpoint, Endpoints};
use crate::testing::Simulation;
use crate::{Address, Deferred, Failure, Filter, Protocol, Result, TcpClient, Transport, UnixName};

/// What comes after the header, and whom that names.
type Decoded = (Vec<u8>, Option<(Address, Address)>);

/// What a filter makes of bytes that come in these pieces: what it gives, and whom it names.
fn decode(pieces: &[&[u8]]) -> Result<Decoded, ProxyHeaderError> {
    let mut filter = ProxyHeader::new();
    let (mut plain, mut wire) = (Vec::new(), Vec::new());
    for piece in pieces {
        let decoded = filter.decode(&mut piece.to_vec(), &mut plain, &mut wire);
        decoded.map_err(|failure| failure.check::<ProxyHeaderError>().unwrap().clone())?;
    }
    assert!(wire.is_empty());
    assert!(filter.is_ready(), "it is complete");
    Ok((plain, filter.peer().zip(filter.host())))
}

fn shown(bytes: &[u8]) -> Option<(String, String)> {
    let (plain, addresses) = decode(&[bytes]).unwrap();
    assert_eq!(plain, b"rest");
    addresses.map(|(peer, host)| (peer.to_string(), host.to_string()))
}

fn pair(peer: &str, host: &str) -> Option<(String, String)> {
    Some((peer.to_owned(), host.to_owned()))
}

fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend([command, family]);
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn each_version_and_family_names_both_ends() {
    // C114
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\nrest";
    assert_eq!(shown(line), pair("192.0.2.1:1234", "192.0.2.2:443"));
    let line = b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\nrest";
    assert_eq!(shown(line), pair("[2001:db8::1]:1", "[::1]:65535"));
    assert_eq!(shown(b"PROXY UNKNOWN\r\nrest"), None);
    assert_eq!(shown(b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\nrest"), None);

    let with_rest = |mut header: Vec<u8>| {
        header.extend(b"rest");
        header
    };
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x04, 0xd2, 0x01, 0xbb];
    let header = with_rest(version_2(0x21, 0x11, &v4));
    assert_eq!(shown(&header), pair("192.0.2.1:1234", "192.0.2.2:443"));
    let mut v6 = vec![0; 32];
    (v6[15], v6[31]) = (1, 2);
    v6.extend([0, 80, 0, 81]);
    // Something that is not known follows inside of the header.
    v6.extend([0x04, 0, 1, 0xff]);
    let header = with_rest(version_2(0x21, 0x21, &v6));
    assert_eq!(shown(&header), pair("[::1]:80", "[::2]:81"));
    let mut unix = vec![0; 216];
    unix[..6].copy_from_slice(b"/run/a");
    unix[108..111].copy_from_slice(b"\0ab");
    let header = with_rest(version_2(0x21, 0x31, &unix));
    assert_eq!(shown(&header), pair("/run/a", "@ab"));
    assert_eq!(shown(&with_rest(version_2(0x20, 0x00, b""))), None);
    assert_eq!(shown(&with_rest(version_2(0x20, 0x11, &v4))), None);
    assert_eq!(shown(&with_rest(version_2(0x21, 0x00, b"xyz"))), None);
}

#[test]
fn a_bad_header_is_told_with_its_place() {
    // C114
    let bad = |bytes: &[u8]| decode(&[bytes]).unwrap_err();
    assert_eq!(bad(b"GET / HTTP/1.1\r\n"), ProxyHeaderError::NotThere);
    assert_eq!(bad(b"PROXX"), ProxyHeaderError::NotThere);
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 93]].concat();
    assert_eq!(bad(&long), ProxyHeaderError::LineTooLong);
    let line = |text: &str| match bad(text.as_bytes()) {
        ProxyHeaderError::BadLine { expected, at } => (expected, at),
        other => panic!("{other}"),
    };
    assert_eq!(line("PROXY TCP5 a\r\n"), ("TCP4, TCP6 or UNKNOWN", 6));
    assert_eq!(line("PROXY TCP4 1.2.3\r\n"), ("an IPv4 address", 11));
    assert_eq!(line("PROXY TCP4 ::1 ::1 1 1\r\n"), ("an IPv4 address", 11));
    assert_eq!(
        line("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"),
        ("a port", 29)
    );
    assert_eq!(line("PROXY TCP4 1.2.3.4 1.2.3.4 1 +2\r\n"), ("a port", 29));
    assert_eq!(
        line("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"),
        ("the end", 31)
    );
    assert_eq!(
        line("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"),
        ("an IPv4 address", 11)
    );
    assert_eq!(
        bad(&version_2(0x11, 0x11, b"")),
        ProxyHeaderError::BadCommand(0x11)
    );
    assert_eq!(
        bad(&version_2(0x22, 0x11, b"")),
        ProxyHeaderError::BadCommand(0x22)
    );
    assert_eq!(
        bad(&version_2(0x21, 0x41, b"")),
        ProxyHeaderError::BadFamily(0x41)
    );
    assert_eq!(
        bad(&version_2(0x21, 0x11, &[0; 11])),
        ProxyHeaderError::TooShort(11)
    );
    assert_eq!(
        bad(&version_2(0x21, 0x31, &[0; 215])),
        ProxyHeaderError::TooShort(215)
    );
    let text = ProxyHeaderError::BadFamily(0x41).to_string();
    assert_eq!(text, "no PROXY header: its family and protocol are 0x41");
}

proptest! {
    #[test]
    fn pieces_make_no_difference(cut in prop::collection::vec(0_usize..60, 0..5)) {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x04, 0xd2, 0x01, 0xbb];
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\nand the rest".to_vec();
        let mut binary = version_2(0x21, 0x11, &v4);
        binary.extend(b"and the rest");
        for bytes in [line, binary] {
            let mut cuts: Vec<usize> = cut.iter().map(|at| at % bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &bytes[two[0]..two[1]]).collect();
            prop_assert_eq!(decode(&pieces).unwrap(), decode(&[&bytes]).unwrap());
        }
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..3) {
        let start: &[u8] = match kind {
            0 => b"PROXY TCP4 ",
            1 => b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00",
            _ => b"",
        };
        let (mut plain, mut wire) = (Vec::new(), Vec::new());
        let mut all = [start, &bytes].concat();
        let _ = ProxyHeader::new().decode(&mut all, &mut plain, &mut wire);
    }
}

/// The bytes that a filter begins with.
fn sent(mut filter: SendProxyHeader) -> Vec<u8> {
    let mut wire = Vec::new();
    filter.start(&mut wire).unwrap();
    assert!(filter.is_ready(), "it waits for no answer");
    wire
}

fn tcp(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

#[test]
fn what_is_sent_has_the_form_of_its_version() {
    let (peer, host) = (tcp("192.0.2.1:1234"), tcp("192.0.2.2:443"));
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x04, 0xd2, 0x01, 0xbb];
    assert_eq!(
        sent(SendProxyHeader::version_1(&peer, &host)),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n"
    );
    assert_eq!(
        sent(SendProxyHeader::version_2(&peer, &host)),
        version_2(0x21, 0x11, &v4)
    );
    let v6 = tcp("[2001:db8::1]:1");
    assert_eq!(
        sent(SendProxyHeader::version_1(&v6, &v6)),
        b"PROXY TCP6 2001:db8::1 2001:db8::1 1 1\r\n"
    );
    assert_eq!(
        sent(SendProxyHeader::version_1(&v6, &host)),
        b"PROXY UNKNOWN\r\n"
    );
    assert_eq!(sent(SendProxyHeader::local()), version_2(0x20, 0, b""));
    // The longest line that there can be is still one.
    let long = tcp("[1111:1111:1111:1111:1111:1111:1111:1111]:65535");
    let line = sent(SendProxyHeader::version_1(&long, &long));
    assert_eq!(decode(&[&line]).unwrap().1, Some((long.clone(), long)));
}

#[test]
fn addresses_that_no_header_can_tell_are_left_out() {
    let too_long = Address::from(UnixName::from(&"x".repeat(109)));
    let (unix, udp) = (
        Address::from(UnixName::from("/run/a")),
        Address::Udp(([127, 0, 0, 1], 1).into()),
    );
    for (peer, host) in [(&too_long, &unix), (&unix, &tcp("[::1]:1")), (&udp, &udp)] {
        let header = sent(SendProxyHeader::version_2(peer, host));
        assert_eq!(header, version_2(0x21, 0x00, b""));
        assert_eq!(decode(&[&header]).unwrap(), (Vec::new(), None));
        let line = sent(SendProxyHeader::version_1(peer, host));
        assert_eq!(line, b"PROXY UNKNOWN\r\n");
    }
    // One of either family, as only version 2 can tell them.
    let header = sent(SendProxyHeader::version_2(
        &tcp("192.0.2.1:1"),
        &tcp("[::1]:2"),
    ));
    assert_eq!(
        shown(&[&header[..], b"rest"].concat()),
        pair("[::ffff:192.0.2.1]:1", "[::1]:2")
    );
}

fn unix_name() -> impl Strategy<Value = UnixName> {
    // A name's first byte says what it is, and its last NULs are not told from none.
    let bytes = |max| prop::collection::vec(1..=255_u8, 1..=max);
    prop_oneof![
        bytes(108).prop_map(|name| UnixName::Path(std::ffi::OsString::from_vec(name).into())),
        bytes(107).prop_map(UnixName::Abstract),
        Just(UnixName::Unnamed),
    ]
}

proptest! {
    #[test]
    fn what_is_sent_is_what_is_read(
        peer: std::net::SocketAddrV4, host: std::net::SocketAddrV4,
        peer6: (std::net::Ipv6Addr, u16), host6: (std::net::Ipv6Addr, u16),
        names in (unix_name(), unix_name()),
    ) {
        let v4 = (Address::Tcp(peer.into()), Address::Tcp(host.into()));
        let v6 = (Address::Tcp(peer6.into()), Address::Tcp(host6.into()));
        let unix = (Address::Unix(names.0), Address::Unix(names.1));
        let lines = [&v4, &v6].map(|(peer, host)| (SendProxyHeader::version_1(peer, host), (peer, host)));
        let binary = [&v4, &v6, &unix].map(|(peer, host)| (SendProxyHeader::version_2(peer, host), (peer, host)));
        for (filter, (peer, host)) in lines.into_iter().chain(binary) {
            let read = decode(&[&sent(filter), b"rest"]).unwrap();
            prop_assert_eq!(read, (b"rest".to_vec(), Some((peer.clone(), host.clone()))));
        }
    }
}

/// Tells by which name it knows its peer, and says good-bye.
struct Telling;

impl Protocol for Telling {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(format!("{} to {}", transport.peer(), transport.host()).as_bytes());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        transport.lose_connection();
        Ok(())
    }
}

/// Says something, and fires at its end with all that it heard.
struct Balancer {
    says: &'static [u8],
    heard: Vec<u8>,
    lost: Option<crate::Resolver<(Vec<u8>, bool)>>,
}

impl Protocol for Balancer {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.says);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.heard.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let is_done = reason.check::<crate::ConnectionDone>().is_some();
        if let Some(lost) = self.lost.take() {
            lost.callback((std::mem::take(&mut self.heard), is_done));
        }
    }
}

/// What a server by this description answers to these bytes, and whether it ends well.
fn exchange(says: &'static [u8]) -> (String, bool) {
    let reactor = Simulation::new().reactor();
    let server = Endpoints::new(&reactor)
        .server("haproxy:tcp\\:8007")
        .unwrap();
    server.listen(|_: &Address| Telling).unwrap();
    let client = TcpClient::new(&reactor, ([127, 0, 0, 1], 8007).into());
    let (resolver, lost) = Deferred::new();
    let resolver = std::cell::RefCell::new(Some(resolver));
    let connected = client.connect(move |_: &Address| Balancer {
        says,
        heard: Vec::new(),
        lost: resolver.take(),
    });
    reactor.run_until(connected).unwrap();
    let began = reactor.now();
    let (heard, is_done) = reactor.run_until(lost).unwrap();
    assert!(
        (reactor.now() - began).as_secs() < 1,
        "nobody waits for a farewell"
    );
    (String::from_utf8(heard).unwrap(), is_done)
}

#[test]
fn a_server_behind_a_balancer_knows_the_real_peer() {
    // C114
    let (heard, is_done) = exchange(b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n!");
    assert_eq!(heard, "192.0.2.1:1234 to 192.0.2.2:443!");
    assert!(is_done);
}

#[test]
fn a_server_behind_a_balancer_refuses_everybody_else() {
    // C114
    let (heard, _) = exchange(b"GET / HTTP/1.1\r\n");
    assert_eq!(heard, "");
}

#[test]
fn a_client_passes_on_whose_connection_it_is() {
    // C114
    let reactor = Simulation::new().reactor();
    let server = Endpoints::new(&reactor)
        .server("haproxy:tcp\\:8007")
        .unwrap();
    server.listen(|_: &Address| Telling).unwrap();
    let client = TcpClient::new(&reactor, ([127, 0, 0, 1], 8007).into()).filter(|| {
        let (peer, host) = (tcp("192.0.2.1:1234"), tcp("192.0.2.2:443"));
        Ok(SendProxyHeader::version_2(&peer, &host))
    });
    let (resolver, lost) = Deferred::new();
    let connected = client.connect_protocol(Balancer {
        says: b"!",
        heard: Vec::new(),
        lost: Some(resolver),
    });
    let connected = reactor.run_until(connected).unwrap();
    let peer = connected.transport().peer();
    assert_eq!(peer, tcp("127.0.0.1:8007"), "ours stays who it is");
    let (heard, is_done) = reactor.run_until(lost).unwrap();
    assert_eq!(heard, b"192.0.2.1:1234 to 192.0.2.2:443!");
    assert!(is_done);
}
