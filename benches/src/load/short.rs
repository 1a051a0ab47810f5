//! Connections that are opened, used for one byte, and closed.

use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use rustls::HandshakeKind;

use super::{Histogram, Link, Security, Target, Window};
use crate::machine::Result;
use crate::row::Sample;

struct Attempt {
    link: Link,
    began: u64,
    sent: bool,
}

impl Attempt {
    /// Goes on as far as it can: what TLS has to say, then the byte.
    fn go_on(&mut self) {
        // While it is connecting, or when it is lost, writing fails; reading tells what it is.
        if !self.link.flush().unwrap_or(false) || self.sent || !self.link.is_ready() {
            return;
        }
        self.sent = self.link.write(b"x").is_ok_and(|count| count == 1);
    }
}

/// So many at a time. What share of TLS sessions was resumed is `resumed`.
pub fn short_connections(target: Target, at_a_time: usize, security: Security) -> Result<Sample> {
    let config = security.config()?;
    let mut poll = Poll::new()?;
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 32 << 10]);
    let (mut window, mut times) = (Window::new(target), Histogram::default());
    let (mut count, mut resumed, mut failed) = (0, 0_u64, 0);
    let mut open = |poll: &mut Poll, index: usize, began: u64| -> Result<Attempt> {
        let mut link = Link::begin(target.address, &mut count, config.as_ref())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut link.stream, Token(index), interest)?;
        Ok(Attempt {
            link,
            began,
            sent: false,
        })
    };
    let mut all = Vec::new();
    for index in 0..at_a_time {
        all.push(open(&mut poll, index, window.now())?);
    }
    while !window.is_over() {
        poll.poll(&mut events, Some(Duration::from_millis(50)))?;
        for event in &events {
            let index = event.token().0;
            let one = &mut all[index];
            let mut came = 0;
            if event.is_readable() {
                let ended = event.is_read_closed();
                let goes_on = one.link.read(&mut buffer, ended, |data| came += data.len());
                if !goes_on.unwrap_or(false) && came == 0 {
                    failed += 1;
                    if failed == 1000 {
                        return Err("a thousand connections were lost".into());
                    }
                    all[index] = open(&mut poll, index, window.now())?;
                    continue;
                }
            }
            one.go_on();
            if came == 0 {
                continue;
            }
            if window.done(1) {
                times.add(window.now() - one.began);
                let kind = one.link.tls.as_ref().and_then(|tls| tls.handshake_kind());
                resumed += u64::from(kind == Some(HandshakeKind::Resumed));
            }
            if let Some(tls) = &mut one.link.tls {
                tls.send_close_notify();
                let _ = one.link.flush();
            }
            all[index] = open(&mut poll, index, window.now())?;
        }
    }
    let operations = window.operations().max(1) as f64;
    let mut sample = window.sample();
    if target.traced {
        return Ok(sample);
    }
    sample.insert(2, ("p50 µs", times.quantile(0.5)));
    sample.insert(3, ("p99 µs", times.quantile(0.99)));
    if security != Security::None {
        sample.push(("resumed", resumed as f64 / operations));
    }
    Ok(sample)
}
