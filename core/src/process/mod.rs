//! Child processes: started, talked to over pipes or a terminal, and never left as zombies.
//!
//! A [`ProcessProtocol`] hears of what happens with a child, in this order: `connection_made`, then
//! what comes over its pipes, then `process_exited` when it has ended, and `process_ended` when all
//! of its pipes have ended as well and nothing more can come (a grandchild may hold them open for
//! longer). [`output`] and its siblings are for programs that are run for what they print.
//!
//! ```
//! use std::process::Command;
//! use torsade_core::process::{Process, ProcessExit, ProcessProtocol};
//! use torsade_core::{Reactor, Result};
//!
//! struct Sort {
//!     reactor: Reactor,
//!     lines: Vec<u8>,
//! }
//!
//! impl ProcessProtocol for Sort {
//!     fn connection_made(&mut self, process: &Process) {
//!         process.write(b"b\nc\na\n");
//!         process.close_stdin();
//!     }
//!
//!     fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
//!         self.lines.extend_from_slice(data);
//!         Ok(())
//!     }
//!
//!     fn process_ended(&mut self, exit: ProcessExit) {
//!         assert!(exit.is_success());
//!         assert_eq!(self.lines, b"a\nb\nc\n");
//!         self.reactor.stop().expect("it runs");
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let reactor = Reactor::new()?;
//! let sort = Sort { reactor: reactor.clone(), lines: Vec::new() };
//! reactor.spawn_process(sort, Command::new("sort"))?;
//! reactor.run()
//! # }
//! ```

mod child;
mod children;
mod exit;
mod handle;
mod output;
mod pipe;
mod protocol;
mod spawn;
#[cfg(test)]
mod tests;

pub(crate) use children::Children;
pub use exit::{ProcessExit, ProcessTerminated};
pub use handle::Process;
pub use output::{OutputTooLong, ProcessOutput, output, output_and_value, value};
pub use protocol::ProcessProtocol;
pub use spawn::{CannotSpawn, ChildDescriptor, ProcessExitedAlready, Spawn};
