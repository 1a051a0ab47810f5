//! SIGINT and SIGTERM, turned into an orderly stop.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::driver::Driver;

/// The handlers of one running reactor; dropped, they are gone.
pub(super) struct Signals {
    asked: Arc<AtomicBool>,
    ids: Vec<SigId>,
    /// Whether this is one of the process's running reactors: at last, when nothing has failed.
    is_counted: bool,
}

impl Signals {
    /// Installs the handlers, if signals can come at all.
    pub(super) fn install(driver: &dyn Driver) -> io::Result<Option<Self>> {
        let Some(pipe) = driver.watch_signals()? else {
            return Ok(None);
        };
        let mut signals = Self {
            asked: Arc::default(),
            ids: Vec::new(),
            is_counted: false,
        };
        let process = Process::get()?;
        for signal in [SIGINT, SIGTERM] {
            // The process's own handler came first, and so looks at `fatal` before this sets it:
            // the next signal ends the process, also when the loop hangs and never sees this one.
            for flag in [&process.fatal, &signals.asked] {
                signals.ids.push(flag::register(signal, Arc::clone(flag))?);
            }
            let pipe = UnixStream::try_clone(&pipe)?;
            signals.ids.push(low_level::pipe::register(signal, pipe)?);
        }
        process.one_more();
        signals.is_counted = true;
        Ok(Some(signals))
    }

    /// Whether a signal asked to stop, since this was asked last.
    pub(super) fn stop_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
        if self.is_counted
            && let Ok(process) = Process::get()
        {
            process.one_less();
        }
    }
}

/// What all reactors of this process share: a handler, once installed, stays for the process's
/// life; while no reactor runs, it does what the signal does by default.
struct Process {
    running: Mutex<usize>,
    /// A signal ends the process: no reactor listens, or those that do were asked already.
    fatal: Arc<AtomicBool>,
}

impl Process {
    fn get() -> io::Result<&'static Self> {
        static PROCESS: OnceLock<Process> = OnceLock::new();
        if let Some(process) = PROCESS.get() {
            return Ok(process);
        }
        let fatal = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&fatal))?;
        }
        Ok(PROCESS.get_or_init(|| Self {
            running: Mutex::new(0),
            fatal,
        }))
    }

    fn one_more(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        self.fatal.store(false, Ordering::Relaxed);
    }

    fn one_less(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
        self.fatal.store(*running == 0, Ordering::Relaxed);
    }
}
