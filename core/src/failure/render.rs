//! Rendering errors whose own `Display` and `source` may fail or panic.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Panicked;

/// The error's own text, or a note about why there is none.
pub(super) fn text(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    match catch_unwind(AssertUnwindSafe(|| write!(text, "{error}"))) {
        Ok(Ok(())) => {}
        Ok(Err(fmt::Error)) => text.push_str("<the error's text could not be made>"),
        Err(payload) => {
            // What was written before is kept: it may say the most important thing.
            let panicked = Panicked::from_payload(payload);
            text.push_str("<the error's text could not be made: ");
            text.push_str(&panicked.to_string());
            text.push('>');
        }
    }
    text
}

/// The error's text and those of its sources, joined by ": ".
pub(super) fn chain(error: &(dyn Error + 'static), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&text(error))?;
    let mut source = source_of(error);
    for _ in 0..MAX_SOURCES {
        let Some(error) = source else { return Ok(()) };
        write!(f, ": {}", text(error))?;
        source = source_of(error);
    }
    Ok(())
}

fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match catch_unwind(AssertUnwindSafe(|| error.source())) {
        Ok(source) => source,
        Err(payload) => {
            // The panic hook has shown it; reading the payload disposes of it safely.
            Panicked::from_payload(payload);
            None
        }
    }
}

/// An error may, by mistake, be its own source: the text must end all the same.
const MAX_SOURCES: usize = 32;
