//! Captures the log records that the running test makes.

use std::cell::RefCell;
use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};

/// A record as the tests compare it.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) text: String,
}

/// Runs `f` and gives what it logged on this thread, and its result.
pub(crate) fn capture<R>(f: impl FnOnce() -> R) -> (Vec<Captured>, R) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&Capture).expect("no other test installs a logger");
        log::set_max_level(LevelFilter::Trace);
    });
    let before = RECORDS.replace(Some(Vec::new()));
    let result = f();
    let records = RECORDS.replace(before).unwrap_or_default();
    (records, result)
}

thread_local! {
    /// By thread, so that tests that run side by side do not see each other's records.
    static RECORDS: RefCell<Option<Vec<Captured>>> = const { RefCell::new(None) };
}

struct Capture;

impl Log for Capture {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        RECORDS.with_borrow_mut(|records| {
            if let Some(records) = records {
                records.push(Captured {
                    level: record.level(),
                    target: record.target().to_owned(),
                    text: record.args().to_string(),
                });
            }
        });
    }

    fn flush(&self) {}
}
