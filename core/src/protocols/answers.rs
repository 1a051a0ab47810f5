//! Answers to lines, in the order of the lines, which may take their time.

use std::cell::Cell;
use std::rc::Rc;

use super::LineControl;
use crate::{Canceller, Deferred, Result};

/// What a protocol does that answers each line, one after the other.
#[derive(Default)]
pub(super) struct Answers {
    pending: Option<Canceller>,
    progress: Rc<Progress>,
}

#[derive(Default)]
struct Progress {
    is_pending: Cell<bool>,
    /// No more lines come: the connection is closed behind the present answer.
    is_ending: Cell<bool>,
}

impl Answers {
    /// Sends what `reply` makes of the answer, once that is there. Until then no more lines are given.
    pub(super) fn send<T: 'static>(
        &mut self,
        lines: &LineControl,
        answer: Deferred<T>,
        reply: impl FnOnce(Result<T>) -> Vec<u8> + 'static,
    ) {
        lines.pause();
        self.progress.is_pending.set(true);
        self.pending = Some(answer.canceller());
        let (lines, progress) = (lines.clone(), Rc::clone(&self.progress));
        answer.add_both(move |result| {
            if lines.transport().is_connected() {
                lines.transport().write(&reply(result));
            }
            progress.is_pending.set(false);
            if progress.is_ending.get() {
                lines.transport().lose_connection();
            }
            lines.resume();
        });
    }

    /// Who has asked may end there, and still be told.
    pub(super) fn read_closed(&self, lines: &LineControl) {
        self.progress.is_ending.set(true);
        if !self.progress.is_pending.get() {
            lines.transport().lose_connection();
        }
    }

    /// Nobody is there to be told.
    pub(super) fn connection_lost(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.cancel();
        }
    }
}
