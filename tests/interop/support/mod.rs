//! Starts the peers of the interop tests, each in a folder of its own that goes when it does.
//!
//! Every `start` gives `None` where the peer is not installed, after saying so:
//!
//! ```ignore
//! let Some(nginx) = Nginx::start() else { return };
//! let url = nginx.https_url("/64k");
//! ```
//!
//! A peer that is installed but does not start, or does not answer within [`PATIENCE`](peer::PATIENCE), fails the
//! test, with what the peer wrote.

#![allow(dead_code, reason = "each program of tests uses its part of it")]

pub(crate) mod apache;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod haproxy;
pub(crate) mod hosts;
pub(crate) mod memory;
pub(crate) mod nginx;
pub(crate) mod openssl;
pub(crate) mod peer;
pub(crate) mod pki;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod serving;
pub(crate) mod store;
pub(crate) mod upload;
