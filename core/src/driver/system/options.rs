//! Options of the system's sockets.

use std::io;

use socket2::{Socket, TcpKeepalive};

use crate::{KeepAlive, SocketOption};

pub(super) fn set_tcp(socket: &Socket, is_v6: bool, option: SocketOption) -> io::Result<()> {
    match option {
        SocketOption::NoDelay(on) => socket.set_tcp_nodelay(on),
        SocketOption::KeepAlive(None) => socket.set_keepalive(false),
        SocketOption::KeepAlive(Some(times)) => socket.set_tcp_keepalive(&keep_alive(times)),
        SocketOption::TimeToLive(hops) if is_v6 => socket.set_unicast_hops_v6(hops.into()),
        SocketOption::TimeToLive(hops) => socket.set_ttl_v4(hops.into()),
        SocketOption::TypeOfService(class) if is_v6 => socket.set_tclass_v6(class.into()),
        SocketOption::TypeOfService(class) => socket.set_tos_v4(class.into()),
        _ => set_any(socket, option),
    }
}

/// Those that every kind of socket has.
fn set_any(socket: &Socket, option: SocketOption) -> io::Result<()> {
    match option {
        SocketOption::Linger(time) => socket.set_linger(time),
        SocketOption::SendBuffer(bytes) => socket.set_send_buffer_size(bytes),
        SocketOption::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

pub(super) fn set_unix(socket: &Socket, option: SocketOption) -> io::Result<()> {
    match option {
        // Nothing is ever delayed there, and the peer cannot vanish without a word.
        SocketOption::NoDelay(_) | SocketOption::KeepAlive(_) => Ok(()),
        _ => set_any(socket, option),
    }
}

fn keep_alive(times: KeepAlive) -> TcpKeepalive {
    let mut all = TcpKeepalive::new();
    if let Some(idle) = times.idle {
        all = all.with_time(idle);
    }
    if let Some(interval) = times.interval {
        all = all.with_interval(interval);
    }
    match times.probes {
        Some(probes) => all.with_retries(probes),
        None => all,
    }
}
