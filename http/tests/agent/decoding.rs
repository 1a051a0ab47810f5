//! Bodies that come compressed.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::{Deferred, Failure, Reactor, Resolver, Result};
use torsade_http::{
    BodyControl, BodyProtocol, ContentDecoderAgent, DecodeError, Method, PartialBody, Request,
    RequestAgent, Response, ResponseDone,
};

use crate::support::{Step, URL, World, send};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: &[u8]) -> Step {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send([head.as_bytes(), body].concat())
}

fn get(world: &World, request: Request) -> Result<Response> {
    world.run(ContentDecoderAgent::new(world.agent.clone()).request(request))
}

fn request() -> Request {
    Request::new(Method::GET, URL).unwrap()
}

// C170
#[test]
fn a_compressed_body_is_asked_for_and_decoded() {
    let world = World::new([vec![Step::Request, coded("gzip", &gzip(b"hello"))]]);
    let response = get(&world, request()).unwrap();
    assert!(
        world
            .received(0)
            .contains("\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n")
    );
    assert!(response.headers().get("content-encoding").is_none());
    assert!(response.headers().get("content-length").is_none());
    assert_eq!(response.body_length(), None);
    assert_eq!(world.run(response.text()).unwrap(), "hello");
    assert_eq!(world.agent.pool_statistics().idle, 1);
}

// C170
#[test]
fn what_the_caller_accepts_is_sent_as_it_is() {
    for (name, value) in [("Accept-Encoding", "br;q=0.5"), ("Range", "bytes=0-9")] {
        let world = World::new([vec![Step::Request, coded("x-unknown", b"as it came")]]);
        let response = get(&world, request().header(name, value).unwrap()).unwrap();
        let received = world.received(0);
        assert_eq!(
            received.matches("Encoding").count(),
            usize::from(name.starts_with("Accept"))
        );
        assert_eq!(response.headers()["content-encoding"], "x-unknown");
        assert_eq!(response.body_length(), Some(10));
        assert_eq!(world.run(response.text()).unwrap(), "as it came");
    }
}

#[test]
fn responses_without_a_body_are_left_alone() {
    for (method, head) in [
        (
            Method::HEAD,
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            Method::GET,
            "HTTP/1.1 204 None\r\nContent-Encoding: gzip\r\n\r\n",
        ),
        (
            Method::GET,
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        ),
    ] {
        let world = World::new([vec![Step::Request, send(head)]]);
        let response = get(&world, Request::new(method, URL).unwrap()).unwrap();
        assert_eq!(world.run(response.text()).unwrap(), "");
    }
}

// R37, R38
#[test]
fn what_is_wrong_with_the_coding_fails_the_body_behind_what_was_good() {
    let whole = gzip(b"hello");
    let mut bad_sum = whole.clone();
    let at = bad_sum.len() - 8;
    bad_sum[at] ^= 1;
    for (body, good) in [
        (&whole[..whole.len() - 8], &b"hello"[..]),
        (&bad_sum, b"hello"),
        (b"plain text", b""),
    ] {
        let world = World::new([vec![Step::Request, coded("gzip", body)]]);
        let response = get(&world, request()).unwrap();
        let failure = world.run(response.read_body()).unwrap_err();
        let partial = failure.check::<PartialBody>().unwrap();
        assert_eq!(partial.bytes, good);
        let error = partial.reason.find::<DecodeError>();
        assert!(error.is_some(), "{:#}", partial.reason);
        world.pass(Duration::from_secs(100));
        assert_eq!(world.agent.pool_statistics().open, 0);
    }
}

/// Takes a body, and pauses after each piece of it.
struct Slow {
    reactor: Reactor,
    /// The sizes of the pieces.
    pieces: Rc<RefCell<Vec<usize>>>,
    done: Option<Resolver<()>>,
}

impl BodyProtocol for Slow {
    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        assert!(!body.is_paused(), "it was to pause");
        self.pieces.borrow_mut().push(data.len());
        body.pause();
        let body = body.clone();
        let _ = self
            .reactor
            .call_later(Duration::from_secs(1), move || body.resume());
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ResponseDone>().is_some(), "{reason:#}");
        self.done.take().unwrap().callback(());
    }
}

// R42
#[test]
fn nothing_is_decoded_while_the_body_is_paused() {
    let text = vec![b'x'; 1_000_000];
    let world = World::new([vec![Step::Request, coded("gzip", &gzip(&text))]]);
    let response = get(&world, request()).unwrap();
    let pieces = Rc::new(RefCell::new(Vec::new()));
    let (resolver, done) = Deferred::new();
    let start = world.reactor.now();
    response.deliver_body(Slow {
        reactor: world.reactor.clone(),
        pieces: Rc::clone(&pieces),
        done: Some(resolver),
    });
    world.run(done).unwrap();
    let pieces = pieces.borrow();
    assert_eq!(pieces.iter().sum::<usize>(), text.len());
    assert!(pieces.len() > 30);
    // A second for each.
    let seconds = (world.reactor.now() - start).as_secs() as usize;
    assert!(
        seconds >= pieces.len() - 1 && seconds <= pieces.len() + 1,
        "{seconds}"
    );
}
