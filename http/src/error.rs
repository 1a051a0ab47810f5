//! What can go wrong, by diagnosis.

mod fault;
mod request;
mod wire;

pub use fault::{ChunkFault, FieldFault, Foreign};
pub use request::{
    BodyTooLong, InvalidRequest, PartialBody, PotentialDataLoss, RequestError, ResponseDone, Stage,
};
pub(crate) use request::{duplicate, how_it_ended};
pub use wire::WireError;
