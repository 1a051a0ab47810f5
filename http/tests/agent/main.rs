//! The Agent in a simulated world: no socket, no waiting, exact times.

mod errors;
mod pool;
mod requests;
mod responses;
mod support;
mod uploads;
