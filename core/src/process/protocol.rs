//! What users write to talk to a child process.

use super::{Process, ProcessExit};
use crate::Result;

/// Told of what happens with a child process: see the [module](super).
///
/// ```
/// use std::process::Command;
/// use torsade_core::process::{Process, ProcessExit, ProcessProtocol};
/// use torsade_core::{Reactor, Resolver, Result};
///
/// /// Has a program count, and gives what it says.
/// struct Count {
///     said: Vec<u8>,
///     result: Option<Resolver<String>>,
/// }
///
/// impl ProcessProtocol for Count {
///     fn connection_made(&mut self, process: &Process) {
///         process.write(b"a line\nand another\n");
///         process.close_stdin();
///     }
///
///     fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
///         self.said.extend_from_slice(data);
///         Ok(())
///     }
///
///     fn process_ended(&mut self, _: ProcessExit) {
///         if let Some(result) = self.result.take() {
///             result.callback(String::from_utf8_lossy(&self.said).trim().to_owned());
///         }
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let (resolver, lines) = torsade_core::Deferred::new();
/// let mut command = Command::new("wc");
/// command.arg("-l");
/// reactor.spawn_process(Count { said: Vec::new(), result: Some(resolver) }, command)?;
/// assert_eq!(reactor.run_until(lines)?, "2");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IProcessProtocol")]
#[doc(alias = "twisted.internet.protocol.ProcessProtocol")]
pub trait ProcessProtocol: 'static {
    /// It was started, and can be written to.
    #[doc(alias = "connectionMade")]
    #[doc(alias = "makeConnection")]
    fn connection_made(&mut self, process: &Process) {
        let _ = process;
    }

    /// Bytes came from the descriptor of that number in the child.
    ///
    /// ```
    /// use std::process::Command;
    /// use torsade_core::process::{ChildDescriptor, Process, ProcessExit, ProcessProtocol, Spawn};
    /// use torsade_core::{Deferred, Reactor, Resolver, Result};
    ///
    /// /// Hears what comes by a pipe of its own.
    /// struct Hears(Vec<(i32, Vec<u8>)>, Option<Resolver<Vec<(i32, Vec<u8>)>>>);
    ///
    /// impl ProcessProtocol for Hears {
    ///     fn child_data_received(&mut self, _: &Process, number: i32, data: &[u8]) -> Result<()> {
    ///         self.0.push((number, data.to_vec()));
    ///         Ok(())
    ///     }
    ///
    ///     fn process_ended(&mut self, _: ProcessExit) {
    ///         self.1.take().unwrap().callback(std::mem::take(&mut self.0));
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (resolver, heard) = Deferred::new();
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo hello >&3"]);
    /// let spawn = Spawn::new(command).descriptor(3, ChildDescriptor::Read);
    /// reactor.spawn_process(Hears(Vec::new(), Some(resolver)), spawn)?;
    /// assert_eq!(reactor.run_until(heard)?, [(3, b"hello\n".to_vec())]);
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// An error closes the pipe they came by.
    #[doc(alias = "childDataReceived")]
    fn child_data_received(&mut self, process: &Process, number: i32, data: &[u8]) -> Result<()> {
        match number {
            2 => self.err_received(process, data),
            _ => self.out_received(process, data),
        }
    }

    /// Bytes came from its standard output (or its terminal). They are dropped unless this is overridden.
    ///
    /// # Errors
    /// As [`child_data_received`](Self::child_data_received).
    #[doc(alias = "outReceived")]
    fn out_received(&mut self, process: &Process, data: &[u8]) -> Result<()> {
        let _ = (process, data);
        Ok(())
    }

    /// Bytes came from its standard error output. They are dropped unless this is overridden.
    ///
    /// # Errors
    /// As [`child_data_received`](Self::child_data_received).
    #[doc(alias = "errReceived")]
    fn err_received(&mut self, process: &Process, data: &[u8]) -> Result<()> {
        let _ = (process, data);
        Ok(())
    }

    /// The pipe of that descriptor has ended: the child has closed it, or we have.
    #[doc(alias = "childConnectionLost")]
    #[doc(alias = "inConnectionLost")]
    #[doc(alias = "outConnectionLost")]
    #[doc(alias = "errConnectionLost")]
    fn child_connection_lost(&mut self, process: &Process, number: i32) {
        let _ = (process, number);
    }

    /// The process has ended. What it wrote before may still be under way.
    #[doc(alias = "processExited")]
    fn process_exited(&mut self, process: &Process, exit: ProcessExit) {
        let _ = (process, exit);
    }

    /// The process and all of its pipes have ended. Nothing more will be called.
    #[doc(alias = "processEnded")]
    fn process_ended(&mut self, exit: ProcessExit) {
        let _ = exit;
    }
}
