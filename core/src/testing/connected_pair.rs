//! Two protocols, and the wire between them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Network, Simulation};
use crate::factory::Once;
use crate::{Deferred, Protocol, ProtocolRef, Reactor, ReactorError, Result};

/// The ends of a connection.
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, Side};
///
/// let server = AccumulatingProtocol::new();
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), server.clone())?;
/// pair.client().transport().write(b"hello");
/// assert_eq!(pair.deliver(Side::Server, 2)?, 2);
/// assert_eq!(server.data(), b"he");
/// assert_eq!(pair.deliver(Side::Client, 2)?, 0); // nothing goes that way
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connects.
    Client,
    /// Who listens.
    Server,
}

/// Two protocols that are connected with each other, in a world of their own. What they write stands
/// on the wire until the test lets it on: all, a part, or to one side only.
///
/// They are connected as any two are: what one writes is never received inside that call. The clock
/// of that world moves only when [its reactor](Self::reactor) is asked to
/// [`advance`](Reactor::advance).
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_core::{Protocol, Result, Transport};
///
/// struct Greeter;
///
/// impl Protocol for Greeter {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"hello\r\n");
///         transport.lose_connection();
///     }
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let client = AccumulatingProtocol::new();
/// let pair = ConnectedPair::new(client.clone(), Greeter)?;
/// assert_eq!(client.data(), b"");
/// pair.flush()?;
/// assert_eq!(client.data(), b"hello\r\n");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "IOPump")]
#[doc(alias = "iosim")]
#[doc(alias = "connectedServerAndClient")]
#[doc(alias = "FakeTransport")]
#[doc(alias = "LoopbackClientFactory")]
#[doc(alias = "LoopbackRelay")]
#[doc(alias = "loopbackAsync")]
#[doc(alias = "loopbackTCP")]
#[doc(alias = "loopbackUNIX")]
pub struct ConnectedPair<C, S> {
    reactor: Reactor,
    network: Network,
    /// Where the client is, and where the server is.
    ends: [SocketAddr; 2],
    client: ProtocolRef<C>,
    server: ProtocolRef<S>,
}

impl<C: Protocol, S: Protocol> ConnectedPair<C, S> {
    /// Connects the two: `connection_made` of both has returned.
    ///
    /// # Errors
    /// [`Panicked`](crate::Panicked) when one of them panics in `connection_made`.
    pub fn new(client: C, server: S) -> Result<Self> {
        let (reactor, network) = Simulation::new().delay(Duration::ZERO).start();
        let [client_end, server_end] = reactor.pair()?;
        let ends = network.newest_ends().expect("a pair has two ends");
        network.hold(ends[0]);
        let server = server_end.open(Once::new(server));
        let client = client_end.open(Once::new(client));
        let (client, server) = reactor.run_until(both(client, server))?;
        Ok(Self {
            reactor,
            network,
            ends,
            client,
            server,
        })
    }

    /// The reactor of the world that they are in.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// The client's protocol, as long as it is connected.
    pub fn client(&self) -> &ProtocolRef<C> {
        &self.client
    }

    /// The server's protocol, as long as it is connected.
    pub fn server(&self) -> &ProtocolRef<S> {
        &self.server
    }

    /// Lets on what both have written so far; what they answer waits for the next time. No time
    /// passes. Gives back whether there was anything.
    ///
    /// ```
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    ///
    /// let client = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(client.clone(), Echo)?;
    /// pair.client().transport().write(b"hello");
    /// assert!(pair.pump()?);
    /// assert_eq!(client.data(), b""); // what the server answers waits for the next time
    /// assert!(pair.pump()?);
    /// assert_eq!(client.data(), b"hello");
    /// assert!(!pair.pump()?);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`Reactor::advance`].
    #[doc(alias = "IOPump.pump")]
    pub fn pump(&self) -> Result<bool> {
        Ok(self.pump_at_most([usize::MAX; 2])? != [0; 2])
    }

    /// [Pumps](Self::pump) until nothing moves any more.
    ///
    /// # Errors
    /// As [`Reactor::advance`]; [`ReactorError::NeverQuiet`] when they still go on after a
    /// hundred thousand rounds.
    #[doc(alias = "IOPump.flush")]
    pub fn flush(&self) -> Result<()> {
        self.flush_by(usize::MAX)
    }

