//! A protocol that keeps what it is told, for tests to look at.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::Ending;
use crate::{Failure, Protocol, Result, Transport};

/// A protocol that keeps all that it receives, and how its connection ended. The other side of what
/// is tested.
///
/// A cheap handle: its clones are one protocol, also when the connection has ended.
///
/// ```
/// use torsade_core::ConnectionDone;
/// use torsade_core::testing::{AccumulatingProtocol, Ending, StringTransport};
///
/// let protocol = AccumulatingProtocol::new();
/// let wire = StringTransport::new();
/// let _ = wire.connect(protocol.clone());
/// wire.receive(b"hello")?;
/// assert_eq!(protocol.data(), b"hello");
/// wire.lose(ConnectionDone);
/// assert_eq!(protocol.ending(), Some(Ending::Done));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Default)]
pub struct AccumulatingProtocol(Rc<RefCell<Told>>);

#[derive(Default)]
struct Told {
    transport: Option<Transport>,
    data: Vec<u8>,
    ending: Option<Ending>,
}

impl AccumulatingProtocol {
    /// One that was told nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that was received.
    pub fn data(&self) -> Vec<u8> {
        self.0.borrow().data.clone()
    }

    /// The transport, once the connection is made: to write.
    pub fn transport(&self) -> Option<Transport> {
        self.0.borrow().transport.clone()
    }

    /// How the connection ended, once it has.
    #[doc(alias = "closedReason")]
    pub fn ending(&self) -> Option<Ending> {
        self.0.borrow().ending.clone()
    }
}

impl Protocol for AccumulatingProtocol {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.borrow_mut().transport = Some(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.borrow_mut().data.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.0.borrow_mut().ending = Some(Ending::of(reason));
    }
}

impl fmt::Debug for AccumulatingProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.borrow();
        f.debug_struct("AccumulatingProtocol")
            .field("data", &told.data.escape_ascii().to_string())
            .field("ending", &told.ending)
            .finish_non_exhaustive()
    }
}
