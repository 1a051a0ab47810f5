//! A body into a file.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::NamedTempFile;
use torsade_core::{Deferred, Failure, Reactor, Resolver, Result};

use super::Response;
use crate::error::{PotentialDataLoss, ResponseDone, duplicate};
use crate::incoming::{BodyControl, BodyProtocol};
use crate::new_file::{self, Readers};

/// As much waits for the disk before the server is slowed down.
const WAITING: usize = 256 * 1024;

impl Response {
    /// Saves the body to a file; the Deferred fires with the count of its bytes. The disk is written
    /// to on the reactor's thread pool, and the server slowed down if that is slower.
    ///
    /// The file is as it was, or has the whole body, whatever happens: what comes goes into a new one
    /// beside it first, which is removed if the body breaks off. Cancelling closes the connection. A
    /// body without a length, which ends with its connection, counts as whole: whether it was, nobody
    /// can tell ([`PotentialDataLoss`]).
    ///
    /// # Errors
    /// What the system says of the file; [`RequestError`](crate::RequestError) and what else ends a
    /// body before its time.
    #[doc(alias = "downloadPage")]
    pub fn save_to(self, reactor: &Reactor, path: impl AsRef<Path>) -> Deferred<u64> {
        let path = path.as_ref().to_owned();
        let file = match new_file::beside(&path, Readers::AsUsual) {
            Ok(file) => file,
            Err(error) => return Deferred::fail(error),
        };
        let saving = Rc::new(Saving {
            reactor: reactor.clone(),
            path,
            state: RefCell::new(State {
                file: Some(file),
                ..State::default()
            }),
        });
        let weak = Rc::downgrade(&saving);
        let (resolver, saved) = Deferred::with_canceller(move || {
            if let Some(saving) = weak.upgrade() {
                saving.cancel();
            }
        });
        saving.state.borrow_mut().saved = Some(resolver);
        self.deliver_body(Saver(saving));
        saved
    }
}

/// A file on its way.
struct Saving {
    reactor: Reactor,
    path: PathBuf,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// `None` while it is written to on another thread, and at the end.
    file: Option<NamedTempFile>,
    waiting: Vec<u8>,
    written: u64,
    body: Option<BodyControl>,
    /// How the body ended, once it has.
    ended: Option<Result<()>>,
    saved: Option<Resolver<u64>>,
}

impl Saving {
    /// Writes what waits, or ends, if the file is here.
    fn go_on(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        let Some(mut file) = state.file.take() else {
            return;
        };
        if state.waiting.is_empty() || matches!(state.ended, Some(Err(_))) {
            let ended = state.ended.take();
            match ended {
                None => state.file = Some(file),
                Some(ended) => {
                    drop(state);
                    self.end(ended.map(|()| file));
                }
            }
            return;
        }
        let bytes = std::mem::take(&mut state.waiting);
        drop(state);
        let this = Rc::clone(self);
        let written = self.reactor.defer_to_thread(move || {
            file.write_all(&bytes)?;
            Ok((file, bytes.len()))
        });
        written.add_both(move |written: Result<(NamedTempFile, usize)>| {
            this.has_written(written);
            Ok(())
        });
    }

    fn has_written(self: &Rc<Self>, written: Result<(NamedTempFile, usize)>) {
        let mut state = self.state.borrow_mut();
        let body = state.body.clone();
        match written {
            Err(failure) => {
                drop(state);
                if let Some(body) = body {
                    body.abort();
                }
                return self.end(Err(failure));
            }
            // Else it goes with its file.
            Ok((file, count)) if state.saved.is_some() => {
                state.file = Some(file);
                state.written += count as u64;
            }
            Ok(_) => return,
        }
        drop(state);
        self.go_on();
        if let Some(body) = body.filter(BodyControl::is_paused) {
            body.resume();
        }
    }

    /// Puts the whole file in its place. One that is dropped is removed.
    fn end(&self, ended: Result<NamedTempFile>) {
        let mut state = self.state.borrow_mut();
        state.body = None;
        let (saved, written) = (state.saved.take(), state.written);
        drop(state);
        let ended = ended.and_then(|file| Ok(file.persist(&self.path).map_err(io::Error::from)?));
        match (saved, ended) {
            (Some(saved), Ok(_)) => saved.callback(written),
            (Some(saved), Err(failure)) => saved.errback(failure),
            (None, _) => {}
        }
    }

    /// Nobody waits any more: the file is removed, here or when it comes back from its thread.
    fn cancel(&self) {
        let state = self.state.take();
        if let Some(body) = state.body {
            body.abort();
        }
    }
}

/// Takes the body.
struct Saver(Rc<Saving>);

impl BodyProtocol for Saver {
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
        let is_whole = reason.check::<ResponseDone>().is_some()
            || reason.check::<PotentialDataLoss>().is_some();
        self.0.state.borrow_mut().ended = Some(match is_whole {
            true => Ok(()),
            false => Err(duplicate(reason)),
        });
        self.0.go_on();
    }
}
