//! The whole `main` of a client program.

use std::process::ExitCode;

use crate::logged::log_error;
use crate::{Deferred, Outcome, Reactor, Result};

/// Runs `main` on a new reactor until what it gives has fired; its outcome is the exit code.
///
/// Success is 0. A failure is logged, written to standard error, and 1. When `main` has fired, the
/// reactor is stopped in an orderly way: its shutdown triggers run, and every connection is told.
///
/// ```no_run
/// use std::process::ExitCode;
/// use torsade_core::task::react;
///
/// fn main() -> ExitCode {
///     react(|reactor| reactor.look_up("localhost").map(|addresses| println!("{addresses:?}")))
/// }
/// ```
pub fn react<O>(main: impl FnOnce(&Reactor) -> O) -> ExitCode
where
    O: Outcome<Output = ()>,
{
    react_with(|reactor| main(reactor).into_deferred().map(|()| ExitCode::SUCCESS))
}

/// As [`react`], for a `main` that gives an exit code of its own.
///
/// ```
/// use std::process::ExitCode;
/// use torsade_core::react_with;
///
/// fn main() -> ExitCode {
///     react_with(|reactor| {
///         let found = reactor.look_up("localhost");
///         found.map(|_| ExitCode::SUCCESS).add_errback(|_| Ok(ExitCode::from(3)))
///     })
/// }
/// ```
pub fn react_with(main: impl FnOnce(&Reactor) -> Deferred<ExitCode>) -> ExitCode {
    run(main).unwrap_or_else(|failure| {
        log_error!("main failed: {failure:?}");
        eprintln!("error: {failure:#}");
        ExitCode::FAILURE
    })
}

fn run(main: impl FnOnce(&Reactor) -> Deferred<ExitCode>) -> Result<ExitCode> {
    let reactor = Reactor::new()?;
    let deferred = main(&reactor);
    let result = reactor.run_until(deferred);
    // Already stopped by `main` itself, or by a signal: then this changes nothing.
    reactor.call_when_running({
        let reactor = reactor.clone();
        move || {
            let _ = reactor.stop();
        }
    });
    if !reactor.has_stopped() {
        reactor.run()?;
    }
    result
}
