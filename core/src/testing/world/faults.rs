//! What can go wrong in a simulated world, when a test wants it to.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::World;
use crate::{LookupVerdict, Reactor};

/// Faults. All of them may be made to happen while the world runs, as by a timer, and by a clone of
/// the world. Those that name a host panic when there is none of that name.
impl World {
    /// Nothing gets from one host to the other any more, in either direction, also not what is under
    /// way.
    ///
    /// What belongs to connections is held back and comes after [`heal`](Self::heal), as TCP sends it
    /// again; but a connection that has sent something breaks with `TimedOut` when that takes longer
    /// than [`retransmission_limit`](Self::retransmission_limit). Attempts to connect, resets and
    /// datagrams are lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, World};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let server = world.host("server", [[192, 0, 2, 1]]);
    /// let client = world.host("client", [[192, 0, 2, 2]]);
    /// # let address = "192.0.2.1:9".parse()?;
    /// let seen = AccumulatingProtocol::new();
    /// # let told = seen.clone();
    /// # TcpServer::new(&server, address).listen(move |_: &Address| told.clone())?;
    /// # let connected = TcpClient::new(&client, address).connect_protocol(Discard);
    /// # let connected = client.run_until(connected)?;
    /// world.partition("client", "server");
    /// connected.transport().write(b"hello");
    /// client.advance(Duration::from_secs(60))?;
    /// assert_eq!(seen.data(), b"");
    /// world.heal("client", "server");
    /// client.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.data(), b"hello"); // nothing is lost of a connection
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn partition(&self, one: &str, other: &str) {
        self.black_hole(one, other);
        self.black_hole(other, one);
    }

    /// The same in one direction: the other host is heard, but hears nothing.
    #[track_caller]
    pub fn black_hole(&self, from: &str, to: &str) {
        let (from, to) = (self.id(from), self.id(to));
        self.shared.network().cut(from, to);
    }

    /// There is a way between the hosts again, in both directions; what was held back is sent now.
    #[track_caller]
    pub fn heal(&self, one: &str, other: &str) {
        let (one, other) = (self.id(one), self.id(other));
        let mut network = self.shared.network();
        network.join(one, other);
        network.join(other, one);
    }

