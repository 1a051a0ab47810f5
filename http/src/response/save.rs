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
