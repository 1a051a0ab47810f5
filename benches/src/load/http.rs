//! GETs with nothing of HTTP but what it takes to find the end of a body: what no client can be faster than.

use std::net::SocketAddr;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::{Link, Security};
use crate::client::Meter;
use crate::machine::Result;

/// What has come of a response.
#[derive(Default)]
struct Response {
    head: Vec<u8>,
    /// What is still to come of the body, once its length is known.
    left: Option<u64>,
    bytes: u64,
}

impl Response {
    /// Whether it is whole.
    fn feed(&mut self, data: &[u8]) -> Result<bool> {
        let mut count = data.len() as u64;
        if self.left.is_none() {
            let before = self.head.len();
            self.head.extend_from_slice(data);
            let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") else {
                return Ok(false);
            };
            let head = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
            let mut lengths = head
                .lines()
                .filter_map(|line| line.strip_prefix("content-length:"));
            let length = lengths
                .next()
                .ok_or("the response does not tell its length")?;
            self.left = Some(length.trim().parse()?);
            count = (before + data.len() - end - 4) as u64;
        }
        let left = self.left.get_or_insert(0);
        *left = left
            .checked_sub(count)
            .ok_or("more came than was asked for")?;
        self.bytes += count;
        Ok(*left == 0)
    }
}

/// GETs of a path on so many connections, until the meter says that it is over.
pub fn get(
    address: SocketAddr,
    path: &str,
    connections: usize,
    security: Security,
    meter: &mut Meter,
) -> Result<()> {
    let config = security.config()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
    let mut poll = Poll::new()?;
    let mut all = Vec::new();
    for index in 0..connections {
        let mut link = Link::connect(address, config.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut link.stream, Token(index), interest)?;
        link.write(request.as_bytes())?;
        all.push((link, Response::default()));
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 256 << 10]);
    while !meter.is_over() {
        poll.poll(&mut events, Some(Duration::from_millis(50)))?;
        for event in &events {
            let (link, response) = &mut all[event.token().0];
            link.flush()?;
            if !event.is_readable() {
                continue;
            }
            let mut whole = Ok(false);
            let goes_on = link.read(&mut buffer, event.is_read_closed(), |data| {
                if whole.is_ok() {
                    whole = response.feed(data);
                }
            })?;
            if whole? {
                meter.done(response.bytes);
                *response = Response::default();
                link.write(request.as_bytes())?;
            } else if goes_on {
                link.flush()?;
            } else {
                return Err("the server closed a connection".into());
            }
        }
    }
    Ok(())
}
