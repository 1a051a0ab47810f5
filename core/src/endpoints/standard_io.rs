//! Standard input and output as one end of a conversation.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::ClientEndpoint;
use crate::net::{Established, ListenOptions, ListeningPort};
use crate::{Address, Deferred, Factory, Filter, Reactor, Result};

/// The standard input and output of this process, as a stream: terminals, pipes and files alike.
///
/// It is both kinds of endpoint: [`connect`](ClientEndpoint::connect) gives the connected protocol,
/// [`listen`](Self::listen) is for programs whose endpoint a user chooses. The end of the input is
/// the end of the peer's direction; the output ends when the connection does. While it lasts, both
/// are non-blocking, also for whoever shares them: then `println!` may fail.
///
/// ```no_run
/// use torsade_core::endpoints::{ClientEndpoint, StandardIo};
/// use torsade_core::{Address, Protocol, Result, Transport};
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         transport.write(&data.to_ascii_uppercase());
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let reactor = torsade_core::Reactor::new()?;
/// drop(StandardIo::new(&reactor).connect(|_: &Address| Shout));
/// reactor.run()
/// # }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "StandardIO")]
#[doc(alias = "StandardIOEndpoint")]
#[doc(alias = "twisted.internet.stdio")]
pub struct StandardIo {
    reactor: Reactor,
    options: ListenOptions,
}

impl StandardIo {
    /// The endpoint of this process.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
            options: ListenOptions::new(),
        }
    }

    /// Puts a filter below the protocol: see [`ListenOptions::filter`].
    pub fn filter<T: Filter>(mut self, make: impl Fn() -> Result<T> + 'static) -> Self {
        self.options = self.options.filter(make);
        self
    }

    /// Opens the one connection there is. Nothing is left that could be stopped.
    ///
    /// # Errors
    /// As [`Reactor::join_descriptors`].
    pub fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort> {
        let opened = self.stream()?.open(factory);
        // If it does not open then that is logged as a failure that nobody took.
        drop(opened);
        Ok(ListeningPort::closed(Address::Unnamed))
    }

    fn stream(&self) -> Result<Established> {
        let copy = |descriptor: &dyn AsFd| -> io::Result<OwnedFd> {
            descriptor.as_fd().try_clone_to_owned()
        };
        let (from, to) = (copy(&io::stdin())?, copy(&io::stdout())?);
        let stream = self.reactor.join_descriptors(Some(from), Some(to))?;
        Ok(stream.with_filters(self.options.make_filters()?))
    }
}

impl ClientEndpoint for StandardIo {
    fn establish(&self) -> Deferred<Established> {
        self.stream().map_or_else(Deferred::fail, Deferred::succeed)
    }
}