    /// The same, with `most` bytes at once: with 1, each byte is received by itself.
    ///
    /// ```
    /// use torsade_core::Result;
    /// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    ///
    /// struct Echo;
    ///
    /// impl LineProtocol for Echo {
    ///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
    ///         lines.send_line(line);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// // However the network cuts it, the answer is the same.
    /// for most in 1..=7 {
    ///     let client = AccumulatingProtocol::new();
    ///     let pair = ConnectedPair::new(client.clone(), LineReceiver::new(Echo))?;
    ///     pair.client().transport().write(b"hello\r\n");
    ///     pair.flush_by(most)?;
    ///     assert_eq!(client.data(), b"hello\r\n");
    /// }
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn flush_by(&self, most: usize) -> Result<()> {
        for _ in 0..MOST_PUMPS {
            if self.pump_at_most([most.max(1); 2])? == [0; 2] {
                return Ok(());
            }
        }
        Err(ReactorError::NeverQuiet.into())
    }

    /// Lets `most` bytes on to one side only, of what the other has written so far. The end of the
    /// direction counts as a byte, after the last; so does a reset. Gives back how many there were.
    ///
    /// # Errors
    /// As [`Reactor::advance`].
    pub fn deliver(&self, to: Side, most: usize) -> Result<usize> {
        let mut limits = [0; 2];
        limits[to as usize] = most;
        Ok(self.pump_at_most(limits)?[to as usize])
    }

    /// Pumps until so many bytes have come to one side, counted as in [`deliver`](Self::deliver), and
    /// breaks the connection there: both sides see a reset. Gives back whether it came to that:
    /// `false` when all has been said with less.
    ///
    /// ```
    /// # use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, Side};
    /// # fn main() -> torsade_core::Result<()> {
    /// for bytes in 0.. {
    ///     let client = AccumulatingProtocol::new();
    ///     let pair = ConnectedPair::new(client.clone(), AccumulatingProtocol::new())?;
    ///     pair.server().transport().write(b"hello");
    ///     if !pair.lose_at(Side::Client, bytes)? {
    ///         assert_eq!(bytes, 6);
    ///         break;
    ///     }
    ///     assert_eq!(client.data(), &b"hello"[..bytes]);
    ///     assert!(client.ending().unwrap().is_reset());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn lose_at(&self, to: Side, bytes: usize) -> Result<bool> {
        let mut left = bytes;
        for _ in 0..MOST_PUMPS {
            if left == 0 {
                self.network.reset(self.ends[0]);
                self.reactor.advance(Duration::ZERO)?;
                return Ok(true);
            }
            let mut limits = [usize::MAX; 2];
            limits[to as usize] = left;
            let moved = self.pump_at_most(limits)?;
            if moved == [0; 2] {
                return Ok(false);
            }
            left -= moved[to as usize];
        }
        Err(ReactorError::NeverQuiet.into())
    }

    /// One pump, with a limit for what comes to the client and to the server. Gives back what came.
    fn pump_at_most(&self, limits: [usize; 2]) -> Result<[usize; 2]> {
        // What was written goes to the wire.
        self.reactor.advance(Duration::ZERO)?;
        let mut moved = [0; 2];
        for side in [Side::Server as usize, Side::Client as usize] {
            moved[side] = self.network.release(self.ends[side], limits[side]);
        }
        self.reactor.advance(Duration::ZERO)?;
        Ok(moved)
    }
}

/// Waits for both; a failure of one is enough.
fn both<C: Protocol, S: Protocol>(
    client: Deferred<ProtocolRef<C>>,
    server: Deferred<ProtocolRef<S>>,
) -> Deferred<(ProtocolRef<C>, ProtocolRef<S>)> {
    client.add_callback(move |client| server.map(move |server| (client, server)))
}

impl<C, S> fmt::Debug for ConnectedPair<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [client, server] = self.ends.map(|end| self.network.held(end));
        f.debug_struct("ConnectedPair")
            .field("held_for_client", &client)
            .field("held_for_server", &server)
            .finish_non_exhaustive()
    }
}

/// How often both may answer each other before that counts as for ever.
const MOST_PUMPS: u32 = 100_000;
