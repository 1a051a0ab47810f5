//! The children of a reactor that have not been waited for.

use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};

use super::child::Child;
use crate::reactor::turn::Core;
use crate::reactor::{Signal, SignalHandler};

/// Looks after them when the system tells that some child of this process has ended (SIGCHLD).
#[derive(Default)]
pub(crate) struct Children {
    list: RefCell<Vec<Weak<Child>>>,
    handler: RefCell<Option<SignalHandler>>,
}

impl Children {
    /// From now on no end of a child is missed. To be called before one is started.
    pub(super) fn watch(&self, core: &Rc<Core>) -> io::Result<()> {
        if self.handler.borrow().is_some() {
            return Ok(());
        }
        let weak = Rc::downgrade(core);
        let handler = core.on_signal(Signal::Child, move || {
            if let Some(core) = weak.upgrade() {
                core.children.look_at_all(&core);
            }
        })?;
        *self.handler.borrow_mut() = Some(handler);
        Ok(())
    }

    pub(super) fn add(&self, child: &Rc<Child>) {
        self.list.borrow_mut().push(Rc::downgrade(child));
    }

    /// One signal may stand for any number of children.
    fn look_at_all(&self, core: &Rc<Core>) {
        self.list.borrow_mut().retain(|child| {
            let child = child.upgrade().filter(|child| !child.is_reaped());
            if let Some(child) = &child {
                child.schedule(core);
            }
            child.is_some()
        });
    }
}
