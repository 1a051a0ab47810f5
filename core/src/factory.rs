//! Factory: makes a protocol for each connection.

use crate::policies::{Policy, WrappingFactory};
use crate::{Address, Failure, Protocol};

/// Builds the protocol for a connection.
///
/// A closure `FnMut(&Address) -> P` is one, which is enough for most programs.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Factory};
///
/// /// Serves a few, and refuses the rest.
/// struct Few {
///     left: u32,
/// }
///
/// impl Factory for Few {
///     type Protocol = Echo;
///
///     fn build_protocol(&mut self, _: &Address) -> Option<Echo> {
///         self.left = self.left.checked_sub(1)?;
///         Some(Echo)
///     }
/// }
///
/// let mut few = Few { left: 1 };
/// assert!(few.build_protocol(&Address::Unnamed).is_some());
/// assert!(few.build_protocol(&Address::Unnamed).is_none());
/// // As a closure, which refuses nobody:
/// let mut all = |_: &Address| Echo;
/// assert!(all.build_protocol(&Address::Unnamed).is_some());
/// ```
#[doc(alias = "IFactory")]
#[doc(alias = "ClientFactory")]
#[doc(alias = "ServerFactory")]
#[doc(alias = "Factory.protocol")]
#[doc(alias = "IProtocolFactory")]
#[doc(alias = "forProtocol")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` builds no protocols",
    label = "this is no `Factory`",
    note = "a factory is a type with `Factory`, or a closure `|_: &Address| MyProtocol` whose result is a `Protocol`"
)]
pub trait Factory: 'static {
    /// What it builds.
    type Protocol: Protocol;

    /// The protocol for a connection with `peer`; `None` closes the connection.
    #[doc(alias = "buildProtocol")]
    fn build_protocol(&mut self, peer: &Address) -> Option<Self::Protocol>;

    /// A listening port begins to use this factory.
    #[doc(alias = "startFactory")]
    #[doc(alias = "doStart")]
    fn start_factory(&mut self) {}

    /// The listening port that used this factory has stopped. Its connections may live on.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Factory, TcpServer};
    ///
    /// /// Notes when it is in use.
    /// struct Noted(Rc<RefCell<Vec<&'static str>>>);
    ///
    /// impl Factory for Noted {
    ///     type Protocol = Echo;
    ///
    ///     fn build_protocol(&mut self, _: &Address) -> Option<Echo> {
    ///         Some(Echo)
    ///     }
    ///
    ///     fn start_factory(&mut self) {
    ///         self.0.borrow_mut().push("started");
    ///     }
    ///
    ///     fn stop_factory(&mut self) {
    ///         self.0.borrow_mut().push("stopped");
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// let notes = Rc::default();
    /// let port = TcpServer::new(&reactor, "127.0.0.1:7".parse()?).listen(Noted(Rc::clone(&notes)))?;
    /// reactor.run_until(port.stop_listening())?;
    /// assert_eq!(*notes.borrow(), ["started", "stopped"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "stopFactory")]
    #[doc(alias = "doStop")]
    fn stop_factory(&mut self) {}

    /// This factory with a policy: with limits, time-outs and the like for its connections. See
    /// [`policies`](crate::policies).
    ///
    /// ```
    /// use torsade_core::policies::ConnectionLimit;
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::{Address, Factory};
    ///
    /// let mut factory = (|_: &Address| Echo).policy(ConnectionLimit::new(1));
    /// let first = factory.build_protocol(&Address::Unnamed);
    /// assert!(factory.build_protocol(&Address::Unnamed).is_none()); // there is one already
    /// drop(first);
    /// assert!(factory.build_protocol(&Address::Unnamed).is_some());
    /// ```
    #[doc(alias = "WrappingFactory")]
    fn policy<P: Policy>(self, policy: P) -> WrappingFactory<Self, P>
    where
        Self: Sized,
    {
        WrappingFactory::new(self, policy)
    }

    /// A peer was accepted but never became a connection: its handshake failed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use torsade_core::filter::{ProxyHeader, ProxyHeaderError};
    /// # use torsade_core::protocols::wire::{Discard, Echo};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, Factory, Failure, TcpClient, TcpServer};
    ///
    /// /// Notes who came, and knew no manners.
    /// struct Noted(Rc<RefCell<Vec<Address>>>);
    ///
    /// impl Factory for Noted {
    ///     type Protocol = Echo;
    ///
    ///     fn build_protocol(&mut self, _: &Address) -> Option<Echo> {
    ///         Some(Echo)
    ///     }
    ///
    ///     fn handshake_failed(&mut self, peer: &Address, reason: &Failure) {
    ///         if reason.check() == Some(&ProxyHeaderError::NotThere) {
    ///             self.0.borrow_mut().push(peer.clone());
    ///         }
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// let notes = Rc::default();
    /// let server = TcpServer::new(&reactor, address).filter(|| Ok(ProxyHeader::new()));
    /// server.listen(Noted(Rc::clone(&notes)))?;
    /// let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// client.transport().write(b"GET / HTTP/1.1\r\n");
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert_eq!(notes.borrow().len(), 1);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    fn handshake_failed(&mut self, peer: &Address, reason: &Failure) {
        let _ = (peer, reason);
    }
}

impl<F, P> Factory for F
where
    F: FnMut(&Address) -> P + 'static,
    P: Protocol,
{
    type Protocol = P;

    fn build_protocol(&mut self, peer: &Address) -> Option<P> {
        Some(self(peer))
    }
}

/// Gives the one protocol there is for the one connection that will be.
pub(crate) struct Once<P>(Option<P>);

impl<P> Once<P> {
    pub(crate) fn new(protocol: P) -> Self {
        Self(Some(protocol))
    }
}

impl<P: Protocol> Factory for Once<P> {
    type Protocol = P;

    fn build_protocol(&mut self, _: &Address) -> Option<P> {
        self.0.take()
    }
}
