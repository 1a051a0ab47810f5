//! What the handles and the protocol of one connection have in common.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::MAX_VALUE;
use super::error::{Ended, MemcacheError, ReplyError};
use super::reply::Reply;
use crate::error::{ConnectionDone, ConnectionLost, TimedOut};
use crate::protocols::IdleTimeout;
use crate::{Deferred, Failure, Resolver, Transport};

/// What a piece of an answer means to the request that waits for it.
pub(super) enum Step<T> {
    /// More pieces belong to the answer.
    More,
    /// It is complete.
    Done(T),
    /// It cannot be part of the answer.
    Unexpected,
    /// There is too much of it.
    TooMuch { limit: usize },
}

/// A request without its answer.
struct Waiting {
    command: &'static str,
    answer: Box<dyn Answer>,
}

trait Answer {
    /// Takes a piece. Whether the answer is complete.
    fn take(
        &mut self,
        command: &'static str,
        reply: Reply<'_>,
        piece: &[u8],
    ) -> Result<bool, ReplyError>;

    fn fail(&mut self, error: MemcacheError);
}

struct Collecting<T: 'static, F> {
    collect: F,
    /// A request that was cancelled has one as well: its answer comes all the same.
    resolver: Option<Resolver<T>>,
}

pub(super) struct Shared {
    state: RefCell<State>,
    pub(super) timeout: Cell<Option<Duration>>,
    pub(super) max_value: Cell<usize>,
}

#[derive(Default)]
struct State {
    transport: Option<Transport>,
    /// The oldest first: answers come in that order.
    waiting: VecDeque<Waiting>,
    silence: Option<IdleTimeout>,
    ended: Option<Ended>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            state: RefCell::default(),
            timeout: Cell::new(Some(Duration::from_secs(60))),
            max_value: Cell::new(MAX_VALUE),
        }
    }

    pub(super) fn connect(&self, transport: &Transport) {
        let mut state = self.state.borrow_mut();
        state.transport = Some(transport.clone());
        let timeout = self.timeout.get();
        state.silence = timeout.map(|after| {
            IdleTimeout::with(transport, move |transport| {
                transport.abort_with(TimedOut { after });
            })
        });
    }

    pub(super) fn transport(&self) -> Option<Transport> {
        self.state.borrow().transport.clone()
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.borrow().waiting.len()
    }

    /// Sends a request, in pieces, and gives what `collect` makes of the answer.
    pub(super) fn request<T: 'static>(
        &self,
        command: &'static str,
        pieces: impl IntoIterator<Item = Bytes>,
        collect: impl FnMut(Reply<'_>) -> Step<T> + 'static,
    ) -> Deferred<T> {
        let mut state = self.state.borrow_mut();
        if let Some(reason) = state.ended.clone() {
            return Deferred::fail(MemcacheError::Ended { command, reason });
        }
        let Some(transport) = &state.transport else {
            return Deferred::fail(MemcacheError::NotConnected);
        };
        for piece in pieces {
            transport.write_bytes(piece);
        }
        let (resolver, deferred) = Deferred::new();
        state.waiting.push_back(Waiting {
            command,
            answer: Box::new(Collecting {
                collect,
                resolver: Some(resolver),
            }),
        });
        if state.waiting.len() == 1 {
            self.watch(&mut state);
        }
        deferred
    }

    /// Gives a piece to the oldest request.
    pub(super) fn take(&self, piece: &[u8]) -> Result<(), ReplyError> {
        let reply = Reply::parse(piece)?;
        let mut state = self.state.borrow_mut();
        let Some(first) = state.waiting.front_mut() else {
            return Err(ReplyError::Unexpected {
                command: None,
                line: Reply::excerpt(piece),
            });
        };
        if first.answer.take(first.command, reply, piece)? {
            state.waiting.pop_front();
        }
        self.watch(&mut state);
        Ok(())
    }

    /// Begins to measure the silence anew, if somebody waits.
    fn watch(&self, state: &mut State) {
        let period = self.timeout.get().filter(|_| !state.waiting.is_empty());
        if let Some(silence) = &mut state.silence {
            silence.set(period);
        }
    }

    /// Fails all that wait, the oldest first.
    pub(super) fn end(&self, reason: &Failure) {
        let reason = Ended::from(reason);
        let mut state = self.state.borrow_mut();
        state.silence = None;
        state.ended = Some(reason.clone());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for Waiting {
            command,
            mut answer,
        } in waiting
        {
            let reason = reason.clone();
            answer.fail(MemcacheError::Ended { command, reason });
        }
    }
}

impl<T: 'static, F: FnMut(Reply<'_>) -> Step<T>> Answer for Collecting<T, F> {
    fn take(
        &mut self,
        command: &'static str,
        reply: Reply<'_>,
        piece: &[u8],
    ) -> Result<bool, ReplyError> {
        // In the middle of values as well: then there are no more of them.
        if let Reply::Refused(refusal) = reply {
            self.fail(MemcacheError::Refused { command, refusal });
            return Ok(true);
        }
        match (self.collect)(reply) {
            Step::More => Ok(false),
            Step::Done(value) => {
                if let Some(resolver) = self.resolver.take() {
                    resolver.callback(value);
                }
                Ok(true)
            }
            Step::Unexpected => Err(ReplyError::Unexpected {
                command: Some(command),
                line: Reply::excerpt(piece),
            }),
            Step::TooMuch { limit } => Err(ReplyError::TooManyStatistics { limit }),
        }
    }

    fn fail(&mut self, error: MemcacheError) {
        if let Some(resolver) = self.resolver.take() {
            resolver.errback(error);
        }
    }
}

impl From<&Failure> for Ended {
    fn from(reason: &Failure) -> Self {
        if reason.check::<ConnectionDone>().is_some() {
            Self::Closed
        } else if let Some(lost) = reason.check::<ConnectionLost>() {
            Self::Lost(lost.clone())
        } else if let Some(late) = reason.check::<TimedOut>() {
            Self::TimedOut(late.clone())
        } else if let Some(error) = reason.check::<ReplyError>() {
            Self::Reply(error.clone())
        } else {
            Self::Other(format!("{reason:#}"))
        }
    }
}
