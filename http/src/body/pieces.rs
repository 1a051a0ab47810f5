//! A body in pieces: bytes, and readers that are read on the thread pool as they are sent.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

use bytes::Bytes;
use torsade_core::{Deferred, Reactor, Resolver, Result};

use super::{BodyProducer, BodyWriter};

pub(super) enum Piece {
    Bytes(Bytes),
    /// So many bytes of it from where it stands, or all that there are.
    Reader(Reader, Option<u64>),
}

pub(super) type Reader = Box<dyn Read + Send>;

/// As much of a reader is read at a time: each takes a trip to another thread, and with a quarter of
/// this, trips cost as much as all the rest.
const READ: u64 = 256 * 1024;

/// Sends pieces one after the other.
pub(super) struct Pieces {
    length: Option<u64>,
    state: Rc<State>,
}

struct State {
    reactor: Reactor,
    left: RefCell<VecDeque<Piece>>,
    writer: RefCell<Option<BodyWriter>>,
    sent: RefCell<Option<Resolver<()>>>,
    flow: RefCell<Flow>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Sending,
    Paused,
    /// A reader is on another thread just now, and it may be paused meanwhile.
    Reading {
        is_paused: bool,
    },
    Stopped,
}

impl Pieces {
    pub(super) fn new(reactor: &Reactor, pieces: impl IntoIterator<Item = Piece>) -> Self {
        let left: VecDeque<Piece> = pieces.into_iter().collect();
        let lengths = left.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => Some(bytes.len() as u64),
            Piece::Reader(_, length) => *length,
        });
        Self {
            length: lengths.sum(),
            state: Rc::new(State {
                reactor: reactor.clone(),
                left: RefCell::new(left),
                writer: RefCell::new(None),
                sent: RefCell::new(None),
                flow: RefCell::new(Flow::Sending),
            }),
        }
    }
}

impl State {
    fn set(&self, flow: Flow) {
        *self.flow.borrow_mut() = flow;
    }

    /// Goes on when the running function has returned: the connection is busy with us.
    fn later(self: &Rc<Self>) {
        let this = Rc::clone(self);
        Deferred::succeed(()).map(move |()| this.go_on());
    }

    fn go_on(self: &Rc<Self>) {
        while *self.flow.borrow() == Flow::Sending {
            // Taken first: writing may call us.
            let piece = self.left.borrow_mut().pop_front();
            match piece {
                Some(Piece::Bytes(bytes)) => self.write(&bytes),
                Some(Piece::Reader(reader, left)) => self.read(reader, left),
                None => return self.end(Ok(())),
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        let writer = self.writer.borrow().clone();
        if let Some(writer) = writer {
            writer.write(bytes);
        }
    }

    fn read(self: &Rc<Self>, reader: Reader, left: Option<u64>) {
        self.set(Flow::Reading { is_paused: false });
        let count = left.unwrap_or(READ).min(READ);
        let this = Rc::clone(self);
        let read = self
            .reactor
            .defer_to_thread(move || Ok(read_some(reader, count)?));
        read.add_both(move |read: Result<(Reader, Vec<u8>)>| {
            this.has_read(left, read);
            Ok(())
        });
    }

    fn has_read(self: &Rc<Self>, left: Option<u64>, read: Result<(Reader, Vec<u8>)>) {
        let flow = *self.flow.borrow();
        self.set(match flow {
            Flow::Stopped => return,
            Flow::Reading { is_paused: true } => Flow::Paused,
            _ => Flow::Sending,
        });
        match read {
            Err(failure) => return self.end(Err(failure)),
            Ok((reader, bytes)) => {
                let left = left.map(|left| left - bytes.len() as u64);
                // One that has become shorter is noticed by whoever counts.
                if !bytes.is_empty() && left != Some(0) {
                    self.left
                        .borrow_mut()
                        .push_front(Piece::Reader(reader, left));
                }
                self.write(&bytes);
            }
        }
        self.go_on();
    }

    fn end(&self, result: Result<()>) {
        if let Some(sent) = self.sent.take() {
            match result {
                Ok(()) => sent.callback(()),
                Err(failure) => sent.errback(failure),
            }
        }
    }
}

fn read_some(mut reader: Reader, count: u64) -> io::Result<(Reader, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    (&mut reader).take(count).read_to_end(&mut bytes)?;
    Ok((reader, bytes))
}

impl BodyProducer for Pieces {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        let (resolver, sent) = Deferred::new();
        *self.state.sent.borrow_mut() = Some(resolver);
        *self.state.writer.borrow_mut() = Some(writer);
        self.state.later();
        sent
    }

    fn pause_producing(&mut self) {
        let flow = *self.state.flow.borrow();
        self.state.set(match flow {
            Flow::Reading { .. } => Flow::Reading { is_paused: true },
            Flow::Stopped => Flow::Stopped,
            Flow::Sending | Flow::Paused => Flow::Paused,
        });
    }

    fn resume_producing(&mut self) {
        let flow = *self.state.flow.borrow();
        match flow {
            Flow::Reading { .. } => self.state.set(Flow::Reading { is_paused: false }),
            Flow::Paused => {
                self.state.set(Flow::Sending);
                self.state.later();
            }
            Flow::Sending | Flow::Stopped => {}
        }
    }

    fn stop_producing(&mut self) {
        self.state.set(Flow::Stopped);
        // Readers are dropped, and so files closed, by that.
        self.state.left.borrow_mut().clear();
    }
}
