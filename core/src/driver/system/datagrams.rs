//! Sockets for datagrams of the operating system.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use super::unix::{self, BoundFile};
use crate::datagram::{DatagramOption, DatagramOptions, MulticastInterface};
use crate::driver::{DatagramSocket, Token};
use crate::{Address, UnixName};

pub(super) fn bind(
    on: &Address,
    options: &DatagramOptions,
    registry: &Registry,
    token: Token,
) -> io::Result<Box<dyn DatagramSocket>> {
    match on {
        Address::Udp(on) => {
            let socket = UdpSocket::from(udp_socket(*on, options)?);
            register(&socket, registry, token)?;
            Ok(Box::new(Udp(socket)))
        }
        Address::Unix(name) => {
            let socket = unix::socket(Type::DGRAM)?;
            let file = match name {
                UnixName::Unnamed => None,
                name => unix::bind(&socket, name, options.mode)?,
            };
            let socket = UnixDatagram::from(std::os::fd::OwnedFd::from(socket));
            register(&socket, registry, token)?;
            let _file = file;
            Ok(Box::new(Unix { socket, _file }))
        }
        Address::Tcp(_) | Address::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

fn register(socket: &impl AsRawFd, registry: &Registry, token: Token) -> io::Result<()> {
    let mut source = SourceFd(&socket.as_raw_fd());
    registry.register(&mut source, mio::Token(token.0), Interest::READABLE)
}

fn udp_socket(on: SocketAddr, options: &DatagramOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(on), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(options.reuse_address)?;
    socket.set_reuse_port(options.reuse_port)?;
    if on.is_ipv6() {
        socket.set_only_v6(options.only_v6)?;
    }
    // On Linux, a socket gets by default what is sent to any group that any program has joined. A
    // system too old to be told otherwise is no reason to have no port.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = match on {
        SocketAddr::V4(_) => socket.set_multicast_all_v4(false),
        SocketAddr::V6(_) => socket.set_multicast_all_v6(false),
    };
    socket.bind(&on.into())?;
    Ok(socket)
}

/// Several datagrams by one system call.
#[cfg(any(target_os = "android", target_os = "linux"))]
mod batch {
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::RawFd;

    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

    use crate::Address;
    use crate::driver::MOST_DATAGRAMS;

    pub(super) fn receive(
        socket: RawFd,
        buffer: &mut [u8],
        slot: usize,
        received: &mut Vec<(usize, Address)>,
    ) -> io::Result<()> {
        let slots = buffer.chunks_exact_mut(slot).take(MOST_DATAGRAMS);
        let mut slots: Vec<_> = slots.map(|slot| [IoSliceMut::new(slot)]).collect();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slots.len(), None);
        let messages = recvmmsg(
            socket,
            &mut headers,
            slots.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        received.extend(messages.map(|message| {
            let from = message.address.as_ref().and_then(address);
            (message.bytes, from.map_or(Address::Unnamed, Address::Udp))
        }));
        Ok(())
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = storage
            .as_sockaddr_in()
            .map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| {
            storage
                .as_sockaddr_in6()
                .map(|v6| SocketAddr::V6((*v6).into()))
        })
    }
}

/// A UDP socket. Closing it takes it out of epoll.
struct Udp(UdpSocket);

