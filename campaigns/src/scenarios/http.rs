//! Requests over kept connections, to a server with moods.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use torsade::http::{
    Agent, AgentOptions, Method, RedirectAgent, Request, RequestAgent, Response, RetryAgent,
};
use torsade::tls::{ClientTls, wrap_server_tls};
use torsade::{Address, Deferred, Protocol, Result, TcpServer, Transport};

use super::echo::{PLAYTIME, difference, identity, listen, pattern, server};
use crate::watched::Watched;
use crate::world::HOST;
use crate::{Random, World};

pub(super) fn plain(world: &World) {
    play(world, server(world, 80), None, "http://server.test");
}

pub(super) fn tls(world: &World) {
    let (client, server_tls) = identity();
    let server = TcpServer::new(&world.reactor, (HOST, 443).into());
    play(
        world,
        wrap_server_tls(server, &server_tls),
        Some(client),
        "https://server.test",
    );
}

fn play(world: &World, server: TcpServer, tls: Option<ClientTls>, base: &str) {
    let (checks, plant) = (world.checks.clone(), world.plant);
    let (seed, has_moods) = world.choose(|random| (random.number(), random.chance(50)));
    let mut count = 0;
    let pages = move |_: &Address| {
        count += 1;
        let random = Random::new(seed + count);
        Watched::new(
            Pages::new(random, has_moods),
            "a web server",
            &checks,
            plant,
        )
    };
    let port = listen(world, server, pages);
    let address = (HOST, if tls.is_some() { 443 } else { 80 }).into();
    let is_broken = world.break_at_times(address, PLAYTIME);
    let agent = agent(world, tls);
    let following = RedirectAgent::new(agent.clone()).browser_like();
    let trying = RetryAgent::new(&world.reactor, following.clone());

    let over = Rc::new(Cell::new(0));
    let count = world.choose(|random| random.below(30));
    for _ in 0..count {
        let pause = world.choose(|random| random.time(PLAYTIME / 20));
        world.pass(pause);
        let (request, expected) = request(world, base);
        let sent = match world.choose(|random| random.chance(30)) {
            true => trying.request(request),
            false => following.request(request),
        };
        take(world, sent, expected, is_broken || has_moods, &over);
    }
    // Longer than any time limit.
    world.pass(Duration::from_secs(2 * 3600));
    world.checks.holds(over.get() == count, || {
        format!("{} of {count} requests have an end", over.get())
    });
    world.wait(agent.close_cached_connections(), "the connections to close");
    let left = agent.pool_statistics();
    world.checks.holds((left.open, left.waiting) == (0, 0), || {
        format!("the pool has {left:?}")
    });
    world.wait(port.stop_listening(), "the port to close");
}

fn agent(world: &World, tls: Option<ClientTls>) -> Agent {
    let (per_host, idle) = world.choose(|random| (1 + random.below(6), random.below(4)));
    let mut options = AgentOptions::new()
        .max_connections_per_host(per_host)
        .max_idle_per_host(idle)
        .keep_alive(world.choose(|random| random.chance(90)))
        .connect_timeout(Duration::from_secs(10));
    if let Some(tls) = tls {
        options = options.tls(&tls);
    }
    Agent::with_options(&world.reactor, options)
}

/// A request, and how long the body of its answer will be.
fn request(world: &World, base: &str) -> (Request, usize) {
    world.choose(|random| {
        let (length, redirects) = (random.size(300_000), random.below(3));
        let kind = random.one_of(&["length", "chunks", "close"]);
        let url = format!("{base}/{kind}/{redirects}/{length}");
        let upload = random.chance(30).then(|| random.size(100_000));
        let method = if upload.is_some() {
            Method::PUT
        } else {
            Method::GET
        };
        let request = Request::new(method, &url).expect("it is a URL");
        match upload {
            Some(size) => (request.body(pattern(0, size)), length),
            None => (request, length),
        }
    })
}

