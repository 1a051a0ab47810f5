//! A body that is made while it is sent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use torsade::http::{BodyProducer, BodyWriter};
use torsade::{Deferred, Reactor, Resolver};

/// So many bytes of a pattern over and over, which is written from its start each time.
pub(crate) struct Upload {
    state: Rc<State>,
    length: u64,
    is_told: bool,
}

struct State {
    reactor: Reactor,
    pattern: Vec<u8>,
    left: Cell<u64>,
    is_paused: Cell<bool>,
    writer: RefCell<Option<BodyWriter>>,
    sent: RefCell<Option<Resolver<()>>>,
}

impl Upload {
    /// One whose length is told, or else one that goes in chunks.
    pub(crate) fn new(reactor: &Reactor, pattern: Vec<u8>, length: u64, is_told: bool) -> Self {
        Self {
            state: Rc::new(State {
                reactor: reactor.clone(),
                pattern,
                left: Cell::new(length),
                is_paused: Cell::new(false),
                writer: RefCell::new(None),
                sent: RefCell::new(None),
            }),
            length,
            is_told,
        }
    }
}

impl State {
    /// One piece in a turn: that it is to pause is told at the end of one.
    fn go_on(self: &Rc<Self>) {
        if self.is_paused.get() {
            return;
        }
        let len = self.left.get().min(self.pattern.len() as u64);
        self.left.set(self.left.get() - len);
        if let Some(writer) = &*self.writer.borrow() {
            writer.write(&self.pattern[..len as usize]);
        }
        if self.left.get() > 0 {
            self.soon();
        } else if let Some(sent) = self.sent.take() {
            sent.callback(());
        }
    }

    fn soon(self: &Rc<Self>) {
        let this = Rc::clone(self);
        self.reactor.call_soon(move || this.go_on());
    }
}

impl BodyProducer for Upload {
    fn length(&self) -> Option<u64> {
        self.is_told.then_some(self.length)
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        let (resolver, sent) = Deferred::new();
        *self.state.sent.borrow_mut() = Some(resolver);
        *self.state.writer.borrow_mut() = Some(writer);
        self.state.soon();
        sent
    }

    fn pause_producing(&mut self) {
        self.state.is_paused.set(true);
    }

    fn resume_producing(&mut self) {
        if self.state.is_paused.replace(false) {
            self.state.soon();
        }
    }

    fn stop_producing(&mut self) {
        self.state.is_paused.set(true);
        self.state.left.set(0);
    }
}
