//! The server, in a process of its own so that its memory is not counted: this very program, told to
//! run nothing but [`serve`].

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use torsade::tls::{ServerTls, wrap_server_tls};
use torsade::{Address, Producer, ProducerKind, Protocol, Reactor, Result, TcpServer, Transport};

use crate::support::peer::{Peer, pattern};
use crate::support::pki::Identity;

/// Every body is this over and over.
pub(crate) static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(64 * 1024));

/// Whoever takes a body takes a rest after so many bytes of it, so that it is slower than the other.
pub(crate) const STRETCH: u64 = 1 << 20;
pub(crate) const REST: Duration = Duration::from_millis(1);

const CERTIFICATE: &str = "TORSADE_BIG_BODY_CERTIFICATE";
const KEY: &str = "TORSADE_BIG_BODY_KEY";

/// A running server: of `GET /LENGTH`, and of `GET /chunked/LENGTH`; what is put there is counted,
/// and the answer says how much it was.
pub(crate) struct Server {
    pub(crate) peer: Peer,
    http: u16,
    https: u16,
}

impl Server {
    pub(crate) fn start(dir: &Path, identity: &Identity) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "peer::serve", "--nocapture"])
            .env(CERTIFICATE, &identity.certificate)
            .env(KEY, &identity.key);
        let mut peer = Peer::spawn("the server", &mut command, dir);
        let ports = peer.announces("PORTS ");
        let (http, https) = ports.split_once(' ').unwrap();
        Self {
            http: http.parse().unwrap(),
            https: https.parse().unwrap(),
            peer,
        }
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        let port = if scheme == "https" {
            self.https
        } else {
            self.http
        };
        format!("{scheme}://localhost:{port}{path}")
    }
}

/// No test, but the server; without what it needs to be told there is nothing to do.
#[test]
fn serve() {
    let (Some(certificate), Some(key)) = (std::env::var_os(CERTIFICATE), std::env::var_os(KEY))
    else {
        return;
    };
    let tls = ServerTls::builder().certificate_files(certificate, key);
    let reactor = Reactor::new().unwrap();
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
    let listen = |server: TcpServer| {
        let port = server.listen(|_: &Address| Site::default()).unwrap();
        port.address().port().unwrap()
    };
    let http = listen(server.clone());
    let https = listen(wrap_server_tls(server, &tls.build().unwrap()));
    // What runs the tests may have begun a line.
    println!("\nPORTS {http} {https}");
    reactor.run().unwrap();
}

/// Compares a body with what it should be.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) taken: u64,
    rested_at: u64,
}

impl Checker {
    /// Panics at the first byte that is another.
    pub(crate) fn take(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let at = (self.taken % PATTERN.len() as u64) as usize;
            let len = data.len().min(PATTERN.len() - at);
            assert!(data[..len] == PATTERN[at..at + len], "at {}", self.taken);
            self.taken += len as u64;
            data = &data[len..];
        }
    }

    /// Whether it is time for a rest.
    pub(crate) fn is_tired(&mut self) -> bool {
        let is_tired = self.taken - self.rested_at >= STRETCH;
        if is_tired {
            self.rested_at = self.taken;
        }
        is_tired
    }
}

/// One connection.
#[derive(Default)]
struct Site {
    /// What has come of a head, or of a chunk's first line.
    begun: Vec<u8>,
    upload: Option<Upload>,
}

/// A body on its way here.
struct Upload {
    checker: Checker,
    is_chunked: bool,
    /// Of the body, or of its chunk.
    left: u64,
}

impl Site {
    fn answer(&mut self, transport: &Transport, head: &str) -> Result<()> {
        let line = head.lines().next().unwrap();
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        if method == "PUT" {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_it = name.eq_ignore_ascii_case("content-length");
                is_it.then(|| value.parse().unwrap())
            });
            self.upload = Some(Upload {
                checker: Checker::default(),
                is_chunked: length.is_none(),
                left: length.unwrap_or(0),
            });
            return Ok(());
        }
        let (kind, length) = path.rsplit_once('/').unwrap();
        let left: u64 = length.parse()?;
        let is_chunked = kind == "/chunked";
        let framing = match is_chunked {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {left}"),
        };
        transport.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").as_bytes());
        let pieces = Pieces { left, is_chunked };
        Ok(transport.register_producer(pieces, ProducerKind::Pull)?)
    }

    /// A line's end, if it is in `data`: the line, and what comes behind it.
    fn line<'a>(&mut self, data: &'a [u8], end: &[u8]) -> Option<(String, &'a [u8])> {
        let before = self.begun.len();
        self.begun.extend_from_slice(data);
        let at = self.begun.windows(end.len()).position(|it| it == end)? + end.len();
        let line = String::from_utf8(self.begun.drain(..at).collect()).unwrap();
        self.begun.clear();
        Some((line, &data[at - before..]))
    }
}

impl Protocol for Site {
    fn data_received(&mut self, transport: &Transport, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let Some(upload) = &mut self.upload else {
                let Some((head, rest)) = self.line(data, b"\r\n\r\n") else {
                    return Ok(());
                };
                data = rest;
                self.answer(transport, &head)?;
                continue;
            };
            if upload.left > 0 {
                let len = upload.left.min(data.len() as u64);
                let (now, rest) = data.split_at(len as usize);
                upload.left -= len;
                upload.checker.take(now);
                data = rest;
            } else {
                // The line that ends the chunk before, if there was one, then its size.
                let Some((line, rest)) = self.line(data, b"\r\n") else {
                    return Ok(());
                };
                data = rest;
                let upload = self.upload.as_mut().unwrap();
                match u64::from_str_radix(line.trim(), 16) {
                    Ok(0) => upload.is_chunked = false,
                    Ok(size) => upload.left = size,
                    Err(_) => assert_eq!(line, "\r\n"),
                }
            }
            let upload = self.upload.as_mut().unwrap();
            if upload.checker.is_tired() {
                transport.pause_reading();
                let rested = transport.clone();
                let reactor = transport.reactor();
                let _ = reactor.call_later(REST, move || rested.resume_reading());
            }
            if upload.left == 0 && !upload.is_chunked {
                let taken = upload.checker.taken.to_string();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", taken.len());
                transport.write((head + &taken).as_bytes());
                self.upload = None;
            }
        }
        Ok(())
    }
}

/// Sends a body as fast as it is taken.
struct Pieces {
    left: u64,
    is_chunked: bool,
}

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        let now = self.left.min(PATTERN.len() as u64);
        self.left -= now;
        let piece: &'static [u8] = &PATTERN[..now as usize];
        if self.is_chunked {
            transport.write(format!("{now:x}\r\n").as_bytes());
        }
        transport.write_bytes(piece);
        if self.is_chunked {
            transport.write(b"\r\n");
        }
        if self.left == 0 {
            if self.is_chunked {
                transport.write(b"0\r\n\r\n");
            }
            transport.unregister_producer();
        }
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}
