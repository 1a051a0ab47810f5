//! The Agent against haproxy, as a gateway, and the PROXY protocol in both directions.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use torsade::endpoints::{ClientEndpoint, TcpClient};
use torsade::filter::{ProxyHeader, SendProxyHeader};
use torsade::http::{
    AgentOptions, BodyProducer, BodyWriter, Method, Request, RequestError, Response, Stage,
    StatusCode,
};
use torsade::tls::{ClientTls, ClientTlsBuilder, TlsVersion};
use torsade::{
    Address, Deferred, Failure, Protocol, Reactor, Resolver, Result, TimedOut, Transport,
};

use crate::support::client::Client;
use crate::support::haproxy::{Haproxy, Sends};
use crate::support::nginx::Nginx;
use crate::support::serving::Serving;

fn gateway() -> Option<(Nginx, Haproxy)> {
    let nginx = Nginx::start()?;
    let haproxy = Haproxy::before(nginx.http_address())?;
    Some((nginx, haproxy))
}

/// Whom haproxy took its client for.
fn from(response: &Response) -> SocketAddr {
    let from = response.headers()["x-from"].to_str().unwrap();
    from.parse().unwrap()
}

/// An agent with these options that trusts haproxy.
fn client(
    haproxy: &Haproxy,
    options: impl FnOnce(&Reactor, AgentOptions) -> AgentOptions,
) -> Client {
    Client::with(tls(haproxy), options)
}

fn tls(haproxy: &Haproxy) -> ClientTlsBuilder {
    ClientTls::builder().trust(haproxy.daemon().trust())
}

fn stage(failure: &Failure) -> Stage {
    let error = failure.find::<RequestError>();
    error.unwrap_or_else(|| panic!("{failure:#}")).stage
}

#[test]
fn requests_follow_one_another_on_the_connection_to_a_gateway() {
    let Some((nginx, haproxy)) = gateway() else {
        return;
    };
    let client = client(&haproxy, |_, options| options);
    for url in [haproxy.http_url("/64k"), haproxy.https_url("/64k")] {
        let first = client.get(&url).unwrap();
        let connection = from(&first);
        client.run(first.read_body()).unwrap();
        for _ in 0..20 {
            let next = client.get(&url).unwrap();
            assert_eq!(from(&next), connection);
            assert!(client.run(next.read_body()).unwrap() == nginx.body("/64k"));
        }
        let empty = client.get(&url.replace("64k", "empty")).unwrap();
        assert_eq!(empty.status(), StatusCode::NO_CONTENT);
        assert_eq!(client.run(empty.read_body()).unwrap(), "");
    }
}

#[test]
fn an_idle_connection_that_the_gateway_gives_up_is_not_used_again() {
    // R43, R48
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let client = client(&haproxy, |_, options| options);
    for url in [haproxy.http_url("/1k"), haproxy.https_url("/1k")] {
        let first = client.get(&url).unwrap();
        let connection = from(&first);
        client.run(first.read_body()).unwrap();
        client.until_nothing_is_kept();
        // One that must not be made twice: nobody would try it again.
        let post = Request::new(Method::POST, &url).unwrap().body("x");
        let second = client.request(post).unwrap();
        assert_ne!(from(&second), connection);
        client.run(second.read_body()).unwrap();
    }
}

#[test]
fn a_request_that_the_gateway_drops_in_silence_ends_by_the_limit_of_its_stage() {
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let short = Duration::from_millis(500);
    for url in [haproxy.http_url("/drop"), haproxy.https_url("/drop")] {
        // In TLS 1.3 the tickets come last, and when our system confirms them nobody is there any
        // more: a reset, which is not silence.
        let tls = || tls(&haproxy).versions(..=TlsVersion::Tls12);
        let by_head = Client::with(tls(), |_, options| options.head_timeout(Some(short)));
        let in_all = Client::with(tls(), |_, options| options.total_timeout(Some(short)));
        for client in [by_head, in_all] {
            let failure = client.get(&url).unwrap_err();
            assert_eq!(stage(&failure), Stage::WaitingForResponse);
            let timed_out = failure.find::<TimedOut>();
            assert_eq!(timed_out, Some(&TimedOut { after: short }), "{failure:#}");
            assert_eq!(client.agent.pool_statistics().open, 0);
        }
    }
}

#[test]
fn a_gateway_that_refuses_is_told_from_one_that_answers_late() {
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let client = client(&haproxy, |_, options| options);
    for scheme in [Haproxy::http_url, Haproxy::https_url] {
        let failure = client.get(&scheme(&haproxy, "/reject")).unwrap_err();
        assert_eq!(stage(&failure), Stage::WaitingForResponse, "{failure:#}");
        let late = client.get(&scheme(&haproxy, "/tarpit")).unwrap();
        assert_eq!(late.status(), StatusCode::INTERNAL_SERVER_ERROR);
        client.run(late.read_body()).unwrap();
    }
}

/// Announces more than it gives.
#[derive(Default)]
struct Stalls(Option<Resolver<()>>);

impl BodyProducer for Stalls {
    fn length(&self) -> Option<u64> {
        Some(100)
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        writer.write(b"the first of it");
        let (resolver, never) = Deferred::new();
        self.0 = Some(resolver);
        never
    }
}

