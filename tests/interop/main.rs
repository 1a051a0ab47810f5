//! torsade against servers and clients that we did not write, on loopback.
//!
//! A test whose peer is not installed says so and passes; with `TORSADE_REQUIRE_PEERS=1`, as
//! `.ci/run` sets it, it fails instead. `support` starts the peers, `peers_answer` proves them with
//! other tools, so that a failure elsewhere is ours.

mod apache;
mod certificates;
mod echo;
mod endpoints;
mod forwarding;
mod futures;
#[cfg(target_os = "linux")]
mod gallery;
mod haproxy;
mod http;
mod httpbin;
mod memcached;
mod peers_answer;
mod proxies;
mod python_web;
mod redis;
mod send_mail;
mod starttls;
mod support;
mod tls;
