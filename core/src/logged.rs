//! Errors that nobody can be told of: they are logged, and noted for who looks at them in a test.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

use crate::deferred::is_debugging;

/// Logs an error that nobody can be told of, and notes it: see [`errors_since`].
macro_rules! log_error {
    ($($text:tt)*) => {
        match format_args!($($text)*) {
            text => {
                log::error!(target: "torsade", "{text}");
                $crate::logged::note(text);
            }
        }
    };
}
pub(crate) use log_error;

/// The errors of a thread, the oldest first.
#[derive(Default)]
struct Errors {
    noted: VecDeque<(u64, String)>,
    /// How many there have been.
    count: u64,
}

thread_local! {
    static ERRORS: RefCell<Errors> = RefCell::default();
}

/// See [`log_error`].
#[cold]
pub(crate) fn note(text: fmt::Arguments<'_>) {
    if !is_debugging() {
        return;
    }
    // Outside the borrow: the text is made by code of the user's.
    let text = text.to_string();
    // A thread that ends has no notes any more.
    let _ = ERRORS.try_with(|errors| {
        let mut errors = errors.borrow_mut();
        if errors.noted.len() == MOST {
            errors.noted.pop_front();
        }
        errors.count += 1;
        let number = errors.count;
        errors.noted.push_back((number, text));
    });
}

/// How many errors this thread has noted.
pub(crate) fn count() -> u64 {
    ERRORS.with_borrow(|errors| errors.count)
}

/// Those that this thread noted after the first `count`, as far as they were kept.
pub(crate) fn errors_since(count: u64) -> Vec<String> {
    ERRORS.with_borrow(|errors| {
        let later = errors.noted.iter().filter(|(number, _)| *number > count);
        later.map(|(_, text)| text.clone()).collect()
    })
}

/// The same; they are forgotten.
pub(crate) fn take_errors_since(count: u64) -> Vec<String> {
    let taken = errors_since(count);
    ERRORS.with_borrow_mut(|errors| errors.noted.retain(|(number, _)| *number <= count));
    taken
}

/// How many are kept; a program that goes on for ever may make any number.
const MOST: usize = 64;