    /// How long a connection goes on sending what nobody answers, before it breaks: 924 s unless set,
    /// as on Linux.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::World;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let server = world.host("server", [[192, 0, 2, 1]]);
    /// let client = world.host("client", [[192, 0, 2, 2]]);
    /// # let address = "192.0.2.1:9".parse()?;
    /// # TcpServer::new(&server, address).listen(|_: &Address| Discard)?;
    /// # let connected = TcpClient::new(&client, address).connect_protocol(Discard);
    /// # let connected = client.run_until(connected)?;
    /// world.retransmission_limit(Duration::from_secs(20));
    /// world.black_hole("client", "server");
    /// connected.transport().write(b"is there anybody?");
    /// client.advance(Duration::from_secs(19))?;
    /// assert!(connected.transport().is_connected());
    /// client.advance(Duration::from_secs(2))?;
    /// assert!(!connected.transport().is_connected());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn retransmission_limit(&self, limit: Duration) {
        self.shared.network().options().retransmission_limit = limit;
    }

    /// Breaks the connections that have an end at `address`: both ends see a reset.
    pub fn reset(&self, address: SocketAddr) {
        self.shared.network().reset(address);
    }

    /// The host loses its power: its connections are gone without a word, and whoever speaks to it
    /// hears nothing.
    ///
    /// Its reactor ends. Its protocols are told `connection_lost`, as whenever a reactor ends, but
    /// nothing of what they then do leaves the host.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::{AccumulatingProtocol, World};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let server = world.host("server", [[192, 0, 2, 1]]);
    /// let client = world.host("client", [[192, 0, 2, 2]]);
    /// # let address = "192.0.2.1:7".parse()?;
    /// # TcpServer::new(&server, address).listen(|_: &Address| Echo)?;
    /// let seen = AccumulatingProtocol::new();
    /// # client.run_until(TcpClient::new(&client, address).connect_protocol(seen.clone()))?;
    /// world.crash("server");
    /// assert!(server.has_stopped());
    /// client.advance(Duration::from_secs(3600))?;
    /// assert!(seen.ending().is_none()); // without a word
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn crash(&self, name: &str) {
        self.shared.crash(self.id(name));
    }

    /// The host is there again, with the same addresses: its new reactor. It crashes before, if it has
    /// not.
    ///
    /// What others have sent over the connections of before is answered by resets now.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::{AccumulatingProtocol, World};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// let world = World::new(1);
    /// let server = world.host("server", [[192, 0, 2, 1]]);
    /// let client = world.host("client", [[192, 0, 2, 2]]);
    /// # let address = "192.0.2.1:7".parse()?;
    /// # TcpServer::new(&server, address).listen(|_: &Address| Echo)?;
    /// let seen = AccumulatingProtocol::new();
    /// # let connected = TcpClient::new(&client, address).connect_protocol(seen.clone());
    /// # let connected = client.run_until(connected)?;
    /// world.crash("server");
    /// client.advance(Duration::from_secs(60))?;
    /// assert!(seen.ending().is_none()); // it has said nothing, and nobody has asked
    /// let server = world.restart("server");
    /// # TcpServer::new(&server, address).listen(|_: &Address| Echo)?;
    /// connected.transport().write(b"do you still know me?");
    /// client.advance(Duration::from_secs(1))?;
    /// assert!(seen.ending().unwrap().is_reset());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn restart(&self, name: &str) -> Reactor {
        self.settle(self.shared.restart(self.id(name)))
    }

    /// The host's program stands still, as one that is stopped by a signal (SIGSTOP), or whose machine
    /// has no time for it. It takes no turn until it [thaws](Self::thaw), but time passes for it.
    ///
    /// Its system goes on: attempts to connect reach the queues of its listeners, and bytes arrive until
    /// the windows are full. When it goes on, the clock has jumped: all its timers that came due
    /// meanwhile are called at once.
    ///
    /// ```
    /// # use std::cell::Cell;
    /// # use std::rc::Rc;
    /// # use std::time::Duration;
    /// # use torsade_core::testing::World;
    /// let world = World::new(1);
    /// let slow = world.host("slow", [[192, 0, 2, 1]]);
    /// let other = world.host("other", [[192, 0, 2, 2]]);
    /// let called = Rc::new(Cell::new(false));
    /// let calls = called.clone();
    /// let _ = slow.call_later(Duration::from_secs(1), move || calls.set(true));
    /// world.freeze("slow");
    /// other.advance(Duration::from_secs(60))?;
    /// assert!(!called.get());
    /// world.thaw("slow");
    /// other.advance(Duration::ZERO)?;
    /// assert!(called.get());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn freeze(&self, name: &str) {
        let host = self.id(name);
        self.shared.network().freeze(host, true);
    }

    /// The host's program goes on.
    #[track_caller]
    pub fn thaw(&self, name: &str) {
        let host = self.id(name);
        self.shared.network().freeze(host, false);
    }

    /// Sets the host's [time of day](Reactor::system_time), which goes on from there. Nothing else
    /// changes, since nothing of torsade's waits by it.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use torsade_core::testing::World;
    /// let world = World::new(1);
    /// let reactor = world.host("here", [[192, 0, 2, 1]]);
    /// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let before = reactor.now();
    /// world.set_clock("here", time);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(reactor.system_time(), time + Duration::from_secs(1));
    /// assert_eq!(reactor.now(), before + Duration::from_secs(1)); // timers do not notice
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn set_clock(&self, name: &str, to: SystemTime) {
        let host = self.id(name);
        self.shared.network().set_clock(host, to);
    }

    /// From now on, attempts to connect to `address` and datagrams for it are lost, whether it is a
    /// host's or not: as by a firewall, or where the queue of a listener is full for good.
    pub fn silent(&self, address: impl Into<IpAddr>) {
        self.shared.network().options().silent.push(address.into());
    }

    /// From now on, attempts to connect to `address` fail with `HostUnreachable`, as they do for an
    /// address that no host has.
    pub fn unreachable(&self, address: impl Into<IpAddr>) {
        let address = address.into();
        self.shared.network().options().unreachable.push(address);
    }

    /// Attempts to connect to `address` are answered again.
    pub fn reachable(&self, address: impl Into<IpAddr>) {
        let address = address.into();
        let mut network = self.shared.network();
        let options = network.options();
        options.silent.retain(|other| *other != address);
        options.unreachable.retain(|other| *other != address);
    }

    /// To look up this host name fails, on every host.
    pub fn names_fail(&self, name: &str, verdict: LookupVerdict) {
        self.shared.network().fail_name(name, verdict);
    }

    /// To look up this host name takes so long, whatever comes of it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::World;
    /// let world = World::new(1);
    /// let reactor = world.host("here", [[192, 0, 2, 1]]);
    /// world.names_slow("here", Duration::from_secs(5));
    /// reactor.run_until(reactor.look_up("here"))?;
    /// assert_eq!(world.elapsed(), Duration::from_secs(5));
    /// world.names_heal("here");
    /// reactor.run_until(reactor.look_up("here"))?;
    /// assert_eq!(world.elapsed(), Duration::from_secs(5));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn names_slow(&self, name: &str, delay: Duration) {
        self.shared.network().delay_name(name, delay);
    }

    /// To look up this host name works again, and at once.
    pub fn names_heal(&self, name: &str) {
        self.shared.network().heal_name(name);
    }
}
