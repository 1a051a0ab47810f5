//! What can go wrong, by diagnosis.
//!
//! ```
//! use torsade_core::LookupError;
//! use torsade_core::testing::Simulation;
//! use torsade_http::Agent;
//! use torsade_http::error::{RequestError, Stage};
//!
//! let reactor = Simulation::new().reactor();
//! let failure = reactor.run_until(Agent::new(&reactor).get("http://no-such-host.test/")).unwrap_err();
//! // With whom and when; the cause is found by its type.
//! let error = failure.check::<RequestError>().expect("that is what they are");
//! assert_eq!((&*error.origin, error.stage), ("http://no-such-host.test:80", Stage::Connecting));
//! assert!(failure.find::<LookupError>().is_some());
//! ```

mod fault;
mod request;
mod wire;

pub use fault::{ChunkFault, FieldFault, Foreign};
pub use request::{
    BodyTooLong, InvalidRequest, PartialBody, PotentialDataLoss, RequestError, ResponseDone, Stage,
};
pub(crate) use request::{duplicate, how_it_ended};
pub use wire::WireError;
