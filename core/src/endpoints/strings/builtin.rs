//! The kinds of endpoints that are always there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::description::value;
use super::{Description, DescriptionError, Endpoints, ServerEndpoint};
use crate::endpoints::{ClientEndpoint, HostnameClient, TcpServer, UnixClient, UnixServer};
use crate::net::{ConnectOptions, ListenOptions};
use crate::{Reactor, Result};

pub(super) fn add_to(endpoints: &mut Endpoints) {
    endpoints.add_client("tcp", |endpoints, it| tcp_client(endpoints.reactor(), it));
    endpoints.add_client("unix", |endpoints, it| unix_client(endpoints.reactor(), it));
    endpoints.add_server("tcp", |endpoints, it| {
        tcp_server(endpoints.reactor(), it, Ipv4Addr::UNSPECIFIED.into())
    });
    endpoints.add_server("tcp6", |endpoints, it| {
        tcp_server(endpoints.reactor(), it, Ipv6Addr::UNSPECIFIED.into())
    });
    endpoints.add_server("unix", |endpoints, it| unix_server(endpoints.reactor(), it));
}

fn port(it: &mut Description) -> Result<u16, DescriptionError> {
    let port = it.require("port")?;
    value("port", &port, "a number from 0 to 65535")
}

fn connect_options(it: &mut Description) -> Result<ConnectOptions, DescriptionError> {
    let mut options = ConnectOptions::new();
    if let Some(timeout) = it.take_named("timeout") {
        let seconds: f64 = value("timeout", &timeout, "a number of seconds")?;
        let timeout = Duration::try_from_secs_f64(seconds);
        options = options.timeout(timeout.map_err(|_| DescriptionError::BadValue {
            argument: "timeout",
            value: seconds.to_string(),
            expected: "a number of seconds",
        })?);
    }
    if let Some(address) = it.take_named("bindAddress") {
        let ip: IpAddr = value("bindAddress", &address, "an IP address")?;
        options = options.bind_address(SocketAddr::new(ip, 0));
    }
    Ok(options)
}

fn tcp_client(reactor: &Reactor, it: &mut Description) -> Result<Box<dyn ClientEndpoint>> {
    let host = it.require("host")?;
    let client = HostnameClient::new(reactor, &host, port(it)?);
    Ok(Box::new(client.options(connect_options(it)?)))
}

fn unix_client(reactor: &Reactor, it: &mut Description) -> Result<Box<dyn ClientEndpoint>> {
    let client = UnixClient::new(reactor, &it.require("path")?);
    Ok(Box::new(client.options(connect_options(it)?)))
}

fn listen_options(it: &mut Description) -> Result<ListenOptions, DescriptionError> {
    let options = ListenOptions::new();
    match it.take_named("backlog") {
        Some(backlog) => Ok(options.backlog(value("backlog", &backlog, "a number")?)),
        None => Ok(options),
    }
}

fn tcp_server(reactor: &Reactor, it: &mut Description, any: IpAddr) -> Result<ServerEndpoint> {
    let port = port(it)?;
    let interface = match it.take_named("interface") {
        Some(interface) => value("interface", &interface, "an IP address")?,
        None => any,
    };
    let server = TcpServer::new(reactor, SocketAddr::new(interface, port));
    // Who listens on both is not in the way of who listens on one.
    let options = listen_options(it)?.only_v6(interface.is_ipv6());
    Ok(ServerEndpoint::Tcp(server.options(options)))
}

fn unix_server(reactor: &Reactor, it: &mut Description) -> Result<ServerEndpoint> {
    let server = UnixServer::new(reactor, &it.require("address")?);
    let mut options = listen_options(it)?;
    if let Some(mode) = it.take_named("mode") {
        let bits = u32::from_str_radix(&mode, 8).map_err(|_| DescriptionError::BadValue {
            argument: "mode",
            value: mode,
            expected: "an octal number",
        })?;
        options = options.mode(bits);
    }
    Ok(ServerEndpoint::Unix(server.options(options)))
}
