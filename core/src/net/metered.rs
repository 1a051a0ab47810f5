//! A stream whose bytes are counted, and limited to some a second.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::write_queue::SLICES;
use crate::driver::{Readiness, Stream};
use crate::{Address, Bandwidth, Credentials, Reactor, SocketOption, Traffic};

/// See the module. Where a limit stops it, it says that it would block, as the system does, and has
/// its connection told when there is room again.
pub(super) struct Metered {
    stream: Box<dyn Stream>,
    traffic: Traffic,
    reactor: Reactor,
    wake: Rc<dyn Fn(Readiness)>,
    reader_waits: Rc<Cell<bool>>,
    writer_waits: Rc<Cell<bool>>,
}

impl Metered {
    pub(super) fn new(
        stream: Box<dyn Stream>,
        traffic: Traffic,
        reactor: Reactor,
        wake: impl Fn(Readiness) + 'static,
    ) -> Self {
        Self {
            stream,
            traffic,
            reactor,
            wake: Rc::new(wake),
            reader_waits: Rc::default(),
            writer_waits: Rc::default(),
        }
    }

    fn wake_later(&self, limit: &Bandwidth, waits: &Rc<Cell<bool>>, readiness: Readiness) {
        if waits.replace(true) {
            return;
        }
        let (waits, wake) = (Rc::clone(waits), Rc::clone(&self.wake));
        limit.wait(move || {
            waits.set(false);
            wake(readiness);
        });
    }

    fn wake_reader(&self, limit: &Bandwidth) {
        self.wake_later(limit, &self.reader_waits, Readiness::READABLE);
    }

    fn wake_writer(&self, limit: &Bandwidth) {
        self.wake_later(limit, &self.writer_waits, Readiness::WRITABLE);
    }
}

impl Stream for Metered {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = self.traffic.may_receive();
        let most = match &limit {
            Some((limit, 0)) => {
                self.wake_reader(limit);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Some((_, available)) => buffer.len().min(*available),
            None => buffer.len(),
        };
        let count = self.stream.read(&mut buffer[..most])?;
        self.traffic.has_received(count, self.reactor.now());
        if let Some((limit, _)) = limit
            && count == most
            && most < buffer.len()
        {
            // Who reads so little is not asked again by the driver.
            self.wake_reader(&limit);
        }
        Ok(count)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some((limit, available)) = self.traffic.may_send() else {
            let count = self.stream.write_vectored(slices)?;
            self.traffic.has_sent(count, self.reactor.now());
            return Ok(count);
        };
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        if total <= available {
            let count = self.stream.write_vectored(slices)?;
            self.traffic.has_sent(count, self.reactor.now());
            return Ok(count);
        }
        if available == 0 {
            self.wake_writer(&limit);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (mut left, mut allowed) = (available, [IoSlice::new(&[]); SLICES]);
        for (allowed, slice) in allowed.iter_mut().zip(slices) {
            let piece = &slice[..slice.len().min(left)];
            left -= piece.len();
            *allowed = IoSlice::new(piece);
        }
        let used = slices.len().min(SLICES);
        let count = self.stream.write_vectored(&allowed[..used])?;
        self.traffic.has_sent(count, self.reactor.now());
        if count == available {
            self.wake_writer(&limit);
        }
        Ok(count)
    }

    fn has_input(&self) -> bool {
        self.stream.has_input()
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.stream.shutdown_write()
    }

    fn reset_on_close(&self) {
        self.stream.reset_on_close();
    }

    fn connected(&self) -> io::Result<bool> {
        self.stream.connected()
    }

    fn local_address(&self) -> io::Result<Address> {
        self.stream.local_address()
    }

    fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.stream.set_option(option)
    }

    fn send_descriptor(&self, descriptor: OwnedFd) -> io::Result<()> {
        self.stream.send_descriptor(descriptor)
    }

    fn has_unsent_descriptors(&self) -> bool {
        self.stream.has_unsent_descriptors()
    }

    fn take_descriptors(&self) -> Vec<OwnedFd> {
        self.stream.take_descriptors()
    }

    fn peer_credentials(&self) -> io::Result<Credentials> {
        self.stream.peer_credentials()
    }

    fn lingers(&self) -> bool {
        self.stream.lingers()
    }
}
