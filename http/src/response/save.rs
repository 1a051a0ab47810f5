//! A body into a file.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use torsade_core::{Deferred, Failure, Reactor, Resolver, Result};

use super::Response;
use crate::error::{PotentialDataLoss, ResponseDone, duplicate};
use crate::incoming::{BodyControl, BodyProtocol};

/// As much waits for the disk before the server is slowed down.
const WAITING: usize = 256 * 1024;

impl Response {
    /// Saves the body to a file; the Deferred fires with the count of its bytes. The disk is written
    /// to on the reactor's thread pool, and the server slowed down if that is slower.
    ///
    /// The file is as it was, or has the whole body, whatever happens: what comes goes into a new one
    /// beside it first, which is removed if the body breaks off. Cancelling closes the connection.
    ///
    /// # Errors
    /// What the system says of the file; [`RequestError`](crate::RequestError) and what else ends a
    /// body before its time.
    #[doc(alias = "downloadPage")]
    pub fn save_to(self, reactor: &Reactor, path: impl AsRef<Path>) -> Deferred<u64> {
        let path = path.as_ref().to_owned();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = path.with_file_name(name);
        let file = match File::create(&new) {
            Ok(file) => file,
            Err(error) => return Deferred::fail(error),
        };
        let saving = Rc::new(Saving {
            reactor: reactor.clone(),
            new,
            path,
            state: RefCell::new(State {
                file: Some(file),
                ..State::default()
            }),
        });
        let canceller = Rc::clone(&saving);
        let (resolver, saved) = Deferred::with_canceller(move || canceller.cancel());
        saving.state.borrow_mut().saved = Some(resolver);
        self.deliver_body(Saver(saving));
        saved
    }
}

/// A file on its way.
struct Saving {
    reactor: Reactor,
    new: PathBuf,
    path: PathBuf,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// `None` while it is written to on another thread, and at the end.
    file: Option<File>,
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
                    self.end(ended);
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
        written.add_both(move |written: Result<(File, usize)>| {
            this.has_written(written);
            Ok(())
        });
    }

    fn has_written(self: &Rc<Self>, written: Result<(File, usize)>) {
        let mut state = self.state.borrow_mut();
        let body = state.body.clone();
        match written {
            Err(failure) => {
                state.ended = None;
                drop(state);
                if let Some(body) = body {
                    body.abort();
                }
                return self.end(Err(failure));
            }
            Ok((file, count)) => {
                state.file = Some(file);
                state.written += count as u64;
            }
        }
        drop(state);
        self.go_on();
        if let Some(body) = body.filter(BodyControl::is_paused) {
            body.resume();
        }
    }

    /// Puts the whole file in its place, or removes what there is of it.
    fn end(&self, ended: Result<()>) {
        let mut state = self.state.borrow_mut();
        state.body = None;
        let (saved, written) = (state.saved.take(), state.written);
        drop(state);
        let ended = ended.and_then(|()| Ok(fs::rename(&self.new, &self.path)?));
        if ended.is_err() {
            let _ = fs::remove_file(&self.new);
        }
        match (saved, ended) {
            (Some(saved), Ok(())) => saved.callback(written),
            (Some(saved), Err(failure)) => saved.errback(failure),
            (None, _) => {}
        }
    }

    fn cancel(self: &Rc<Self>) {
        let body = self.state.borrow().body.clone();
        match body {
            // The rest comes with the end of the body.
            Some(body) => body.abort(),
            None => {
                let _ = fs::remove_file(&self.new);
            }
        }
    }
}

/// Takes the body.
struct Saver(Rc<Saving>);

impl BodyProtocol for Saver {
    fn connection_made(&mut self, body: &BodyControl) {
        self.0.state.borrow_mut().body = Some(body.clone());
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        let mut state = self.0.state.borrow_mut();
        if state.saved.is_none() {
            return Err(io::Error::other("nobody waits for the file any more").into());
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
