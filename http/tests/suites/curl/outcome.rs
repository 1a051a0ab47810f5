//! What came of a command line, in the terms of curl's exit codes.

use torsade_core::Failure;
use torsade_http::{
    BodyTooLong, DecodeError, InvalidProxy, InvalidRequest, PartialBody, RedirectError,
    RequestError, Stage,
};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    BadUrl,
    NoConnection,
    NotHttp,
    Cut,
    Status,
    NotDecoded,
    Redirects,
    BadLocation,
    TooLong,
    Range,
    Upload,
    TimedOut,
}

impl End {
    /// Whether curl would exit with this code.
    pub(super) fn is(self, code: u32) -> bool {
        match code {
            0 => self == Self::Done,
            1 => matches!(self, Self::BadUrl | Self::NotHttp | Self::BadLocation),
            3 | 49 => self == Self::BadUrl,
            5 => matches!(self, Self::NoConnection | Self::BadUrl),
            6 | 7 => self == Self::NoConnection,
            8 => matches!(self, Self::NotHttp | Self::BadLocation),
            52 | 43 | 100 => matches!(self, Self::NotHttp | Self::NoConnection),
            18 => matches!(self, Self::Cut | Self::NotHttp),
            22 => self == Self::Status,
            25 | 26 => self == Self::Upload,
            28 => self == Self::TimedOut,
            33 => self == Self::Range,
            47 => self == Self::Redirects,
            56 => matches!(self, Self::NotHttp | Self::Cut | Self::NoConnection),
            61 => matches!(self, Self::NotDecoded | Self::NotHttp),
            63 => self == Self::TooLong,
            _ => false,
        }
    }
}

pub(super) struct Outcome {
    /// The bodies, one for each URL.
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) end: End,
    /// In our words.
    pub(super) why: String,
    /// What the server received.
    pub(super) sent: Vec<u8>,
}

impl Outcome {
    pub(super) fn receive(&mut self, body: &[u8]) {
        if let Some(last) = self.bodies.last_mut() {
            last.extend_from_slice(body);
        }
    }

    pub(super) fn fail(&mut self, failure: &Failure) {
        self.why = format!("{failure:#}");
        let failure = match failure.check::<PartialBody>() {
            Some(partial) => &partial.reason,
            None => failure,
        };
        self.end = if failure.find::<InvalidRequest>().is_some()
            || failure.find::<InvalidProxy>().is_some()
        {
            End::BadUrl
        } else if let Some(error) = failure.find::<RedirectError>() {
            match error {
                RedirectError::BadLocation { .. } => End::BadLocation,
                RedirectError::BodyIsGone { .. } => End::Upload,
                _ => End::Redirects,
            }
        } else if failure.find::<DecodeError>().is_some() {
            End::NotDecoded
        } else if failure.find::<BodyTooLong>().is_some() {
            End::TooLong
        } else {
            match failure.find::<RequestError>() {
                Some(error) if error.is_timeout() => End::TimedOut,
                Some(error) if error.stage == Stage::Connecting => End::NoConnection,
                Some(error) if error.stage == Stage::ReadingBody => End::Cut,
                Some(_) => End::NotHttp,
                None => panic!("an error of no kind that is known: {failure:#}"),
            }
        };
    }
}
