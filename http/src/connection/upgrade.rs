//! Connections that speak another protocol from some point on (RFC 9110 section 7.8).

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use http::StatusCode;
use torsade_core::{Deferred, Failure, Protocol, Result, Transport};

/// Another protocol was to be spoken, and the server does not.
///
/// ```
/// use torsade_core::testing::AccumulatingProtocol;
/// use torsade_http::{Agent, Method, NotUpgraded, Request};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let request = Request::new(Method::GET, "http://127.0.0.1/chat")?.upgrade("websocket")?;
/// let response = reactor.run_until(Agent::new(&reactor).request(request))?;
/// let error = response.upgrade(AccumulatingProtocol::new()).unwrap_err().trap::<NotUpgraded>()?;
/// assert_eq!(error.status, 200);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUpgraded {
    /// What it has answered instead of 101.
    pub status: StatusCode,
}

impl fmt::Display for NotUpgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server stays with HTTP: it answered {}", self.status)
    }
}

impl Error for NotUpgraded {}

/// A connection that waits for its next protocol. Dropped, it closes the connection.
pub(crate) struct Upgraded {
    transport: Transport,
    successor: Rc<Successor>,
    /// What has come for it already.
    early: Bytes,
    is_taken: bool,
}

impl Upgraded {
    pub(super) fn new(transport: &Transport, successor: &Rc<Successor>, early: &[u8]) -> Self {
        // Until somebody takes it.
        transport.pause_reading();
        Self {
            transport: transport.clone(),
            successor: Rc::clone(successor),
            early: Bytes::copy_from_slice(early),
            is_taken: false,
        }
    }

    /// Hands the connection to `protocol`, which is called when the running function has returned.
    pub(crate) fn hand_over(mut self, protocol: impl Protocol) -> Transport {
        self.is_taken = true;
        let transport = self.transport.clone();
        let (successor, early) = (Rc::clone(&self.successor), std::mem::take(&mut self.early));
        let protocol: Rc<RefCell<dyn Protocol>> = Rc::new(RefCell::new(protocol));
        let (handle, failing) = (transport.clone(), transport.clone());
        // An error, or a panic, ends the connection, and that is told to the protocol.
        Deferred::succeed(())
            .add_callback(move |()| successor.begin(&handle, protocol, &early))
            .add_errback(move |failure| failing.abort_with(failure));
        transport
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        if !self.is_taken {
            self.transport.abort_connection();
        }
    }
}

/// The protocol that a connection speaks next.
#[derive(Default)]
pub(super) struct Successor(RefCell<State>);

#[derive(Default)]
enum State {
    /// Nobody has taken the connection yet.
    #[default]
    Awaited,
    Here(Rc<RefCell<dyn Protocol>>),
    /// The connection was lost meanwhile.
    Lost(Failure),
}

impl Successor {
    fn begin(
        &self,
        transport: &Transport,
        protocol: Rc<RefCell<dyn Protocol>>,
        early: &[u8],
    ) -> Result<()> {
        let lost = match self.0.replace(State::Here(Rc::clone(&protocol))) {
            State::Lost(reason) => Some(reason),
            _ => None,
        };
        let mut protocol = protocol.borrow_mut();
        protocol.connection_made(transport);
        let is_wanted = !early.is_empty() && (lost.is_some() || transport.is_open());
        let taken = match is_wanted {
            true => protocol.data_received(transport, early),
            false => Ok(()),
        };
        match lost {
            Some(reason) => protocol.connection_lost(&reason),
            None => {
                taken?;
                transport.resume_reading();
            }
        }
        Ok(())
    }

    /// Calls it, with nothing of ours borrowed.
    pub(super) fn call<R>(&self, call: impl FnOnce(&mut dyn Protocol) -> R) -> Option<R> {
        let protocol = match &*self.0.borrow() {
            State::Here(protocol) => Rc::clone(protocol),
            State::Awaited | State::Lost(_) => return None,
        };
        let result = call(&mut *protocol.borrow_mut());
        Some(result)
    }

    pub(super) fn lost(&self, reason: &Failure) {
        if self
            .call(|protocol| protocol.connection_lost(reason))
            .is_none()
        {
            self.0.replace(State::Lost(crate::error::duplicate(reason)));
        }
    }
}
