//! A client endpoint with a filter on its streams.

use std::fmt;
use std::rc::Rc;

use super::{ClientEndpoint, Established};
use crate::{Deferred, Filter, Result};

/// An endpoint whose streams go through a filter; from [`ClientEndpoint::filter`].
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
