//! Starting a child process.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;

use command_fds::{CommandFdExt, FdMapping};
use pty_process::{Size, blocking};

use super::child::Child;
use super::pipe::Pipe;
use super::{Process, ProcessProtocol};
use crate::factory::Once;
use crate::net::given;
use crate::reactor::turn::Core;
use crate::{Reactor, Result};

/// What a child process is started with: the standard library's [`Command`] (program, arguments,
/// environment, directory, user and group), and how its descriptors are connected.
///
/// By default its standard input, output and error output are pipes of ours; nothing else of ours
/// is open in it. What [`Command`] was told about these three is not looked at.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, ChildDescriptor, Spawn};
///
/// let reactor = Reactor::new()?;
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo $GREETING; echo lost >&2"]).env("GREETING", "hello");
/// let quiet = Spawn::new(command).descriptor(2, ChildDescriptor::Closed);
/// let output = reactor.run_until(process::output_and_value(&reactor, quiet))?;
/// assert_eq!((&output.out[..], &output.err[..]), (&b"hello\n"[..], &b""[..]));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
#[doc(alias = "spawnProcess")]
pub struct Spawn {
    command: Command,
    descriptors: BTreeMap<i32, ChildDescriptor>,
    terminal: Option<(u16, u16)>,
}

/// What a descriptor of a child is.
///
/// ```
/// use std::io::{Read, pipe};
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, ChildDescriptor, Spawn};
///
/// let reactor = Reactor::new()?;
/// let (mut reader, writer) = pipe()?;
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo hello >&3"]);
/// let spawn = Spawn::new(command)
///     .descriptor(0, ChildDescriptor::Closed)
///     .descriptor(3, ChildDescriptor::Given(writer.into()));
/// assert!(reactor.run_until(process::value(&reactor, spawn))?.is_success());
/// let mut said = String::new();
/// reader.read_to_string(&mut said)?;
/// assert_eq!(said, "hello\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[doc(alias = "childFDs")]
pub enum ChildDescriptor {
    /// A pipe that we write to and the child reads from.
    Write,
    /// A pipe that the child writes to and we read from.
    Read,
    /// What has this number in our process, shared: for 0, 1 and 2 only.
    Inherit,
    /// This one, shared.
    Given(OwnedFd),
    /// Nothing: it is not open, or, for 0, 1 and 2, it is `/dev/null`.
    Closed,
}

/// A process could not be started.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, CannotSpawn};
///
/// let reactor = Reactor::new()?;
/// let none = process::output(&reactor, Command::new("there-is-no-such-program"));
/// let failure = reactor.run_until(none).unwrap_err();
/// assert!(failure.check::<CannotSpawn>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "SpawnError")]
pub struct CannotSpawn {
    /// Its program.
    pub program: String,
    /// What the system said: `NotFound` when there is no such program (or directory),
    /// `PermissionDenied` when it is none; `Unsupported` in a simulated world.
    pub error: Arc<io::Error>,
}

/// The process has ended, so it cannot be sent a signal.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{ProcessExitedAlready, ProcessProtocol};
/// use torsade_core::reactor::Signal;
///
/// /// Does not listen.
/// struct Deaf;
/// impl ProcessProtocol for Deaf {}
///
/// let reactor = Reactor::new()?;
/// let process = reactor.spawn_process(Deaf, Command::new("true"))?;
/// while process.is_running() {
///     reactor.iterate(None)?;
/// }
/// let failure = process.signal(Signal::Terminate).unwrap_err();
/// assert!(failure.check::<ProcessExitedAlready>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.ProcessExitedAlready")]
pub struct ProcessExitedAlready;

