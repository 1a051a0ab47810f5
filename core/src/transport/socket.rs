//! The socket of a transport: its ends, its options, what only some kinds can do.

use std::os::fd::OwnedFd;

use super::Transport;
use crate::{Address, KeepAlive, Result, SocketOption};

/// Who made a UNIX connection: the numbers of its process, user and group, at that time.
///
/// ```
/// use torsade_core::Reactor;
/// use torsade_core::protocols::wire::Discard;
///
/// let reactor = Reactor::new()?;
/// let [one, _other] = reactor.pair()?;
/// let client = reactor.run_until(one.open(|_: &torsade_core::Address| Discard))?;
/// let credentials = client.transport().peer_credentials()?;
/// // Both ends are ours.
/// assert_eq!(credentials.process, Some(std::process::id()));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "ucred")]
pub struct Credentials {
    /// The process, unless it is in a namespace that ours cannot see.
    pub process: Option<u32>,
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

impl Transport {
    /// The address of the other end; [`Address::Unnamed`] once the connection is forgotten.
    #[doc(alias = "getPeer")]
    pub fn peer(&self) -> Address {
        self.link().map_or(Address::Unnamed, |link| link.peer())
    }

    /// The address of our end; [`Address::Unnamed`] once the connection is forgotten.
    #[doc(alias = "getHost")]
    pub fn host(&self) -> Address {
        self.link().map_or(Address::Unnamed, |link| link.host())
    }

    /// Sends small segments at once instead of gathering them (TCP_NODELAY). On by default.
    ///
    /// # Errors
    /// As [`set_option`](Self::set_option).
    #[doc(alias = "setTcpNoDelay")]
    pub fn set_no_delay(&self, on: bool) -> Result<()> {
        self.set_option(SocketOption::NoDelay(on))
    }

    /// Probes a silent peer, or with `None` never (the default).
    ///
    /// # Errors
    /// As [`set_option`](Self::set_option).
    #[doc(alias = "setTcpKeepAlive")]
    pub fn set_keep_alive(&self, times: Option<KeepAlive>) -> Result<()> {
        self.set_option(SocketOption::KeepAlive(times))
    }

    /// Sets an option of the socket.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where there is no such option;
    /// [`ConnectionDone`](crate::ConnectionDone) when the connection has ended.
    #[doc(alias = "getHandle")]
    pub fn set_option(&self, option: SocketOption) -> Result<()> {
        self.link().ok_or(crate::ConnectionDone)?.set_option(option)
    }

    /// Sends a descriptor over a UNIX socket, with the next bytes that are written: the peer has it
    /// before it has those. Some must follow, or the connection ends with a
    /// [`DescriptorOverrun`](crate::DescriptorOverrun).
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::OwnedFd;
    /// use torsade_core::{Address, Deferred, Protocol, Reactor, Resolver, Result, Transport};
    ///
    /// /// Waits for a descriptor.
    /// struct Takes(Option<Resolver<OwnedFd>>);
    ///
    /// impl Protocol for Takes {
    ///     fn descriptor_received(&mut self, _: &Transport, descriptor: OwnedFd) {
    ///         self.0.take().unwrap().callback(descriptor);
    ///     }
    /// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let [one, other] = reactor.pair()?; // two UNIX sockets
    /// let (resolver, taken) = Deferred::new();
    /// let mut takes = Some(Takes(Some(resolver)));
    /// let takes = one.open(move |_: &Address| takes.take().unwrap());
    /// let gives = other.open(|_: &Address| Takes(None));
    /// # let _takes = reactor.run_until(takes)?;
    /// let (reader, writer) = std::io::pipe()?;
    /// let gives = reactor.run_until(gives)?;
    /// gives.transport().send_descriptor(writer.into())?;
    /// gives.transport().write(b"that was a pipe");
    /// drop(reactor.run_until(taken)?); // closes the pipe
    /// assert_eq!((&reader).read(&mut [0])?, 0);
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` where it is no UNIX socket of the system;
    /// [`ConnectionDone`](crate::ConnectionDone) when nothing can be written any more.
    #[doc(alias = "sendFileDescriptor")]
    #[doc(alias = "IUNIXTransport")]
    pub fn send_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        let link = self.link().ok_or(crate::ConnectionDone)?;
        link.send_descriptor(descriptor)
    }

    /// Who is at the other end of a UNIX socket, as the system knows: it cannot be pretended.
    ///
    /// # Errors
    /// `Unsupported` where it is no UNIX socket of the system;
    /// [`ConnectionDone`](crate::ConnectionDone) when the connection has ended.
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> Result<Credentials> {
        let link = self.link().ok_or(crate::ConnectionDone)?;
        link.peer_credentials()
    }
}
