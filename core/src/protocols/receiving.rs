//! The protocol that all receivers are: it keeps what comes, and gives pieces of it on.

use std::cell::{RefCell, RefMut};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::input::{Input, Pump};
use crate::{Failure, Result, Transport};

/// Cuts pieces from an input and gives them to a user's type.
pub(super) trait Cutter: 'static {
    fn made(&mut self);

    /// Gives the next piece on. `false` when that is not complete, or there is nothing.
    fn give_next(&mut self) -> Result<bool>;

    fn descriptor_received(&mut self, descriptor: OwnedFd);

    fn read_closed(&mut self);

    fn write_closed(&mut self);

    fn lost(&mut self, reason: &Failure);
}

/// Shared by the connection, which owns it, and by what resumes it later.
pub(super) struct Receiving<C> {
    cutter: RefCell<C>,
    input: Rc<Input>,
}

impl<C: Cutter> Receiving<C> {
    pub(super) fn new(cutter: C, input: &Rc<Input>) -> Rc<Self> {
        Rc::new(Self {
            cutter: RefCell::new(cutter),
            input: Rc::clone(input),
        })
    }

    pub(super) fn cutter(&self) -> RefMut<'_, C> {
        self.cutter.borrow_mut()
    }

    pub(super) fn made(self: &Rc<Self>, transport: &Transport) {
        let this: Rc<dyn Pump> = Rc::<Self>::clone(self);
        self.input.connect(transport, Rc::downgrade(&this));
        self.cutter().made();
    }

    pub(super) fn received(&self, data: &[u8]) -> Result<()> {
        self.input.receive(data)?;
        self.give()
    }

    fn give(&self) -> Result<()> {
        self.input.is_giving.set(true);
        let given = self.give_all();
        self.input.is_giving.set(false);
        given?;
        if self.input.transport().is_connected() {
            self.input.tidy();
        } else {
            // No piece is given after a close, so none is kept.
            self.input.end();
        }
        Ok(())
    }

    fn give_all(&self) -> Result<()> {
        while self.input.may_give() {
            self.input.check_filters()?;
            if !self.cutter().give_next()? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn lost(&self, reason: &Failure) {
        self.input.end();
        self.cutter().lost(reason);
    }
}

impl<C: Cutter> Pump for Receiving<C> {
    fn pump(&self) {
        if let Err(failure) = self.give() {
            self.input.transport().abort_with(failure);
        }
    }
}

/// A receiver as a protocol: all of them are, in the same way.
macro_rules! protocol_by_receiving {
    () => {
        fn connection_made(&mut self, transport: &Transport) {
            self.receiving.made(transport);
        }

        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.receiving.received(data)
        }

        fn descriptor_received(&mut self, _: &Transport, descriptor: std::os::fd::OwnedFd) {
            self.receiving.cutter().descriptor_received(descriptor);
        }

        fn read_closed(&mut self, _: &Transport) {
            self.receiving.cutter().read_closed();
        }

        fn write_closed(&mut self, _: &Transport) {
            self.receiving.cutter().write_closed();
        }

        fn connection_lost(&mut self, reason: &Failure) {
            self.receiving.lost(reason);
        }
    };
}
pub(super) use protocol_by_receiving;
