//! How much goes over a connection, and how fast it may.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::Reactor;

/// So many bytes a second, for one connection or for several together. A cheap handle.
///
/// Those who use it get their share in turn. A tenth of a second's bytes may go at once, or a
/// [burst](Self::burst).
///
/// ```
/// use torsade_core::{Bandwidth, Protocol, Result, Transport};
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer, gather};
///
/// /// What all downloads together may take.
/// struct Download {
///     bandwidth: Bandwidth,
/// }
///
/// impl Protocol for Download {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.traffic().limit_writing(&self.bandwidth);
///         transport.write(&[0; 100_000]);
///         transport.lose_connection();
///     }
/// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// let bandwidth = Bandwidth::new(&reactor, 100_000);
/// let server = TcpServer::new(&reactor, address);
/// server.listen(move |_: &Address| Download { bandwidth: bandwidth.clone() })?;
/// let start = reactor.now();
/// # let client = TcpClient::new(&reactor, address);
/// let downloads = [(); 5].map(|()| client.converse(AccumulatingProtocol::new()));
/// reactor.run_until(gather(downloads))?;
/// assert_eq!((reactor.now() - start).as_secs_f64().round(), 5.0);
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ThrottlingFactory")]
#[doc(alias = "twisted.protocols.htb.Bucket")]
#[doc(alias = "Bucket")]
pub struct Bandwidth(Rc<Bucket>);

/// Something to be told that there is room again.
type Wake = Box<dyn FnOnce()>;

/// A bucket that fills with time, and holds no more than a share, or a burst.
struct Bucket {
    reactor: Reactor,
    bytes_a_second: Cell<u64>,
    burst: Cell<Option<u64>>,
    /// How long it takes to fill.
    full_after: Cell<Duration>,
    /// When it was empty, if it has filled evenly since.
    empty_at: Cell<Instant>,
    waiting: RefCell<VecDeque<Wake>>,
    has_timer: Cell<bool>,
}

/// What may go at once is what comes together in this time, unless there is a burst.
const SHARE: Duration = Duration::from_millis(100);

impl Bandwidth {
    /// So many bytes a second, at least one.
    pub fn new(reactor: &Reactor, bytes_a_second: u64) -> Self {
        let now = reactor.now();
        let bucket = Bucket {
            reactor: reactor.clone(),
            bytes_a_second: Cell::default(),
            burst: Cell::default(),
            full_after: Cell::default(),
            empty_at: Cell::new(now.checked_sub(SHARE).unwrap_or(now)),
            waiting: RefCell::default(),
            has_timer: Cell::new(false),
        };
        bucket.set_rate(bytes_a_second);
        Self(Rc::new(bucket))
    }

    /// So many bytes, at least one, may go at once, if fewer than its bandwidth went before: the first
    /// ones go without a wait.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::Bandwidth;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, address).listen(move |_: &Address| server.clone())?;
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// let slow_after_a_page = Bandwidth::new(&reactor, 1_000).burst(50_000);
    /// client.transport().traffic().limit_writing(&slow_after_a_page);
    /// client.transport().write(&[0; 100_000]);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!((50_000..52_000).contains(&seen.data().len()));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "maxburst")]
    pub fn burst(self, bytes: u64) -> Self {
        self.0.burst.set(Some(bytes.max(1)));
        self.0.set_rate(self.bytes_a_second());
        let (now, filling) = (self.0.reactor.now(), self.0.full_after.get());
        self.0.empty_at.set(now.checked_sub(filling).unwrap_or(now));
        self
    }

    /// How many bytes a second it is.
    pub fn bytes_a_second(&self) -> u64 {
        self.0.bytes_a_second.get()
    }

    /// Makes it so many from now on, at least one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// use torsade_core::Bandwidth;
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, address).listen(move |_: &Address| server.clone())?;
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// let bandwidth = Bandwidth::new(&reactor, 1_000);
    /// client.transport().traffic().limit_writing(&bandwidth);
    /// client.transport().write(&[0; 100_000]);
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert!(seen.data().len() < 3_000);
    /// bandwidth.set(1_000_000); // nobody else needs the line any more
    /// reactor.advance(Duration::from_secs(2))?;
    /// assert_eq!(seen.data().len(), 100_000);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn set(&self, bytes_a_second: u64) {
        self.0.fill();
        self.0.set_rate(bytes_a_second);
    }

    /// How many bytes may go now.
    pub(crate) fn available(&self) -> usize {
        usize::try_from(self.0.available()).unwrap_or(usize::MAX)
    }

    /// So many have gone.
    pub(crate) fn take(&self, bytes: usize) {
        self.0.take(bytes as u64);
    }

    /// Whether it is as if nobody had ever used it.
    pub(crate) fn is_full(&self) -> bool {
        self.0.available() == self.0.capacity()
    }

    /// Has `wake` called when a share may go again.
    pub(crate) fn wait(&self, wake: impl FnOnce() + 'static) {
        self.0.waiting.borrow_mut().push_back(Box::new(wake));
        Bucket::set_timer(&self.0);
    }
}

impl Bucket {
    /// What one gets in its turn, in bytes.
    fn share(&self) -> u64 {
        let share = (self.bytes_a_second.get() / 10).max(1);
        share.min(self.burst.get().unwrap_or(share))
    }

    /// What it holds at most.
    fn capacity(&self) -> u64 {
        self.burst.get().unwrap_or_else(|| self.share())
    }

