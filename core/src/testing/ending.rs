//! How a connection ended, as tests compare it.

use std::io;

use crate::{ConnectionAborted, ConnectionDone, ConnectionLost, Failure, Stage};

/// How a connection ended: what `connection_lost` was told, to be compared.
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, Ending, StringTransport};
///
/// let seen = AccumulatingProtocol::new();
/// let wire = StringTransport::new();
/// let _seen = wire.connect(seen.clone());
/// wire.transport().abort_connection();
/// wire.finish();
/// assert_eq!(seen.ending(), Some(Ending::Aborted));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In an orderly way: [`ConnectionDone`].
    Done,
    /// We aborted it: [`ConnectionAborted`].
    Aborted,
    /// It broke: the stage and the kind of the system's error of a [`ConnectionLost`].
    Lost(Stage, io::ErrorKind),
    /// By any other failure, of which this is the text.
    Error(String),
}

impl Ending {
    /// What the reason given to `connection_lost` says.
    pub fn of(reason: &Failure) -> Self {
        if reason.check::<ConnectionDone>().is_some() {
            Self::Done
        } else if reason.check::<ConnectionAborted>().is_some() {
            Self::Aborted
        } else if let Some(lost) = reason.check::<ConnectionLost>() {
            Self::Lost(lost.stage, lost.error.kind())
        } else {
            Self::Error(reason.to_string())
        }
    }

    /// Whether the peer, or the network, was seen to break the connection.
    pub fn is_reset(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        matches!(self, Self::Lost(_, ConnectionReset | BrokenPipe))
    }
}
