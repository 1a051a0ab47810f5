//! Connections and listening ports, over the system's sockets and in the simulated world.

mod conformance;
mod given;
mod listening;
mod options;
mod passing;
