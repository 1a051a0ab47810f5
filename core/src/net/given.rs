//! Streams and ports that come as descriptors, and pairs that need none.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::connector::{self, Established};
use super::listener::{self, ListeningPort};
use super::tcp::ListenOptions;
use crate::driver::{Readiness, Stream, Token};
use crate::reactor::turn::Core;
use crate::{Address, Factory, Reactor, Result};

impl Reactor {
    /// Makes a stream of a connected TCP or UNIX socket that somebody else made (a parent process,
    /// a library). It becomes non-blocking.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::unix::net::UnixStream;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::{Address, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let stream = reactor.adopt_stream(ours.into())?;
    /// let client = reactor.run_until(stream.open(|_: &Address| Discard))?;
    /// client.transport().write(b"hello");
    /// reactor.iterate(Some(std::time::Duration::ZERO))?;
    /// let mut greeting = [0; 5];
    /// theirs.read_exact(&mut greeting)?;
    /// assert_eq!(&greeting, b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says, `InvalidInput` when it is no stream socket; `Unsupported` in a
    /// simulated world.
    #[doc(alias = "adoptStreamConnection")]
    pub fn adopt_stream(&self, socket: OwnedFd) -> Result<Established> {
        let core = self.try_core()?;
        Ok(established(&core, |token| {
            let (stream, peer) = core.driver.descriptors()?.adopt_stream(socket, token)?;
            Ok((stream, peer, Readiness::default()))
        })?)
    }

    /// Accepts connections on a TCP or UNIX socket that listens already, as systemd and other
    /// super-servers hand them over: see [`AdoptedServer`](crate::endpoints::AdoptedServer).
    ///
    /// ```
    /// use std::net::{TcpListener, UdpSocket};
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::{Address, CannotListen, ListenOptions, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let socket = TcpListener::bind("127.0.0.1:0")?;
    /// let address = socket.local_addr()?;
    /// let port = reactor.adopt_port(socket.into(), |_: &Address| Echo, &ListenOptions::new())?;
    /// assert_eq!(port.address(), &Address::Tcp(address));
    /// // Nobody can listen on this one.
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let refused = reactor.adopt_port(socket.into(), |_: &Address| Echo, &ListenOptions::new());
    /// assert!(refused.unwrap_err().check::<CannotListen>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen) with what the system said: `InvalidInput` when the
    /// socket does not listen; `Unsupported` in a simulated world.
    #[doc(alias = "adoptStreamPort")]
    #[track_caller]
    pub fn adopt_port<F: Factory>(
        &self,
        socket: OwnedFd,
        factory: F,
        options: &ListenOptions,
    ) -> Result<ListeningPort> {
        let core = self.try_core()?;
        listener::serve(&core, &Address::Unnamed, factory, options, |token| {
            core.driver.descriptors()?.adopt_listener(socket, token)
        })
    }

    /// Makes a stream that reads from one descriptor and writes to another: pipes, terminals,
    /// devices, files. Without the first it only writes, without the second it only reads.
    ///
    /// They become non-blocking, and what was blocking is so again when the connection has ended.
    /// A file is always ready, and a slow disk holds the reactor up.
    ///
    /// ```
    /// use std::io::{Read, pipe};
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::{Address, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let (mut reader, writer) = pipe()?;
    /// let stream = reactor.join_descriptors(None, Some(writer.into()))?; // it only writes
    /// let client = reactor.run_until(stream.open(|_: &Address| Discard))?;
    /// client.transport().write(b"hello");
    /// client.transport().lose_connection();
    /// reactor.iterate(Some(std::time::Duration::ZERO))?;
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says; `Unsupported` in a simulated world.
    #[doc(alias = "removeAll")]
    pub fn join_descriptors(
        &self,
        from: Option<OwnedFd>,
        to: Option<OwnedFd>,
    ) -> Result<Established> {
        Ok(join(&self.try_core()?, from, to)?)
    }

    /// Two streams that are connected with each other, to let two protocols of one program talk.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// use torsade_core::{Address, Result};
    ///
    /// # fn main() -> Result<()> {
    /// let reactor = Simulation::new().reactor();
    /// let [one, other] = reactor.pair()?;
    /// let seen = AccumulatingProtocol::new();
    /// let told = seen.clone();
    /// let _echo = one.open(|_: &Address| Echo);
    /// let client = reactor.run_until(other.open(move |_: &Address| told.clone()))?;
    /// client.transport().write(b"hello");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.data(), b"hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says, when it has no descriptors left.
    #[doc(alias = "loopbackAsync")]
    #[doc(alias = "socketpair")]
    pub fn pair(&self) -> Result<[Established; 2]> {
        let core = self.try_core()?;
        let tokens = {
            let mut sources = core.sources.borrow_mut();
            [sources.reserve(), sources.reserve()]
        };
        let streams = core.driver.pair(tokens).inspect_err(|_| {
            let mut sources = core.sources.borrow_mut();
            drop(tokens.map(|token| sources.remove(token)));
        })?;
        let [one, other] = streams;
        let keep = |token, stream| {
            let (address, readiness) = (Address::Unnamed, Readiness::default());
            connector::keep(&core, token, stream, address, readiness)
        };
        Ok([keep(tokens[0], one), keep(tokens[1], other)])
    }
}

/// See [`Reactor::join_descriptors`].
pub(crate) fn join(
    core: &Rc<Core>,
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
) -> io::Result<Established> {
    established(core, |token| {
        let (stream, readiness) = core.driver.descriptors()?.join(from, to, token)?;
        Ok((stream, Address::Unnamed, readiness))
    })
}

fn established(
    core: &Rc<Core>,
    make: impl FnOnce(Token) -> io::Result<(Box<dyn Stream>, Address, Readiness)>,
) -> io::Result<Established> {
    let token = core.sources.borrow_mut().reserve();
    let made = make(token).inspect_err(|_| {
        drop(core.sources.borrow_mut().remove(token));
    });
    let (stream, address, readiness) = made?;
    Ok(connector::keep(core, token, stream, address, readiness))
}
