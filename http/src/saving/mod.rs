//! Bodies into files.

pub(crate) mod new_file;
pub(crate) mod partial;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use tempfile::NamedTempFile;
use torsade_core::{Deferred, Failure, Reactor, Resolver, Result};

use crate::error::how_it_ended;
use crate::incoming::{BodyControl, BodyProtocol};
use crate::response::Response;

/// As much waits for the disk before the server is slowed down.
const WAITING: usize = 256 * 1024;

/// A file that is written to on another thread.
pub(crate) trait Target: Write + Send + 'static {
    /// All has come.
    fn put_in_place(self) -> io::Result<()>;

    /// Not all will come.
    fn give_up(self);
}

/// A new file for a path. If it is not put in place, it is removed.
pub(crate) struct New {
    pub(crate) file: NamedTempFile,
    pub(crate) path: PathBuf,
}

impl Write for New {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target for New {
    fn put_in_place(self) -> io::Result<()> {
        self.file.persist(&self.path)?;
        Ok(())
    }

    fn give_up(self) {}
}

/// Writes the body of `response` to `target`; fires with the count of its bytes. Cancelling closes the
/// connection.
pub(crate) fn save(reactor: &Reactor, response: Response, target: impl Target) -> Deferred<u64> {
    let saving = Rc::new(Saving {
        reactor: reactor.clone(),
        state: RefCell::new(State {
            target: Some(target),
            waiting: Vec::new(),
            written: 0,
            body: None,
            ended: None,
            saved: None,
        }),
    });
    let weak = Rc::downgrade(&saving);
    let (resolver, saved) = Deferred::with_canceller(move || {
        if let Some(saving) = weak.upgrade() {
            saving.cancel();
        }
    });
    saving.state.borrow_mut().saved = Some(resolver);
    response.deliver_body(Saver(saving));
    saved
}

/// A file on its way.
struct Saving<T> {
    reactor: Reactor,
    state: RefCell<State<T>>,
}

struct State<T> {
    /// `None` while it is written to on another thread, and at the end.
    target: Option<T>,
    waiting: Vec<u8>,
    written: u64,
    body: Option<BodyControl>,
    /// How the body ended, once it has.
    ended: Option<Result<()>>,
    /// `None` when nobody waits any more.
    saved: Option<Resolver<u64>>,
}

impl<T: Target> Saving<T> {
    /// Writes what waits, or ends, if the file is here.
    fn go_on(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        let Some(mut target) = state.target.take() else {
            return;
        };
        if state.waiting.is_empty() {
            match state.ended.take() {
                None => state.target = Some(target),
                Some(ended) => {
                    drop(state);
                    self.end(target, ended);
                }
            }
            return;
        }
        let bytes = std::mem::take(&mut state.waiting);
        drop(state);
        let this = Rc::clone(self);
        let written = self.reactor.defer_to_thread(move || {
            let written = target.write_all(&bytes).map(|()| bytes.len());
            Ok((target, written))
        });
        written.add_both(move |written: Result<(T, io::Result<usize>)>| {
            this.has_written(written);
            Ok(())
        });
    }

    fn has_written(self: &Rc<Self>, written: Result<(T, io::Result<usize>)>) {
        let mut state = self.state.borrow_mut();
        let body = state.body.clone();
        let failed = match written {
            Ok((target, Ok(count))) if state.saved.is_some() => {
                state.target = Some(target);
                state.written += count as u64;
                None
            }
            Ok((target, Ok(_))) => return target.give_up(),
            Ok((target, Err(error))) => Some((Some(target), error.into())),
            Err(failure) => Some((None, failure)),
        };
        drop(state);
        if let Some((target, failure)) = failed {
            if let Some(body) = body {
                body.abort();
            }
            return match target {
                Some(target) => self.end(target, Err(failure)),
                None => self.tell(Err(failure)),
            };
        }
        self.go_on();
        if let Some(body) = body.filter(BodyControl::is_paused) {
            body.resume();
        }
    }

    /// Puts the whole file in its place.
    fn end(&self, target: T, ended: Result<()>) {
        self.tell(match ended {
            Ok(()) => target.put_in_place().map_err(Failure::from),
            Err(failure) => {
                target.give_up();
                Err(failure)
            }
        });
    }

    fn tell(&self, ended: Result<()>) {
        let mut state = self.state.borrow_mut();
        state.body = None;
        let (saved, written) = (state.saved.take(), state.written);
        drop(state);
        if let Some(saved) = saved {
            saved.resolve(ended.map(|()| written));
        }
    }

    /// Nobody waits any more: the file is given up, here or when it comes back from its thread.
    fn cancel(&self) {
        let mut state = self.state.borrow_mut();
        state.saved = None;
        state.waiting = Vec::new();
        let (target, body) = (state.target.take(), state.body.take());
        drop(state);
        if let Some(target) = target {
            target.give_up();
        }
        if let Some(body) = body {
            body.abort();
        }
    }
}

/// Takes the body.
struct Saver<T>(Rc<Saving<T>>);

impl<T: Target> BodyProtocol for Saver<T> {
    fn connection_made(&mut self, body: &BodyControl) {
        let mut state = self.0.state.borrow_mut();
        if state.saved.is_some() {
            state.body = Some(body.clone());
        } else {
            // Cancelled before it began.
            drop(state);
            body.abort();
        }
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        let mut state = self.0.state.borrow_mut();
        if state.saved.is_none() {
            return Ok(());
        }
        state.waiting.extend_from_slice(data);
        let is_much = state.waiting.len() > WAITING;
        drop(state);
        if is_much {
            body.pause();
        }
        self.0.go_on();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.0.state.borrow_mut().ended = Some(how_it_ended(reason));
        self.0.go_on();
    }
}
