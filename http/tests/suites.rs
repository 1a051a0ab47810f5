//! The wire machine against suites that others wrote, read as data from `TORSADE_SUITES`.
//!
//! Where that is unset or no folder, the tests say so and pass, unless `TORSADE_REQUIRE_PEERS` is 1.

use std::path::PathBuf;
use std::{env, fs};

use http::{HeaderMap, HeaderValue, Method, header};
use torsade_http::wire::{Event, Exchange, Limits, RequestHead, WireError};

#[cfg(feature = "cookies")]
#[path = "suites/cookies.rs"]
mod cookies;
#[cfg(feature = "cookies")]
#[path = "suites/curl/mod.rs"]
mod curl;
#[path = "suites/llhttp.rs"]
mod llhttp;
#[path = "suites/replies.rs"]
mod replies;

/// The folder of suites, or `None` if the test `name` is to be skipped.
fn suites(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("TORSADE_SUITES").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        let required = env::var_os("TORSADE_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "{name}: no folder in TORSADE_SUITES, and TORSADE_REQUIRE_PEERS is 1"
        );
        println!("{name}: skipped, no folder in TORSADE_SUITES");
    }
    folder
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What one exchange made of some bytes.
#[derive(Debug, Default)]
struct Verdict {
    status: Option<u16>,
    body: Vec<u8>,
    /// Whether the connection could be used again, once the reply is complete.
    complete: Option<bool>,
    until_close: bool,
    switched: bool,
    error: Option<WireError>,
}

/// Plays `reply` to a request of `method`, in pieces of `size` bytes, then the end if `close`.
fn play(method: &Method, reply: &[u8], size: usize, close: bool) -> Verdict {
    let mut headers = HeaderMap::new();
    // llhttp's switches of protocol are to h2c; elsewhere a 101 comes unasked.
    if reply.windows(4).any(|bytes| bytes == b" h2c") {
        headers.insert(header::UPGRADE, HeaderValue::from_static("h2c"));
    }
    let request = RequestHead::new(method, "/", "localhost", &headers);
    let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new()).unwrap();

    let mut verdict = Verdict::default();
    for piece in reply.chunks(size.max(1)) {
        let mut rest = piece;
        loop {
            match exchange.receive(rest) {
                Ok((used, event)) => {
                    rest = &rest[used..];
                    let Some(event) = event else { break };
                    verdict.note(event);
                }
                Err(error) => {
                    verdict.error = Some(error);
                    return verdict;
                }
            }
        }
    }
    if close {
        match exchange.eof() {
            Ok(Some(event)) => verdict.note(event),
            Ok(None) => {}
            Err(error) => verdict.error = Some(error),
        }
    }
    verdict
}

impl Verdict {
    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::Head(head) => self.status = Some(head.status.as_u16()),
            Event::Body(bytes) => self.body.extend_from_slice(bytes),
            Event::End(end) => {
                self.until_close = end.until_close;
                self.complete = Some(end.reuse.is_ok());
            }
            Event::Upgrade(head) | Event::Tunnel(head) => {
                self.status = Some(head.status.as_u16());
                self.switched = true;
            }
            Event::Surplus(_) => self.complete = Some(false),
            Event::Informational(_) => {}
            other => panic!("unknown event {other:?}"),
        }
    }
}
