//! The protocol of the suite: it writes down what happens to it, and follows a script.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::{Ending, Side};
use crate::{Failure, Protocol, Resolver, Result, Transport};

/// What can happen to a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Made,
    Data(usize),
    ReadClosed,
    WriteClosed,
    Lost(Ending),
}

type Hook = Box<dyn FnMut(&Transport)>;
type DataHook = Box<dyn FnMut(&Transport, &[u8]) -> Result<()>>;

/// What a [`Probe`] does when something happens; by default nothing more than any protocol.
#[derive(Default)]
pub struct Script {
    made: Option<Hook>,
    data: Option<DataHook>,
    read_closed: Option<Hook>,
    write_closed: Option<Hook>,
    lost: Option<Box<dyn FnMut()>>,
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn made(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.made = Some(Box::new(f));
        self
    }

    pub fn data(mut self, mut f: impl FnMut(&Transport, &[u8]) + 'static) -> Self {
        self.data = Some(Box::new(move |transport, data| {
            f(transport, data);
            Ok(())
        }));
        self
    }

    pub fn try_data(mut self, f: impl FnMut(&Transport, &[u8]) -> Result<()> + 'static) -> Self {
        self.data = Some(Box::new(f));
        self
    }

    /// Instead of losing the connection.
    pub fn read_closed(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.read_closed = Some(Box::new(f));
        self
    }

    pub fn write_closed(mut self, f: impl FnMut(&Transport) + 'static) -> Self {
        self.write_closed = Some(Box::new(f));
        self
    }

    pub fn lost(mut self, f: impl FnMut() + 'static) -> Self {
        self.lost = Some(Box::new(f));
        self
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

/// What happened to both sides, in order.
#[derive(Default)]
pub struct Journal {
    entries: RefCell<Vec<(Side, Event)>>,
    client: RefCell<Vec<u8>>,
    server: RefCell<Vec<u8>>,
    pub(super) transports: RefCell<[Option<Transport>; 2]>,
    watcher: RefCell<Option<(Condition, Resolver<()>)>>,
}

pub(super) type Condition = Box<dyn Fn(&Journal) -> bool>;

impl Journal {
    /// Fires the resolver when the condition holds after something has happened.
    pub(super) fn watch(&self, condition: Condition, resolver: Resolver<()>) {
        *self.watcher.borrow_mut() = Some((condition, resolver));
    }

    pub(super) fn note(&self, side: Side, event: Event) {
        self.entries.borrow_mut().push((side, event));
        self.look();
    }

    /// Looks whether what is waited for has come.
    pub fn look(&self) {
        let Some((condition, resolver)) = self.watcher.take() else {
            return;
        };
        if condition(self) {
            resolver.callback(());
        } else {
            *self.watcher.borrow_mut() = Some((condition, resolver));
        }
    }

    pub fn events(&self, side: Side) -> Vec<Event> {
        let entries = self.entries.borrow();
        let own = entries.iter().filter(|(of, _)| *of == side);
        own.map(|(_, event)| event.clone()).collect()
    }

    pub fn has(&self, side: Side, event: &Event) -> bool {
        self.entries
            .borrow()
            .iter()
            .any(|(of, happened)| *of == side && happened == event)
    }

    pub fn ending(&self, side: Side) -> Option<Ending> {
        self.entries
            .borrow()
            .iter()
            .find_map(|(of, event)| match event {
                Event::Lost(ending) if *of == side => Some(ending.clone()),
                _ => None,
            })
    }

    pub fn received(&self, side: Side) -> Vec<u8> {
        self.bytes(side).borrow().clone()
    }

    pub fn received_len(&self, side: Side) -> usize {
        self.bytes(side).borrow().len()
    }

    fn bytes(&self, side: Side) -> &RefCell<Vec<u8>> {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.borrow();
        let last = &entries[entries.len().saturating_sub(20)..];
        f.debug_list().entries(last).finish()
    }
}

/// A protocol that writes down what happens and follows its [`Script`].
#[derive(Debug)]
pub struct Probe {
    side: Side,
    journal: Rc<Journal>,
    script: Script,
}

impl Probe {
    pub(super) fn new(side: Side, journal: &Rc<Journal>, script: Script) -> Self {
        Self {
            side,
            journal: Rc::clone(journal),
            script,
        }
    }

    fn happens(&self, event: Event) {
        self.journal.note(self.side, event);
    }
}

impl Protocol for Probe {
    fn connection_made(&mut self, transport: &Transport) {
        alone(|| {
            self.journal.transports.borrow_mut()[self.side as usize] = Some(transport.clone());
            if let Some(made) = &mut self.script.made {
                made(transport);
            }
            self.happens(Event::Made);
        });
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        alone(|| {
            assert!(
                !data.is_empty() && data.len() <= 68 * 1024,
                "{} bytes",
                data.len()
            );
            self.journal
                .bytes(self.side)
                .borrow_mut()
                .extend_from_slice(data);
            let result = match &mut self.script.data {
                Some(script) => script(transport, data),
                None => Ok(()),
            };
            self.happens(Event::Data(data.len()));
            result
        })
    }

    fn read_closed(&mut self, transport: &Transport) {
        alone(|| {
            match &mut self.script.read_closed {
                Some(script) => script(transport),
                None => transport.lose_connection(),
            }
            self.happens(Event::ReadClosed);
        });
    }

    fn write_closed(&mut self, transport: &Transport) {
        alone(|| {
            if let Some(script) = &mut self.script.write_closed {
                script(transport);
            }
            self.happens(Event::WriteClosed);
        });
    }

    fn connection_lost(&mut self, reason: &Failure) {
        alone(|| {
            self.happens(Event::Lost(Ending::of(reason)));
            if let Some(script) = &mut self.script.lost {
                script();
            }
        });
    }
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static NESTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the inside of a user function, in which no other one may run.
pub fn alone<R>(f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            RUNNING.set(false);
        }
    }
    if RUNNING.replace(true) {
        NESTED.set(true);
    }
    let _leave = Leave;
    f()
}

pub fn assert_nothing_nested() {
    assert!(!NESTED.take(), "a user function ran inside another");
}
