//! The Agent in a simulated world: no socket, no waiting, exact times.

mod auth;
mod cancelling;
#[cfg(feature = "gzip")]
#[path = "../cases/mod.rs"]
mod cases;
#[cfg(all(feature = "gzip", feature = "cookies"))]
mod client;
#[cfg(feature = "cookies")]
mod cookies;
#[cfg(all(feature = "gzip", feature = "brotli", feature = "zstd"))]
mod decoding;
mod downloads;
mod errors;
mod expecting;
mod https;
mod passing_on;
mod pool;
mod proxies;
mod pulling;
mod redirect_bodies;
mod redirect_secrets;
mod redirects;
#[cfg(feature = "gzip")]
mod replies;
mod requests;
mod responses;
mod retries;
mod saving;
mod stale;
mod support;
mod timeouts;
mod upgrades;
mod uploads;
