//! Options of sockets.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::{Address, KeepAlive, Protocol, Reactor, Result, SocketOption, Transport};

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// An open connection, another handle to the same socket, and its peer.
fn open(reactor: &Reactor, listen_on: &str) -> (Transport, TcpStream, TcpStream) {
    let listener = TcpListener::bind(listen_on).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let copy = ours.try_clone().unwrap();
    let stream = reactor.adopt_stream(ours.into()).unwrap();
    let opened = stream.open(|_: &Address| Quiet);
    let handle = reactor.run_until(opened).unwrap();
    (
        handle.transport().clone(),
        copy,
        listener.accept().unwrap().0,
    )
}

#[test]
fn what_is_set_is_what_the_system_has() {
    let reactor = Reactor::new().unwrap();
    let seconds = Duration::from_secs;
    for (address, is_v6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
        let (transport, copy, _peer) = open(&reactor, address);
        let socket = SockRef::from(&copy);
        let times = KeepAlive::after(seconds(60)).every(seconds(7)).probes(3);
        for option in [
            SocketOption::NoDelay(true),
            SocketOption::KeepAlive(Some(times)),
            SocketOption::Linger(Some(seconds(5))),
            SocketOption::TimeToLive(33),
            SocketOption::TypeOfService(0x10),
            SocketOption::SendBuffer(50_000),
            SocketOption::ReceiveBuffer(60_000),
        ] {
            transport.set_option(option).unwrap();
        }
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(60));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(7));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        assert_eq!(socket.linger().unwrap(), Some(seconds(5)));
        let (hops, class) = match is_v6 {
            true => (
                socket.unicast_hops_v6().unwrap(),
                socket.tclass_v6().unwrap(),
            ),
            false => (socket.ttl_v4().unwrap(), socket.tos_v4().unwrap()),
        };
        assert_eq!((hops, class), (33, 0x10));
        assert!(socket.send_buffer_size().unwrap() >= 50_000);
        assert!(socket.recv_buffer_size().unwrap() >= 60_000);
        transport.set_keep_alive(None).unwrap();
        assert!(!socket.keepalive().unwrap());
        transport
            .set_keep_alive(Some(KeepAlive::default()))
            .unwrap();
        assert!(
            socket.keepalive().unwrap(),
            "with the times that were there"
        );
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(60));
        transport.abort_connection();
        assert!(transport.set_option(SocketOption::NoDelay(true)).is_err());
    }
}
