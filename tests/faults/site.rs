//! Servers to reach, and what tests do with connections to them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use torsade::endpoints::{ListenOptions, ListeningPort};
use torsade::http::{Agent, AgentOptions, RequestError};
use torsade::protocols::wire::Echo;
use torsade::testing::AccumulatingProtocol;
use torsade::tls::{ClientTls, ServerTls, wrap_server_tls};
use torsade::{Address, ClientEndpoint, Failure, Protocol, Reactor, Result, TcpServer, Transport};

use crate::support::peer::{PATIENCE, pattern};
use crate::support::pki::Pki;
use crate::support::serving::Serving;

/// Answers `GET /LENGTH` with so many bytes of the [`pattern`], or the range of them that is asked
/// for, and `GET /LENGTH/SENT` with that length but no more bytes than those. `PUT /LENGTH` is
/// answered with 200 if its body is the pattern, and 400 if not.
#[derive(Default)]
pub(crate) struct Site {
    begun: Vec<u8>,
    /// How long the body must be that is awaited.
    awaited: Option<usize>,
}

const ETAG: &str = "ETag: \"one\"";

impl Protocol for Site {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.begun.extend_from_slice(data);
        if self.awaited.is_none() {
            let end = self.begun.windows(4).position(|it| it == b"\r\n\r\n");
            let Some(end) = end else { return Ok(()) };
            let head = self.begun.drain(..end + 4).collect();
            self.answer(transport, &String::from_utf8(head)?)?;
        }
        if self
            .awaited
            .is_some_and(|awaited| self.begun.len() >= awaited)
        {
            let is_right = self.begun == pattern(self.begun.len());
            let status = if is_right { "200 OK" } else { "400 Changed" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            transport.write(answer.as_bytes());
            (self.awaited, self.begun) = (None, Vec::new());
        }
        Ok(())
    }
}

impl Site {
    fn answer(&mut self, transport: &Transport, head: &str) -> Result<()> {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let mut numbers = path.split('/').skip(1).map(str::parse::<usize>);
        let length = numbers.next().expect("a length")?;
        if head.starts_with("PUT ") {
            self.awaited = Some(length);
            return Ok(());
        }
        let body = pattern(length);
        let from = head.split_once("\r\nRange: bytes=");
        let from: usize = match from.and_then(|(_, rest)| rest.split_once('-')) {
            Some((from, _)) => from.parse()?,
            None => 0,
        };
        let (status, range) = match from {
            0 => ("200 OK", String::new()),
            _ => (
                "206 Rest",
                format!("Content-Range: bytes {from}-{}/{length}\r\n", length - 1),
            ),
        };
        let left = length - from;
        let head = format!("HTTP/1.1 {status}\r\n{ETAG}\r\n{range}Content-Length: {left}\r\n\r\n");
        transport.write(head.as_bytes());
        let sent = numbers.next().transpose()?.unwrap_or(length);
        transport.write(&body[from..sent.max(from)]);
        Ok(())
    }
}

/// A [`Site`] at that address, over https for who has a key for it.
pub(crate) fn serve_site(ip: IpAddr, pki: Option<&Pki>) -> Serving {
    let tls = pki.map(|pki| {
        let identity = pki.server_for(&[&ip.to_string()]);
        let tls = ServerTls::builder().certificate_files(identity.certificate, identity.key);
        tls.build().unwrap()
    });
    Serving::at(ip, move |_, server| {
        listen(server, tls, |_: &Address| Site::default())
    })
}

/// An [`Echo`] at that address.
pub(crate) fn serve_echo(ip: IpAddr) -> Serving {
    Serving::at(ip, |_, server| listen(server, None, |_: &Address| Echo))
}

pub(crate) fn listen<P: Protocol>(
    server: TcpServer,
    tls: Option<ServerTls>,
    factory: impl FnMut(&Address) -> P + 'static,
) -> Result<ListeningPort> {
    let server = server.options(ListenOptions::new().handshake_timeout(PATIENCE));
    match tls {
        Some(tls) => wrap_server_tls(server, &tls).listen(factory),
        None => server.listen(factory),
    }
}

/// Far more than what happens at once takes on a busy machine, and less than a hang.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// An agent that may trust a test's authority.
pub(crate) fn agent(reactor: &Reactor, pki: Option<&Pki>) -> Agent {
    agent_with(reactor, pki, |options| options)
}

/// One with options of its own.
pub(crate) fn agent_with(
    reactor: &Reactor,
    pki: Option<&Pki>,
    change: impl FnOnce(AgentOptions) -> AgentOptions,
) -> Agent {
    let mut options = AgentOptions::new();
    if let Some(pki) = pki {
        let tls = ClientTls::builder().roots_from_pem_file(pki.authority());
        options = options.tls(&tls.build().unwrap());
    }
    Agent::with_options(reactor, change(options))
}

/// A connection whose protocol keeps what it is told.
pub(crate) fn connect(reactor: &Reactor, endpoint: &impl ClientEndpoint) -> AccumulatingProtocol {
    let protocol = AccumulatingProtocol::new();
    let own = protocol.clone();
    let connected = endpoint.connect(move |_: &Address| own.clone());
    reactor.run_until(connected).unwrap();
    protocol
}

/// Has the reactor turn until it is so.
#[track_caller]
pub(crate) fn turn_until(reactor: &Reactor, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came to that");
        reactor.iterate(Some(Duration::from_millis(50))).unwrap();
    }
}

/// The failure of a request, as such.
#[track_caller]
pub(crate) fn request_error(failure: &Failure) -> &RequestError {
    let error = failure.find::<RequestError>();
    error.unwrap_or_else(|| panic!("{failure:?}"))
}
