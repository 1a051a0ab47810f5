//! The protocol behind a stream: it keeps what comes, and wakes who waits.

use std::io;
use std::rc::Rc;

use super::{READ_AHEAD, Shared};
use crate::{
    ConnectionAborted, ConnectionDone, ConnectionLost, Failure, Producer, ProducerKind, Protocol,
    Result, Transport,
};

pub(super) struct StreamProtocol<F> {
    shared: Rc<Shared>,
    /// What is done once the connection is made.
    when_made: Option<F>,
}

impl<F: FnOnce(&Transport)> StreamProtocol<F> {
    pub(super) fn new(shared: &Rc<Shared>, when_made: F) -> Self {
        Self {
            shared: Rc::clone(shared),
            when_made: Some(when_made),
        }
    }
}

impl<F: FnOnce(&Transport) + 'static> Protocol for StreamProtocol<F> {
    fn connection_made(&mut self, transport: &Transport) {
        // Both are empty: the connection is new, and has no other producer.
        let _ = self.shared.transport.set(transport.clone());
        let _ =
            transport.register_producer(WaterMarks(Rc::clone(&self.shared)), ProducerKind::Push);
        if let Some(when_made) = self.when_made.take() {
            when_made(transport);
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let mut state = self.shared.state.borrow_mut();
        state.input.extend_from_slice(data);
        if state.input.len() >= READ_AHEAD && !state.is_paused {
            state.is_paused = true;
            transport.pause_reading();
        }
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        // Our direction stays open: a stream has two.
        self.shared.state.borrow_mut().is_read_closed = true;
        self.shared.wake_both();
    }

    fn write_closed(&mut self, _: &Transport) {
        self.shared.state.borrow_mut().is_write_closed = true;
        self.shared.wake_both();
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let mut state = self.shared.state.borrow_mut();
        state.is_lost = true;
        if reason.check::<ConnectionDone>().is_none() {
            state.error = Some((kind_of(reason), format!("{reason:#}")));
        }
        drop(state);
        self.shared.wake_both();
    }
}

impl Shared {
    fn wake_both(&self) {
        let mut state = self.state.borrow_mut();
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}

fn kind_of(reason: &Failure) -> io::ErrorKind {
    if let Some(error) = reason.find::<io::Error>() {
        error.kind()
    } else if reason.check::<ConnectionAborted>().is_some() {
        io::ErrorKind::ConnectionAborted
    } else if reason.check::<ConnectionLost>().is_some() {
        io::ErrorKind::ConnectionReset
    } else {
        io::ErrorKind::Other
    }
}

/// Stands in for whoever writes: writing waits while it is paused.
struct WaterMarks(Rc<Shared>);

impl Producer for WaterMarks {
    fn pause_producing(&mut self, _: &Transport) {
        self.0.state.borrow_mut().is_full = true;
    }

    fn resume_producing(&mut self, _: &Transport) {
        let mut state = self.0.state.borrow_mut();
        state.is_full = false;
        let waker = state.writer.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn stop_producing(&mut self, _: &Transport) {}
}
