//! The protocol of a connection to a memcached.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::client::Memcache;
use super::error::ReplyError;
use super::framing::ReplyFraming;
use super::shared::Shared;
use crate::protocols::{FramedReceiver, StringControl, StringProtocol};
use crate::{ClientEndpoint, Deferred, Failure, Protocol, Result, Transport};

/// The client's side of a connection to a memcached. [`connect`](Self::connect) gives the
/// [`Memcache`] through which requests are made; with a factory of one's own, such as a
/// [`ClientService`](crate::endpoints::ClientService)'s, [`client`](Self::client) does.
///
/// # Limits
/// When the server has said nothing for 60 seconds though a request waits, the connection is
/// aborted. What counts is a whole line or value, so a server that sends a byte now and then does
/// not keep anybody. A value is at most 1 MiB long, in both directions. What a server can make us
/// keep is what was asked for, within that.
///
/// ```
/// use torsade_core::HostnameClient;
/// use torsade_core::protocols::memcache::MemcacheProtocol;
/// # use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result, TcpServer};
/// # struct Memcached;
/// # impl LineProtocol for Memcached {
/// #     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
/// #         match line {
/// #             b"hello" => lines.send_line("STORED"),
/// #             b"get greeting" => lines.send_line("VALUE greeting 0 5\r\nhello\r\nEND"),
/// #             _ => assert_eq!(line, b"set greeting 0 0 5"),
/// #         }
/// #         Ok(())
/// #     }
/// # }
///
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:11211".parse()?);
/// # server.listen(|_: &Address| LineReceiver::new(Memcached))?;
/// let endpoint = HostnameClient::new(&reactor, "localhost", 11211);
/// let memcache = reactor.run_until(MemcacheProtocol::new().connect(&endpoint))?;
/// reactor.run_until(memcache.set("greeting", "hello"))?;
/// let found = reactor.run_until(memcache.get("greeting"))?;
/// assert_eq!(found.unwrap().data, "hello");
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "twisted.protocols.memcache.MemCacheProtocol")]
pub struct MemcacheProtocol {
    receiver: FramedReceiver<ReplyFraming, Replies>,
    shared: Rc<Shared>,
}

/// Gives the pieces of answers to those who wait for them.
struct Replies {
    shared: Rc<Shared>,
}

impl MemcacheProtocol {
    /// With the limits above.
    pub fn new() -> Self {
        let shared = Rc::new(Shared::new());
        Self {
            receiver: receiver(&shared),
            shared,
        }
    }

    /// How long the server may be silent while a request waits; `None` is for ever.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::memcache::{Ended, MemcacheError, MemcacheProtocol};
    /// use torsade_core::testing::{Simulation, StringTransport, failure_result_of};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let protocol = MemcacheProtocol::new().timeout(Some(Duration::from_secs(5)));
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// reactor.advance(Duration::from_secs(60))?; // nothing is asked, so nothing is missed
    /// let found = memcache.get("page");
    /// reactor.advance(Duration::from_secs(5))?;
    /// # wire.finish();
    /// let failure = failure_result_of(found);
    /// let Some(MemcacheError::Ended { reason, .. }) = failure.check() else { panic!("{failure:?}") };
    /// assert!(matches!(reason, Ended::TimedOut(_)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "persistentTimeOut")]
    pub fn timeout(self, limit: Option<Duration>) -> Self {
        self.shared.timeout.set(limit);
        self
    }

    /// The longest value that is sent or let through, in bytes. A memcached that is to take longer
    /// ones than 1 MiB has to be told as well: `memcached -I 8m`.
    pub fn max_value(mut self, bytes: usize) -> Self {
        self.shared.max_value.set(bytes);
        self.receiver = receiver(&self.shared);
        self
    }

    /// Through which requests are made, once it is connected.
    pub fn client(&self) -> Memcache {
        Memcache::new(&self.shared)
    }

    /// Connects to a memcached.
    ///
    /// # Errors
    /// Those of the endpoint.
    pub fn connect(self, endpoint: &impl ClientEndpoint) -> Deferred<Memcache> {
        let client = self.client();
        endpoint.connect_protocol(self).map(|_| client)
    }
}

fn receiver(shared: &Rc<Shared>) -> FramedReceiver<ReplyFraming, Replies> {
    let framing = ReplyFraming::new().max_value(shared.max_value.get());
    let shared = Rc::clone(shared);
    FramedReceiver::new(framing, Replies { shared })
}

impl Default for MemcacheProtocol {
    fn default() -> Self {
        Self::new()
    }
}

impl StringProtocol<ReplyFraming> for Replies {
    fn connection_made(&mut self, strings: &StringControl<ReplyFraming>) {
        self.shared.connect(strings.transport());
    }

    fn string_received(&mut self, _: &StringControl<ReplyFraming>, piece: &[u8]) -> Result<()> {
        Ok(self.shared.take(piece)?)
    }

    fn framing_failed(&mut self, _: &StringControl<ReplyFraming>, error: ReplyError) -> Result<()> {
        Err(error.into())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.shared.end(reason);
    }
}

impl Protocol for MemcacheProtocol {
    fn connection_made(&mut self, transport: &Transport) {
        self.receiver.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.receiver.data_received(transport, data)
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.receiver.read_closed(transport);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.receiver.connection_lost(reason);
    }
}

impl fmt::Debug for MemcacheProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcacheProtocol")
            .field("waiting", &self.shared.waiting())
            .finish_non_exhaustive()
    }
}
