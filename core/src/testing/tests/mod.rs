//! Tests of the testing kit: each helper finds what it is there to find.

mod clean;
mod connected_pair;
mod string_transport;
mod world;
