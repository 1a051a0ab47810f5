//! Descriptors of any kind in the loop: inotify, netlink, a C library's.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};

use super::sources::Source;
use super::turn::{Core, call_at, run_call};
use crate::driver::{Interest, Readiness, Token};
use crate::watch::Place;
use crate::{Failure, Reactor, ReactorError, Result};

/// Something with a descriptor that the reactor is to watch.
///
/// It owns the descriptor, so nothing closes that while it is watched. Readiness is told for as
/// long as it lasts: whoever does not read all is told again in the next turn.
///
/// ```
/// use std::io::{PipeReader, Read, Write, pipe};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use torsade_core::reactor::{FileDescriptor, Watched};
/// use torsade_core::{Reactor, Resolver, Result};
///
/// /// Waits for the first byte.
/// struct First {
///     pipe: PipeReader,
///     byte: Option<Resolver<u8>>,
/// }
///
/// impl AsFd for First {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.pipe.as_fd()
///     }
/// }
///
/// impl FileDescriptor for First {
///     fn do_read(&mut self, watched: &Watched) -> Result<()> {
///         let mut byte = [0];
///         self.pipe.read_exact(&mut byte)?;
///         watched.remove();
///         if let Some(resolver) = self.byte.take() {
///             resolver.callback(byte[0]);
///         }
///         Ok(())
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let (reader, mut writer) = pipe()?;
/// let (resolver, byte) = torsade_core::Deferred::new();
/// let watched = reactor.watch_descriptor(First { pipe: reader, byte: Some(resolver) })?;
/// watched.set_reading(true)?;
/// writer.write_all(b"x")?;
/// assert_eq!(reactor.run_until(byte)?, b'x');
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IReadDescriptor")]
#[doc(alias = "IWriteDescriptor")]
#[doc(alias = "IReadWriteDescriptor")]
#[doc(alias = "IFileDescriptor")]
pub trait FileDescriptor: AsFd + 'static {
    /// Something can be read, or the other side has ended or failed, which a read then tells.
    ///
    /// # Errors
    /// An error ends the watching, and is told to [`connection_lost`](Self::connection_lost); at
    /// the end of what can be read, [`ConnectionDone`](crate::ConnectionDone) is the usual one.
    #[doc(alias = "doRead")]
    fn do_read(&mut self, watched: &Watched) -> Result<()> {
        let _ = watched;
        Ok(())
    }

    /// Something can be written, or the other side has failed, which a write then tells.
    ///
    /// # Errors
    /// As [`do_read`](Self::do_read).
    #[doc(alias = "doWrite")]
    fn do_write(&mut self, watched: &Watched) -> Result<()> {
        let _ = watched;
        Ok(())
    }

    /// It is watched no more, because it failed, panicked, or the reactor stopped. (Not because of
    /// [`Watched::remove`].)
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

/// A handle to a descriptor that is watched. Dropping it changes nothing.
///
/// ```
/// use std::fs::File;
/// use std::os::fd::{AsFd, BorrowedFd};
/// use torsade_core::reactor::FileDescriptor;
/// use torsade_core::Reactor;
///
/// struct Null(File);
///
/// impl AsFd for Null {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.0.as_fd()
///     }
/// }
///
/// impl FileDescriptor for Null {}
///
/// let reactor = Reactor::new()?;
/// # let (reader, _writer) = std::io::pipe()?;
/// # let file = File::from(std::os::fd::OwnedFd::from(reader));
/// let watched = reactor.watch_descriptor(Null(file))?;
/// assert!(watched.is_watched());
/// watched.remove();
/// assert!(!watched.is_watched());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct Watched {
    watcher: Weak<dyn Watch>,
}

impl Watched {
    /// Has [`do_read`](FileDescriptor::do_read) called while something can be read, or no more.
    ///
    /// # Errors
    /// What the system says; `PermissionDenied` when it is a file, which nobody can watch.
    #[doc(alias = "addReader")]
    #[doc(alias = "removeReader")]
    #[doc(alias = "startReading")]
    #[doc(alias = "stopReading")]
    pub fn set_reading(&self, on: bool) -> Result<()> {
        self.change(|interest| interest.read = on)
    }

