//! Sockets that listen already, as systemd and other super-servers hand them over.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;
use rustix::process::{self, PidfdFlags, PidfdGetfdFlags};

use crate::net::{ListenOptions, ListeningPort};
use crate::{AlreadyListened, Factory, Filter, NotHandedOver, Reactor, Result};

/// Listens on a TCP or UNIX socket that somebody else bound and listens on: once.
///
/// ```
/// use std::net::TcpListener;
/// use torsade_core::endpoints::AdoptedServer;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Reactor};
///
/// let reactor = Reactor::new()?;
/// // systemd-socket-activate -l 8007 my-program
/// let server = match AdoptedServer::handed_over(&reactor, 0) {
///     Ok(server) => server,
///     Err(_) => AdoptedServer::new(&reactor, TcpListener::bind("127.0.0.1:0")?.into()),
/// };
/// let port = server.listen(|_: &Address| Echo)?;
/// assert_ne!(port.address().port(), Some(0));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "AdoptedStreamServerEndpoint")]
pub struct AdoptedServer {
    reactor: Reactor,
    socket: Rc<Cell<Option<OwnedFd>>>,
    options: ListenOptions,
}

impl AdoptedServer {
    /// An endpoint for a socket of one's own.
    pub fn new(reactor: &Reactor, socket: OwnedFd) -> Self {
        Self {
            reactor: reactor.clone(),
            socket: Rc::new(Cell::new(Some(socket))),
            options: ListenOptions::new(),
        }
    }

    /// An endpoint for the socket of that number, from zero, which whoever started this process has
    /// handed over by the protocol of `sd_listen_fds(3)`: LISTEN_FDS and LISTEN_PID. The first call
    /// takes the variables out of the environment, so that no child mistakes them for its own.
    ///
    /// # Errors
    /// [`NotHandedOver`]; what the system says when it is no socket.
    #[doc(alias = "ListenFDs")]
    pub fn handed_over(reactor: &Reactor, index: usize) -> Result<Self> {
        Ok(Self::new(reactor, take_by_index(index)?))
    }

    /// The same by the socket's name (`FileDescriptorName=` in its unit, LISTEN_FDNAMES here).
    ///
    /// ```
    /// use torsade_core::NotHandedOver;
    /// use torsade_core::endpoints::AdoptedServer;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// // Nobody has started this example with sockets.
    /// let failure = AdoptedServer::handed_over_by_name(&reactor, "web").unwrap_err();
    /// assert_eq!(failure.trap::<NotHandedOver>()?.given, 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`handed_over`](Self::handed_over).
    pub fn handed_over_by_name(reactor: &Reactor, name: &str) -> Result<Self> {
        Ok(Self::new(reactor, take_by_name(name)?))
    }

    /// An endpoint for the descriptor of that number in this process: a copy is listened on, and
    /// the descriptor itself stays open. (The descriptor of LISTEN_FDS is taken, not copied.)
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use std::os::fd::AsRawFd;
    /// use torsade_core::endpoints::AdoptedServer;
    /// use torsade_core::protocols::wire::Echo;
    /// use torsade_core::{Address, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let socket = TcpListener::bind("127.0.0.1:0")?;
    /// let server = AdoptedServer::descriptor(&reactor, socket.as_raw_fd())?;
    /// let port = server.listen(|_: &Address| Echo)?;
    /// assert_eq!(port.address(), &Address::Tcp(socket.local_addr()?));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says; `Unsupported` on others than Linux.
    pub fn descriptor(reactor: &Reactor, number: RawFd) -> Result<Self> {
        Ok(Self::new(reactor, take_by_number(number)?))
    }

    /// Sets how connections are accepted. What is about opening the port is not looked at.
    pub fn options(mut self, options: ListenOptions) -> Self {
        self.options = options;
        self
    }

    /// Puts a filter below the protocol of each connection: see [`ListenOptions::filter`].
    pub fn filter<T: Filter>(mut self, make: impl Fn() -> Result<T> + 'static) -> Self {
        self.options = self.options.filter(make);
        self
    }

    /// Listens; each connection gets a protocol of `factory`.
    ///
    /// # Errors
    /// [`AlreadyListened`]; as [`Reactor::adopt_port`].
    #[track_caller]
    pub fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort> {
        let socket = self.socket.take().ok_or(AlreadyListened)?;
        self.reactor.adopt_port(socket, factory, &self.options)
    }
}

impl fmt::Debug for AdoptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptedServer")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What was handed over to this process, and not taken yet. There is one environment, so there is
/// one of this.
static HANDED_OVER: Mutex<Option<HandedOver>> = Mutex::new(None);

struct HandedOver {
    sockets: ListenFd,
    names: Vec<String>,
    /// The number of the first; the others follow.
    first: usize,
}

impl HandedOver {
    fn from_env() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let names = variable("LISTEN_FDNAMES");
        let first = variable("LISTEN_FDS_FIRST_FD");
        Self {
            sockets: ListenFd::from_env(),
            names: names.split(':').map(str::to_owned).collect(),
            first: first.parse().unwrap_or(3),
        }
    }

    /// Whatever kind of stream socket it is.
    fn take(&mut self, index: usize) -> io::Result<Option<OwnedFd>> {
        let mut take = |family| {
            let sockets = &mut self.sockets;
            sockets.take_custom(index, family, libc::SOCK_STREAM, "stream socket")
        };
        // The first stands for both kinds of IP addresses.
        take(libc::AF_INET).or_else(|_| take(libc::AF_UNIX))
    }
}

fn with_handed_over<R>(f: impl FnOnce(&mut HandedOver) -> R) -> R {
    let mut state = HANDED_OVER.lock().unwrap_or_else(PoisonError::into_inner);
    f(state.get_or_insert_with(HandedOver::from_env))
}

fn take_by_index(index: usize) -> Result<OwnedFd> {
    with_handed_over(|all| {
        let missing = || NotHandedOver {
            wanted: format!("descriptor {index}"),
            given: all.sockets.len(),
        };
        let missing = missing();
        Ok(all.take(index)?.ok_or(missing)?)
    })
}

fn take_by_name(name: &str) -> Result<OwnedFd> {
    let index = with_handed_over(|all| {
        let found = all.names.iter().position(|other| other == name);
        found.ok_or_else(|| NotHandedOver {
            wanted: format!("descriptor of the name {name:?}"),
            given: all.sockets.len(),
        })
    });
    take_by_index(index?)
}

fn take_by_number(number: RawFd) -> Result<OwnedFd> {
    let unsigned = usize::try_from(number);
    // What takes numbers below takes this for granted.
    let unsigned = unsigned.map_err(|_| {
        let why = format!("{number} is not the number of a descriptor");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })?;
    let taken = with_handed_over(|all| match unsigned.checked_sub(all.first) {
        Some(index) => all.take(index),
        None => Ok(None),
    });
    if let Some(socket) = taken? {
        return Ok(socket);
    }
    let this = process::pidfd_open(process::getpid(), PidfdFlags::empty());
    let copied = process::pidfd_getfd(
        this.map_err(io::Error::from)?,
        number,
        PidfdGetfdFlags::empty(),
    );
    Ok(copied.map_err(io::Error::from)?)
}
