//! SIGINT and SIGTERM, turned into an orderly stop.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

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
            let asked = Arc::clone(&signals.asked);
            signals.ids.push(flag::register(signal, asked)?);
            let pipe = UnixStream::try_clone(&pipe)?;
            signals.ids.push(low_level::pipe::register(signal, pipe)?);
        }
        process.one_more();
        signals.is_counted = true;
        Ok(Some(signals))
    }

    /// Whether a signal asked to stop, since this was asked last.
    pub(super) fn stop_asked(&self) -> bool {
        let asked = self.asked.swap(false, Ordering::Relaxed);
        if asked && let Ok(process) = Process::get() {
            process.arm();
        }
        asked
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
    running: Mutex<Running>,
    /// A signal ends the process: no reactor listens, or those that do were asked already.
    fatal: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Running {
    count: usize,
    /// How many were started, ever.
    started: usize,
}

/// So soon after a signal, another one is the same: `timeout` signals its child and then the group
/// that this is in, and a terminal's Ctrl-C often comes from a wrapper once more.
const SAME: Duration = Duration::from_millis(500);

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
            running: Mutex::default(),
            fatal,
        }))
    }

    /// A signal was seen: has the next one end the process, unless it is the same.
    ///
    /// A handler must not look at a clock, and the loop may hang in what it does to stop, so this
    /// takes a thread. It is made only now: in a process of one thread each system call costs less.
    fn arm(&'static self) {
        let asked = *self.lock();
        let arm = move || {
            thread::sleep(SAME);
            let running = self.lock();
            if *running == asked && running.count > 0 {
                self.fatal.store(true, Ordering::Relaxed);
            }
        };
        let guard = thread::Builder::new().name("torsade-signals".to_owned());
        if guard.spawn(arm).is_err() {
            // Rather too soon than never.
            self.fatal.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_more(&self) {
        let mut running = self.lock();
        running.count += 1;
        running.started += 1;
        self.fatal.store(false, Ordering::Relaxed);
    }

    fn one_less(&self) {
        let mut running = self.lock();
        running.count = running.count.saturating_sub(1);
        self.fatal.store(running.count == 0, Ordering::Relaxed);
    }
}
