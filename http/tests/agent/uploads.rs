//! Bodies of requests on their way out.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::{Deferred, Failure, Reactor, Resolver};
use torsade_http::wire::WireError;
use torsade_http::{BodyProducer, BodyWriter, Method, Request, Response, Stage, StatusCode};

use crate::support::{Step, URL, World, answer, request_error, send, stage};

pub(crate) type Log = Rc<RefCell<Vec<&'static str>>>;

/// Writes pieces, one each millisecond unless paused, and notes what it is told.
pub(crate) struct Pieces {
    length: Option<u64>,
    state: Rc<RefCell<Writing>>,
    reactor: Reactor,
    log: Log,
}

struct Writing {
    pieces: Vec<&'static [u8]>,
    is_paused: bool,
    written: usize,
    done: Option<Resolver<()>>,
    /// What it fails with after the last piece.
    failure: Option<Failure>,
}

impl Pieces {
    pub(crate) fn new(world: &World, length: Option<u64>, pieces: &[&'static [u8]]) -> (Self, Log) {
        let log = Log::default();
        let mut pieces = pieces.to_vec();
        pieces.reverse();
        let writing = Writing {
            pieces,
            is_paused: false,
            written: 0,
            done: None,
            failure: None,
        };
        let producer = Self {
            length,
            state: Rc::new(RefCell::new(writing)),
            reactor: world.reactor.clone(),
            log: Rc::clone(&log),
        };
        (producer, log)
    }

    fn failing_with(self, failure: impl Into<Failure>) -> Self {
        self.state.borrow_mut().failure = Some(failure.into());
        self
    }
}

fn write_next(state: &Rc<RefCell<Writing>>, writer: BodyWriter, reactor: &Reactor) {
    let again = (Rc::clone(state), reactor.clone());
    let _ = reactor.call_later(Duration::from_millis(1), move || {
        let (state, reactor) = again;
        let piece = match state.borrow_mut() {
            writing if writing.done.is_none() => return,
            writing if writing.is_paused => None,
            mut writing => Some(writing.pieces.pop()),
        };
        match piece {
            None => write_next(&state, writer, &reactor),
            Some(Some(piece)) => {
                writer.write(piece);
                state.borrow_mut().written += piece.len();
                write_next(&state, writer, &reactor);
            }
            Some(None) => {
                let (done, failure) = {
                    let mut writing = state.borrow_mut();
                    (writing.done.take(), writing.failure.take())
                };
                match (done, failure) {
                    (Some(done), Some(failure)) => done.errback(failure),
                    (Some(done), None) => done.callback(()),
                    (None, _) => {}
                }
            }
        }
    });
}

impl BodyProducer for Pieces {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        self.log.borrow_mut().push("start");
        let (resolver, done) = Deferred::new();
        self.state.borrow_mut().done = Some(resolver);
        write_next(&self.state, writer, &self.reactor);
        done
    }

    fn pause_producing(&mut self) {
        self.log.borrow_mut().push("pause");
        self.state.borrow_mut().is_paused = true;
    }

    fn resume_producing(&mut self) {
        self.log.borrow_mut().push("resume");
        self.state.borrow_mut().is_paused = false;
    }

    fn stop_producing(&mut self) {
        self.log.borrow_mut().push("stop");
        drop(self.state.borrow_mut().done.take());
    }
}

fn post(producer: Pieces) -> Request {
    Request::new(Method::POST, URL)
        .unwrap()
        .body_producer(producer)
}

pub(crate) fn send_it(world: &World, producer: Pieces) -> Deferred<Response> {
    world.agent.request(post(producer))
}

const TEN_KIB: &[u8] = &[b'x'; 10 * 1024];

#[test]
fn a_body_of_known_length_is_sent_as_it_is() {
    // C152
    let world = World::new([vec![Step::Request, Step::Bytes(6), answer("ok")]]);
    let (producer, log) = Pieces::new(&world, Some(6), &[b"one", b"two"]);
    let response = world.run(send_it(&world, producer)).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let received = world.received(0);
    assert!(received.contains("\r\nContent-Length: 6\r\n"), "{received}");
    assert!(received.ends_with("\r\n\r\nonetwo"), "{received}");
    assert_eq!(*log.borrow(), ["start"]);
    drop(response);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.agent.pool_statistics().idle, 1);
}

#[test]
fn a_body_of_unknown_length_is_sent_in_chunks() {
    // C152
    let expected = "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let world = World::new([vec![
        Step::Request,
        Step::Bytes(expected.len()),
        answer("ok"),
    ]]);
    let (producer, _) = Pieces::new(&world, None, &[b"one", b"", b"two"]);
    world.run(send_it(&world, producer)).unwrap();
    let received = world.received(0);
    assert!(received.contains("\r\nTransfer-Encoding: chunked\r\n"));
    assert!(!received.contains("Content-Length"), "{received}");
    assert!(received.ends_with(expected), "{received}");
}

