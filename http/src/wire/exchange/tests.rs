use super::*;

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

fn get(reply: &[u8]) -> Seen {
    feed(&mut exchange(Method::GET), [reply], true)
}

#[test]
fn a_reply_with_a_length_ends_there() {
    let mut exchange = exchange(Method::GET);
    let reply = &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..];
    let seen = feed(&mut exchange, [reply], false);
    assert_eq!((seen.status, seen.body), (200, b"hello".to_vec()));
    assert_eq!(seen.end.unwrap().reuse, Ok(()));
    assert_eq!(exchange.reuse(), Ok(()));
}

#[test]
fn a_body_until_close_is_complete_but_flagged() {
    // C156, R29
    let end = get(b"HTTP/1.1 200 OK\r\n\r\nhello").end.unwrap();
    assert!(end.until_close);
    assert_eq!(end.reuse, Err(CloseReason::BodyUntilClose));
}

#[test]
fn an_unwanted_upgrade_is_an_error() {
    // R33
    let seen = get(b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nhello");
    assert_eq!(seen.error, Some(WireError::UnexpectedUpgrade));
}
