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
///
/// assert_eq!(percent(Progress { received: 30, total: Some(120) }), Some(25));
/// assert_eq!(percent(Progress { received: 30, total: None }), None);
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
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// // A body without a length: how long it is, is told by its end.
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.0 200 OK\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let told = Rc::new(RefCell::new(Vec::new()));
    /// let log = Rc::clone(&told);
    /// let response = response.on_progress(move |progress| {
    ///     log.borrow_mut().push((progress.received, progress.total));
    /// });
    /// reactor.run_until(response.text())?;
    /// assert_eq!(*told.borrow(), [(5, None), (5, Some(5))]);
    /// # torsade_core::Result::<()>::Ok(())
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
