//! The end of a stream whose connection is over: a peer that still sends must not be answered with
//! a reset, which could destroy our last words before it reads them (RFC 9112 section 9.6).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::closing::LINGER;
use crate::DelayedCall;
use crate::driver::{Readiness, Stream, Token};
use crate::reactor::sources::Source;
use crate::reactor::turn::Core;

/// Reads and drops what comes until the peer ends its direction, for a few seconds at most.
pub(super) struct Lingering {
    token: Token,
    stream: Box<dyn Stream>,
    timer: RefCell<Option<DelayedCall>>,
}

/// How many reads one turn drops before others get their turn.
const READS_A_TURN: usize = 4;

impl Lingering {
    pub(super) fn start(core: &Rc<Core>, token: Token, stream: Box<dyn Stream>) {
        if stream.shutdown_write().is_err() {
            // The peer has gone already.
            drop(core.sources.borrow_mut().remove(token));
            return;
        }
        let handle = core.handle();
        let timer = core.handle().call_later(LINGER, move || {
            if let Some(core) = handle.core() {
                drop(core.sources.borrow_mut().remove(token));
            }
        });
        let this = Rc::new(Self {
            token,
            stream,
            timer: RefCell::new(Some(timer)),
        });
        core.sources
            .borrow_mut()
            .fill(token, Rc::<Self>::clone(&this));
        // What came before is no event any more.
        this.drain(core);
    }

    fn drain(self: Rc<Self>, core: &Rc<Core>) {
        let mut buffer = core.buffers.take_read();
        let mut left = READS_A_TURN;
        let is_over = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(_) => left -= 1,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
            if left == 0 {
                core.put_on_agenda(Rc::<Self>::clone(&self));
                break false;
            }
        };
        core.buffers.give_read(buffer);
        if is_over {
            self.end(core);
        }
    }

    fn end(&self, core: &Rc<Core>) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        drop(core.sources.borrow_mut().remove(self.token));
    }
}

impl Source for Lingering {
    fn ready(self: Rc<Self>, core: &Rc<Core>, readiness: Readiness) {
        if readiness.readable {
            self.drain(core);
        }
    }

    fn attend(self: Rc<Self>, core: &Rc<Core>) {
        // Ended meanwhile, it would read from a stream that is only kept by this agenda.
        if self
            .timer
            .borrow()
            .as_ref()
            .is_some_and(DelayedCall::is_active)
        {
            self.drain(core);
        }
    }

    fn shut_down(self: Rc<Self>, core: &Rc<Core>) {
        self.end(core);
    }

    fn describe(&self) -> String {
        "a socket that lingers after its connection".to_owned()
    }
}
