//! The other end of the servers: one thread, one mio loop, nothing of torsade.

mod echo;
mod histogram;
mod http;
mod idle;
mod link;
mod short;
mod udp;
mod window;

pub use echo::{Echo, echo};
pub use histogram::Histogram;
pub use http::get;
pub use idle::{Idle, open_idle};
pub use link::{Link, Security};
pub use short::short_connections;
pub use udp::datagrams;
pub use window::{Target, Window};
