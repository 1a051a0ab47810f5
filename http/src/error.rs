//! What can go wrong, by diagnosis.

mod fault;
mod wire;

pub use fault::{ChunkFault, FieldFault, Foreign};
pub use wire::WireError;
