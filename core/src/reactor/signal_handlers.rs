//! Signals to callbacks.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{self, Arc};

use signal_hook::{SigId, flag, low_level};
use slab::Slab;

use super::signal::Signal;
use super::turn::{Core, run_call};
use crate::driver::Driver;
use crate::{Reactor, Result};

/// A function that hears of a signal. Dropping this does not stop that.
///
/// ```
/// use torsade_core::Reactor;
/// use torsade_core::reactor::Signal;
///
/// let reactor = Reactor::new()?;
/// let handler = reactor.on_signal(Signal::User2, || println!("heard"))?;
/// assert!(handler.remove());
/// assert!(!handler.remove());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[must_use = "keep it to stop hearing of the signal, or say `let _ =` if you never will"]
pub struct SignalHandler {
    core: Weak<Core>,
    key: usize,
    /// Which handler of that key it is.
    flag: sync::Weak<AtomicBool>,
}

impl SignalHandler {
    /// Hears no more of the signal, which is ignored from then on unless others hear of it. Gives
    /// back whether it did until now.
    pub fn remove(&self) -> bool {
        let Some(core) = self.core.upgrade() else {
            return false;
        };
        let removed = core.signal_handlers.remove(self.key, &self.flag);
        let was_there = removed.is_some();
        drop(removed);
        was_there
    }
}

impl fmt::Debug for SignalHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHandler").finish_non_exhaustive()
    }
}

/// The handlers of a reactor.
#[derive(Default)]
pub(super) struct SignalHandlers {
    handlers: RefCell<Slab<Handler>>,
}

struct Handler {
    has_come: Arc<AtomicBool>,
    ids: Vec<SigId>,
    call: Rc<RefCell<dyn FnMut()>>,
}

impl Drop for Handler {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}

impl SignalHandlers {
    fn add(
        &self,
        driver: &dyn Driver,
        signal: Signal,
        call: Rc<RefCell<dyn FnMut()>>,
    ) -> io::Result<(usize, sync::Weak<AtomicBool>)> {
        let mut handler = Handler {
            has_come: Arc::default(),
            ids: Vec::new(),
            call,
        };
        // In a simulated world no signal comes.
        if let Some(pipe) = driver.watch_signals()? {
            // First the flag, then what wakes the loop, which looks at the flag.
            let has_come = Arc::clone(&handler.has_come);
            handler.ids.push(flag::register(signal.number(), has_come)?);
            let woken = low_level::pipe::register(signal.number(), pipe)?;
            handler.ids.push(woken);
        }
        let flag = Arc::downgrade(&handler.has_come);
        Ok((self.handlers.borrow_mut().insert(handler), flag))
    }

    fn remove(&self, key: usize, flag: &sync::Weak<AtomicBool>) -> Option<Handler> {
        let mut handlers = self.handlers.borrow_mut();
        let is_it = |handler: &Handler| std::ptr::eq(flag.as_ptr(), &raw const *handler.has_come);
        if handlers.get(key).is_some_and(is_it) {
            return handlers.try_remove(key);
        }
        None
    }

    /// Calls those whose signal has come. Several of one kind count as one, as with the system.
    pub(super) fn run(&self) {
        if self.handlers.borrow().is_empty() {
            return;
        }
        let due: Vec<_> = {
            let handlers = self.handlers.borrow();
            let come = |handler: &&Handler| handler.has_come.swap(false, Ordering::SeqCst);
            handlers
                .iter()
                .map(|(_, handler)| handler)
                .filter(come)
                .map(|handler| Rc::clone(&handler.call))
                .collect()
        };
        for call in due {
            run_call("a signal's handler", || call.borrow_mut()());
        }
    }
}

impl Core {
    pub(crate) fn on_signal(
        self: &Rc<Self>,
        signal: Signal,
        call: impl FnMut() + 'static,
    ) -> io::Result<SignalHandler> {
        if matches!(signal, Signal::Kill | Signal::Stop) {
            let why = "nobody can hear of this signal";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let call = Rc::new(RefCell::new(call));
        let (key, flag) = self.signal_handlers.add(&*self.driver, signal, call)?;
        Ok(SignalHandler {
            core: Rc::downgrade(self),
            key,
            flag,
        })
    }
}

impl Reactor {
    /// Has `f` called when the process gets a signal, in the reactor's thread, as any other call.
    ///
    /// Several of one kind that come at once may be one call. In a simulated world none comes.
    ///
    /// ```
    /// # use std::process::Command;
    /// # use torsade_core::{Deferred, Reactor};
    /// use torsade_core::reactor::Signal;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// let (resolver, heard) = Deferred::new();
    /// let mut resolver = Some(resolver);
    /// let handler = reactor.on_signal(Signal::Hangup, move || {
    ///     // To read the configuration anew, say.
    ///     resolver.take().into_iter().for_each(|resolver| resolver.callback("heard"));
    /// })?;
    /// # let kill = format!("kill -HUP {}", std::process::id());
    /// # Command::new("sh").args(["-c", &kill]).status()?;
    /// assert_eq!(reactor.run_until(heard)?, "heard"); // after `kill -HUP`
    /// handler.remove();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says; [`ReactorError`](crate::ReactorError) when the reactor has stopped.
    #[doc(alias = "signal.signal")]
    pub fn on_signal(&self, signal: Signal, f: impl FnMut() + 'static) -> Result<SignalHandler> {
        Ok(self.try_core()?.on_signal(signal, f)?)
    }
}
