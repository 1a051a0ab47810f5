//! The header as it is sent.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;

use super::parse::{NAME, SIGNATURE};
use crate::{Address, Filter, Result, UnixName};

/// A filter that begins a connection with a header of the PROXY protocol, for who passes
/// connections on to a server that reads it (HAProxy's `accept-proxy`, nginx's `proxy_protocol`,
/// or a [`ProxyHeader`](super::ProxyHeader)).
///
/// The server believes what the header says, and takes `peer` for its client.
///
/// ```
/// use torsade_core::endpoints::{ClientEndpoint, TcpClient};
/// use torsade_core::filter::SendProxyHeader;
/// # use torsade_core::filter::ProxyHeader;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation, StringTransport};
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// # let seen = AccumulatingProtocol::new();
/// # let told = seen.clone();
/// # let server = TcpServer::new(&reactor, address).filter(|| Ok(ProxyHeader::new()));
/// # server.listen(move |_: &Address| told.clone())?;
/// # let wire = StringTransport::new()
/// #     .peer("192.0.2.1:4000".parse::<std::net::SocketAddr>()?)
/// #     .host("192.0.2.2:80".parse::<std::net::SocketAddr>()?);
/// # let from = wire.transport();
/// // What came `from` 192.0.2.1 is passed on to a server that reads the header.
/// let (peer, host) = (from.peer(), from.host());
/// let onward = TcpClient::new(&reactor, address)
///     .filter(move || Ok(SendProxyHeader::version_2(&peer, &host)));
/// reactor.run_until(onward.connect_protocol(Discard))?;
/// # reactor.advance(std::time::Duration::from_secs(1))?;
/// let seen_by_server = seen.transport().unwrap().peer();
/// assert_eq!(seen_by_server.to_string(), "192.0.2.1:4000");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct SendProxyHeader {
    header: Vec<u8>,
}

const VERSION_2_LOCAL: u8 = 0x20;
const VERSION_2_PROXY: u8 = 0x21;

impl SendProxyHeader {
    /// A line of text: who connected, and where to. That line knows TCP alone; other addresses, and
    /// an IPv4 with an IPv6 one, go as `UNKNOWN`.
    ///
    /// ```
    /// use torsade_core::filter::SendProxyHeader;
    /// use torsade_core::{Address, Filter};
    ///
    /// let peer = Address::Tcp("192.0.2.1:4000".parse()?);
    /// let host = Address::Tcp("192.0.2.2:25".parse()?);
    /// let mut wire = Vec::new();
    /// SendProxyHeader::version_1(&peer, &host).start(&mut wire)?;
    /// assert_eq!(wire, b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn version_1(peer: &Address, host: &Address) -> Self {
        let line = match ip_pair(peer, host) {
            Some((peer, host)) => {
                let family = if peer.is_ipv4() { "TCP4" } else { "TCP6" };
                let (from, to) = (peer.ip(), host.ip());
                let (from_port, to_port) = (peer.port(), host.port());
                format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n")
            }
            None => "PROXY UNKNOWN\r\n".to_owned(),
        };
        Self {
            header: line.into_bytes(),
        }
    }

    /// In binary, UNIX sockets too. Addresses of which it can say nothing are left out, and an IPv4
    /// one beside an IPv6 one is written as IPv6 does (`::ffff:192.0.2.1`).
    pub fn version_2(peer: &Address, host: &Address) -> Self {
        let mut body = Vec::new();
        let family = match (peer, host) {
            (Address::Tcp(peer), Address::Tcp(host)) => ip_addresses(*peer, *host, &mut body),
            (Address::Unix(peer), Address::Unix(host)) if fits(peer) && fits(host) => {
                unix_address(peer, &mut body);
                unix_address(host, &mut body);
                0x31
            }
            _ => 0x00,
        };
        Self::binary(VERSION_2_PROXY, family, &body)
    }

    /// That this connection is passed on for nobody: a balancer's own check, or a client that
    /// speaks for itself. It is of version 2.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_core::filter::{ProxyHeader, SendProxyHeader};
    ///
    /// let (mut wire, mut plain) = (Vec::new(), Vec::new());
    /// SendProxyHeader::local().start(&mut wire)?;
    /// let mut header = ProxyHeader::new();
    /// header.decode(&mut wire, &mut plain, &mut Vec::new())?;
    /// assert!(header.is_ready());
    /// assert!(header.peer().is_none()); // so it is the one on the wire
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn local() -> Self {
        Self::binary(VERSION_2_LOCAL, 0x00, &[])
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Self {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        // Two UNIX names, 216 bytes, are the most that there is.
        header.extend((body.len() as u16).to_be_bytes());
        header.extend(body);
        Self { header }
    }
}

/// Two TCP addresses of one family.
fn ip_pair(peer: &Address, host: &Address) -> Option<(SocketAddr, SocketAddr)> {
    match (peer, host) {
        (Address::Tcp(peer), Address::Tcp(host)) if peer.is_ipv4() == host.is_ipv4() => {
            Some((*peer, *host))
        }
        _ => None,
    }
}

fn ip_addresses(peer: SocketAddr, host: SocketAddr, body: &mut Vec<u8>) -> u8 {
    let both = [peer.ip(), host.ip()];
    let family = match both {
        [IpAddr::V4(peer), IpAddr::V4(host)] => {
            body.extend(peer.octets());
            body.extend(host.octets());
            0x11
        }
        _ => {
            for ip in both {
                body.extend(match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                });
            }
            0x21
        }
    };
    body.extend(peer.port().to_be_bytes());
    body.extend(host.port().to_be_bytes());
    family
}

fn fits(name: &UnixName) -> bool {
    match name {
        UnixName::Path(path) => path.as_os_str().len() <= NAME,
        // The NUL before it takes a byte.
        UnixName::Abstract(name) => name.len() < NAME,
        UnixName::Unnamed => true,
    }
}

fn unix_address(name: &UnixName, body: &mut Vec<u8>) {
    let end = body.len() + NAME;
    match name {
        UnixName::Path(path) => body.extend(path.as_os_str().as_bytes()),
        UnixName::Abstract(name) => {
            body.push(0);
            body.extend(name);
        }
        UnixName::Unnamed => {}
    }
    body.resize(end, 0);
}

impl Filter for SendProxyHeader {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        wire.append(&mut self.header);
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        plain.extend_from_slice(input);
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn has_farewell(&self) -> bool {
        false
    }
}
