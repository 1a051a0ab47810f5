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
    #[doc(alias = "stopFactory")]
    #[doc(alias = "doStop")]
    fn stop_factory(&mut self) {}

    /// This factory with a policy: with limits, time-outs and the like for its connections. See
    /// [`policies`](crate::policies).
    #[doc(alias = "WrappingFactory")]
    fn policy<P: Policy>(self, policy: P) -> WrappingFactory<Self, P>
    where
        Self: Sized,
    {
        WrappingFactory::new(self, policy)
    }

    /// A peer was accepted but never became a connection: its handshake failed.
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
