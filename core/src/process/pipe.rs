//! One pipe of a child process: a connection like any other, whose protocol this is.

use std::rc::Weak;

use super::child::Child;
use crate::{Failure, Protocol, Result, Transport};

pub(super) struct Pipe {
    pub(super) child: Weak<Child>,
    /// The descriptor's number in the child.
    pub(super) number: i32,
}

impl Protocol for Pipe {
    fn connection_made(&mut self, transport: &Transport) {
        // Until the process's own protocol has been told of the process.
        transport.pause_reading();
        if let Some(child) = self.child.upgrade() {
            child.pipe_opened(self.number, transport.clone());
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        match self.child.upgrade() {
            Some(child) => child.received(self.number, data),
            None => Ok(()),
        }
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(child) = self.child.upgrade() {
            child.pipe_lost(self.number);
        }
    }
}

/// Our end of a pipe.
pub(super) enum End {
    /// It opens in this turn or the next; this is done with it then.
    Opening {
        to_write: Vec<u8>,
        is_closing: bool,
    },
    Open(Transport),
}

impl End {
    pub(super) fn new() -> Self {
        Self::Opening {
            to_write: Vec::new(),
            is_closing: false,
        }
    }

    pub(super) fn open(&self) -> Option<&Transport> {
        match self {
            Self::Opening { .. } => None,
            Self::Open(transport) => Some(transport),
        }
    }

    pub(super) fn write(&mut self, data: &[u8]) {
        match self {
            Self::Opening {
                is_closing: true, ..
            } => {}
            Self::Opening { to_write, .. } => to_write.extend_from_slice(data),
            Self::Open(transport) => transport.write(data),
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Opening { is_closing, .. } => *is_closing = true,
            Self::Open(transport) => transport.lose_connection(),
        }
    }
}