#[test]
fn a_408_for_a_body_that_does_not_come_is_the_answer_and_the_next_request_is_unharmed() {
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let client = client(&haproxy, |_, options| options);
    for url in [haproxy.http_url("/1k"), haproxy.https_url("/1k")] {
        let stalled = Request::new(Method::POST, &url).unwrap();
        let response = client
            .request(stalled.body_producer(Stalls::default()))
            .unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        client.run(response.read_body()).unwrap();
        assert_eq!(client.body(&url).len(), 1024);
    }
}

/// Gets a connection for a request that cannot be sent, so that it is kept without having been used.
fn keep_unused(client: &Client, url: &str) {
    let bad = Request::new(Method::GET, url).unwrap();
    let bad = bad.header("Content-Length", "5").unwrap();
    let failure = client.request(bad).unwrap_err();
    assert_eq!(stage(&failure), Stage::Sending, "{failure:#}");
    assert_eq!(client.agent.pool_statistics().idle, 1);
}

#[test]
fn a_408_that_nobody_asked_for_is_taken_for_no_answer() {
    // R48: haproxy writes it on a connection that was never used
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    // One that must not be made twice: nobody would try it again.
    let post = |client: &Client, url: &str| {
        let post = Request::new(Method::POST, url).unwrap().body("x");
        let response = client.request(post).unwrap();
        // nginx takes no POST there.
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{url}");
        client.run(response.read_body()).unwrap();
    };
    for url in [haproxy.http_url("/1k"), haproxy.https_url("/1k")] {
        let client = client(&haproxy, |_, options| options);
        keep_unused(&client, &url);
        client.until_nothing_is_kept();
        post(&client, &url);
        let closed = client.agent.close_cached_connections();
        client.run(closed).unwrap();

        // The same before our loop has seen it: another connection tells when it has come.
        keep_unused(&client, &url);
        let mut unused = TcpStream::connect(haproxy.daemon().address()).unwrap();
        let mut unasked = Vec::new();
        unused.read_to_end(&mut unasked).unwrap();
        let unasked = String::from_utf8_lossy(&unasked);
        assert!(unasked.contains(" 408 "), "{unasked}");
        post(&client, &url);
    }
}

#[test]
fn a_gateway_is_told_whose_connection_is_passed_on() {
    // C114
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let peer: SocketAddr = "192.0.2.1:1234".parse().unwrap();
    let host: SocketAddr = "198.51.100.2:443".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:5678".parse().unwrap();
    type Make = fn(&Address, &Address) -> SendProxyHeader;
    let versions: [Make; 2] = [SendProxyHeader::version_1, SendProxyHeader::version_2];
    for version in versions {
        for (peer, host) in [(peer, host), (v6, v6)] {
            for (at, url) in [
                (haproxy.told_http(), "http://localhost/1k"),
                (haproxy.told_https(), "https://localhost/1k"),
            ] {
                let client = client(&haproxy, move |reactor, options| {
                    let reactor = reactor.clone();
                    options.endpoints(move |_, _| {
                        let header = move || Ok(version(&peer.into(), &host.into()));
                        Ok(Box::new(TcpClient::new(&reactor, at).filter(header)))
                    })
                });
                let response = client.get(url).unwrap();
                let told = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
                // haproxy writes IPv6 addresses without brackets.
                let written = |address: SocketAddr| format!("{}:{}", address.ip(), address.port());
                assert_eq!(told("x-from"), written(peer), "{url}");
                assert_eq!(told("x-to"), written(host), "{url}");
            }
        }
    }

    let at = haproxy.told_http();
    let own = client(&haproxy, move |reactor, options| {
        let reactor = reactor.clone();
        options.endpoints(move |_, _| {
            let client = TcpClient::new(&reactor, at);
            Ok(Box::new(client.filter(|| Ok(SendProxyHeader::local()))))
        })
    });
    let response = own.get("http://localhost/1k").unwrap();
    assert!(from(&response).ip().is_loopback(), "it speaks for itself");
}

#[test]
fn a_connection_to_such_a_gateway_without_a_header_fails() {
    let Some((_nginx, haproxy)) = gateway() else {
        return;
    };
    let client = client(&haproxy, |_, options| options);
    let url = format!("http://{}/1k", haproxy.told_http());
    let failure = client.get(&url).unwrap_err();
    assert_eq!(stage(&failure), Stage::WaitingForResponse, "{failure:#}");
}

/// Answers a request with the addresses that it knows.
struct Telling;

impl Protocol for Telling {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        let body = format!("{} {}", transport.peer(), transport.host());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        transport.write_bytes(Bytes::from(head + &body));
        Ok(())
    }
}

#[test]
fn a_server_of_ours_behind_haproxy_knows_its_clients() {
    // C114
    let server = Serving::start(|endpoint| {
        let endpoint = endpoint.filter(|| Ok(ProxyHeader::new()));
        endpoint.listen(|_: &Address| Telling)
    });
    for sends in [Sends::Version1, Sends::Version2, Sends::Version2WithTls] {
        let Some(haproxy) = Haproxy::passes_on(server.address(), sends) else {
            return;
        };
        for url in [haproxy.http_url("/"), haproxy.https_url("/")] {
            // Who is asked about must not be taken for haproxy, which is 127.0.0.1.
            let client = client(&haproxy, |_, options| {
                options.bind_address("127.0.0.5:0".parse().unwrap())
            });
            let told = client.text(&url);
            let (peer, host) = told.split_once(' ').unwrap();
            assert!(peer.starts_with("127.0.0.5:"), "{sends:?} {url}: {told}");
            let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
            assert_eq!(host, format!("127.0.0.1:{port}"), "{sends:?} {url}");
        }
    }
}
