//! A child process as the other end of a conversation.

use std::fmt;
use std::io;
use std::rc::Rc;

use super::ClientEndpoint;
use crate::net::Established;
use crate::process::{ChildDescriptor, ProcessProtocol, Spawn};
use crate::{Deferred, Reactor, Result};

/// Connects by starting a program: its standard input and output are the stream, its error output
/// goes where ours does, unless that is said otherwise.
///
/// When the connection ends, the program's pipes do; most programs end with them. A program on a
/// [terminal](Spawn::terminal), whose two directions end together, is for
/// [`spawn_process`](Reactor::spawn_process).
///
/// ```
/// use std::process::Command;
/// use torsade_core::endpoints::{ClientEndpoint, ProcessClient};
/// use torsade_core::{Protocol, Reactor, Result, Transport};
///
/// /// Says something, and hears it again.
/// struct Hears;
///
/// impl Protocol for Hears {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"this comes back");
///     }
///
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         assert_eq!(data, b"this comes back");
///         transport.lose_connection();
///         Ok(())
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let endpoint = ProcessClient::new(&reactor, || Command::new("cat").into());
/// reactor.run_until(endpoint.converse(Hears))?;
/// # Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`CannotSpawn`](crate::process::CannotSpawn): what the system said; `InvalidInput` for a terminal.
#[derive(Clone)]
#[doc(alias = "ProcessEndpoint")]
pub struct ProcessClient {
    reactor: Reactor,
    command: Rc<dyn Fn() -> Spawn>,
}

impl ProcessClient {
    /// An endpoint that starts what `command` gives, each time that it connects.
    pub fn new(reactor: &Reactor, command: impl Fn() -> Spawn + 'static) -> Self {
        let reactor = reactor.clone();
        let inherit_errors = move || command().inherit_errors();
        Self {
            reactor,
            command: Rc::new(inherit_errors),
        }
    }

    fn start(&self) -> Result<Established> {
        let spawn = (self.command)().without_terminal()?;
        let (theirs_in, to) = io::pipe()?;
        let (from, theirs_out) = io::pipe()?;
        let spawn = spawn
            .descriptor(0, ChildDescriptor::Given(theirs_in.into()))
            .descriptor(1, ChildDescriptor::Given(theirs_out.into()));
        // Before there is a process, which would be left alone if this failed.
        let stream = self
            .reactor
            .join_descriptors(Some(from.into()), Some(to.into()))?;
        self.reactor.spawn_process(Unheard, spawn)?;
        Ok(stream)
    }
}

/// All that there is to hear of the process comes over the connection.
struct Unheard;

impl ProcessProtocol for Unheard {}

impl ClientEndpoint for ProcessClient {
    fn establish(&self) -> Deferred<Established> {
        self.start().map_or_else(Deferred::fail, Deferred::succeed)
    }
}

impl fmt::Debug for ProcessClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessClient").finish_non_exhaustive()
    }
}
