//! torsade where things go wrong that no simulated world has: packets that are lost on a real network,
//! names that nobody knows, processes that stand still or die, and a system that has nothing left to
//! give.
//!
//! What needs a network or mounts of its own is skipped where that is not allowed; with
//! `TORSADE_REQUIRE_PEERS=1` it fails instead.

#[path = "../interop/support/mod.rs"]
mod support;

mod links;
mod names;
mod processes;
mod resources;
mod routes;
mod site;
