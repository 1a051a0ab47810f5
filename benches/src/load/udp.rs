//! Datagrams to an echo server.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::{Target, Window};
use crate::machine::Result;
use crate::row::Sample;

/// From so many sockets, each with so many datagrams of this size under way. `lost` is the share that did not
/// come back.
pub fn datagrams(target: Target, sockets: usize, depth: usize, size: usize) -> Result<Sample> {
    let mut poll = Poll::new()?;
    let message = vec![b'x'; size];
    let mut all = Vec::new();
    for index in 0..sockets {
        let mut socket = UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
        socket.connect(target.address)?;
        poll.registry()
            .register(&mut socket, Token(index), Interest::READABLE)?;
        all.push((socket, Instant::now(), 0));
    }
    let (mut sent, mut came) = (0_u64, 0_u64);
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 << 10]);
    let mut window = Window::new(target);
    while !window.is_over() {
        for (socket, last, under_way) in &mut all {
            // What does not come back is lost.
            if *under_way == 0 || last.elapsed() > Duration::from_millis(200) {
                *under_way = 0;
                *last = Instant::now();
                while *under_way < depth && socket.send(&message).is_ok() {
                    *under_way += 1;
                    sent += 1;
                }
            }
        }
        poll.poll(&mut events, Some(Duration::from_millis(20)))?;
        for event in &events {
            let (socket, last, under_way) = &mut all[event.token().0];
            loop {
                match socket.recv(&mut buffer) {
                    Ok(count) if count == size => {}
                    Ok(count) => return Err(format!("{count} bytes came back of {size}").into()),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
                *last = Instant::now();
                came += 1;
                window.done(1);
                *under_way = usize::saturating_sub(*under_way, 1);
                if socket.send(&message).is_ok() {
                    *under_way += 1;
                    sent += 1;
                }
            }
        }
    }
    let mut sample = window.sample();
    let under_way: usize = all.iter().map(|(_, _, under_way)| under_way).sum();
    let lost = sent.saturating_sub(came + under_way as u64);
    sample.push(("lost", lost as f64 / sent.max(1) as f64));
    Ok(sample)
}