    fn set_rate(&self, bytes_a_second: u64) {
        self.bytes_a_second.set(bytes_a_second.max(1));
        self.full_after.set(self.time_for(self.capacity()));
    }

    /// How long so many bytes take.
    fn time_for(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000;
        let nanos = nanos.div_ceil(u128::from(self.bytes_a_second.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// What it cannot hold is lost.
    fn fill(&self) {
        let earliest = self.reactor.now().checked_sub(self.full_after.get());
        if let Some(earliest) = earliest {
            self.empty_at.set(self.empty_at.get().max(earliest));
        }
    }

    fn available(&self) -> u64 {
        let now = self.reactor.now();
        let filling = now.saturating_duration_since(self.empty_at.get());
        if filling >= self.full_after.get() {
            return self.capacity();
        }
        let bytes = filling.as_nanos() * u128::from(self.bytes_a_second.get()) / 1_000_000_000;
        u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .min(self.capacity())
    }

    fn take(&self, bytes: u64) {
        self.fill();
        self.empty_at
            .set(self.empty_at.get() + self.time_for(bytes));
    }

    fn set_timer(this: &Rc<Self>) {
        if this.waiting.borrow().is_empty() || this.has_timer.replace(true) {
            return;
        }
        let full_at = this.empty_at.get() + this.time_for(this.share());
        let delay = full_at.saturating_duration_since(this.reactor.now());
        let weak = Rc::downgrade(this);
        let _ = this.reactor.call_later(delay, move || {
            let Some(this) = weak.upgrade() else { return };
            this.has_timer.set(false);
            // Somebody who did not have to wait may have been faster.
            if this.available() >= this.share() {
                let next = this.waiting.borrow_mut().pop_front();
                if let Some(wake) = next {
                    wake();
                }
            }
            // Each in turn: the next one when this one has had its share.
            Self::set_timer(&this);
        });
    }
}

impl fmt::Debug for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bandwidth({} bytes a second)", self.bytes_a_second())
    }
}

/// What goes over one connection: from [`Transport::traffic`](crate::Transport::traffic). A cheap
/// handle.
///
/// Bytes are those on the wire: with TLS, encrypted and with all that belongs to it.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:7".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Echo))?;
/// let traffic = client.transport().traffic();
/// client.transport().write(b"hello");
/// reactor.advance(std::time::Duration::ZERO)?;
/// assert_eq!(traffic.sent(), 5);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ThrottlingProtocol")]
pub struct Traffic(Rc<Counts>);

struct Counts {
    received: Cell<u64>,
    sent: Cell<u64>,
    last: Cell<Instant>,
    reading: RefCell<Vec<Bandwidth>>,
    writing: RefCell<Vec<Bandwidth>>,
}

impl Traffic {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Rc::new(Counts {
            received: Cell::default(),
            sent: Cell::default(),
            last: Cell::new(now),
            reading: RefCell::default(),
            writing: RefCell::default(),
        }))
    }

    /// How many bytes have come since this was asked for first.
    pub fn received(&self) -> u64 {
        self.0.received.get()
    }

    /// How many bytes have been given to the system since then.
    pub fn sent(&self) -> u64 {
        self.0.sent.get()
    }

    /// When any moved last, or when this was asked for first.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::{Discard, Echo};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// let traffic = client.transport().traffic();
    /// client.transport().write(b"hello"); // to an echo server, one millisecond away
    /// reactor.advance(Duration::from_secs(60))?;
    /// let silence = reactor.now() - traffic.last_moved();
    /// assert_eq!(silence, Duration::from_millis(59_998));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn last_moved(&self) -> Instant {
        self.0.last.get()
    }

    /// Reads no faster than this; of several limits, each holds. The peer is slowed down.
    #[doc(alias = "readLimit")]
    pub fn limit_reading(&self, bandwidth: &Bandwidth) {
        self.0.reading.borrow_mut().push(bandwidth.clone());
    }

    /// Writes no faster than this; of several limits, each holds. Producers are slowed down.
    #[doc(alias = "writeLimit")]
    pub fn limit_writing(&self, bandwidth: &Bandwidth) {
        self.0.writing.borrow_mut().push(bandwidth.clone());
    }

    pub(crate) fn has_received(&self, bytes: usize, now: Instant) {
        self.0.received.set(self.0.received.get() + bytes as u64);
        self.0.last.set(now);
        for bandwidth in &*self.0.reading.borrow() {
            bandwidth.take(bytes);
        }
    }

    pub(crate) fn has_sent(&self, bytes: usize, now: Instant) {
        self.0.sent.set(self.0.sent.get() + bytes as u64);
        self.0.last.set(now);
        for bandwidth in &*self.0.writing.borrow() {
            bandwidth.take(bytes);
        }
    }

    /// The narrowest limit for reading, and what it lets through now.
    pub(crate) fn may_receive(&self) -> Option<(Bandwidth, usize)> {
        narrowest(&self.0.reading.borrow())
    }

    /// The same for writing.
    pub(crate) fn may_send(&self) -> Option<(Bandwidth, usize)> {
        narrowest(&self.0.writing.borrow())
    }
}

fn narrowest(limits: &[Bandwidth]) -> Option<(Bandwidth, usize)> {
    let all = limits.iter().map(|limit| (limit, limit.available()));
    let (limit, available) = all.min_by_key(|(_, available)| *available)?;
    Some((limit.clone(), available))
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic")
            .field("received", &self.received())
            .field("sent", &self.sent())
            .finish_non_exhaustive()
    }
}
