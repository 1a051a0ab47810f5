//! What to tell somebody whose request failed: what, with which host, and what to do.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use torsade::http::RequestError;
use torsade::http::wire::{Foreign, WireError};
use torsade::tls::TlsError;
use torsade::{AllAttemptsFailed, ConnectError, Failure, LookupError, LookupVerdict};

/// One line on what failed, for `url` if it is that.
pub(crate) fn explain(url: Option<&str>, failure: &Failure) -> String {
    if let Some(Explained(text)) = failure.check() {
        return text.clone();
    }
    let text = format!("{failure:#}");
    // A request's error names its host already.
    let text = match (failure.check::<RequestError>(), url) {
        (None, Some(url)) => format!("{url}: {text}"),
        _ => text,
    };
    match hint(failure) {
        Some(hint) => format!("{text} ({hint})"),
        None => text,
    }
}

/// A failure that was only lent to us, and cannot be passed on, with its explanation.
#[derive(Debug)]
pub(crate) struct Explained(String);

impl Explained {
    pub(crate) fn of(failure: &Failure) -> Self {
        Self(explain(None, failure))
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Explained {}

fn hint(failure: &Failure) -> Option<String> {
    if let Some(TlsError::NotTls {
        looks_like: Some("HTTP"),
        ..
    }) = failure.find()
    {
        return Some("try http:// instead".to_owned());
    }
    match failure.find::<TlsError>() {
        Some(error) => Some(error.help()),
        None => other_hint(failure).map(str::to_owned),
    }
}

fn other_hint(failure: &Failure) -> Option<&'static str> {
    if let Some(error) = failure.find::<LookupError>() {
        return Some(match error.verdict {
            LookupVerdict::TryAgain => "check the network, or try again later",
            _ => "check how the name is spelled",
        });
    }
    if let Some(error) = failure.find::<AllAttemptsFailed>() {
        let was = |kind| {
            error.attempts.iter().any(|(_, failure)| {
                failure
                    .check::<ConnectError>()
                    .is_some_and(|error| error.error.kind() == kind)
            })
        };
        return if was(ErrorKind::ConnectionRefused) {
            Some("check the port, and whether the server runs")
        } else {
            Some("check the network and the address")
        };
    }
    if let Some(WireError::NotHttp {
        looks_like: Foreign::Tls,
        ..
    }) = failure.find()
    {
        return Some("try https:// instead");
    }
    let is_late = failure
        .check::<RequestError>()
        .is_some_and(RequestError::is_timeout);
    is_late.then_some("the server may be down or slow: try again, or allow it more time")
}
