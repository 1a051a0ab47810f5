//! SOCKS5: a proxy connects on our behalf.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use crate::{Filter, Result};

/// A filter that has a SOCKS5 proxy (RFC 1928) connect to a host, and then is that connection.
///
/// The name of the host is looked up by the proxy, so that it is seen by nobody on the way to it.
///
/// ```
/// use torsade_core::endpoints::{ClientEndpoint, HostnameClient, TcpServer};
/// use torsade_core::filter::Socks5;
/// # use torsade_core::protocols::SocksServer;
/// # use torsade_core::protocols::wire::{Discard, Echo};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::Address;
///
/// # let host = [192, 0, 2, 7].into();
/// # let reactor = Simulation::new().host("example.org", [host]).reactor();
/// # TcpServer::new(&reactor, (host, 443).into()).listen(|_: &Address| Echo)?;
/// # let server = SocksServer::new(&reactor, |_, _| true);
/// # TcpServer::new(&reactor, "127.0.0.1:1080".parse()?).listen(server)?;
/// let proxy = HostnameClient::new(&reactor, "localhost", 1080);
/// let hidden = proxy.filter(|| Ok(Socks5::connect("example.org", 443)?));
/// let client = reactor.run_until(hidden.connect_protocol(Discard))?;
/// assert!(client.transport().is_open());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct Socks5 {
    /// The user's name and password (RFC 1929).
    credentials: Option<(String, String)>,
    /// The request for the connection.
    request: Vec<u8>,
    step: Step,
    /// What has come of the answer at this step.
    begun: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Credentials,
    Reply,
    Connected,
}

/// A SOCKS5 proxy did not connect.
///
/// ```
/// use torsade_core::Filter;
/// use torsade_core::filter::{Socks5, Socks5Error};
///
/// let (mut plain, mut wire) = (Vec::new(), Vec::new());
/// let mut proxy = Socks5::connect("example.org", 25)?;
/// proxy.start(&mut wire)?;
/// // No authentication is needed, but that connection is against the rules.
/// let answers = [&[5, 0][..], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
/// let decoded = proxy.decode(&mut answers.clone(), &mut plain, &mut wire);
/// assert_eq!(decoded.unwrap_err().trap::<Socks5Error>()?, Socks5Error::Refused(2));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Socks5Error {
    /// A host's name, a user's name or a password has no byte or more than 255.
    BadLength(&'static str),
    /// It begins with this byte, which is not the version.
    NotSocks5(u8),
    /// It demands another kind of authentication than there is here: a name and a password if they
    /// were given, none otherwise.
    NoCommonMethod,
    /// It does not know the name or the password.
    CredentialsRefused,
    /// It answers with this code (RFC 1928, section 6) instead of a connection.
    Refused(u8),
    /// Its answer has an address of this unknown type.
    BadAddressType(u8),
    /// The connection ended before.
    CutOff,
}

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const WITH_PASSWORD: u8 = 2;

