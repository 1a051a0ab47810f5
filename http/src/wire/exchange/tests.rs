use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::wire::BodyLength;

/// What a reply amounts to.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    informational: usize,
    status: u16,
    body: Vec<u8>,
    end: Option<End>,
    switched: bool,
    surplus: usize,
    error: Option<WireError>,
}

fn exchange(method: Method) -> Exchange {
    let headers = HeaderMap::new();
    let request = RequestHead::new(&method, "/", "h", &headers);
    Exchange::start(&request, Limits::default(), &mut Vec::new()).unwrap()
}

/// Feeds `pieces`, then the end if `eof`.
fn feed<'a>(
    exchange: &mut Exchange,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    eof: bool,
) -> Seen {
    let mut seen = Seen::default();
    for piece in pieces {
        let mut rest = piece;
        loop {
            match exchange.receive(rest) {
                Ok((used, Some(event))) => {
                    rest = &rest[used..];
                    note(&mut seen, event);
                }
                Ok((used, None)) => {
                    assert!(used == rest.len() || seen.switched, "not all was used");
                    break;
                }
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
    }
    if eof {
        match exchange.eof() {
            Ok(Some(event)) => note(&mut seen, event),
            Ok(None) => {}
            Err(error) => seen.error = Some(error),
        }
    }
    seen
}

fn note(seen: &mut Seen, event: Event<'_>) {
    match event {
        Event::Informational(_) => seen.informational += 1,
        Event::Head(head) => seen.status = head.status.as_u16(),
        Event::Body(bytes) => {
            assert!(!bytes.is_empty());
            seen.body.extend_from_slice(bytes);
        }
        Event::End(end) => seen.end = Some(end),
        Event::Upgrade(head) | Event::Tunnel(head) => {
            seen.status = head.status.as_u16();
            seen.switched = true;
        }
        Event::Surplus(count) => seen.surplus += count,
    }
}

/// A request with a body to be sent yet.
fn upload(body: BodyLength, fields: &[(&'static str, &'static str)]) -> Exchange {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let request = RequestHead::new(&Method::POST, "/", "h", &headers).body(body);
    Exchange::start(&request, Limits::default(), &mut Vec::new()).unwrap()
}

const OK5: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn reuse(seen: &Seen) -> Result<(), CloseReason> {
    seen.end.as_ref().expect("complete").reuse
}

// C156
#[test]
fn a_reply_ends_where_its_framing_says() {
    for (reply, body, until_close) in [
        (&[OK5, b"hello"].concat()[..], &b"hello"[..], false),
        (
            &[CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"].concat(),
            b"hello",
            false,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", false),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", false),
        // R29
        (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello", true),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"", true),
    ] {
        let mut exchange = exchange(Method::GET);
        let seen = feed(&mut exchange, [reply], false);
        assert_eq!(seen.body, body);
        assert_eq!(seen.end.is_none(), until_close);
        if until_close {
            assert_eq!(exchange.reuse(), Err(CloseReason::NotFinished));
            let Ok(Some(Event::End(end))) = exchange.eof() else {
                panic!()
            };
            assert!(end.until_close);
            assert_eq!(end.reuse, Err(CloseReason::BodyUntilClose));
        } else {
            assert_eq!(reuse(&seen), Ok(()));
            assert_eq!(exchange.reuse(), Ok(()));
            // R48: the peer closes the idle connection.
            assert_eq!(exchange.eof(), Ok(None));
            assert_eq!(exchange.reuse(), Err(CloseReason::PeerClosed));
        }
    }
}

// C156, C157, R13, R21, R27, R44
#[test]
fn an_early_end_says_where() {
    for (reply, expected) in [
        (&b""[..], WireError::ClosedBeforeResponse),
        (
            b"HTTP/1.1 200 OK\r\nContent-Le",
            WireError::ClosedInHead { received: 27 },
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            WireError::ClosedAfterInformational { count: 1 },
        ),
        (
            &[OK5, b"hel"].concat(),
            WireError::ClosedInBody {
                declared: Some(5),
                received: 3,
            },
        ),
        (
            &[CHUNKED, b"5\r\nhello\r\n0\r\n"].concat(),
            WireError::ClosedInBody {
                declared: None,
                received: 5,
            },
        ),
        (
            &[CHUNKED, b"9\r\nhel"].concat(),
            WireError::ClosedInBody {
                declared: None,
                received: 3,
            },
        ),
    ] {
        let mut exchange = exchange(Method::GET);
        let seen = feed(&mut exchange, [reply], true);
        assert_eq!(seen.error, Some(expected.clone()));
        assert_eq!(seen.end, None);
        assert_eq!(exchange.response_started(), !reply.is_empty());
        assert_eq!(exchange.reuse(), Err(CloseReason::NotFinished));
        // It stays failed.
        assert_eq!(exchange.receive(OK5), Err(expected.clone()));
        assert_eq!(exchange.eof(), Err(expected));
    }
}

// R28, R31: also in a later packet.
#[test]
fn surplus_is_never_a_reply() {
    for pieces in [
        &[&[OK5, b"hellotwo"].concat()[..]][..],
        &[OK5, b"hello", b"two"],
        &[OK5, b"hel", b"lotwo"],
    ] {
        let mut exchange = exchange(Method::GET);
        let seen = feed(&mut exchange, pieces.iter().copied(), false);
        assert_eq!((seen.body, seen.surplus), (b"hello".to_vec(), 3));
        assert_eq!(exchange.reuse(), Err(CloseReason::SurplusBytes));
    }
    let mut head = exchange(Method::HEAD);
    let seen = feed(&mut head, [&[OK5, b"hello"].concat()[..]], false);
    assert_eq!(
        (reuse(&seen), seen.surplus),
        (Err(CloseReason::SurplusBytes), 5)
    );
    let mut head = exchange(Method::HEAD);
    assert_eq!(reuse(&feed(&mut head, [OK5], false)), Ok(()));
}

// R22, C162
#[test]
fn a_reply_may_forbid_reuse() {
    for (reply, reason) in [
        (
            &b"HTTP/1.1 204 X\r\nConnection: x, Close\r\n\r\n"[..],
            CloseReason::ReplySaidClose,
        ),
        (b"HTTP/1.0 204 X\r\n\r\n", CloseReason::Http10),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            CloseReason::LengthAndTransferEncoding,
        ),
    ] {
        assert_eq!(
            reuse(&feed(&mut exchange(Method::GET), [reply], false)),
            Err(reason)
        );
    }
    let close = &mut upload(BodyLength::None, &[("connection", "close")]);
    let seen = feed(close, [&b"HTTP/1.1 204 X\r\n\r\n"[..]], false);
    assert_eq!(reuse(&seen), Err(CloseReason::RequestSaidClose));
}

// C155, R32
#[test]
fn informational_replies_come_before_the_final_one() {
    let early = b"HTTP/1.1 103 E\r\nContent-Length: 4\r\n\r\n";
    let seen = feed(
        &mut exchange(Method::GET),
        [&[&early.repeat(50)[..], OK5, b"hello"].concat()[..]],
        true,
    );
    assert_eq!(
        (seen.informational, seen.status, &seen.body[..]),
        (50, 200, &b"hello"[..])
    );
    let seen = feed(&mut exchange(Method::GET), [&early.repeat(65)[..]], false);
    assert_eq!(
        seen.error,
        Some(WireError::TooManyInformational { limit: 64 })
    );
}

// R33
#[test]
fn a_switch_of_protocols_must_be_asked_for() {
    let reply = &b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"[..];
    let seen = feed(&mut exchange(Method::GET), [reply], true);
    assert_eq!(seen.error, Some(WireError::UnexpectedUpgrade));
    // Not before the request is complete.
    let seen = feed(
        &mut upload(BodyLength::Known(1), &[("upgrade", "x")]),
        [reply],
        true,
    );
    assert_eq!(seen.error, Some(WireError::UnexpectedUpgrade));

    let mut asked = upload(
        BodyLength::None,
        &[("upgrade", "x"), ("connection", "upgrade")],
    );
    let (used, event) = asked.receive(reply).unwrap();
    assert!(matches!(event, Some(Event::Upgrade(head)) if head.status == 101));
    assert_eq!(&reply[used..], b"hello");
    assert_eq!(asked.receive(b"hello"), Ok((0, None)));
    assert_eq!(
        (asked.eof(), asked.reuse()),
        (Ok(None), Err(CloseReason::Switched))
    );
}

// R64, R67
#[test]
fn a_tunnel_starts_behind_the_head() {
    let reply = b"HTTP/1.0 200 Connection established\r\nContent-Length: 10\r\n\r\n\x16\x03";
    let mut tunnel = exchange(Method::CONNECT);
    let (used, event) = tunnel.receive(reply).unwrap();
    assert!(matches!(event, Some(Event::Tunnel(_))));
    assert_eq!(&reply[used..], b"\x16\x03");
    assert_eq!(tunnel.reuse(), Err(CloseReason::Switched));
    let refused = &b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"[..];
    let seen = feed(&mut exchange(Method::CONNECT), [refused], false);
    assert_eq!(
        (seen.status, &seen.body[..], reuse(&seen)),
        (407, &b"no"[..], Ok(()))
    );
}

// C153, R108
#[test]
fn an_upload_keeps_to_its_length() {
    let mut out = Vec::new();
    let mut exact = upload(BodyLength::Known(5), &[]);
    exact.body_chunk(b"hel", &mut out).unwrap();
    exact.body_chunk(b"", &mut out).unwrap();
    assert!(!exact.upload_is_complete());
    exact.body_chunk(b"lo", &mut out).unwrap();
    assert!(exact.upload_is_complete());
    exact.finish_body(&mut out).unwrap();
    assert_eq!(out, b"hello");
    let too_long = WireError::UploadTooLong {
        declared: 5,
        produced: 6,
    };
    assert_eq!(exact.body_chunk(b"!", &mut out), Err(too_long));

    let mut long = upload(BodyLength::Known(5), &[]);
    let too_long = WireError::UploadTooLong {
        declared: 5,
        produced: 7,
    };
    assert_eq!(long.body_chunk(b"hello!!", &mut out), Err(too_long));
    let mut short = upload(BodyLength::Known(5), &[]);
    short.body_chunk(b"hell", &mut out).unwrap();
    let too_short = WireError::UploadTooShort {
        declared: 5,
        produced: 4,
    };
    assert_eq!(short.finish_body(&mut out), Err(too_short));
    let mut none = upload(BodyLength::None, &[]);
    let too_long = WireError::UploadTooLong {
        declared: 0,
        produced: 1,
    };
    assert_eq!(none.body_chunk(b"!", &mut out), Err(too_long));
    assert_eq!(out, b"hellohell");
}

#[test]
fn a_chunked_upload_has_one_end() {
    let mut out = Vec::new();
    let mut chunked = upload(BodyLength::Unknown, &[]);
    chunked.body_chunk(b"", &mut out).unwrap();
    chunked.body_chunk(&[b'a'; 16], &mut out).unwrap();
    chunked.finish_body(&mut out).unwrap();
    chunked.finish_body(&mut out).unwrap();
    assert_eq!(out, b"10\r\naaaaaaaaaaaaaaaa\r\n0\r\n\r\n");
    assert_eq!(
        chunked.body_chunk(b"!", &mut out),
        Err(WireError::UploadAfterEnd)
    );
    // The caller may write the bytes itself.
    let mut chunked = upload(BodyLength::Unknown, &[]);
    let frame = chunked.body_frame(255).unwrap().unwrap();
    assert_eq!(
        (frame.before(), frame.after()),
        (&b"ff\r\n"[..], &b"\r\n"[..])
    );
}

// R94, C161
#[test]
fn an_early_reply_stops_the_upload() {
    for length in [BodyLength::Known(10), BodyLength::Unknown] {
        let mut out = Vec::new();
        let mut early = upload(length, &[]);
        early.body_chunk(b"hello", &mut out).unwrap();
        let sent = out.len();
        assert!(!early.upload_must_stop());
        let reply = &b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"[..];
        let seen = feed(&mut early, [reply], false);
        assert_eq!((seen.status, &seen.body[..]), (413, &b"no"[..]));
        assert!(early.upload_must_stop());
        early
            .body_chunk(b"more than was declared", &mut out)
            .unwrap();
        early.finish_body(&mut out).unwrap();
        assert_eq!(out.len(), sent, "a producer one step behind is no error");
        assert_eq!(reuse(&seen), Err(CloseReason::ReplyBeforeRequestEnd));
    }
    // All bytes were there, only the producer's end was not yet.
    let mut complete = upload(BodyLength::Known(5), &[]);
    complete.body_chunk(b"hello", &mut Vec::new()).unwrap();
    assert_eq!(
        reuse(&feed(&mut complete, [&[OK5, b"hello"].concat()[..]], false)),
        Ok(())
    );
}

// R34
#[test]
fn the_body_may_wait_for_100() {
    let expecting = || upload(BodyLength::Known(5), &[("expect", "100-Continue")]);
    // 100 comes.
    let mut exchange = expecting();
    assert!(exchange.awaits_continue());
    feed(
        &mut exchange,
        [&b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 "[..]],
        false,
    );
    assert!(exchange.awaits_continue() && exchange.response_started());
    feed(&mut exchange, [&b"100 C\r\n\r\n"[..]], false);
    assert!(!exchange.awaits_continue() && !exchange.upload_must_stop());
    // A refusal comes.
    let mut exchange = expecting();
    let refusal = &b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"[..];
    let seen = feed(&mut exchange, [refusal], false);
    assert!(!exchange.awaits_continue() && exchange.upload_must_stop());
    assert_eq!(reuse(&seen), Err(CloseReason::ReplyBeforeRequestEnd));
    // Nothing comes, and the caller sends.
    let mut exchange = expecting();
    exchange.body_chunk(b"h", &mut Vec::new()).unwrap();
    assert!(!exchange.awaits_continue());
    // There is nothing to wait with.
    assert!(!upload(BodyLength::None, &[("expect", "100-continue")]).awaits_continue());
}

#[test]
fn the_head_is_found_at_once_and_the_body_is_not_copied() {
    let mut exchange = exchange(Method::GET);
    let reply = [OK5, b"hello"].concat();
    let (used, event) = exchange.receive(&reply).unwrap();
    assert!(matches!(event, Some(Event::Head(_))));
    let (_, event) = exchange.receive(&reply[used..]).unwrap();
    let Some(Event::Body(body)) = event else {
        panic!()
    };
    assert_eq!(body.as_ptr(), reply[used..].as_ptr());
}

/// What does not depend on how the bytes were cut.
fn outcome(mut seen: Seen) -> (Seen, Option<std::mem::Discriminant<WireError>>) {
    // Surplus in the same piece is in the end's verdict; in a later one it is not yet.
    if let Some(end) = &mut seen.end
        && seen.surplus > 0
        && end.reuse.is_ok()
    {
        end.reuse = Err(CloseReason::SurplusBytes);
    }
    let error = seen
        .error
        .take()
        .map(|error| std::mem::discriminant(&error));
    (seen, error)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_split_gives_the_same(
        early in "(HTTP/1.1 10[013] X\r\n\r\n){0,2}",
        status in "HTTP/1.[01] (200|204|304|101) ?(OK)?\r\n",
        fields in "(Content-Length: [0-9]{1,2}\n|Transfer-Encoding: chunked\r\n|Connection: close\r\n|X: y\r\n z\r\n){0,3}\r?\n",
        body in prop_oneof!["[a-f0-9\r\n]{0,20}", "(3\r\nabc\r\n){0,3}0\r\n(X: y\r\n)?\r\n[a-z]{0,2}"],
        cut in 1_usize..30,
        head in any::<bool>(),
    ) {
        let bytes = [early, status, fields, body].concat().into_bytes();
        let method = if head { Method::HEAD } else { Method::GET };
        let whole = feed(&mut exchange(method.clone()), [&bytes[..]], true);
        let split = feed(&mut exchange(method), bytes.chunks(cut), true);
        prop_assert_eq!(outcome(split), outcome(whole));
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        feed(&mut exchange(Method::GET), [&bytes[..]], true);
        feed(&mut exchange(Method::GET), [OK5, &bytes], true);
        feed(&mut exchange(Method::GET), [CHUNKED, &bytes], true);
        feed(&mut exchange(Method::CONNECT), [&b"HTTP/1.1 200 OK\r\n"[..], &bytes], true);
    }
}
