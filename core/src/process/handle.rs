//! The handle to a child process.

use std::fmt;
use std::io;
use std::rc::Weak;

use rustix::process::{Pid, kill_process};

use super::ProcessExitedAlready;
#[cfg(doc)]
use super::ProcessProtocol;
use super::child::Child;
use super::pipe::End;
use crate::reactor::Signal;
use crate::{Result, Transport};

/// A cheap handle to a child process; it keeps nothing alive, and is harmless after the end.
///
/// ```
/// use std::process::Command;
/// use torsade_core::process::{Process, ProcessExit, ProcessProtocol};
/// use torsade_core::reactor::Signal;
/// use torsade_core::{Deferred, Reactor, Resolver};
///
/// /// Tells how it ends.
/// struct Watch(Option<Resolver<ProcessExit>>);
///
/// impl ProcessProtocol for Watch {
///     fn process_ended(&mut self, exit: ProcessExit) {
///         if let Some(resolver) = self.0.take() {
///             resolver.callback(exit);
///         }
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let (resolver, ended) = Deferred::new();
/// let mut command = Command::new("sleep");
/// command.arg("60");
/// let process: Process = reactor.spawn_process(Watch(Some(resolver)), command)?;
/// process.signal(Signal::Terminate)?;
/// assert_eq!(reactor.run_until(ended)?.signal(), Some(15));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "IProcessTransport")]
#[doc(alias = "PTYProcess")]
pub struct Process {
    child: Weak<Child>,
    id: u32,
}

impl Process {
    pub(super) fn new(child: Weak<Child>, id: u32) -> Self {
        Self { child, id }
    }

    /// The number by which the system knows it. After the end another process may get it.
    #[doc(alias = "pid")]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has not ended, as far as is known.
    pub fn is_running(&self) -> bool {
        self.child.upgrade().is_some_and(|child| !child.is_reaped())
    }

    /// Writes to its standard input, or its terminal; also before that is open.
    pub fn write(&self, data: &[u8]) {
        self.write_to(0, data);
    }

    /// Writes to the descriptor of that number in the child.
    ///
    /// ```
    /// use std::process::Command;
    /// use torsade_core::process::{ChildDescriptor, Process, ProcessExit, ProcessProtocol, Spawn};
    /// use torsade_core::{Deferred, Reactor, Resolver, Result};
    ///
    /// /// Tells a secret by a pipe of its own.
    /// struct Secret(Vec<u8>, Option<Resolver<Vec<u8>>>);
    ///
    /// impl ProcessProtocol for Secret {
    ///     fn connection_made(&mut self, process: &Process) {
    ///         process.write_to(3, b"open sesame");
    ///         process.close(3);
    ///     }
    ///
    ///     fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
    ///         self.0.extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn process_ended(&mut self, _: ProcessExit) {
    ///         self.1.take().unwrap().callback(std::mem::take(&mut self.0));
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (resolver, printed) = Deferred::new();
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "cat <&3"]);
    /// let spawn = Spawn::new(command).descriptor(3, ChildDescriptor::Write);
    /// reactor.spawn_process(Secret(Vec::new(), Some(resolver)), spawn)?;
    /// assert_eq!(reactor.run_until(printed)?, b"open sesame");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "writeToChild")]
    pub fn write_to(&self, number: i32, data: &[u8]) {
        self.with_end(number, |end| end.write(data));
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
        self.with_end(number, End::close);
    }

    /// Closes all of its pipes. Most programs end when they notice.
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        self.each_end(End::close);
    }

    /// Stops reading what it prints, so that it has to wait; see [`Transport::pause_reading`].
    #[doc(alias = "pauseProducing")]
    pub fn pause_reading(&self) {
        self.each_end(|end| {
            end.open().inspect(|pipe| pipe.pause_reading());
        });
    }

    /// Reads on.
    #[doc(alias = "resumeProducing")]
    pub fn resume_reading(&self) {
        self.each_end(|end| {
            end.open().inspect(|pipe| pipe.resume_reading());
        });
    }

    /// The pipe of that descriptor, while it is open: to register a producer there, say. It is from
    /// [`connection_made`](ProcessProtocol::connection_made) on.
    ///
    /// ```
    /// use std::process::Command;
    /// use torsade_core::process::{Process, ProcessExit, ProcessProtocol};
    /// use torsade_core::protocols::FileSender;
    /// use torsade_core::{Deferred, Reactor, Resolver, Result};
    ///
    /// /// Has a file counted, which may be larger than all memory.
    /// struct Count(Vec<u8>, Option<Resolver<Vec<u8>>>);
    ///
    /// impl ProcessProtocol for Count {
    ///     fn connection_made(&mut self, process: &Process) {
    ///         let input = process.pipe(0).unwrap();
    ///         let zeros = std::io::Read::take(std::io::repeat(0), 1_000_000);
    ///         let sent = FileSender::new(zeros).begin(&input).unwrap();
    ///         sent.map(move |_| input.lose_connection());
    ///     }
    ///
    ///     fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
    ///         self.0.extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn process_ended(&mut self, _: ProcessExit) {
    ///         self.1.take().unwrap().callback(std::mem::take(&mut self.0));
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (resolver, counted) = Deferred::new();
    /// let mut command = Command::new("wc");
    /// command.arg("-c");
    /// reactor.spawn_process(Count(Vec::new(), Some(resolver)), command)?;
    /// assert_eq!(reactor.run_until(counted)?.trim_ascii(), b"1000000");
    /// # Result::<()>::Ok(())
    /// ```
    pub fn pipe(&self, number: i32) -> Option<Transport> {
        self.with_end(number, |end| end.open().cloned()).flatten()
    }

    fn with_end<R>(&self, number: i32, f: impl FnOnce(&mut End) -> R) -> Option<R> {
        self.child.upgrade()?.with_end(number, f)
    }

    fn each_end(&self, f: impl FnMut(&mut End)) {
        if let Some(child) = self.child.upgrade() {
            child.each_end(f);
        }
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
        let known = pid.zip(signal);
        let (pid, signal) = known.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(kill_process(pid, signal).map_err(io::Error::from)?)
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
