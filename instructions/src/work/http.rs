//! HTTP.

use std::hint::black_box;
use std::net::Ipv4Addr;

use torsade::http::wire::{Exchange, Limits, RequestHead};
use torsade::http::{Agent, HeaderMap, HeaderValue, Method, Request, header};
use torsade::testing::Simulation;
use torsade::{Address, Deferred, Protocol, Result, TcpServer, Transport};

const BODY: usize = 1024;
/// As a usual server sends it.
const HEAD: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 27 Nov 2026 14:00:00 GMT\r\n\
     Content-Type: text/plain\r\nContent-Length: 1024\r\nLast-Modified: Fri, 27 Nov 2026 13:00:00 GMT\r\n\
     Connection: keep-alive\r\nETag: \"65650000-400\"\r\nAccept-Ranges: bytes\r\n\r\n";

fn response() -> Vec<u8> {
    let mut response = HEAD.as_bytes().to_vec();
    response.resize(HEAD.len() + BODY, b'x');
    response
}

pub(super) fn responses(times: u32) -> Result<()> {
    let response = response();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let mut out = Vec::new();
    for _ in 0..times {
        out.clear();
        let request = RequestHead::new(&Method::GET, "/1k", "example.test", &headers);
        let mut exchange = Exchange::start(&request, Limits::default(), &mut out)?;
        let mut data = &response[..];
        while let (used, Some(event)) = exchange.receive(data)? {
            data = &data[used..];
            black_box(event);
        }
        assert!(exchange.reuse().is_ok());
    }
    Ok(())
}

/// Answers whatever comes.
struct Server {
    response: Vec<u8>,
}

impl Protocol for Server {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.write(&self.response);
        Ok(())
    }
}

pub(super) fn gets(times: u32) -> Result<()> {
    let localhost = Ipv4Addr::LOCALHOST.into();
    let reactor = Simulation::new()
        .host("example.test", [localhost])
        .reactor();
    let server = TcpServer::new(&reactor, (localhost, 80).into());
    let _port = server.listen(|_: &Address| Server {
        response: response(),
    })?;
    let agent = Agent::new(&reactor);
    reactor.run_until(get(&agent, times))
}

/// One after the other.
fn get(agent: &Agent, left: u32) -> Deferred<()> {
    if left == 0 {
        return Deferred::succeed(());
    }
    let request = match Request::new(Method::GET, "http://example.test/1k") {
        Ok(request) => request,
        Err(error) => return Deferred::fail(error),
    };
    let agent = agent.clone();
    let body = agent
        .request(request)
        .add_callback(|response| response.read_body());
    body.add_callback(move |body| {
        assert_eq!(body.len(), BODY);
        get(&agent, left - 1)
    })
}
