//! The handles to what lives in the simulated network: dropping one closes it.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::rc::Rc;

use super::network::{End, Id, Network, State};
use crate::driver::{Listener, Stream, Token};
use crate::{Address, SocketOption};

/// One end of a simulated connection.
pub(super) struct SimulatedStream {
    network: Rc<RefCell<Network>>,
    id: Id,
}

impl SimulatedStream {
    pub(super) fn new(network: Rc<RefCell<Network>>, id: Id) -> Self {
        Self { network, id }
    }

    /// The network keeps an end as long as its stream lives.
    fn with_end<R>(&self, f: impl FnOnce(&mut End) -> io::Result<R>) -> io::Result<R> {
        let mut network = self.network.borrow_mut();
        let end = network.ends.get_mut(&self.id);
        f(end.ok_or(io::ErrorKind::NotConnected)?)
    }
}

impl Stream for SimulatedStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.with_end(|end| {
            if !end.received.is_empty() {
                // It reads one of its two halves at a time, and a short read means that nothing is
                // left.
                let first = end.received.read(buffer)?;
                return Ok(first + end.received.read(&mut buffer[first..])?);
            }
            if buffer.is_empty() || end.read_closed {
                return Ok(0);
            }
            match (end.state, end.error.take()) {
                (State::Failed(why), _) | (_, Some(why)) => Err(why.into()),
                (State::Broken, None) => Ok(0),
                (State::Connecting | State::Connected, None) => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
            }
        })?;
        if taken > 0 {
            self.network.borrow_mut().open_window(self.id, taken);
        }
        Ok(taken)
    }

    fn has_input(&self) -> bool {
        let looked = self.with_end(|end| {
            let over = end.read_closed || end.error.is_some();
            Ok(over || !end.received.is_empty() || !matches!(end.state, State::Connected))
        });
        looked.unwrap_or(true)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with_end(|end| match (end.state, end.error.take()) {
            (State::Failed(why), _) | (_, Some(why)) => Err(why.into()),
            (State::Broken, None) => Err(io::ErrorKind::BrokenPipe.into()),
            _ if end.write_closed => Err(io::ErrorKind::BrokenPipe.into()),
            (State::Connecting, None) => Err(io::ErrorKind::WouldBlock.into()),
            (State::Connected, None) => Ok(()),
        })?;
        let taken = self.network.borrow_mut().write(self.id, slices);
        taken.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.with_end(|end| match end.state {
            State::Connected => Ok(()),
            _ => Err(io::ErrorKind::NotConnected.into()),
        })?;
        self.network.borrow_mut().end_direction(self.id);
        Ok(())
    }

    fn reset_on_close(&self) {
        // Without an end there is nothing to reset.
        let _ = self.with_end(|end| {
            end.reset_on_close = true;
            Ok(())
        });
    }

    fn connected(&self) -> io::Result<bool> {
        self.with_end(|end| match end.state {
            State::Connecting => Ok(false),
            State::Failed(why) => Err(why.into()),
            State::Connected | State::Broken => Ok(true),
        })
    }

    fn local_address(&self) -> io::Result<Address> {
        let local = self.with_end(|end| Ok(end.local))?;
        Ok(self.network.borrow().shown(local))
    }

    /// There is nothing to set: every write leaves at once, and nothing is lost without a word.
    fn set_option(&self, _option: SocketOption) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        self.network.borrow_mut().close(self.id);
    }
}

/// A simulated listening port.
pub(super) struct SimulatedListener {
    network: Rc<RefCell<Network>>,
    id: Id,
}

impl SimulatedListener {
    pub(super) fn new(network: Rc<RefCell<Network>>, id: Id) -> Self {
        Self { network, id }
    }
}

impl Listener for SimulatedListener {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let id = self.network.borrow_mut().accept(self.id, token);
        let id = id.ok_or(io::ErrorKind::WouldBlock)?;
        let stream = SimulatedStream::new(self.network.clone(), id);
        let peer: SocketAddr = stream.with_end(|end| Ok(end.remote))?;
        let peer = self.network.borrow().shown(peer);
        Ok((Box::new(stream), peer))
    }

    fn local_address(&self) -> io::Result<Address> {
        let address = self.network.borrow().port_address(self.id);
        let address = address.ok_or(io::ErrorKind::NotConnected)?;
        Ok(self.network.borrow().shown(address))
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        self.network.borrow_mut().close_port(self.id);
    }
}
