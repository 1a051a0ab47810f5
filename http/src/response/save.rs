//! A body into a file.

use std::path::Path;

use torsade_core::{Deferred, Reactor};

use super::Response;
use crate::saving::new_file::{self, Readers};
use crate::saving::{New, save};

impl Response {
    /// Saves the body to a file; the Deferred fires with the count of its bytes. The disk is written
    /// to on the reactor's thread pool, and the server slowed down if that is slower.
    ///
    /// The file is as it was, or has the whole body, whatever happens: what comes goes into a new one
    /// beside it first, which is removed if the body breaks off. Cancelling closes the connection. A
    /// body without a length, which ends with its connection, counts as whole: whether it was, nobody
    /// can tell ([`PotentialDataLoss`](crate::PotentialDataLoss)).
    ///
    /// Whoever wants to go on later with what has come uses
    /// [`ClientRequest::download`](crate::ClientRequest::download).
    ///
    /// ```
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("page.html");
    /// let own = reactor.clone();
    /// let path = file.clone();
    /// let saved = Agent::new(&reactor)
    ///     .get("http://127.0.0.1/")
    ///     .add_callback(move |response| response.save_to(&own, path));
    /// assert_eq!(reactor.run_until(saved)?, 5);
    /// assert_eq!(std::fs::read(file)?, b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says of the file; [`RequestError`](crate::RequestError) and what else ends a
    /// body before its time.
    #[doc(alias = "downloadPage")]
    pub fn save_to(self, reactor: &Reactor, path: impl AsRef<Path>) -> Deferred<u64> {
        let path = path.as_ref().to_owned();
        match new_file::beside(&path, Readers::AsUsual) {
            Ok(file) => save(reactor, self, New { file, path }),
            Err(error) => Deferred::fail(error),
        }
    }
}
