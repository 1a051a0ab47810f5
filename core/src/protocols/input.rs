//! What a receiver has got and not yet given on.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

use bytes::BytesMut;

use crate::error::PlaintextPending;
use crate::{Deferred, Transport};

/// Gives on what waits in an input.
pub(super) trait Pump {
    fn pump(&self);
}

/// The state that a receiver and the handle of its user share.
#[derive(Default)]
pub(super) struct Input {
    buffer: RefCell<BytesMut>,
    /// How many filters it came through.
    filters: Cell<usize>,
    is_paused: Cell<bool>,
    /// Pieces are being given, and go on until there is none.
    pub(super) is_giving: Cell<bool>,
    transport: OnceCell<Transport>,
    receiver: OnceCell<Weak<dyn Pump>>,
}

impl Input {
    pub(super) fn connect(&self, transport: &Transport, receiver: Weak<dyn Pump>) {
        // Both are empty: a receiver has one connection.
        let _ = self.transport.set(transport.clone());
        let _ = self.receiver.set(receiver);
    }

    /// A handle is handed out when there is a connection.
    pub(super) fn transport(&self) -> &Transport {
        self.transport
            .get()
            .expect("a receiver's handle is not used before its connection is made")
    }

    /// Whether the next piece may be given.
    pub(super) fn may_give(&self) -> bool {
        !self.is_paused.get() && self.transport().is_connected()
    }

    /// Keeps what has come.
    ///
    /// # Errors
    /// As [`check_filters`](Self::check_filters).
    pub(super) fn receive(&self, data: &[u8]) -> Result<(), PlaintextPending> {
        self.check_filters()?;
        self.filters.set(self.transport().filters());
        self.buffer.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    /// Looks whether what waits may be given: not once a filter has begun that it did not come
    /// through. Given then, commands in plain would be taken for encrypted ones.
    ///
    /// # Errors
    /// [`PlaintextPending`]: it may not.
    pub(super) fn check_filters(&self) -> Result<(), PlaintextPending> {
        if self.buffer.borrow().is_empty() || self.filters.get() == self.transport().filters() {
            return Ok(());
        }
        Err(PlaintextPending)
    }

    /// Puts `data`, which was taken, before all that waits.
    pub(super) fn put_back(&self, mut data: BytesMut) {
        let mut buffer = self.buffer.borrow_mut();
        data.unsplit(std::mem::take(&mut *buffer));
        *buffer = data;
    }

    /// Gives `f` what waits, to take from its front.
    pub(super) fn take_with<R>(&self, f: impl FnOnce(&mut BytesMut) -> R) -> R {
        f(&mut self.buffer.borrow_mut())
    }

    pub(super) fn take_all(&self) -> BytesMut {
        std::mem::take(&mut *self.buffer.borrow_mut())
    }

    /// Between two pieces: an empty buffer is given back.
    pub(super) fn tidy(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.is_empty() {
            *buffer = BytesMut::new();
        }
    }

    pub(super) fn pause(&self) {
        self.is_paused.set(true);
        self.transport().pause_reading();
    }

    pub(super) fn resume(&self) {
        if self.is_paused.replace(false) {
            self.transport().resume_reading();
            self.pump_later();
        }
    }

    /// Has the receiver look again, when the running function has returned: at once if it is just
    /// giving pieces, as it goes on with that.
    pub(super) fn pump_later(&self) {
        let receiver = self.receiver.get().filter(|_| !self.is_giving.get());
        let Some(receiver) = receiver.cloned() else {
            return;
        };
        Deferred::succeed(()).map(move |()| {
            if let Some(receiver) = receiver.upgrade() {
                receiver.pump();
            }
        });
    }

    /// Nothing more is given on, and nothing is kept.
    pub(super) fn end(&self) {
        self.take_all();
    }
}

/// What both handles can do, in the same words.
macro_rules! input_methods {
    () => {
        /// The connection's transport.
        pub fn transport(&self) -> &Transport {
            self.input.transport()
        }

        /// Gives nothing more on until [`resume`](Self::resume), also of what has come already; the
        /// peer is slowed down.
        #[doc(alias = "pauseProducing")]
        pub fn pause(&self) {
            self.input.pause();
        }

        /// Goes on giving, first what has come already.
        #[doc(alias = "resumeProducing")]
        pub fn resume(&self) {
            self.input.resume();
        }
    };
}
pub(super) use input_methods;

/// The input of a receiver that has no connection yet.
pub(super) fn new_input() -> Rc<Input> {
    Rc::new(Input::default())
}