impl Spawn {
    /// A process with three pipes.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            descriptors: BTreeMap::from([
                (0, ChildDescriptor::Write),
                (1, ChildDescriptor::Read),
                (2, ChildDescriptor::Read),
            ]),
            terminal: None,
        }
    }

    /// What the descriptor of that number is in the child.
    pub fn descriptor(mut self, number: i32, what: ChildDescriptor) -> Self {
        self.descriptors.insert(number, what);
        self
    }

    /// Its error output goes where ours does, if nothing else was said of it.
    pub(crate) fn inherit_errors(mut self) -> Self {
        if matches!(self.descriptors.get(&2), Some(ChildDescriptor::Read)) {
            self.descriptors.insert(2, ChildDescriptor::Inherit);
        }
        self
    }

    /// Gives it a terminal of so many rows and columns instead of the first three descriptors. What
    /// it prints comes by [`out_received`](ProcessProtocol::out_received).
    ///
    /// ```
    /// use std::process::Command;
    /// use torsade_core::process::{Process, ProcessExit, ProcessProtocol, Spawn};
    /// use torsade_core::{Deferred, Reactor, Resolver, Result};
    ///
    /// /// Gives what is printed.
    /// struct Screen(Vec<u8>, Option<Resolver<Vec<u8>>>);
    ///
    /// impl ProcessProtocol for Screen {
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
    /// let mut command = Command::new("stty");
    /// command.arg("size");
    /// let spawn = Spawn::new(command).terminal(24, 80);
    /// reactor.spawn_process(Screen(Vec::new(), Some(resolver)), spawn)?;
    /// assert_eq!(reactor.run_until(printed)?, b"24 80\r\n");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "usePTY")]
    pub fn terminal(mut self, rows: u16, columns: u16) -> Self {
        self.terminal = Some((rows, columns));
        self
    }

    /// Itself, if it has pipes: for who talks with it by these.
    pub(crate) fn without_terminal(self) -> Result<Self, CannotSpawn> {
        if self.terminal.is_none() {
            return Ok(self);
        }
        let why = "it is to have a terminal, which is no stream";
        let error = io::Error::new(io::ErrorKind::InvalidInput, why);
        Err(CannotSpawn {
            program: self.program(),
            error: Arc::new(error),
        })
    }

    pub(super) fn program(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }

    /// Starts it. Gives back our ends of its pipes: what is read from, what is written to.
    fn start(mut self) -> io::Result<(std::process::Child, Vec<Ends>)> {
        let is_number = |number: &i32| (0..MOST_DESCRIPTORS).contains(number);
        if !self.descriptors.keys().all(is_number) {
            let why = "there is no descriptor of that number";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut ours = Vec::new();
        let terminal = match self.terminal {
            None => None,
            Some((rows, columns)) => {
                let (ends, child_side) = open_terminal(rows, columns)?;
                ours.push(ends);
                self.descriptors.retain(|&number, _| number > 2);
                Some(child_side)
            }
        };
        let mut mappings = Vec::new();
        for (number, what) in self.descriptors {
            let theirs = match what {
                ChildDescriptor::Write => {
                    let (theirs, end) = io::pipe()?;
                    ours.push((number, None, Some(end.into())));
                    Some(OwnedFd::from(theirs))
                }
                ChildDescriptor::Read => {
                    let (end, theirs) = io::pipe()?;
                    ours.push((number, Some(end.into()), None));
                    Some(OwnedFd::from(theirs))
                }
                ChildDescriptor::Given(descriptor) => Some(descriptor),
                ChildDescriptor::Inherit => Some(own(number)?),
                ChildDescriptor::Closed => None,
            };
            let stdio = |theirs: Option<OwnedFd>| theirs.map_or_else(Stdio::null, Stdio::from);
            match (number, theirs) {
                (0, theirs) => drop(self.command.stdin(stdio(theirs))),
                (1, theirs) => drop(self.command.stdout(stdio(theirs))),
                (2, theirs) => drop(self.command.stderr(stdio(theirs))),
                (child_fd, Some(parent_fd)) => mappings.push(FdMapping {
                    parent_fd,
                    child_fd,
                }),
                (_, None) => {}
            }
        }
        if !mappings.is_empty() {
            let mapped = self.command.fd_mappings(mappings);
            mapped.map_err(io::Error::other)?;
        }
        let child = match terminal {
            None => self.command.spawn()?,
            Some(child_side) => {
                let command = blocking::Command::from(self.command);
                command.spawn(child_side).map_err(system_error)?
            }
        };
        Ok((child, ours))
    }
}

/// No system allows a process more (fs.nr_open of Linux).
const MOST_DESCRIPTORS: i32 = 1 << 20;

/// The number of a descriptor in the child, and our ends: to read from, to write to.
type Ends = (i32, Option<OwnedFd>, Option<OwnedFd>);

fn open_terminal(rows: u16, columns: u16) -> io::Result<(Ends, blocking::Pts)> {
    let (ours, theirs) = blocking::open().map_err(system_error)?;
    ours.resize(Size::new(rows, columns))
        .map_err(system_error)?;
    let from = OwnedFd::from(ours);
    let to = from.try_clone()?;
    Ok(((1, Some(from), Some(to)), theirs))
}

fn system_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
    }
}

fn own(number: i32) -> io::Result<OwnedFd> {
    match number {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "only the descriptors 0, 1 and 2 are inherited by number",
        )),
    }
}

impl From<Command> for Spawn {
    fn from(command: Command) -> Self {
        Self::new(command)
    }
}

impl Reactor {
    /// Starts a child process, and tells `protocol` of it. See [`process`](crate::process).
    ///
    /// # Errors
    /// [`CannotSpawn`]; [`ReactorError`](crate::ReactorError) when the reactor has stopped.
    #[doc(alias = "spawnProcess")]
    #[doc(alias = "IReactorProcess")]
    pub fn spawn_process<P: ProcessProtocol>(
        &self,
        protocol: P,
        spawn: impl Into<Spawn>,
    ) -> Result<Process> {
        let core = self.try_core()?;
        let spawn = spawn.into();
        let program = spawn.program();
        let started = start(&core, protocol, spawn);
        Ok(started.map_err(|error| CannotSpawn {
            program,
            error: Arc::new(error),
        })?)
    }
}

fn start<P: ProcessProtocol>(core: &Rc<Core>, protocol: P, spawn: Spawn) -> io::Result<Process> {
    core.driver.descriptors()?;
    core.children.watch(core)?;
    let (program, has_terminal) = (spawn.program(), spawn.terminal.is_some());
    let (mut system, ends) = spawn.start()?;
    let join = |(number, from, to)| Ok((number, given::join(core, from, to)?));
    let streams: io::Result<Vec<_>> = ends.into_iter().map(join).collect();
    let streams = streams.inspect_err(|_| {
        // It runs already, and nobody could talk to it. Both fail only if it has ended.
        let _ = system.kill();
        let _ = system.wait();
    })?;
    let numbers = streams.iter().map(|(number, _)| *number);
    let child = Child::start(core, system, program, protocol, numbers, has_terminal);
    for (number, stream) in streams {
        let pipe = Pipe {
            child: Rc::downgrade(&child),
            number,
        };
        drop(stream.open(Once::new(pipe)));
    }
    child.schedule(core);
    Ok(child.handle())
}

impl fmt::Display for CannotSpawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {}", self.program)
    }
}

impl Error for CannotSpawn {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

impl fmt::Display for ProcessExitedAlready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has ended already")
    }
}

impl Error for ProcessExitedAlready {}
