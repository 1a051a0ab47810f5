//! A web server with moods.

use torsade::tls::ServerTls;
use torsade::{Address, Protocol, Result, Transport};

use super::super::echo::{difference, pattern};
use crate::watched::Watched;
use crate::{Random, World};

/// What a proxy finds before each target.
const ORIGIN: &str = "http://server.test";

/// Instead of a target, where the request is not what the client has sent.
const BAD: &str = "bad";

/// Serves there. Gives whether it has moods.
pub(super) fn serve(world: &World, host: &'static str, port: u16, tls: Option<ServerTls>) -> bool {
    let (seed, has_moods) = world.choose(|random| (random.number(), random.chance(50)));
    world.serve_with(host, port, tls, move |world, _| {
        let (checks, plant) = (world.checks.clone(), world.plant);
        let mut count = 0;
        move |_: &Address| {
            count += 1;
            let random = Random::new(seed.wrapping_add(count));
            let pages = Pages::new(random, has_moods);
            Watched::new(pages, "a web server", &checks, plant)
        }
    });
    has_moods
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
        let is_right = match length {
            0 => head.starts_with("GET ") || head.starts_with("PUT "),
            _ => {
                head.starts_with("PUT ")
                    && difference(0, &self.received[end..end + length]).is_none()
            }
        };
        self.received.drain(..end + length);
        if !is_right {
            return Some(BAD.to_owned());
        }
        head.split(' ').nth(1).map(str::to_owned)
    }

    fn answer(&mut self, transport: &Transport, target: &str) {
        if target == BAD {
            return transport.write(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
        }
        if self.has_moods && self.random.chance(15) {
            return self.be_moody(transport);
        }
        // A proxy gets whole URLs.
        let target = target.strip_prefix(ORIGIN).unwrap_or(target);
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
