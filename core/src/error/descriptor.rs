//! What can be wrong with descriptors that somebody else made.

use std::error::Error;
use std::fmt;

/// A socket that was handed over is listened on once: that was done already.
///
/// ```
/// use std::net::TcpListener;
/// use torsade_core::endpoints::AdoptedServer;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, AlreadyListened, Reactor};
///
/// let reactor = Reactor::new()?;
/// let socket = TcpListener::bind("127.0.0.1:0")?;
/// let server = AdoptedServer::new(&reactor, socket.into());
/// let _port = server.listen(|_: &Address| Echo)?;
/// let failure = server.listen(|_: &Address| Echo).unwrap_err();
/// assert!(failure.check::<AlreadyListened>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.AlreadyListened")]
pub struct AlreadyListened;

/// Whoever started this process did not hand over such a descriptor, or it was taken already.
///
/// ```
/// use torsade_core::endpoints::AdoptedServer;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ListeningPort, NotHandedOver, Reactor, Result, TcpServer};
///
/// /// Listens on systemd's socket, or on one of its own when it was started by hand.
/// fn listen(reactor: &Reactor) -> Result<ListeningPort> {
///     match AdoptedServer::handed_over(reactor, 0) {
///         Ok(server) => server.listen(|_: &Address| Echo),
///         Err(failure) => {
///             failure.trap::<NotHandedOver>()?;
///             TcpServer::new(reactor, "127.0.0.1:8007".parse()?).listen(|_: &Address| Echo)
///         }
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// assert_eq!(listen(&reactor)?.address().port(), Some(8007));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHandedOver {
    /// What was asked for, such as `descriptor 0`.
    pub wanted: String,
    /// How many were handed over (LISTEN_FDS).
    pub given: usize,
}

/// The connection was to end, and there were no more bytes to carry a descriptor that was sent.
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, Ending};
/// use torsade_core::{Address, DescriptorOverrun, Reactor};
///
/// let reactor = Reactor::new()?;
/// let [one, _other] = reactor.pair()?;
/// let seen = AccumulatingProtocol::new();
/// let told = seen.clone();
/// let client = reactor.run_until(one.open(move |_: &Address| told.clone()))?;
/// let (pipe, _writer) = std::io::pipe()?;
/// client.transport().send_descriptor(pipe.into())?;
/// client.transport().lose_connection(); // without a byte that the descriptor could travel with
/// reactor.iterate(None)?;
/// assert_eq!(seen.ending(), Some(Ending::Error(DescriptorOverrun.to_string())));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.FileDescriptorOverrun")]
pub struct DescriptorOverrun;

impl fmt::Display for DescriptorOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no bytes followed to carry a descriptor that was sent")
    }
}

impl Error for DescriptorOverrun {}

impl fmt::Display for AlreadyListened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket that was handed over is listened on already")
    }
}

impl fmt::Display for NotHandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, given } = self;
        match given {
            0 => write!(f, "there is no {wanted}: LISTEN_FDS handed over none"),
            _ => write!(
                f,
                "there is no {wanted} among the {given} of LISTEN_FDS, or it was taken already"
            ),
        }
    }
}

impl Error for AlreadyListened {}

impl Error for NotHandedOver {}
