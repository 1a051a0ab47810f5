//! What can go wrong, by diagnosis.

mod wire;

pub use wire::{ChunkFault, FieldFault, Foreign, WireError};
