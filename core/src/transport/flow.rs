//! How a protocol is slowed down, and slows down its peer.

use super::Transport;
use crate::{AlreadyRegistered, Deferred, Producer, ProducerKind};

impl Transport {
    /// How many bytes were written and have not yet been handed to the system.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// # let transport = client.transport();
    /// transport.write(b"hello");
    /// assert_eq!(transport.queued(), 5); // until the turn ends
    /// reactor.advance(std::time::Duration::ZERO)?;
    /// assert_eq!(transport.queued(), 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn queued(&self) -> usize {
        self.link().map_or(0, |link| link.queued())
    }

    /// From now on, more than so many queued bytes abort the connection, with
    /// [`WriteQueueFull`](crate::WriteQueueFull) as its reason. `None`, the default, is no limit.
    pub fn set_max_queued(&self, bytes: Option<usize>) {
        if let Some(link) = self.link() {
            link.set_max_queued(bytes);
        }
    }

    /// Whether something waits to be received that this end has not seen yet: bytes, or the end.
    ///
    /// This asks the system, so it is for rare use: whoever takes an idle connection into use
    /// again learns in time that the peer has closed it meanwhile.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    ///
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// let idle = pair.client().transport();
    /// idle.pause_reading(); // while nobody uses it
    /// assert!(!idle.has_input());
    /// pair.server().transport().lose_connection();
    /// pair.flush()?;
    /// assert!(idle.has_input()); // the end, so it is of no use any more
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn has_input(&self) -> bool {
        self.link().is_some_and(|link| link.has_input())
    }

    /// Stops reading: the peer's bytes stay in the system's buffers until it feels that.
    ///
    /// While paused, the end of the connection is not noticed either.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, StringTransport};
    ///
    /// let protocol = AccumulatingProtocol::new();
    /// let wire = StringTransport::new();
    /// let _protocol = wire.connect(protocol.clone());
    /// wire.transport().pause_reading();
    /// wire.receive(b"hello")?;
    /// assert_eq!(protocol.data(), b"");
    /// wire.transport().resume_reading();
    /// assert_eq!(protocol.data(), b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "pauseProducing")]
    #[doc(alias = "stopReading")]
    pub fn pause_reading(&self) {
        if let Some(link) = self.link() {
            link.pause_reading();
        }
    }

    /// Reads again after [`pause_reading`](Self::pause_reading); pauses do not nest.
    #[doc(alias = "resumeProducing")]
    #[doc(alias = "startReading")]
    pub fn resume_reading(&self) {
        if let Some(link) = self.link() {
            link.resume_reading();
        }
    }

    /// Makes `producer` the one whose pace this connection sets.
    ///
    /// A push producer is paused when more than 64 KiB are queued and resumed when no more than
    /// 16 KiB are. A pull producer is asked for a piece now, and each time that the queue has
    /// become empty after something was written: if it writes nothing when asked, it is asked
    /// again only after the next write, by whomever. When the connection has ended, or cannot be
    /// written any more, `stop_producing` is called instead.
    ///
    /// ```
    /// use torsade_core::protocols::wire::Chargen;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// let reactor = Simulation::new().window(10_000).reactor();
    /// # let address = "127.0.0.1:19".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Chargen)?;
    /// # let seen = AccumulatingProtocol::new();
    /// # let client = TcpClient::new(&reactor, address).connect_protocol(seen.clone());
    /// # let client = reactor.run_until(client)?;
    /// client.transport().pause_reading();
    /// reactor.advance(std::time::Duration::from_secs(60))?;
    /// // The pull producer at the other end has no end, but is not asked any more.
    /// assert!(reactor.statistics().queued_bytes < 100_000);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadyRegistered`] when there is a producer; that one stays.
    #[doc(alias = "registerProducer")]
    pub fn register_producer(
        &self,
        producer: impl Producer,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        let producer: Box<dyn Producer> = Box::new(producer);
        match self.link() {
            Some(link) => link.register_producer(producer, kind),
            None => {
                self.stop_later(producer);
                Ok(())
            }
        }
    }

    /// Tells a producer that came too late, when the running function has returned.
    pub(crate) fn stop_later(&self, mut producer: Box<dyn Producer>) {
        let transport = self.clone();
        drop(Deferred::succeed(()).map(move |()| producer.stop_producing(&transport)));
    }

    /// The producer has written all: a closing connection may now close. Harmless without one.
    ///
    /// ```
    /// use torsade_core::protocols::FileSender;
    /// use torsade_core::testing::StringTransport;
    ///
    /// let wire = StringTransport::new();
    /// let _sent = FileSender::new(&b"hello"[..]).begin(wire.transport())?; // a pull producer
    /// wire.transport().lose_connection();
    /// assert!(!wire.finish()); // it may have more to write
    /// wire.transport().unregister_producer();
    /// assert!(wire.finish());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        if let Some(link) = self.link() {
            link.unregister_producer();
        }
    }
}
