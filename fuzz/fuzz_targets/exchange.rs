//! An exchange sees the same reply however its bytes are cut, and ends once at most.
#![no_main]

use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use torsade_http::wire::{Event, Exchange, Limits, RequestHead, WireError};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (cut, method, bytes) = input;
    let method = [Method::GET, Method::HEAD, Method::CONNECT][usize::from(method) % 3].clone();
    let whole = play(&method, std::iter::once(bytes));
    let split = play(&method, bytes.chunks(usize::from(cut).max(1)));
    assert_eq!(whole, split);
});

#[derive(Debug, Default, PartialEq)]
struct Seen {
    status: Option<u16>,
    body: Vec<u8>,
    ends: usize,
    reusable: bool,
    error: Option<std::mem::Discriminant<WireError>>,
}

fn play<'a>(method: &Method, pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let headers = HeaderMap::new();
    let request = RequestHead::new(method, "/", "h", &headers);
    let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new()).unwrap();
    let mut seen = Seen::default();
    for mut piece in pieces {
        loop {
            match exchange.receive(piece) {
                Ok((used, event)) => {
                    piece = &piece[used..];
                    match event {
                        Some(event) => note(&mut seen, event),
                        None => break,
                    }
                }
                Err(error) => {
                    seen.error = Some(std::mem::discriminant(&error));
                    return seen;
                }
            }
        }
    }
    seen.reusable = exchange.reuse().is_ok();
    match exchange.eof() {
        Ok(event) => event.into_iter().for_each(|event| note(&mut seen, event)),
        Err(error) => seen.error = Some(std::mem::discriminant(&error)),
    }
    assert!(seen.ends <= 1);
    seen
}

fn note(seen: &mut Seen, event: Event<'_>) {
    match event {
        Event::Head(head) | Event::Upgrade(head) | Event::Tunnel(head) => {
            assert!(seen.status.replace(head.status.as_u16()).is_none());
        }
        Event::Body(bytes) => seen.body.extend_from_slice(bytes),
        Event::End(_) => seen.ends += 1,
        _ => {}
    }
}
