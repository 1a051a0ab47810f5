//! How far a body has come.

use torsade_core::{Failure, Result};

use super::Response;
use crate::incoming::{BodyControl, BodyProtocol};

/// How far a body has come.
///
/// ```
/// use torsade_http::Progress;
///
/// fn percent(progress: Progress) -> Option<u64> {
///     Some(progress.received * 100 / progress.total.filter(|total| *total > 0)?)
/// }
/// # let _ = percent;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// So many bytes have come, as they were sent: before they are decoded.
    pub received: u64,
    /// So many will have, if the server has told.
    pub total: Option<u64>,
}

/// Who is told.
pub(super) type OnProgress = Box<dyn FnMut(Progress)>;

impl Response {
    /// Has `tell` called with each piece of the body that comes, whoever takes it, and once more at its
    /// end, then with the total.
    ///
    /// ```
    /// use torsade_http::Response;
    ///
    /// fn watched(response: Response) -> Response {
    ///     response.on_progress(|progress| match progress.total {
    ///         Some(total) => eprintln!("{} of {total}", progress.received),
    ///         None => eprintln!("{}", progress.received),
    ///     })
    /// }
    /// ```
    #[must_use]
    #[doc(alias = "progress")]
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'static) -> Self {
        self.on_progress = Some(Box::new(tell));
        self
    }
}

/// Stands between a body and its receiver, and counts.
pub(super) struct Counting<P> {
    pub(super) receiver: P,
    pub(super) progress: Progress,
    pub(super) tell: OnProgress,
}

impl<P: BodyProtocol> BodyProtocol for Counting<P> {
    fn connection_made(&mut self, body: &BodyControl) {
        self.receiver.connection_made(body);
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        self.progress.received += data.len() as u64;
        (self.tell)(self.progress);
        self.receiver.data_received(body, data)
    }

    fn resumed(&mut self, body: &BodyControl) {
        self.receiver.resumed(body);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if crate::error::how_it_ended(reason).is_ok() {
            self.progress.total = Some(self.progress.received);
            (self.tell)(self.progress);
        }
        self.receiver.connection_lost(reason);
    }
}
