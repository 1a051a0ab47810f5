//! A body in a content coding, whatever it is and however it is cut: it means the same, or fails in
//! either case; and never is more of it kept than was allowed. The first byte picks the codings.
#![no_main]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::pass;
use libfuzzer_sys::fuzz_target;
use torsade_core::testing::Simulation;
use torsade_core::{Address, Protocol, Result, TcpServer, Transport};
use torsade_http::{
    Agent, BodyTooLong, ContentDecoderAgent, DecodeError, Method, PartialBody, Request,
    RequestAgent, Response,
};

const CODINGS: [&str; 7] = [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "gzip, br",
    "deflate, zstd",
    "x-gzip, identity, gzip",
];

/// So much may be collected.
const LIMIT: usize = 1 << 20;

/// Answers with a body in pieces, then ends it.
struct Site {
    coding: &'static str,
    pieces: Vec<Vec<u8>>,
}

impl Protocol for Site {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        let length: usize = self.pieces.iter().map(Vec::len).sum();
        let coding = self.coding;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
        );
        transport.write(head.as_bytes());
        let reactor = transport.reactor();
        for (at, piece) in (1..).zip(std::mem::take(&mut self.pieces)) {
            let transport = transport.clone();
            let say = move || transport.write_bytes(piece);
            let _ = reactor.call_later(Duration::from_secs(at), say);
        }
        Ok(())
    }
}

/// How a body ended that could not be collected.
#[derive(Debug, PartialEq)]
enum Fault {
    TooLong,
    Broken,
}

/// What is made of it, and what there was of it if it is broken.
fn decoded(coding: &'static str, pieces: &[&[u8]]) -> (Bytes, Option<Fault>) {
    let reactor = Simulation::new().reactor();
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let site = move |_: &Address| Site {
        coding,
        pieces: pieces.clone(),
    };
    let server = TcpServer::new(&reactor, "127.0.0.1:80".parse().unwrap());
    server.listen(site).unwrap();
    let agent = ContentDecoderAgent::new(Agent::new(&reactor));
    let request = Request::new(Method::GET, "http://127.0.0.1/").unwrap();
    let body = agent.request(request);
    let body = body.add_callback(|response: Response| response.read_body_up_to(LIMIT));
    let result = reactor.run_until(body);
    pass(&reactor, Duration::from_secs(1));
    match result {
        Ok(body) => {
            assert!(body.len() <= LIMIT);
            (body, None)
        }
        Err(failure) => {
            if failure.find::<BodyTooLong>().is_some() {
                return (Bytes::new(), Some(Fault::TooLong));
            }
            assert!(failure.find::<DecodeError>().is_some(), "{failure:#}");
            let partial = failure.find::<PartialBody>();
            let bytes = partial.map(|partial| partial.bytes.clone());
            (bytes.unwrap_or_default(), Some(Fault::Broken))
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let Some((pieces, bytes)) = common::pieces(rest) else {
        return;
    };
    let coding = CODINGS[usize::from(*which) % CODINGS.len()];
    let (whole, cut) = (decoded(coding, &[bytes]), decoded(coding, &pieces));
    assert_eq!(whole.1, cut.1);
    match whole.1 {
        None => assert_eq!(whole.0, cut.0),
        // How much of what is broken can be understood is the decoder's to say.
        Some(_) => assert!(whole.0.starts_with(&cut.0) || cut.0.starts_with(&whole.0)),
    }
});
