//! What is looked at.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::starttls::Protocol;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Host {
        /// What is spoken before TLS, if anything is.
        protocol: Option<Protocol>,
        host: String,
        port: u16,
    },
    File(PathBuf),
}

impl Target {
    pub(crate) fn parse(text: &OsStr) -> Result<Self, String> {
        let path = Path::new(text);
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let is_file = text.as_encoded_bytes().contains(&b'/')
            || ["pem", "crt", "cer", "der"].contains(&extension);
        if is_file {
            return Ok(Self::File(path.to_owned()));
        }
        let text = text
            .to_str()
            .ok_or_else(|| format!("{text:?} is neither a host nor a file"))?;
        let (protocol, rest) = match text.split_once(':') {
            // What follows a protocol is a host, what follows a host is a port.
            Some((first, rest)) if rest.parse::<u16>().is_err() && !text.starts_with('[') => {
                let Some(protocol) = Protocol::parse(first) else {
                    return Err(format!(
                        "{text:?}: {first:?} is no protocol with STARTTLS here, and {rest:?} no \
                         port; an IPv6 address is written in brackets"
                    ));
                };
                (Some(protocol), rest)
            }
            _ => (None, text),
        };
        let default = protocol.map_or(443, Protocol::port);
        let (host, port) = split_port(rest, default)
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| format!("{text:?} is no host and port"))?;
        let (host, port) = (host.to_owned(), port);
        Ok(Self::Host {
            protocol,
            host,
            port,
        })
    }
}

/// The host, without brackets, and the port.
fn split_port(text: &str, default: u16) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    match port {
        Some(port) => Some((host, port.parse().ok()?)),
        None => Some((host, default)),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Host {
                protocol,
                host,
                port,
            } => {
                if let Some(protocol) = protocol {
                    write!(f, "{}:", protocol.name())?;
                }
                if host.contains(':') {
                    write!(f, "[{host}]:{port}")
                } else {
                    write!(f, "{host}:{port}")
                }
            }
        }
    }
}
