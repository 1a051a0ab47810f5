//! How a process ended.

use std::error::Error;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, ProcessExit};
///
/// let reactor = Reactor::new()?;
/// let exit = reactor.run_until(process::value(&reactor, Command::new("false")))?;
/// assert_eq!(exit, ProcessExit::Code(1));
/// assert!(!exit.is_success());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "ProcessDone")]
pub enum ProcessExit {
    /// It exited by itself.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number, as in `signal(7)`.
        number: i32,
        /// Whether its memory was written to a file.
        core_dumped: bool,
    },
    /// Nobody knows: something else in this program waited for it, or the reactor stopped before.
    Unknown,
}

/// A process ended otherwise than by exiting with code 0.
///
/// ```
/// use std::process::Command;
/// use torsade_core::Reactor;
/// use torsade_core::process::{self, ProcessExit, ProcessTerminated};
///
/// let reactor = Reactor::new()?;
/// let mut grep = Command::new("grep");
/// grep.args(["root", "/dev/null"]);
/// let found = process::output(&reactor, grep).add_errback(|failure| {
///     match failure.trap::<ProcessTerminated>()?.exit {
///         ProcessExit::Code(1) => Ok(Vec::new()), // nothing was found, which is no fault
///         exit => panic!("grep has failed: {exit}"),
///     }
/// });
/// assert!(reactor.run_until(found)?.is_empty());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.ProcessTerminated")]
pub struct ProcessTerminated {
    /// Its program.
    pub program: String,
    /// How it ended.
    pub exit: ProcessExit,
}

impl ProcessExit {
    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(number)) => Self::Signal {
                number,
                core_dumped: status.core_dumped(),
            },
            (None, None) => Self::Unknown,
        }
    }

    /// Whether it exited with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }

    /// Its exit code, if it exited by itself.
    #[doc(alias = "exitCode")]
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal { .. } | Self::Unknown => None,
        }
    }

    /// The number of the signal that ended it.
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signal { number, .. } => Some(number),
            Self::Code(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal {
                number,
                core_dumped,
            } => {
                let name = signal_hook::low_level::signal_name(*number).unwrap_or("signal");
                write!(f, "was ended by {name} ({number})")?;
                f.write_str(if *core_dumped { ", dumping core" } else { "" })
            }
            Self::Unknown => f.write_str("ended nobody knows how"),
        }
    }
}

impl fmt::Display for ProcessTerminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, self.exit)
    }
}

impl Error for ProcessTerminated {}