    /// Has [`do_write`](FileDescriptor::do_write) called while something can be written, or no
    /// more.
    ///
    /// ```
    /// use std::io::{PipeWriter, Read, Write, pipe};
    /// use std::os::fd::{AsFd, BorrowedFd};
    /// use torsade_core::reactor::{FileDescriptor, Watched};
    /// use torsade_core::{Reactor, Result};
    ///
    /// /// Writes a word when there is room for it.
    /// struct Word(PipeWriter);
    ///
    /// impl AsFd for Word {
    ///     fn as_fd(&self) -> BorrowedFd<'_> {
    ///         self.0.as_fd()
    ///     }
    /// }
    ///
    /// impl FileDescriptor for Word {
    ///     fn do_write(&mut self, watched: &Watched) -> Result<()> {
    ///         self.0.write_all(b"hello")?;
    ///         watched.remove(); // which drops it, and so closes the pipe
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (mut reader, writer) = pipe()?;
    /// let watched = reactor.watch_descriptor(Word(writer))?;
    /// watched.set_reading(false)?;
    /// watched.set_writing(true)?;
    /// while watched.is_watched() {
    ///     reactor.iterate(None)?;
    /// }
    /// let mut word = String::new();
    /// reader.read_to_string(&mut word)?;
    /// assert_eq!(word, "hello");
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`set_reading`](Self::set_reading).
    #[doc(alias = "addWriter")]
    #[doc(alias = "removeWriter")]
    #[doc(alias = "startWriting")]
    #[doc(alias = "stopWriting")]
    pub fn set_writing(&self, on: bool) -> Result<()> {
        self.change(|interest| interest.write = on)
    }

    fn change(&self, change: impl FnOnce(&mut Interest)) -> Result<()> {
        let watcher = self.watcher.upgrade().ok_or(crate::ConnectionDone)?;
        let mut interest = watcher.interest().get();
        change(&mut interest);
        watcher.want(interest)
    }

    /// Watches it no more and drops it, when the running function has returned. Gives back whether
    /// it was watched until now.
    #[doc(alias = "removeReader")]
    #[doc(alias = "removeAll")]
    #[doc(alias = "removeWriter")]
    pub fn remove(&self) -> bool {
        self.watcher
            .upgrade()
            .is_some_and(|watcher| watcher.remove())
    }

    /// Whether it is still watched.
    pub fn is_watched(&self) -> bool {
        self.watcher
            .upgrade()
            .is_some_and(|watcher| !watcher.is_removed())
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("is_watched", &self.is_watched())
            .finish()
    }
}

impl Reactor {
    /// Watches a descriptor of any kind that can be polled, for reading at first.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::os::fd::{AsFd, BorrowedFd};
    /// use std::os::unix::net::UnixStream;
    /// use torsade_core::reactor::{FileDescriptor, Watched};
    /// use torsade_core::{Reactor, Result};
    ///
    /// struct Bell {
    ///     wire: UnixStream,
    ///     reactor: Reactor,
    /// }
    ///
    /// impl AsFd for Bell {
    ///     fn as_fd(&self) -> BorrowedFd<'_> {
    ///         self.wire.as_fd()
    ///     }
    /// }
    ///
    /// impl FileDescriptor for Bell {
    ///     fn do_read(&mut self, _: &Watched) -> Result<()> {
    ///         self.wire.read_exact(&mut [0])?;
    ///         Ok(self.reactor.stop()?)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// let reactor = Reactor::new()?;
    /// let (wire, mut button) = UnixStream::pair()?;
    /// let bell = Bell { wire, reactor: reactor.clone() };
    /// reactor.watch_descriptor(bell)?;
    /// button.write_all(b"!")?;
    /// reactor.run()
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says: `PermissionDenied` for a file, which nobody can watch; `Unsupported`
    /// in a simulated world; [`ReactorError`] when the reactor has stopped.
    #[doc(alias = "addReader")]
    #[doc(alias = "addWriter")]
    #[doc(alias = "IReactorFDSet")]
    pub fn watch_descriptor<D: FileDescriptor>(&self, descriptor: D) -> Result<Watched> {
        let core = self.try_core()?;
        let token = core.sources.borrow_mut().reserve();
        let watcher = Rc::new_cyclic(|this| Watcher {
            core: Rc::downgrade(&core),
            this: Weak::clone(this),
            token,
            descriptor: RefCell::new(Some(descriptor)),
            interest: Cell::default(),
            is_removed: Cell::new(false),
        });
        let reading = Interest {
            read: true,
            write: false,
        };
        if let Err(failure) = watcher.want(reading) {
            drop(core.sources.borrow_mut().remove(token));
            return Err(failure);
        }
        core.sources
            .borrow_mut()
            .fill(token, Rc::<Watcher<D>>::clone(&watcher));
        let weak: Weak<Watcher<D>> = Rc::downgrade(&watcher);
        Ok(Watched { watcher: weak })
    }
}

/// What a [`Watched`] can ask for, whatever the descriptor's type.
trait Watch {
    fn interest(&self) -> &Cell<Interest>;
    fn want(&self, interest: Interest) -> Result<()>;
    fn remove(&self) -> bool;
    fn is_removed(&self) -> bool;
}

