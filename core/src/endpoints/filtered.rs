//! A client endpoint with a filter on its streams.

use std::fmt;
use std::rc::Rc;

use super::{ClientEndpoint, Established};
use crate::{Deferred, Filter, Result};

/// An endpoint whose streams go through a filter; from [`ClientEndpoint::filter`].
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::endpoints::FilteredClient;
/// use torsade_core::filter::TrafficLog;
/// # use torsade_core::protocols::wire::{Discard, Echo};
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let bytes = Rc::new(Cell::new(0));
/// let count = bytes.clone();
/// let counted: FilteredClient<TcpClient> = TcpClient::new(&reactor, address).filter(move || {
///     let count = count.clone();
///     Ok(TrafficLog::new(move |_, data| count.set(count.get() + data.len())))
/// });
/// // It connects as the endpoint below does.
/// let client = reactor.run_until(counted.connect_protocol(Discard))?;
/// client.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(bytes.get(), 10); // there and back
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct FilteredClient<E> {
    endpoint: E,
    make: Rc<Make>,
}

type Make = dyn Fn() -> Result<Box<dyn Filter>>;

impl<E> FilteredClient<E> {
    pub(super) fn new<T: Filter>(endpoint: E, make: impl Fn() -> Result<T> + 'static) -> Self {
        Self {
            endpoint,
            make: Rc::new(move || Ok(Box::new(make()?))),
        }
    }
}

/// # Errors
/// Those of the endpoint below, and of making the filter.
impl<E: ClientEndpoint> ClientEndpoint for FilteredClient<E> {
    fn establish(&self) -> Deferred<Established> {
        // Made first: what is wrong with it is told without a connection.
        match (self.make)() {
            Ok(filter) => self
                .endpoint
                .establish()
                .map(move |stream| stream.with_filters([filter])),
            Err(failure) => Deferred::fail(failure),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for FilteredClient<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilteredClient")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
