//! The kinds of endpoints that are always there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use super::description::value;
use super::{Description, DescriptionError, Endpoints, ServerEndpoint};
use crate::endpoints::{
    AdoptedServer, ClientEndpoint, HostnameClient, ProcessClient, StandardIo, TcpServer,
    UnixClient, UnixServer,
};
use crate::filter::ProxyHeader;
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
    endpoints.add_client("process", |endpoints, it| {
        process_client(endpoints.reactor(), it)
    });
    endpoints.add_client("stdio", |endpoints, _| {
        Ok(Box::new(StandardIo::new(endpoints.reactor())))
    });
    endpoints.add_server("stdio", |endpoints, _| {
        Ok(ServerEndpoint::StandardIo(StandardIo::new(
            endpoints.reactor(),
        )))
    });
    endpoints.add_server("systemd", |endpoints, it| {
        systemd_server(endpoints.reactor(), it)
    });
    endpoints.add_server("fd", |endpoints, it| {
        let number = it.require("fileno")?;
        let number = value("fileno", &number, "the number of a descriptor")?;
        let server = AdoptedServer::descriptor(endpoints.reactor(), number)?;
        Ok(ServerEndpoint::Adopted(server))
    });
    endpoints.add_server("haproxy", |endpoints, it| {
        let wrapped = endpoints.server_of(it.rest()?)?;
        Ok(wrapped.filter(|| Ok(ProxyHeader::new())))
    });
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

fn process_client(reactor: &Reactor, it: &mut Description) -> Result<Box<dyn ClientEndpoint>> {
    let program = it.require("program")?;
    let arguments = it.take_all();
    let command = move || {
        let mut command = Command::new(&program);
        command.args(&arguments);
        command.into()
    };
    Ok(Box::new(ProcessClient::new(reactor, command)))
}

fn systemd_server(reactor: &Reactor, it: &mut Description) -> Result<ServerEndpoint> {
    // The socket itself knows its family.
    let domain = it.require("domain")?;
    if !["INET", "INET6", "UNIX"].contains(&domain.as_str()) {
        return Err(DescriptionError::BadValue {
            argument: "domain",
            value: domain,
            expected: "INET, INET6 or UNIX",
        }
        .into());
    }
    let server = match it.take_named("name") {
        Some(name) => AdoptedServer::handed_over_by_name(reactor, &name)?,
        None => {
            let index = it.require("index")?;
            AdoptedServer::handed_over(reactor, value("index", &index, "a number from 0")?)?
        }
    };
    Ok(ServerEndpoint::Adopted(server))
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