/// What becomes of a request: its answer is read, dropped, or it is cancelled.
fn take(
    world: &World,
    sent: Deferred<Response>,
    expected: usize,
    may_fail: bool,
    over: &Rc<Cell<usize>>,
) {
    let (is_dropped, cancelled) = world.choose(|random| {
        let cancelled = random.chance(20).then(|| random.time(PLAYTIME / 10));
        (random.chance(10), cancelled)
    });
    let is_cancelled = Rc::new(Cell::new(false));
    if let Some(at) = cancelled {
        let (canceller, told) = (sent.canceller(), Rc::clone(&is_cancelled));
        let _ = world.reactor.call_later(at, move || {
            told.set(true);
            canceller.cancel();
        });
    }
    let checks = world.checks.clone();
    let read = sent.add_callback(
        move |response| match is_dropped || response.status() != 200 {
            true => Deferred::succeed(None),
            false => response.read_body().map(Some),
        },
    );
    let over = Rc::clone(over);
    read.add_both(move |read| {
        over.set(over.get() + 1);
        match read {
            Ok(Some(body)) => {
                let is_whole = body.len() == expected && difference(0, &body).is_none();
                checks.holds(is_whole, || {
                    format!("{} bytes came instead of {expected}", body.len())
                });
            }
            Ok(None) => {}
            Err(failure) => {
                checks.holds(may_fail || is_cancelled.get(), || {
                    format!("it failed: {failure:#}")
                });
            }
        }
        Ok(())
    });
}

/// A web server that answers by what its URLs say, unless it is in a mood.
struct Pages {
    received: Vec<u8>,
    random: Random,
    has_moods: bool,
}

impl Pages {
    fn new(random: Random, has_moods: bool) -> Self {
        Self {
            received: Vec::new(),
            random,
            has_moods,
        }
    }

    /// The first request that has come whole: its target. `None` while none has.
    fn next_target(&mut self) -> Option<String> {
        let end = self
            .received
            .windows(4)
            .position(|four| four == b"\r\n\r\n")?
            + 4;
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        let field = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = field.map_or(0, |length| length.parse().unwrap_or_default());
        if self.received.len() < end + length {
            return None;
        }
        self.received.drain(..end + length);
        head.split(' ').nth(1).map(str::to_owned)
    }

    fn answer(&mut self, transport: &Transport, target: &str) {
        if self.has_moods && self.random.chance(15) {
            return self.be_moody(transport);
        }
        let mut parts = target.split('/').skip(1);
        let kind = parts.next().unwrap_or_default();
        let mut number = || {
            parts
                .next()
                .and_then(|text| text.parse::<usize>().ok())
                .unwrap_or_default()
        };
        let (redirects, length) = (number(), number());
        if redirects > 0 {
            let location = format!("/{kind}/{}/{length}", redirects - 1);
            let head =
                format!("HTTP/1.1 307 On\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\non");
            return transport.write(head.as_bytes());
        }
        let body = pattern(0, length);
        match kind {
            "chunks" => {
                transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(1 + self.random.below(20_000)) {
                    transport.write(format!("{:x}\r\n", chunk.len()).as_bytes());
                    transport.write(chunk);
                    transport.write(b"\r\n");
                }
                transport.write(b"0\r\n\r\n");
            }
            "close" => {
                transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n");
                transport.write(format!("Content-Length: {length}\r\n\r\n").as_bytes());
                transport.write(&body);
                transport.lose_connection();
            }
            _ => {
                transport.write(
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
                );
                transport.write(&body);
            }
        }
    }

    /// Something that servers do.
    fn be_moody(&mut self, transport: &Transport) {
        match self.random.below(6) {
            // It hangs up.
            0 => transport.lose_connection(),
            1 => transport.abort_connection(),
            // It breaks off in the middle.
            2 => {
                transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all");
                transport.lose_connection();
            }
            // It says nothing.
            3 => {}
            4 => {
                transport
                    .write(b"HTTP/1.1 503 Later\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
            }
            // What it says is no HTTP.
            _ => transport.write(b"SSH-2.0-mood\r\n"),
        }
    }
}

impl Protocol for Pages {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.received.extend_from_slice(data);
        while let Some(target) = self.next_target() {
            self.answer(transport, &target);
        }
        Ok(())
    }
}
