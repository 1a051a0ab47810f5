//! UNIX sockets, asked of the reactor directly. Endpoints, one floor up, are more convenient.

use super::connector::Established;
use super::listener::{self, ListeningPort};
use super::tcp::{ConnectOptions, ListenOptions, establish};
use crate::{Deferred, Factory, ProtocolRef, Reactor, Result, UnixName};

impl Reactor {
    /// Connects to a UNIX socket and gives the connection a protocol of `factory`.
    ///
    /// # Errors
    /// As [`connect_tcp`](Self::connect_tcp).
    #[doc(alias = "connectUNIX")]
    pub fn connect_unix<F: Factory>(
        &self,
        name: impl Into<UnixName>,
        factory: F,
        options: &ConnectOptions,
    ) -> Deferred<ProtocolRef<F::Protocol>> {
        self.establish_unix(name, options)
            .add_callback(|stream| stream.open(factory))
    }

    /// Listens on a UNIX socket; each connection gets a protocol of `factory`.
    ///
    /// A file that was left behind by somebody who does not listen any more is replaced; the file
    /// is removed when the port stops.
    ///
    /// ```
    /// use torsade_core::protocols::wire::{Discard, Echo};
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, ConnectOptions, ListenOptions};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let name = "/run/echo.sock";
    /// let port = reactor.listen_unix(name, |_: &Address| Echo, &ListenOptions::new())?;
    /// let connected = reactor.connect_unix(name, |_: &Address| Discard, &ConnectOptions::new());
    /// assert!(reactor.run_until(connected)?.transport().is_open());
    /// reactor.run_until(port.stop_listening())?;
    /// let refused = reactor.connect_unix(name, |_: &Address| Discard, &ConnectOptions::new());
    /// assert!(reactor.run_until(refused).is_err());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen) with the name and what the system said.
    #[doc(alias = "listenUNIX")]
    #[track_caller]
    pub fn listen_unix<F: Factory>(
        &self,
        name: impl Into<UnixName>,
        factory: F,
        options: &ListenOptions,
    ) -> Result<ListeningPort> {
        listener::listen(&self.try_core()?, &name.into().into(), factory, options)
    }

    /// Connects, without a protocol yet.
    pub fn establish_unix(
        &self,
        name: impl Into<UnixName>,
        options: &ConnectOptions,
    ) -> Deferred<Established> {
        match self.try_core() {
            Ok(core) => establish(&core, name.into().into(), options),
            Err(error) => Deferred::fail(error),
        }
    }
}
