//! Signals by name.

use std::io;
use std::str::FromStr;

use signal_hook::consts;

/// A signal that a program may hear of, or send to a child.
///
/// ```
/// use torsade_core::reactor::Signal;
///
/// assert_eq!("HUP".parse::<Signal>().unwrap(), Signal::Hangup);
/// assert_eq!(Signal::Terminate.number(), 15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// SIGABRT.
    Abort,
    /// SIGALRM.
    Alarm,
    /// SIGCHLD: a child process has ended or stopped.
    Child,
    /// SIGCONT.
    Continue,
    /// SIGHUP: by custom, read the configuration again.
    Hangup,
    /// SIGINT. See [`handle_signals`](crate::Reactor::handle_signals): it stops the reactor, too.
    Interrupt,
    /// SIGKILL, which nobody can hear of.
    Kill,
    /// SIGQUIT.
    Quit,
    /// SIGSTOP, which nobody can hear of.
    Stop,
    /// SIGTERM. As [`Interrupt`](Self::Interrupt).
    Terminate,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGWINCH: the terminal's window has another size.
    WindowChange,
}

const NAMES: [(&str, Signal, i32); 13] = [
    ("ABRT", Signal::Abort, consts::SIGABRT),
    ("ALRM", Signal::Alarm, consts::SIGALRM),
    ("CHLD", Signal::Child, consts::SIGCHLD),
    ("CONT", Signal::Continue, consts::SIGCONT),
    ("HUP", Signal::Hangup, consts::SIGHUP),
    ("INT", Signal::Interrupt, consts::SIGINT),
    ("KILL", Signal::Kill, consts::SIGKILL),
    ("QUIT", Signal::Quit, consts::SIGQUIT),
    ("STOP", Signal::Stop, consts::SIGSTOP),
    ("TERM", Signal::Terminate, consts::SIGTERM),
    ("USR1", Signal::User1, consts::SIGUSR1),
    ("USR2", Signal::User2, consts::SIGUSR2),
    ("WINCH", Signal::WindowChange, consts::SIGWINCH),
];

impl Signal {
    /// Its number on this system.
    pub fn number(self) -> i32 {
        let found = NAMES.iter().find(|(_, signal, _)| *signal == self);
        found.map_or(0, |(_, _, number)| *number)
    }
}

/// By its name, with or without `SIG`.
///
/// ```
/// use torsade_core::reactor::Signal;
///
/// # fn main() -> std::io::Result<()> {
/// assert_eq!("TERM".parse::<Signal>()?, Signal::Terminate);
/// assert_eq!("SIGHUP".parse::<Signal>()?.number(), 1);
/// # Ok(())
/// # }
/// ```
impl FromStr for Signal {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<Self> {
        let short = name.strip_prefix("SIG").unwrap_or(name);
        let found = NAMES.iter().find(|(other, ..)| *other == short);
        found.map(|(_, signal, _)| *signal).ok_or_else(|| {
            let why = format!("{name:?} is not the name of a signal");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })
    }
}
