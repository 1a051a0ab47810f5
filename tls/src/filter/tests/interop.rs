//! Against rustls' own buffered connections, and configurations that only rustls can express.

use rustls::{ClientConnection, HandshakeKind};

use super::*;
use crate::ServerTls;

/// A client of rustls, wired to a filter.
struct Rustls {
    client: ClientConnection,
    server: Side,
}

impl Rustls {
    fn connect(version: TlsVersion) -> Self {
        let (authority, leaf) = authority();
        let config = authority
            .client()
            .versions(version..=version)
            .build()
            .unwrap()
            .config();
        let client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let server = Side::new(leaf.server().build().unwrap().filter().unwrap());
        let mut pair = Self { client, server };
        pair.pump();
        assert!(pair.server.filter.is_ready() && !pair.client.is_handshaking());
        pair
    }

    fn pump(&mut self) {
        while self.client.wants_write() || !self.server.wire.is_empty() {
            let mut wire = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut wire).unwrap();
            }
            self.server.receive(&wire);
            let wire = mem::take(&mut self.server.wire);
            let mut rest = &wire[..];
            while !rest.is_empty() {
                self.client.read_tls(&mut rest).unwrap();
                self.client.process_new_packets().unwrap();
            }
        }
    }

    fn received(&mut self) -> Vec<u8> {
        let mut plain = vec![0; 100];
        let count = self.client.reader().read(&mut plain).unwrap();
        plain.truncate(count);
        plain
    }
}

#[test]
fn a_key_update_is_followed_and_answered() {
    let mut pair = Rustls::connect(TlsVersion::Tls13);
    for round in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"new key").unwrap();
        pair.pump();
        assert_eq!(pair.server.take_plain(), b"new key", "round {round}");
        // The answer, with our new key, goes out with the next bytes.
        pair.server.send(b"answer");
        pair.pump();
        assert_eq!(pair.received(), b"answer");
    }
    // Or with the farewell.
    pair.client.refresh_traffic_keys().unwrap();
    pair.pump();
    pair.server.close_write();
    pair.pump();
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
}

// R72
#[test]
fn both_farewells_are_understood() {
    both_versions(|version| {
        let mut pair = Rustls::connect(version);
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
        pair.server.send(b"bye");
        pair.server.close_write();
        pair.pump();
        assert_eq!(pair.received(), b"bye");
        assert_eq!(pair.client.reader().read(&mut [0]).unwrap(), 0);
        pair.client.send_close_notify();
        pair.pump();
        assert!(pair.server.filter.is_read_closed());
    });
}

/// A server that cuts its handshake messages into records of 64 bytes.
fn chopping_server(leaf: &Leaf) -> ServerTls {
    let mut config = (*leaf.server().build().unwrap().config()).clone();
    config.max_fragment_size = Some(64);
    ServerTls::from_rustls(Arc::new(config))
}

// A ticket comes after the handshake, and over several records; meanwhile there may be something
// to write. rustls must then be shown the records that it has read half of.
#[test]
fn bytes_can_be_written_while_a_ticket_is_half_read() {
    let (authority, leaf) = authority();
    let mut pair = Pair::new(
        &authority.client().build().unwrap(),
        &chopping_server(&leaf),
    );
    let mut sent = 0;
    let mut kept = 0;
    while !pair.client.wire.is_empty() || !pair.server.wire.is_empty() {
        pair.server.receive(&mem::take(&mut pair.client.wire));
        for byte in mem::take(&mut pair.server.wire) {
            pair.client.receive(&[byte]);
            kept = kept.max(pair.client.filter.pending.len());
            if pair.client.filter.is_ready() {
                pair.client.send(b"x");
                sent += 1;
            }
        }
    }
    pair.assert_ready();
    assert!(sent > 100 && kept > 200, "{sent}, {kept}");
    assert_eq!(pair.server.plain.len(), sent);
    // Larger than the room expected for it, with its many records.
    pair.server.send(&[1; 100_000]);
    pair.pump();
    assert_eq!(pair.client.plain.len(), 100_000);
}

// R80: an address as the name asked for (RFC 6066, 3 forbids it) is passed over.
#[test]
fn a_server_survives_an_address_as_server_name() {
    let (authority, leaf) = authority();
    let client = authority.client().build().unwrap();
    let mut client = Side::new(client.filter("aaa.aa.a.aa").unwrap());
    let position = client
        .wire
        .windows(11)
        .position(|window| window == b"aaa.aa.a.aa")
        .unwrap();
    client.wire[position..position + 11].copy_from_slice(b"192.10.0.21");
    let mut server = Side::new(leaf.server().build().unwrap().filter().unwrap());
    server.receive(&client.wire);
    assert!(server.error.is_none(), "{}", server.error.unwrap());
    assert_eq!(server.filter.server_name, None);
}
