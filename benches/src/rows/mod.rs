//! The rows: what is measured, one kind of work a file.

mod callbacks;
mod connect;
mod echo;
mod fetch;
mod framing;
mod handshake;
mod http;
mod idle;
mod keep_alive;
mod peers;
mod reactors;
mod timers;
mod udp;

use crate::machine::Machine;
use crate::row::Row;

/// All of them, with those peers that are here.
pub fn all(machine: &Machine) -> Vec<Row> {
    vec![
        echo::tcp(machine),
        connect::row(machine),
        idle::tcp(machine),
        echo::tls(machine),
        handshake::row(machine),
        idle::tls(machine),
        http::requests(machine),
        http::large(machine),
        http::connections(machine),
        callbacks::row(machine),
        timers::row(machine),
        framing::row(machine),
        udp::row(machine),
        reactors::row(machine),
        keep_alive::row(machine),
        fetch::row(machine),
    ]
}
