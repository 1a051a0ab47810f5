//! A child process: what the reactor has of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use super::pipe::End;
use super::{Process, ProcessExit, ProcessProtocol};
use crate::driver::{Readiness, Token};
use crate::logged::log_error;
use crate::reactor::sources::Source;
use crate::reactor::turn::{Core, call_at};
use crate::watch::Place;
use crate::{Result, Transport};

pub(super) struct Child {
    this: Weak<Self>,
    core: Weak<Core>,
    /// The strong reference to this is the reactor's.
    token: Token,
    id: u32,
    program: String,
    /// `None` once it has been waited for.
    system: RefCell<Option<std::process::Child>>,
    /// `None` once it has been told of the end.
    protocol: RefCell<Option<Box<dyn ProcessProtocol>>>,
    protocol_name: &'static str,
    /// Those that have not ended, by the descriptor's number in the child.
    pipes: RefCell<BTreeMap<i32, End>>,
    /// A terminal is one pipe in both directions.
    has_terminal: bool,
    exit: Cell<Option<ProcessExit>>,
    is_made: Cell<bool>,
    on_agenda: Cell<bool>,
}

impl Child {
    pub(super) fn start<P: ProcessProtocol>(
        core: &Rc<Core>,
        system: std::process::Child,
        program: String,
        protocol: P,
        pipes: impl IntoIterator<Item = i32>,
        has_terminal: bool,
    ) -> Rc<Self> {
        let token = core.sources.borrow_mut().reserve();
        let child = Rc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            core: Rc::downgrade(core),
            token,
            id: system.id(),
            program,
            system: RefCell::new(Some(system)),
            protocol: RefCell::new(Some(Box::new(protocol))),
            protocol_name: std::any::type_name::<P>(),
            pipes: RefCell::new(
                pipes
                    .into_iter()
                    .map(|number| (number, End::new()))
                    .collect(),
            ),
            has_terminal,
            exit: Cell::new(None),
            is_made: Cell::new(false),
            on_agenda: Cell::new(false),
        });
        core.sources
            .borrow_mut()
            .fill(token, Rc::<Self>::clone(&child));
        core.children.add(&child);
        child
    }

    pub(super) fn handle(&self) -> Process {
        Process::new(Weak::clone(&self.this), self.id)
    }

    pub(super) fn each_end(&self, f: impl FnMut(&mut End)) {
        self.pipes.borrow_mut().values_mut().for_each(f);
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.exit.get().is_some()
    }

    pub(super) fn with_end<R>(&self, number: i32, f: impl FnOnce(&mut End) -> R) -> Option<R> {
        let is_terminal = self.has_terminal && (0..=2).contains(&number);
        let number = if is_terminal { 1 } else { number };
        self.pipes.borrow_mut().get_mut(&number).map(f)
    }

    pub(super) fn schedule(self: &Rc<Self>, core: &Core) {
        if !self.on_agenda.replace(true) {
            core.put_on_agenda(Rc::<Self>::clone(self));
        }
    }

    fn schedule_self(&self) {
        if let (Some(this), Some(core)) = (self.this.upgrade(), self.core.upgrade()) {
            this.schedule(&core);
        }
    }

    pub(super) fn pipe_opened(&self, number: i32, transport: Transport) {
        let opened = End::Open(transport.clone());
        let before = self.with_end(number, |end| std::mem::replace(end, opened));
        if let Some(End::Opening {
            to_write,
            is_closing,
        }) = before
        {
            transport.write(&to_write);
            if is_closing {
                transport.lose_connection();
            }
        }
        self.schedule_self();
    }

    /// Called by the protocol of a pipe, in its name.
    pub(super) fn received(&self, number: i32, data: &[u8]) -> Result<()> {
        let process = self.handle();
        match &mut *self.protocol.borrow_mut() {
            Some(protocol) => protocol.child_data_received(&process, number, data),
            None => Ok(()),
        }
    }

    /// As [`received`](Self::received).
    pub(super) fn pipe_lost(&self, number: i32) {
        self.pipes.borrow_mut().remove(&number);
        self.schedule_self();
        let process = self.handle();
        if let Some(protocol) = &mut *self.protocol.borrow_mut() {
            protocol.child_connection_lost(&process, number);
        }
    }

    /// Looks whether it has ended, and takes it out of the system's table if so.
    fn reap(&self) {
        let status = match &mut *self.system.borrow_mut() {
            Some(system) => system.try_wait(),
            None => return,
        };
        let exit = match status {
            Ok(None) => return,
            Ok(Some(status)) => ProcessExit::of(status),
            Err(error) => {
                log_error!("cannot wait for {self}: {error}");
                ProcessExit::Unknown
            }
        };
        drop(self.system.take());
        self.exit.set(Some(exit));
        let process = self.handle();
        self.call("process_exited", |protocol| {
            protocol.process_exited(&process, exit);
        });
    }

    fn begin(&self) {
        let pipes = self.pipes.borrow();
        if pipes.values().any(|end| end.open().is_none()) || self.is_made.replace(true) {
            return;
        }
        for pipe in pipes.values().filter_map(End::open) {
            pipe.resume_reading();
        }
        drop(pipes);
        let process = self.handle();
        self.call("connection_made", |protocol| {
            protocol.connection_made(&process);
        });
    }

    fn end(&self, exit: ProcessExit) {
        if let Some(core) = self.core.upgrade() {
            let source = core.sources.borrow_mut().remove(self.token);
            drop(source);
        }
        let Some(mut protocol) = self.protocol.take() else {
            return;
        };
        let place = || Place::Method(self.protocol_name, "process_ended");
        // Logged is all that can be done about a panic here.
        let _ = call_at(place, move || {
            protocol.process_ended(exit);
            // Dropped as user code: a protocol may own anything.
            drop(protocol);
        });
    }

    fn call(&self, method: &'static str, call: impl FnOnce(&mut dyn ProcessProtocol)) {
        let place = || Place::Method(self.protocol_name, method);
        // As above.
        let _ = call_at(place, || {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                call(&mut **protocol);
            }
        });
    }
}

impl Source for Child {
    fn ready(self: Rc<Self>, _: &Rc<Core>, _: Readiness) {}

    fn attend(self: Rc<Self>, _: &Rc<Core>) {
        self.on_agenda.set(false);
        self.begin();
        if self.is_made.get() {
            self.reap();
        }
        if let Some(exit) = self.exit.get()
            && self.pipes.borrow().is_empty()
        {
            self.end(exit);
        }
    }

    /// The process goes on. Somebody has to wait for it, or it is a zombie until this process ends.
    fn shut_down(self: Rc<Self>, _: &Rc<Core>) {
        self.reap();
        if let Some(mut system) = self.system.take() {
            let waiter = std::thread::Builder::new().name("torsade-wait".to_owned());
            // Without a thread there is a zombie, which is nobody's harm.
            let _ = waiter.spawn(move || system.wait());
        }
        let exit = self.exit.get().unwrap_or(ProcessExit::Unknown);
        self.exit.set(Some(exit));
        self.end(exit);
    }

    fn describe(&self) -> String {
        format!("a child process, {self}, of {}", self.protocol_name)
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.program, self.id)
    }
}
