//! The replies of the simulated tests once more, from a socket on loopback through a real reactor.
#![cfg(feature = "gzip")]

mod cases;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cases::Right;
use torsade_core::task::defer_later;
use torsade_core::{Reactor, Result};
use torsade_http::{
    Agent, AgentOptions, ContentDecoderAgent, Method, PartialBody, Request, RequestAgent,
    RequestError, Response, Stage,
};

/// What a server does next on one connection.
#[derive(Clone)]
enum Step {
    /// Reads the head of a request; goes on to the next connection if there is none.
    Request,
    /// Waits for a request and leaves it unread, so that closing is a reset.
    Unread,
    Send(Vec<u8>),
}

fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

fn answer(body: &str) -> Step {
    let length = body.len();
    send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

/// No test waits for longer.
const LIMIT: Duration = Duration::from_secs(20);

/// A server whose n-th connection follows the n-th script and is closed then.
struct Server {
    address: SocketAddr,
    /// What came, connection by connection.
    received: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(scripts: impl Into<Vec<Vec<Step>>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (scripts, received) = (scripts.into(), Arc::<Mutex<Vec<String>>>::default());
        let notes = Arc::clone(&received);
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for script in scripts {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                notes.lock().unwrap().push(String::new());
                // A client that wants no more is what some tests are about.
                let _ = follow(&script, stream, &notes);
            }
        });
        Self {
            address,
            received,
            thread: Some(thread),
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn connections(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // For each script that nobody asked for.
        while let Some(thread) = self.thread.take_if(|thread| !thread.is_finished()) {
            let woken = TcpStream::connect(self.address);
            drop(woken);
            self.thread = Some(thread);
            std::thread::yield_now();
        }
    }
}

fn follow(script: &[Step], mut stream: TcpStream, notes: &Mutex<Vec<String>>) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    for step in script {
        match step {
            Step::Request => {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte)?;
                    head.push(byte[0]);
                }
                let mut notes = notes.lock().unwrap();
                let last = notes.last_mut().unwrap();
                last.push_str(&String::from_utf8_lossy(&head));
            }
            Step::Unread => drop(stream.peek(&mut [0])?),
            Step::Send(bytes) => stream.write_all(bytes)?,
        }
    }
    Ok(())
}

struct World {
    // Dropped first: the server waits for its connections.
    reactor: Reactor,
    agent: Agent,
    server: Server,
}

impl World {
    fn new(scripts: impl Into<Vec<Vec<Step>>>) -> Self {
        let reactor = Reactor::new().unwrap();
        let options = AgentOptions::new().total_timeout(Some(LIMIT));
        Self {
            agent: Agent::with_options(&reactor, options),
            server: Server::new(scripts),
            reactor,
        }
    }

    fn text(&self, method: Method) -> Result<String> {
        let request = Request::new(method, &self.server.url()).unwrap();
        let agent = ContentDecoderAgent::new(self.agent.clone());
        let sent = agent.request(request).add_callback(Response::text);
        self.reactor.run_until(sent)
    }

    fn get(&self) -> Result<String> {
        self.text(Method::GET)
    }

    /// Waits until the pool holds no connection.
    fn until_empty(&self) {
        while self.agent.pool_statistics().open > 0 {
            let soon = defer_later(&self.reactor, Duration::from_millis(1), || ());
            self.reactor.run_until(soon).unwrap();
        }
    }
}

// R1 to R42
#[test]
fn each_reply_is_judged_right() {
    for case in cases::all() {
        let mut script = vec![Step::Request, send(&case.reply)];
        if !case.right.needs_end() {
            script.extend([Step::Request, answer("next")]);
        }
        let world = World::new([script, vec![Step::Request, answer("next")]]);
        let result = world.text(case.method.parse().unwrap());
        let shown = format!("{}: {result:?}", case.name);
        match case.right {
            Right::Kept(body) | Right::Once(body) | Right::ToTheEnd(body) => {
                assert_eq!(result.unwrap(), body, "{shown}");
            }
            Right::Broken(body) | Right::BrokenAtEnd(body) | Right::Undecodable(body) => {
                let partial = result.unwrap_err().trap::<PartialBody>().expect(&shown);
                assert_eq!(partial.bytes, body, "{shown}");
            }
            Right::Refused | Right::RefusedAtEnd => {
                let error = result.unwrap_err().trap::<RequestError>().expect(&shown);
                assert!(error.stage <= Stage::ReadingHead, "{shown}");
            }
        }
        assert_eq!(world.get().unwrap(), "next", "{shown}");
        if !matches!(case.right, Right::Undecodable(_)) {
            let connections = if case.right.is_kept() { 1 } else { 2 };
            assert_eq!(world.server.connections(), connections, "{shown}");
        }
    }
}

// R43
#[test]
fn a_get_is_made_again_on_a_connection_that_was_closed_and_a_post_is_not() {
    for closing in [Step::Request, Step::Unread] {
        for (method, is_again) in [(Method::GET, true), (Method::POST, false)] {
            let first = vec![Step::Request, answer("first"), closing.clone()];
            let world = World::new([first, vec![Step::Request, answer("second")]]);
            assert_eq!(world.get().unwrap(), "first");
            let result = world.text(method);
            assert_eq!(result.is_ok(), is_again, "{result:?}");
            let connections = if is_again { 2 } else { 1 };
            assert_eq!(world.server.connections(), connections);
        }
    }
}

// R44
#[test]
fn a_reply_that_has_begun_is_not_asked_for_again() {
    let begun = send("HTTP/1.1 200 OK\r\nCont");
    let first = vec![Step::Request, answer("first"), Step::Request, begun];
    let world = World::new([first, vec![Step::Request, answer("second")]]);
    assert_eq!(world.get().unwrap(), "first");
    let error = world.get().unwrap_err().trap::<RequestError>().unwrap();
    assert_eq!(error.stage, Stage::ReadingHead);
    assert_eq!(world.server.connections(), 1);
}

// R48
#[test]
fn a_reply_that_nobody_asked_for_is_nobodys() {
    let unasked = send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    let first = vec![Step::Request, answer("first"), unasked];
    let world = World::new([first, vec![Step::Request, answer("second")]]);
    assert_eq!(world.get().unwrap(), "first");
    world.until_empty();
    assert_eq!(world.text(Method::POST).unwrap(), "second");
}

// R45
#[test]
fn a_large_body_that_nobody_takes_is_closed_and_the_next_request_is_none_the_wiser() {
    let large = vec![Step::Request, answer(&"x".repeat(10_000_000))];
    let world = World::new([large, vec![Step::Request, answer("next")]]);
    let response = world.agent.get(&world.server.url());
    drop(world.reactor.run_until(response).unwrap());
    world.until_empty();
    assert_eq!(world.get().unwrap(), "next");
}

// R46
#[test]
fn requests_that_are_cancelled_leave_no_connection_behind() {
    let world = World::new(vec![vec![Step::Request, Step::Request]; 20]);
    for number in 0..20 {
        let limit = Duration::from_micros(50 * number);
        let request = world.agent.get(&world.server.url());
        let request = request.add_timeout(&world.reactor, limit);
        assert!(world.reactor.run_until(request).is_err());
    }
    assert_eq!(world.agent.pool_statistics().open, 0);
    assert_eq!(world.reactor.open_sources(), 0);
}
