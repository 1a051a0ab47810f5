//! What can go wrong, by diagnosis.

mod fault;
mod request;
mod wire;

pub use fault::{ChunkFault, FieldFault, Foreign};
pub(crate) use request::duplicate;
pub use request::{
    BodyTooLong, InvalidRequest, PartialBody, PotentialDataLoss, RequestError, ResponseDone, Stage,
};
pub use wire::WireError;
