//! Plain bytes, both ways, and how they end.

use super::*;

#[test]
fn bytes_travel_both_ways() {
    both_versions(|version| {
        let mut pair = ready(version);
        assert_eq!(pair.client.filter.info().unwrap().version, version);
        pair.client.send(b"ping");
        pair.client.send(b"");
        pair.server.send(b"pong");
        pair.pump();
        assert_eq!(pair.server.plain, b"ping");
        assert_eq!(pair.client.plain, b"pong");
    });
}

// C138, R74: many records in one read, one record in many reads, and large writes.
#[test]
fn a_mebibyte_travels_both_ways_in_chunks_of_any_size() {
    let data: Vec<u8> = (0..1 << 20).map(|index: u32| (index / 7) as u8).collect();
    both_versions(|version| {
        for chunk in [1, 5, 1000, 16_384 + 22, 65_536, usize::MAX] {
            let mut pair = ready(version);
            pair.chunk = chunk;
            let data = if chunk < 100 {
                &data[..100_000]
            } else {
                &data[..]
            };
            pair.client.send(data);
            pair.server.send(data);
            pair.pump();
            assert!(
                pair.client.plain == data && pair.server.plain == data,
                "chunk {chunk}"
            );
            assert_eq!(pair.client.filter.pending.capacity(), 0);
        }
    });
}

// C135: either side may close first, the other may go on sending (C143), and both end in order.
#[test]
fn close_notify_closes_one_direction() {
    both_versions(|version| {
        let mut pair = ready(version);
        pair.client.send(b"last words");
        pair.client.close_write();
        pair.client.close_write();
        pair.pump();
        assert_eq!(pair.server.plain, b"last words");
        assert!(pair.server.filter.is_read_closed() && !pair.client.filter.is_read_closed());
        assert!(pair.server.filter.wire_closed().is_ok());

        pair.server.send(b"an answer");
        pair.server.close_write();
        pair.pump();
        assert_eq!(pair.client.plain, b"an answer");
        assert!(pair.client.filter.is_read_closed());
        assert!(pair.client.filter.wire_closed().is_ok());
        // Late bytes are ignored.
        pair.client.receive(b"whatever");
        assert!(pair.client.error.is_none() && pair.client.plain == b"an answer");
    });
}

// C134, R71
#[test]
fn an_end_without_close_notify_is_told_apart() {
    both_versions(|version| {
        let mut pair = ready(version);
        pair.server.send(b"cut");
        pair.pump();
        assert_eq!(pair.client.plain, b"cut");
        let error = pair.client.filter.wire_closed().unwrap_err();
        let error = error.check().unwrap();
        assert!(matches!(
            error,
            TlsError::ClosedWithoutCloseNotify {
                within_record: false,
                ..
            }
        ));

        pair.client.send(b"half a record");
        let record = mem::take(&mut pair.client.wire);
        pair.server.receive(&record[..record.len() - 1]);
        let error = pair.server.filter.wire_closed().unwrap_err();
        let error = error.check().unwrap();
        assert!(matches!(
            error,
            TlsError::ClosedWithoutCloseNotify {
                within_record: true,
                ..
            }
        ));
    });
}

// C149
#[test]
fn tls_travels_in_tls() {
    let (authority, leaf) = authority();
    let client = authority.client().build().unwrap();
    let server = leaf.server().build().unwrap();
    let mut outer = Pair::new(&client, &server);
    outer.chunk = 100;
    outer.pump();
    let mut inner = Pair::new(&client, &server);
    let data = vec![7; 100_000];
    let mut sent = false;
    loop {
        let (to_server, to_client) = (
            mem::take(&mut inner.client.wire),
            mem::take(&mut inner.server.wire),
        );
        if to_server.is_empty() && to_client.is_empty() {
            if sent {
                break;
            }
            inner.assert_ready();
            inner.client.send(&data);
            inner.server.send(&data);
            sent = true;
            continue;
        }
        outer.client.send(&to_server);
        outer.server.send(&to_client);
        outer.pump();
        let (at_server, at_client) = (outer.server.take_plain(), outer.client.take_plain());
        inner.server.receive(&at_server);
        inner.client.receive(&at_client);
    }
    assert!(inner.client.plain == data && inner.server.plain == data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_messages_arrive_through_any_cuts(
        messages in prop::collection::vec((any::<bool>(), 0usize..40_000), 1..6),
        cuts in prop::collection::vec(1usize..30_000, 1..20),
    ) {
        let (authority, leaf) = authority();
        let mut pair = Pair::shake_hands(authority.client(), leaf.server());
        let mut expected = [Vec::new(), Vec::new()];
        for (index, &(to_server, length)) in messages.iter().enumerate() {
            let message = vec![index as u8; length];
            let side = if to_server { &mut pair.client } else { &mut pair.server };
            side.send(&message);
            expected[usize::from(to_server)].extend(message);
        }
        for to_server in [false, true] {
            let (from, to) = if to_server {
                (&mut pair.client, &mut pair.server)
            } else {
                (&mut pair.server, &mut pair.client)
            };
            let wire = mem::take(&mut from.wire);
            let mut rest = &wire[..];
            for &cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                to.receive(now);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert!(to.plain == expected[usize::from(to_server)]);
        }
    }
}