impl DatagramSocket for Udp {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (count, from) = self.0.recv_from(buffer)?;
        Ok((count, Address::Udp(from)))
    }

    #[cfg(any(target_os = "android", target_os = "linux"))]
    fn receive_many(
        &self,
        buffer: &mut [u8],
        slot: usize,
        received: &mut Vec<(usize, Address)>,
    ) -> io::Result<()> {
        batch::receive(self.0.as_raw_fd(), buffer, slot, received)
    }

    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.0.send(data)?,
            Some(Address::Udp(to)) => self.0.send_to(data, to)?,
            Some(_) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(())
    }

    fn connect(&self, to: &Address) -> io::Result<()> {
        match to {
            Address::Udp(to) => self.0.connect(to),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        self.0.local_addr().map(Address::Udp)
    }

    fn set_option(&self, option: DatagramOption) -> io::Result<()> {
        let socket = SockRef::from(&self.0);
        let is_v6 = self.0.local_addr()?.is_ipv6();
        match option {
            DatagramOption::Broadcast(on) => socket.set_broadcast(on),
            DatagramOption::Join(IpAddr::V4(group), on) => {
                socket.join_multicast_v4_n(&group, &interface(on))
            }
            DatagramOption::Leave(IpAddr::V4(group), on) => {
                socket.leave_multicast_v4_n(&group, &interface(on))
            }
            DatagramOption::Join(IpAddr::V6(group), on) => {
                socket.join_multicast_v6(&group, index(on)?)
            }
            DatagramOption::Leave(IpAddr::V6(group), on) => {
                socket.leave_multicast_v6(&group, index(on)?)
            }
            DatagramOption::Outgoing(on) if is_v6 => socket.set_multicast_if_v6(index(on)?),
            DatagramOption::Outgoing(on) => socket.set_multicast_if_v4(&address(on)?),
            DatagramOption::MulticastTimeToLive(hops) if is_v6 => {
                socket.set_multicast_hops_v6(hops.into())
            }
            DatagramOption::MulticastTimeToLive(hops) => socket.set_multicast_ttl_v4(hops.into()),
            DatagramOption::MulticastLoop(on) if is_v6 => socket.set_multicast_loop_v6(on),
            DatagramOption::MulticastLoop(on) => socket.set_multicast_loop_v4(on),
            DatagramOption::TimeToLive(hops) if is_v6 => socket.set_unicast_hops_v6(hops.into()),
            DatagramOption::TimeToLive(hops) => socket.set_ttl_v4(hops.into()),
            DatagramOption::TypeOfService(class) if is_v6 => socket.set_tclass_v6(class.into()),
            DatagramOption::TypeOfService(class) => socket.set_tos_v4(class.into()),
            DatagramOption::SendBuffer(bytes) => socket.set_send_buffer_size(bytes),
            DatagramOption::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
        }
    }
}

fn interface(on: MulticastInterface) -> InterfaceIndexOrAddress {
    match on {
        MulticastInterface::Any => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
        MulticastInterface::Address(ip) => InterfaceIndexOrAddress::Address(ip),
        MulticastInterface::Index(index) => InterfaceIndexOrAddress::Index(index),
    }
}

fn address(on: MulticastInterface) -> io::Result<Ipv4Addr> {
    match on {
        MulticastInterface::Any => Ok(Ipv4Addr::UNSPECIFIED),
        MulticastInterface::Address(ip) => Ok(ip),
        MulticastInterface::Index(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn index(on: MulticastInterface) -> io::Result<u32> {
    match on {
        MulticastInterface::Any => Ok(0),
        MulticastInterface::Index(index) => Ok(index),
        MulticastInterface::Address(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A UNIX socket for datagrams. Closing it takes it out of epoll.
struct Unix {
    socket: UnixDatagram,
    _file: Option<BoundFile>,
}

impl DatagramSocket for Unix {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (count, from) = self.socket.recv_from(buffer)?;
        Ok((count, unix::our_name(&from).into()))
    }

    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => self.socket.send(data)?,
            Some(Address::Unix(name)) => {
                let socket = SockRef::from(&self.socket);
                socket.send_to(data, &unix::system_name(name)?)?
            }
            Some(_) => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(())
    }

    fn connect(&self, to: &Address) -> io::Result<()> {
        match to {
            Address::Unix(name) => SockRef::from(&self.socket).connect(&unix::system_name(name)?),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(unix::our_name(&self.socket.local_addr()?).into())
    }

    fn set_option(&self, option: DatagramOption) -> io::Result<()> {
        let socket = SockRef::from(&self.socket);
        match option {
            DatagramOption::SendBuffer(bytes) => socket.set_send_buffer_size(bytes),
            DatagramOption::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