impl Socks5 {
    /// Asks for a connection to a host, by its name or its IP address (in brackets or not).
    ///
    /// # Errors
    /// [`Socks5Error::BadLength`].
    pub fn connect(host: &str, port: u16) -> Result<Self, Socks5Error> {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        // Version, CONNECT, and a byte that means nothing.
        let mut request = vec![VERSION, 1, 0];
        match bare.unwrap_or(host).parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => {
                request.push(1);
                request.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(4);
                request.extend_from_slice(&address.octets());
            }
            Err(_) => {
                request.push(3);
                append(&mut request, host, "host name")?;
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        Ok(Self {
            credentials: None,
            request,
            step: Step::Method,
            begun: Vec::new(),
        })
    }

    /// Is known to the proxy by a name and a password. They are sent as they are.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_core::filter::{Socks5, Socks5Error};
    ///
    /// let mut proxy = Socks5::connect("example.org", 443)?.credentials("me", "wrong")?;
    /// let (mut plain, mut wire) = (Vec::new(), Vec::new());
    /// let answers = [[5, 2], [1, 1]].concat(); // it wants them, and does not know them
    /// let decoded = proxy.decode(&mut answers.clone(), &mut plain, &mut wire);
    /// assert_eq!(wire, b"\x01\x02me\x05wrong");
    /// assert_eq!(decoded.unwrap_err().trap::<Socks5Error>()?, Socks5Error::CredentialsRefused);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Socks5Error::BadLength`].
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, Socks5Error> {
        append(&mut Vec::new(), user, "user name")?;
        append(&mut Vec::new(), password, "password")?;
        self.credentials = Some((user.to_owned(), password.to_owned()));
        Ok(self)
    }

    /// Takes what has come as far as it is complete.
    fn advance(&mut self, wire: &mut Vec<u8>) -> Result<(), Socks5Error> {
        loop {
            let used = match (self.step, &self.begun[..]) {
                (Step::Connected, _) => return Ok(()),
                (Step::Method | Step::Reply, &[version, ..]) if version != VERSION => {
                    return Err(Socks5Error::NotSocks5(version));
                }
                (Step::Method, &[_, NO_AUTHENTICATION, ..]) => {
                    wire.extend_from_slice(&self.request);
                    self.step = Step::Reply;
                    2
                }
                (Step::Method, &[_, WITH_PASSWORD, ..]) => {
                    let Some((user, password)) = &self.credentials else {
                        return Err(Socks5Error::NoCommonMethod);
                    };
                    wire.push(1);
                    append(wire, user, "user name")?;
                    append(wire, password, "password")?;
                    self.step = Step::Credentials;
                    2
                }
                (Step::Method, &[_, _, ..]) => return Err(Socks5Error::NoCommonMethod),
                (Step::Credentials, &[_, 0, ..]) => {
                    wire.extend_from_slice(&self.request);
                    self.step = Step::Reply;
                    2
                }
                (Step::Credentials, &[_, _, ..]) => return Err(Socks5Error::CredentialsRefused),
                (Step::Reply, &[_, code @ 1..=255, ..]) => return Err(Socks5Error::Refused(code)),
                (Step::Reply, &[_, _, _, kind, first, ..]) => {
                    // The address that the proxy connects from, and its port, are no use here.
                    let length = match kind {
                        1 => 4,
                        3 => 1 + usize::from(first),
                        4 => 16,
                        other => return Err(Socks5Error::BadAddressType(other)),
                    };
                    if self.begun.len() < 4 + length + 2 {
                        return Ok(());
                    }
                    self.step = Step::Connected;
                    4 + length + 2
                }
                // Not enough yet.
                _ => return Ok(()),
            };
            self.begun.drain(..used);
        }
    }
}

fn append(out: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), Socks5Error> {
    match u8::try_from(text.len()) {
        Ok(length @ 1..) => {
            out.push(length);
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        _ => Err(Socks5Error::BadLength(what)),
    }
}

impl Filter for Socks5 {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        match self.credentials {
            None => wire.extend_from_slice(&[VERSION, 1, NO_AUTHENTICATION]),
            Some(_) => wire.extend_from_slice(&[VERSION, 2, NO_AUTHENTICATION, WITH_PASSWORD]),
        }
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()> {
        if self.step == Step::Connected {
            plain.extend_from_slice(input);
            return Ok(());
        }
        // Each answer is bounded, and what comes behind the last is one read.
        self.begun.extend_from_slice(input);
        self.advance(wire)?;
        if self.step == Step::Connected {
            plain.append(&mut self.begun);
            self.begun = Vec::new();
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn wire_closed(&mut self) -> Result<()> {
        match self.step {
            Step::Connected => Ok(()),
            _ => Err(Socks5Error::CutOff.into()),
        }
    }

    fn is_ready(&self) -> bool {
        self.step == Step::Connected
    }

    fn has_farewell(&self) -> bool {
        false
    }
}

// The password is not shown.
impl fmt::Debug for Socks5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks5")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Socks5Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength(what) => write!(f, "a {what} for SOCKS5 has 1 to 255 bytes"),
            Self::NotSocks5(byte) => {
                write!(
                    f,
                    "the proxy does not speak SOCKS5: it answers with byte {byte:#04x}"
                )
            }
            Self::NoCommonMethod => f.write_str(
                "the SOCKS5 proxy demands another kind of authentication, a user name and password \
                 most likely",
            ),
            Self::CredentialsRefused => {
                f.write_str("the SOCKS5 proxy does not know this user name and password")
            }
            Self::Refused(code) => write!(f, "the SOCKS5 proxy refuses: {}", reason(*code)),
            Self::BadAddressType(kind) => {
                write!(
                    f,
                    "the SOCKS5 proxy answers with an address of unknown type {kind}"
                )
            }
            Self::CutOff => {
                f.write_str("the SOCKS5 proxy closed the connection before it answered")
            }
        }
    }
}

/// RFC 1928, section 6.
fn reason(code: u8) -> &'static str {
    match code {
        1 => "a general failure (1)",
        2 => "its rules forbid it (2)",
        3 => "the network cannot be reached (3)",
        4 => "the host cannot be reached (4)",
        5 => "the host refused the connection (5)",
        6 => "the time to live has expired (6)",
        7 => "it cannot connect at all (7)",
        8 => "it does not know this type of address (8)",
        _ => "an unknown reason",
    }
}

impl Error for Socks5Error {}
