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