#[test]
fn fewer_or_more_bytes_than_promised_are_an_error_and_never_sent() {
    // C153, R108
    for (promised, is_expected) in [
        (
            7,
            (|error| matches!(error, WireError::UploadTooShort { .. })) as fn(&WireError) -> bool,
        ),
        (5, |error| matches!(error, WireError::UploadTooLong { .. })),
    ] {
        let world = World::new([vec![Step::Request]]);
        let (producer, _) = Pieces::new(&world, Some(promised), &[b"one", b"two"]);
        let failure = world.run(send_it(&world, producer)).unwrap_err();
        assert_eq!(stage(&failure), Stage::Sending);
        let error = request_error(&failure).cause.find::<WireError>().unwrap();
        assert!(is_expected(error), "{error}");
        assert!(!world.received(0).ends_with("onetwo") || promised == 7);
        world.is_clean();
    }
}

#[test]
fn a_producer_that_fails_fails_the_request_with_its_error_and_sends_no_last_chunk() {
    // C153
    let world = World::new([vec![Step::Request]]);
    let (producer, _) = Pieces::new(&world, None, &[b"one"]);
    let producer = producer.failing_with(std::fmt::Error);
    let failure = world.run(send_it(&world, producer)).unwrap_err();
    assert_eq!(stage(&failure), Stage::Sending);
    assert!(failure.find::<std::fmt::Error>().is_some(), "{failure:#}");
    world.is_clean();
    assert!(!world.received(0).contains("0\r\n\r\n"));
}

#[test]
fn a_server_that_reads_slowly_slows_the_producer_down() {
    let pieces = [TEN_KIB; 40];
    let total: usize = pieces.len() * TEN_KIB.len();
    let world = World::new([vec![
        Step::Request,
        Step::StopReading,
        Step::Sleep(Duration::from_secs(5)),
        Step::Read,
        Step::Bytes(total),
        answer("ok"),
    ]]);
    let (producer, log) = Pieces::new(&world, Some(total as u64), &pieces);
    let state = Rc::clone(&producer.state);
    let response = send_it(&world, producer);
    world.pass(Duration::from_secs(4));
    let written = state.borrow().written;
    assert!(written < 300_000, "{written} bytes were written meanwhile");
    world.run(response).unwrap();
    let log = log.borrow();
    assert_eq!(log[..3], ["start", "pause", "resume"]);
    assert!(!log.contains(&"stop"));
}

#[test]
fn an_answer_before_the_end_of_the_body_is_delivered_and_stops_the_producer() {
    // C161, R94
    for is_chunked in [false, true] {
        let early = vec![
            Step::Request,
            Step::Bytes(1000),
            send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"),
        ];
        let world = World::new([early, vec![Step::Request, answer("next")]]);
        let pieces = [TEN_KIB; 100];
        let length = (!is_chunked).then_some((pieces.len() * TEN_KIB.len()) as u64);
        let (producer, log) = Pieces::new(&world, length, &pieces);
        let response = world.run(send_it(&world, producer)).unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(world.run(response.text()).unwrap(), "no!");
        world.pass(Duration::from_secs(10));
        assert_eq!(log.borrow().last(), Some(&"stop"));
        assert!(world.seen.borrow().ended[0], "it is not reused");
        assert_eq!(world.get_text().unwrap(), "next");
        assert_eq!(world.connections(), 2);
    }
}

#[test]
fn an_answer_to_a_body_that_is_still_queued_is_delivered_and_the_rest_dropped() {
    // R94: a body of bytes is handed over whole
    let early = vec![
        Step::Request,
        Step::StopReading,
        send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"),
        Step::HANG,
    ];
    let world = World::new([early, vec![Step::Request, answer("next")]]);
    let request = Request::new(Method::POST, URL)
        .unwrap()
        .body(vec![b'x'; 5_000_000]);
    let body = world
        .agent
        .request(request)
        .add_callback(|response| response.text());
    let start = world.reactor.now();
    assert_eq!(world.run(body).unwrap(), "no!");
    assert!(world.reactor.now() - start < Duration::from_secs(1));
    assert_eq!(world.agent.pool_statistics().open, 0);
    assert_eq!(world.get_text().unwrap(), "next");
}

#[test]
fn an_answer_survives_the_reset_behind_it() {
    // R93, R94: the server does not read what is left of the body
    let world = World::new([vec![
        Step::Request,
        Step::StopReading,
        send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"),
        Step::Sleep(Duration::from_millis(100)),
        Step::Reset,
    ]]);
    let request = Request::new(Method::POST, URL)
        .unwrap()
        .body(vec![b'x'; 5_000_000]);
    let body = world
        .agent
        .request(request)
        .add_callback(|response| response.text());
    assert_eq!(world.run(body).unwrap(), "no!");
    world.is_clean();
}

#[test]
fn a_request_that_is_lost_while_sending_tells_the_producer() {
    // C157
    let world = World::new([vec![
        Step::Request,
        Step::Sleep(Duration::from_millis(20)),
        Step::Reset,
    ]]);
    let (producer, log) = Pieces::new(&world, None, &[b"x" as &[u8]; 1000]);
    let failure = world.run(send_it(&world, producer)).unwrap_err();
    assert_eq!(stage(&failure), Stage::Sending);
    assert_eq!(*log.borrow(), ["start", "stop"]);
    world.is_clean();
}