struct Watcher<D> {
    core: Weak<Core>,
    this: Weak<Self>,
    token: Token,
    /// Taken, and dropped, when it is removed; borrowed while one of its methods runs.
    descriptor: RefCell<Option<D>>,
    interest: Cell<Interest>,
    is_removed: Cell<bool>,
}

impl<D: FileDescriptor> Watcher<D> {
    /// Has readiness that still lasts told once more.
    fn watch_on(&self) -> Result<()> {
        let core = self.core.upgrade().ok_or(ReactorError::Gone)?;
        let descriptors = core.driver.descriptors()?;
        let interest = self.interest.get();
        let watch = |descriptor: &D| match interest {
            Interest {
                read: false,
                write: false,
            } => {
                descriptors.unwatch(descriptor.as_fd());
                Ok(())
            }
            some => descriptors.watch(descriptor.as_fd(), some, self.token),
        };
        // While one of its methods runs, this waits for the end of that.
        match self.descriptor.try_borrow().as_deref() {
            Ok(Some(descriptor)) => Ok(watch(descriptor)?),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Calls one of its methods. Gives back whether it goes on.
    fn call(
        &self,
        method: &'static str,
        call: impl FnOnce(&mut D, &Watched) -> Result<()>,
    ) -> bool {
        let this: Weak<Self> = Weak::clone(&self.this);
        let watched = Watched { watcher: this };
        let place = || Place::Method(std::any::type_name::<D>(), method);
        let called = call_at(place, || match &mut *self.descriptor.borrow_mut() {
            Some(descriptor) => call(descriptor, &watched),
            None => Ok(()),
        });
        match called.and_then(|result| result) {
            Ok(()) => !self.is_removed.get(),
            Err(failure) => {
                self.lose(&failure);
                false
            }
        }
    }

    fn lose(&self, reason: &Failure) {
        if !self.forget() {
            return;
        }
        run_call("connection_lost of a descriptor", || {
            if let Some(descriptor) = &mut *self.descriptor.borrow_mut() {
                descriptor.connection_lost(reason);
            }
        });
        self.drop_descriptor();
    }

    /// Is no source of the reactor any more. Gives back whether it was.
    fn forget(&self) -> bool {
        if self.is_removed.replace(true) {
            return false;
        }
        if let Some(core) = self.core.upgrade() {
            let source = core.sources.borrow_mut().remove(self.token);
            drop(source);
        }
        true
    }

    /// Drops it, as user code, unless it is running: then it goes when that has returned.
    fn drop_descriptor(&self) {
        let taken = match self.descriptor.try_borrow_mut() {
            Ok(mut descriptor) => descriptor.take(),
            Err(_) => return,
        };
        if let (Some(descriptor), Some(core)) = (taken, self.core.upgrade()) {
            if let Ok(descriptors) = core.driver.descriptors() {
                descriptors.unwatch(descriptor.as_fd());
            }
            run_call("dropping a descriptor", || drop(descriptor));
        }
    }
}

impl<D: FileDescriptor> Watch for Watcher<D> {
    fn interest(&self) -> &Cell<Interest> {
        &self.interest
    }

    fn want(&self, interest: Interest) -> Result<()> {
        if self.is_removed.get() {
            return Err(crate::ConnectionDone.into());
        }
        self.interest.set(interest);
        self.watch_on()
    }

    fn remove(&self) -> bool {
        let was_there = self.forget();
        if was_there && let Some(this) = self.this.upgrade() {
            // A user function may be running, and dropping it is one.
            drop(crate::Deferred::succeed(()).map(move |()| this.drop_descriptor()));
        }
        was_there
    }

    fn is_removed(&self) -> bool {
        self.is_removed.get()
    }
}

impl<D: FileDescriptor> Source for Watcher<D> {
    fn ready(self: Rc<Self>, _: &Rc<Core>, readiness: Readiness) {
        let wants = |is_one: fn(Interest) -> bool| is_one(self.interest.get());
        if readiness.readable
            && wants(|interest| interest.read)
            && !self.call("do_read", D::do_read)
        {
            return;
        }
        if readiness.writable
            && wants(|interest| interest.write)
            && !self.call("do_write", D::do_write)
        {
            return;
        }
        if let Err(failure) = self.watch_on() {
            self.lose(&failure);
        }
    }

    fn attend(self: Rc<Self>, _: &Rc<Core>) {}

    fn shut_down(self: Rc<Self>, _: &Rc<Core>) {
        self.lose(&ReactorError::Stopped.into());
    }

    fn describe(&self) -> String {
        format!("a descriptor of {}", std::any::type_name::<D>())
    }
}
