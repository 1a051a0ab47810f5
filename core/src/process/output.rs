//! Programs that are run for what they print.

use std::error::Error;
use std::fmt;

use super::{Process, ProcessExit, ProcessProtocol, ProcessTerminated, Spawn};
use crate::reactor::Signal;
use crate::{Deferred, Reactor, Resolver, Result};

/// What a process printed, and how it ended.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, ProcessExit, ProcessOutput};
///
/// let reactor = Reactor::new()?;
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo done; echo with warnings >&2"]);
/// let ProcessOutput { out, err, exit } =
///     reactor.run_until(process::output_and_value(&reactor, command))?;
/// assert_eq!((&out[..], &err[..]), (&b"done\n"[..], &b"with warnings\n"[..]));
/// assert_eq!(exit, ProcessExit::Code(0));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOutput {
    /// From its standard output.
    pub out: Vec<u8>,
    /// From its standard error output.
    pub err: Vec<u8>,
    /// How it ended.
    pub exit: ProcessExit,
}

/// A process printed more than is kept in memory, and was killed.
///
/// ```
/// use torsade_core::process::OutputTooLong;
/// use torsade_core::{Failure, Result};
///
/// /// What becomes of a program's output.
/// fn size(output: Result<Vec<u8>>) -> Result<String> {
///     match output {
///         Ok(bytes) => Ok(format!("{} bytes", bytes.len())),
///         Err(failure) => Ok(format!("more than {} bytes", failure.trap::<OutputTooLong>()?.limit)),
///     }
/// }
///
/// assert_eq!(size(Ok(b"hello".to_vec()))?, "5 bytes");
/// assert_eq!(size(Err(OutputTooLong { limit: 1000 }.into()))?, "more than 1000 bytes");
/// assert!(size(Err(Failure::from(std::fmt::Error))).is_err());
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// The most that is kept of what a process prints, of both kinds together.
const LIMIT: usize = 256 * 1024 * 1024;

/// Runs a program without input, and gives what it printed to its standard output; what it prints
/// to its error output goes where ours does.
///
/// Cancelling kills it. So does more than 256 MiB: for such, write a [`ProcessProtocol`].
///
/// ```
/// use std::process::Command;
/// use torsade_core::{Reactor, process};
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Reactor::new()?;
/// let mut echo = Command::new("echo");
/// echo.arg("hello");
/// let out = reactor.run_until(process::output(&reactor, echo))?;
/// assert_eq!(out, b"hello\n");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ProcessTerminated`] unless it exits with code 0; [`OutputTooLong`]; as
/// [`Reactor::spawn_process`].
#[doc(alias = "getProcessOutput")]
#[track_caller]
pub fn output(reactor: &Reactor, spawn: impl Into<Spawn>) -> Deferred<Vec<u8>> {
    let spawn = spawn.into().inherit_errors();
    let program = spawn.program();
    output_and_value(reactor, spawn).add_callback(move |output| match output.exit {
        exit if exit.is_success() => Ok(output.out),
        exit => Err(ProcessTerminated { program, exit }.into()),
    })
}

/// Runs a program without input, and gives how it ended; what it prints is dropped.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process;
///
/// let reactor = Reactor::new()?;
/// assert!(reactor.run_until(process::value(&reactor, Command::new("true")))?.is_success());
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// As [`Reactor::spawn_process`].
#[doc(alias = "getProcessValue")]
#[track_caller]
pub fn value(reactor: &Reactor, spawn: impl Into<Spawn>) -> Deferred<ProcessExit> {
    let closed = || super::ChildDescriptor::Closed;
    let spawn = spawn.into().descriptor(1, closed()).descriptor(2, closed());
    output_and_value(reactor, spawn).map(|output| output.exit)
}

/// Runs a program without input, and gives all that it printed and how it ended.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process;
///
/// let reactor = Reactor::new()?;
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo one; echo two >&2; exit 3"]);
/// let output = reactor.run_until(process::output_and_value(&reactor, command))?;
/// assert_eq!((&output.out[..], &output.err[..]), (&b"one\n"[..], &b"two\n"[..]));
/// assert_eq!(output.exit.code(), Some(3));
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`OutputTooLong`]; as [`Reactor::spawn_process`].
#[doc(alias = "getProcessOutputAndValue")]
#[track_caller]
pub fn output_and_value(reactor: &Reactor, spawn: impl Into<Spawn>) -> Deferred<ProcessOutput> {
    let process = std::rc::Rc::new(std::cell::OnceCell::<Process>::new());
    let to_cancel = process.clone();
    let (resolver, deferred) = Deferred::with_canceller(move || {
        to_cancel.get().inspect(|process| kill(process));
    });
    let collector = Collector {
        out: Vec::new(),
        err: Vec::new(),
        resolver: Some(resolver),
    };
    let spawn = spawn.into().descriptor(0, super::ChildDescriptor::Closed);
    match reactor.spawn_process(collector, spawn) {
        Ok(started) => {
            let _ = process.set(started);
            deferred
        }
        Err(failure) => Deferred::fail(failure),
    }
}

fn kill(process: &Process) {
    // That it has ended meanwhile is as well.
    let _ = process.signal(Signal::Kill);
}

struct Collector {
    out: Vec<u8>,
    err: Vec<u8>,
    resolver: Option<Resolver<ProcessOutput>>,
}

impl Collector {
    fn keep(&mut self, process: &Process, data: &[u8], buffer: fn(&mut Self) -> &mut Vec<u8>) {
        if self.out.len() + self.err.len() + data.len() <= LIMIT {
            buffer(self).extend_from_slice(data);
        } else if let Some(resolver) = self.resolver.take() {
            kill(process);
            resolver.errback(OutputTooLong { limit: LIMIT });
        }
    }
}

impl ProcessProtocol for Collector {
    fn out_received(&mut self, process: &Process, data: &[u8]) -> Result<()> {
        self.keep(process, data, |this| &mut this.out);
        Ok(())
    }

    fn err_received(&mut self, process: &Process, data: &[u8]) -> Result<()> {
        self.keep(process, data, |this| &mut this.err);
        Ok(())
    }

    fn process_ended(&mut self, exit: ProcessExit) {
        if let Some(resolver) = self.resolver.take() {
            resolver.callback(ProcessOutput {
                out: std::mem::take(&mut self.out),
                err: std::mem::take(&mut self.err),
                exit,
            });
        }
    }
}

impl fmt::Display for OutputTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit } = self;
        write!(f, "the process printed more than {limit} bytes")
    }
}

impl Error for OutputTooLong {}
