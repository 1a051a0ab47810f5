//! What the three ways share: who is asked, and how an answer reads.

use std::rc::Rc;
use std::time::Duration;

use torsade::task::defer_later;
use torsade::{Deferred, Failure, Reactor, Result, TimedOut};

/// How long a look-up may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// The longest name.
pub(crate) const LONGEST: usize = 100;

/// Knows where people are, but has to look.
pub(crate) trait Store {
    fn look_up(&self, name: &str) -> Deferred<Option<String>>;
}

/// What each connection needs.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) reactor: Reactor,
    pub(crate) store: Rc<dyn Store>,
}

/// A few people; it takes a tenth of a second to find one.
pub(crate) struct Table {
    reactor: Reactor,
}

impl Table {
    pub(crate) fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl Store for Table {
    fn look_up(&self, name: &str) -> Deferred<Option<String>> {
        let time = match name {
            "mallory" => Duration::from_secs(3600),
            _ => Duration::from_millis(100),
        };
        let name = name.to_owned();
        defer_later(&self.reactor, time, move || find(&name))
    }
}

fn find(name: &str) -> Result<Option<String>> {
    match name {
        "alice" => Ok(Some("in the garden".to_owned())),
        "bob" => Ok(Some("at sea".to_owned())),
        "eve" => Err(std::io::Error::other("the page is torn").into()),
        _ => Ok(None),
    }
}

/// The name in a line.
pub(crate) fn name_in(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().to_owned()
}

/// The answer to a look-up.
pub(crate) fn answer(name: &str, found: Result<Option<String>>) -> String {
    match found {
        Ok(Some(place)) => format!("{name} is {place}"),
        Ok(None) => format!("nobody knows {name}"),
        Err(failure) => error(&failure),
    }
}

fn error(failure: &Failure) -> String {
    if failure.check::<TimedOut>().is_some() {
        "error: that takes too long".to_owned()
    } else {
        format!("error: {failure}")
    }
}
