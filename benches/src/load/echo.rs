//! Messages to an echo server, on each connection so many under way.

use std::collections::VecDeque;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::{Histogram, Link, Security, Target, Window};
use crate::machine::Result;
use crate::row::Sample;

/// What is sent.
#[derive(Clone, Copy)]
pub struct Echo {
    pub connections: usize,
    pub size: usize,
    /// How many messages are under way on each connection.
    pub depth: usize,
    pub security: Security,
}

struct Conversation {
    link: Link,
    /// When each message under way was sent.
    sent: VecDeque<u64>,
    /// How many bytes are to be written, and where in the message the next one is.
    to_write: usize,
    write_at: usize,
    /// Where in the message the next byte to come is.
    read_at: usize,
}

impl Conversation {
    fn send(&mut self, messages: usize, size: usize, now: u64) {
        self.sent.extend(std::iter::repeat_n(now, messages));
        self.to_write += messages * size;
    }

    fn write(&mut self, messages: &[u8], size: usize) -> Result<()> {
        if !self.link.flush()? {
            return Ok(());
        }
        while self.to_write > 0 {
            let end = messages.len().min(self.write_at + self.to_write);
            let count = self.link.write(&messages[self.write_at..end])?;
            if count == 0 {
                break;
            }
            self.to_write -= count;
            self.write_at = (self.write_at + count) % size;
        }
        Ok(())
    }
}

/// Runs it; an echo that differs is an error.
pub fn echo(target: Target, work: Echo) -> Result<Sample> {
    let Echo {
        connections,
        size,
        depth,
        security,
    } = work;
    let config = security.config()?;
    let message: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
    let messages = message.repeat(depth + 1);
    let mut poll = Poll::new()?;
    let mut all = Vec::new();
    for index in 0..connections {
        let mut link = Link::connect(target.address, config.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut link.stream, Token(index), interest)?;
        all.push(Conversation {
            link,
            sent: VecDeque::new(),
            to_write: 0,
            write_at: 0,
            read_at: 0,
        });
    }
    let (mut window, mut times) = (Window::new(target), Histogram::default());
    for one in &mut all {
        one.send(depth, size, window.now());
        one.write(&messages, size)?;
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 256 << 10]);
    while !window.is_over() {
        poll.poll(&mut events, Some(Duration::from_millis(50)))?;
        for event in &events {
            let one = &mut all[event.token().0];
            if !event.is_readable() {
                one.write(&messages, size)?;
                continue;
            }
            let (mut at, mut done, mut same) = (one.read_at, 0, true);
            let goes_on = one
                .link
                .read(&mut buffer, event.is_read_closed(), |mut data| {
                    while !data.is_empty() {
                        let count = data.len().min(size - at);
                        same &= data[..count] == message[at..at + count];
                        at += count;
                        if at == size {
                            (at, done) = (0, done + 1);
                        }
                        data = &data[count..];
                    }
                })?;
            if !goes_on || !same {
                return Err("the echo ended, or differs".into());
            }
            one.read_at = at;
            let now = window.now();
            let counts = window.done(done);
            for _ in 0..done {
                let sent = one.sent.pop_front().ok_or("more came than was sent")?;
                if counts {
                    times.add(now - sent);
                }
            }
            one.send(done as usize, size, now);
            one.write(&messages, size)?;
        }
    }
    let mut sample = window.sample();
    if target.traced {
        return Ok(sample);
    }
    let megabytes = sample
        .get(1)
        .map_or(0.0, |(_, ops)| ops * size as f64 / 1e6);
    sample.insert(2, ("p50 µs", times.quantile(0.5)));
    sample.insert(3, ("p99 µs", times.quantile(0.99)));
    sample.push(("MB/s", megabytes));
    Ok(sample)
}
