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

/// A row that there is.
pub struct Entry {
    pub name: &'static str,
    /// What is measured, and by what it is judged.
    pub about: &'static str,
    pub needs_nginx: bool,
    /// With those peers that are here.
    pub row: fn(&Machine) -> Row,
}

/// All of them, in the order in which they are measured.
pub const ALL: [Entry; 16] = [
    entry(
        "echo",
        "An echo server: CPU time of the server for each message",
        echo::tcp,
    ),
    entry(
        "connect",
        "Connect, echo of a byte, close: CPU time of the server for each",
        connect::row,
    ),
    entry(
        "idle",
        "Memory of the server for each idle connection",
        idle::tcp,
    ),
    entry(
        "tls-echo",
        "An echo server over TLS 1.3: CPU time of the server for each message",
        echo::tls,
    ),
    entry(
        "handshake",
        "Connect, TLS handshake, echo of a byte, close: CPU time of the server for each",
        handshake::row,
    ),
    entry(
        "tls-idle",
        "Memory of the server for each idle connection over TLS 1.3",
        idle::tls,
    ),
    entry(
        "http",
        "GETs on kept connections: CPU time of the client for each",
        http::requests,
    ),
    entry(
        "http-large",
        "A body of 100 MiB: CPU time of the client",
        http::large,
    ),
    entry(
        "http-new",
        "A connection for each GET: CPU time of the client",
        http::connections,
    ),
    entry(
        "callbacks",
        "A stage of a chain of callbacks",
        callbacks::row,
    ),
    entry(
        "timers",
        "Timers: add and cancel, add and fire, move one of 10,000 on",
        timers::row,
    ),
    entry(
        "framing",
        "A message of 40 bytes, cut from a stream",
        framing::row,
    ),
    entry(
        "udp",
        "An echo of datagrams: CPU time of the server for each",
        udp::row,
    ),
    entry(
        "reactors",
        "Echo with reactors on two cores: CPU time of the server for each message",
        reactors::row,
    ),
    entry(
        "keep-alive",
        "Idle connections with a timer of a second each: CPU time of the server in a second",
        keep_alive::row,
    ),
    entry(
        "fetch",
        "Start, GET of 1 KiB, end: the example `fetch`",
        fetch::row,
    ),
];

const fn entry(name: &'static str, about: &'static str, row: fn(&Machine) -> Row) -> Entry {
    let needs_nginx = matches!(name.as_bytes(), b"fetch" | [b'h', b't', b't', b'p', ..]);
    Entry {
        name,
        about,
        needs_nginx,
        row,
    }
}
