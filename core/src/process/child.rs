//! A child process and what is known of it; and the handle to it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use rustix::process::{Pid, kill_process};

use super::{ProcessExit, ProcessExitedAlready, ProcessProtocol};
use crate::deferred::run_queue;
use crate::driver::{Readiness, Token};
use crate::reactor::Signal;
use crate::reactor::sources::Source;
use crate::reactor::turn::Core;
use crate::watch::{Place, watch};
use crate::{Result, Transport};

/// A cheap handle to a child process; it keeps nothing alive, and is harmless after the end.
#[derive(Clone)]
#[doc(alias = "IProcessTransport")]
pub struct Process {
    child: Weak<Child>,
    id: u32,
}

impl Process {
    /// The number by which the system knows it. After the end another process may get it.
    #[doc(alias = "pid")]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has not ended, as far as is known.
    pub fn is_running(&self) -> bool {
        self.child.upgrade().is_some_and(|child| !child.is_reaped())
    }

    /// Writes to its standard input, or its terminal.
    pub fn write(&self, data: &[u8]) {
        self.write_to(0, data);
    }

    /// Writes to the descriptor of that number in the child.
    #[doc(alias = "writeToChild")]
    pub fn write_to(&self, number: i32, data: &[u8]) {
        if let Some(pipe) = self.pipe(number) {
            pipe.write(data);
        }
    }

    /// Closes its standard input, once all that was written has gone there.
    #[doc(alias = "closeStdin")]
    pub fn close_stdin(&self) {
        self.close(0);
    }

    /// Closes the pipe of that descriptor: 1 and 2 are what it prints to.
    #[doc(alias = "closeChildFD")]
    #[doc(alias = "closeStdout")]
    #[doc(alias = "closeStderr")]
    pub fn close(&self, number: i32) {
        if let Some(pipe) = self.pipe(number) {
            pipe.lose_connection();
        }
    }

    /// Closes all of its pipes. Most programs end when they notice.
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        for pipe in self.pipes() {
            pipe.lose_connection();
        }
    }

    /// Stops reading what it prints, so that it has to wait; see [`Transport::pause_reading`].
    #[doc(alias = "pauseProducing")]
    pub fn pause_reading(&self) {
        self.pipes().iter().for_each(Transport::pause_reading);
    }

    /// Reads on.
    #[doc(alias = "resumeProducing")]
    pub fn resume_reading(&self) {
        self.pipes().iter().for_each(Transport::resume_reading);
    }

    /// The pipe of that descriptor, while it is open: to register a producer there, say.
    pub fn pipe(&self, number: i32) -> Option<Transport> {
        self.child.upgrade()?.pipe(number)
    }

    fn pipes(&self) -> Vec<Transport> {
        let child = self.child.upgrade();
        child.map_or_else(Vec::new, |child| {
            child.pipes.borrow().values().flatten().cloned().collect()
        })
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// [`ProcessExitedAlready`]; what the system says, when it is another user's by now.
    #[doc(alias = "signalProcess")]
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.upgrade().ok_or(ProcessExitedAlready)?;
        // As long as we have not waited for it, its number is nobody else's.
        if child.is_reaped() {
            return Err(ProcessExitedAlready.into());
        }
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        let signal = rustix::process::Signal::from_named_raw(signal.number());
        let (Some(pid), Some(signal)) = (pid, signal) else {
            return Err(ProcessExitedAlready.into());
        };
        Ok(kill_process(pid, signal).map_err(std::io::Error::from)?)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("id", &self.id)
            .field("is_running", &self.is_running())
            .finish()
    }
}

/// See the module.
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
    /// Those that have not ended, by the descriptor's number in the child; `None` is one that is
    /// about to be opened.
    pipes: RefCell<BTreeMap<i32, Option<Transport>>>,
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
            pipes: RefCell::new(pipes.into_iter().map(|number| (number, None)).collect()),
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
        Process {
            child: Weak::clone(&self.this),
            id: self.id,
        }
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.exit.get().is_some()
    }

    fn pipe(&self, number: i32) -> Option<Transport> {
        let number = if self.has_terminal { 1 } else { number };
        self.pipes.borrow().get(&number).cloned().flatten()
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
        self.pipes.borrow_mut().insert(number, Some(transport));
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
                log::error!(target: "torsade", "cannot wait for {self}: {error}");
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
        if pipes.values().any(Option::is_none) || self.is_made.replace(true) {
            return;
        }
        for pipe in pipes.values().flatten() {
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
        let told = run_queue::call_user(|| {
            watch(place, move || {
                protocol.process_ended(exit);
                // Dropped as user code: a protocol may own anything.
                drop(protocol);
            });
        });
        if let Err(panicked) = told {
            log::error!(target: "torsade", "process_ended panicked: {panicked:?}");
        }
    }

    fn call(&self, method: &'static str, call: impl FnOnce(&mut dyn ProcessProtocol)) {
        let place = || Place::Method(self.protocol_name, method);
        let called = run_queue::call_user(|| {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                watch(place, || call(&mut **protocol));
            }
        });
        if let Err(panicked) = called {
            log::error!(target: "torsade", "{method} panicked: {panicked:?}");
        }
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
