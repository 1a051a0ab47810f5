//! The Agent, and the example `fetch`, against nginx and `openssl s_server`.

use std::cell::RefCell;
use std::rc::Rc;

use torsade::http::{
    Agent, AgentOptions, BodyControl, BodyProtocol, Method, Request, RequestError, Response,
    ResponseDone, StatusCode,
};
use torsade::tls::{TlsError, TlsVersion};
use torsade::{Deferred, Failure, Reactor, Resolver, Result};

use crate::support::client::Client;
use crate::support::nginx::Nginx;
use crate::support::openssl::OpensslServer;
use crate::support::peer::{Finished, pattern, run};
use crate::support::pki::Pki;
use crate::support::program::example;

/// Counts a body that is too large to collect, and sums it up.
struct Counter {
    total: u64,
    nonzero: u64,
    over: Option<Resolver<(u64, u64)>>,
}

impl BodyProtocol for Counter {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        self.total += data.len() as u64;
        self.nonzero += data.iter().filter(|&&byte| byte != 0).count() as u64;
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ResponseDone>().is_some(), "{reason}");
        if let Some(over) = self.over.take() {
            over.callback((self.total, self.nonzero));
        }
    }
}

fn counted(response: Response) -> Deferred<(u64, u64)> {
    let (resolver, counts) = Deferred::new();
    response.deliver_body(Counter {
        total: 0,
        nonzero: 0,
        over: Some(resolver),
    });
    counts
}

/// Runs the example `fetch`.
fn fetch(arguments: &[&str]) -> Finished {
    run(example("fetch").args(arguments), b"")
}

#[test]
fn files_of_every_size_arrive_whole_over_http_and_https() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    for path in ["/1k", "/64k"] {
        assert!(client.body(&nginx.http_url(path)) == nginx.body(path));
        assert!(client.body(&nginx.https_url(path)) == nginx.body(path));
    }
    for url in [nginx.http_url("/100m"), nginx.https_url("/100m")] {
        let counts = client.agent.get(&url).add_callback(counted);
        assert_eq!(client.run(counts).unwrap(), (100 << 20, 0), "{url}");
    }
}

#[test]
fn fetch_writes_files_of_every_size_to_its_standard_output() {
    let Some(nginx) = Nginx::start() else { return };
    let authority = nginx.pki().authority();
    let authority = authority.to_str().unwrap();
    for path in ["/1k", "/64k", "/100m"] {
        for url in [nginx.http_url(path), nginx.https_url(path)] {
            let fetched = fetch(&["--cacert", authority, &url]).expect_success();
            assert!(fetched.stdout == nginx.body(path), "{url}");
            assert_eq!(fetched.stderr, "");
        }
    }
}

#[test]
fn a_thousand_requests_take_one_connection() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    for url in [nginx.http_url("/1k"), nginx.https_url("/1k")] {
        for _ in 0..1000 {
            assert_eq!(client.body(&url).len(), 1024);
        }
    }
    let log = nginx.logged(2000);
    for (number, request) in log.iter().enumerate() {
        let first = &log[number / 1000 * 1000];
        assert_eq!(request.connection, first.connection);
        assert_eq!(request.request_of_connection as usize, number % 1000 + 1);
        assert_eq!(request.status, 200);
    }
    assert_eq!(log[1999].tls, "TLSv1.3");
}

#[test]
fn a_hundred_requests_at_once_keep_to_the_limit_of_connections() {
    let Some(nginx) = Nginx::start() else { return };
    let reactor = Reactor::new().unwrap();
    let options = AgentOptions::new().max_connections_per_host(4);
    let agent = Agent::with_options(&reactor, options);
    let bodies: Vec<_> = (0..100)
        .map(|_| {
            let response = agent.get(&nginx.http_url("/64k"));
            response.add_callback(Response::read_body)
        })
        .collect();
    for body in bodies {
        assert!(reactor.run_until(body).unwrap() == nginx.body("/64k"));
    }
    let log = nginx.logged(100);
    let mut connections: Vec<_> = log.iter().map(|request| request.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    assert_eq!(connections.len(), 4);
}

#[test]
fn a_new_connection_resumes_the_tls_session_of_an_earlier_one() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    for _ in 0..3 {
        let request = Request::new(Method::GET, &nginx.https_url("/1k")).unwrap();
        let response = client.request(request.close()).unwrap();
        client.run(response.read_body()).unwrap();
    }
    let resumed: Vec<_> = nginx.logged(3).iter().map(|line| line.resumed).collect();
    assert_eq!(resumed, [false, true, true]);
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    let url = nginx.http_url("/64k");

    let head = client
        .request(Request::new(Method::HEAD, &url).unwrap())
        .unwrap();
    assert_eq!(head.headers()["content-length"], "65536");
    let modified = head.headers()["last-modified"].clone();
    assert_eq!(client.run(head.read_body()).unwrap(), "");

    let nothing = client.get(&nginx.http_url("/nothing")).unwrap();
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    assert_eq!(client.run(nothing.read_body()).unwrap(), "");

    let conditional = Request::new(Method::GET, &url).unwrap();
    let conditional = conditional.header("If-Modified-Since", modified).unwrap();
    let unchanged = client.request(conditional).unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(client.run(unchanged.read_body()).unwrap(), "");

    let range = Request::new(Method::GET, &url).unwrap();
    let part = client
        .request(range.header("Range", "bytes=10-19").unwrap())
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(client.run(part.read_body()).unwrap(), pattern(20)[10..]);

    let log = nginx.logged(4);
    assert!(
        log.iter().all(|line| line.connection == log[0].connection),
        "all of them over one connection"
    );
}

#[test]
fn a_body_in_chunks_is_given_as_it_was_sent() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    let request = Request::new(Method::GET, &nginx.http_url("/gzip/64k")).unwrap();
    let request = request.header("Accept-Encoding", "gzip").unwrap();
    let response = client.request(request).unwrap();
    assert_eq!(response.headers()["transfer-encoding"], "chunked");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let body = client.run(response.read_body()).unwrap();
    assert_eq!(body[..2], [0x1f, 0x8b], "it is not decoded unasked");
    assert_eq!(client.body(&nginx.http_url("/1k")).len(), 1024);
    assert_eq!(nginx.logged(2)[1].request_of_connection, 2);
}

#[test]
fn a_refusal_comes_through_although_the_body_was_not_read() {
    // R94: nginx answers at once, and resets the connection with our bytes unread
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    for url in [nginx.http_url("/small"), nginx.https_url("/small")] {
        for _ in 0..10 {
            let request = Request::new(Method::POST, &url).unwrap();
            let response = client
                .request(request.body(vec![b'x'; 20_000_000]))
                .unwrap();
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            let text = client.run(response.text()).unwrap();
            assert!(text.contains("413"), "{text}");
        }
        let taken = client
            .request(Request::new(Method::POST, &url).unwrap().body("x"))
            .unwrap();
        assert_eq!(client.run(taken.text()).unwrap(), "taken");
    }
}

#[test]
fn a_client_is_known_by_its_certificate() {
    let Some(nginx) = Nginx::start() else { return };
    let identity = nginx.pki().client("alice");
    let client = Client::new(nginx.pki(), Some(identity.clone()));
    let response = client.get(&nginx.mtls_url("/1k")).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-client"], "CN=alice");

    let authority = nginx.pki().authority();
    let fetched = fetch(&[
        "-i",
        "--cacert",
        authority.to_str().unwrap(),
        "--cert",
        identity.certificate.to_str().unwrap(),
        "--key",
        identity.key.to_str().unwrap(),
        &nginx.mtls_url("/1k"),
    ])
    .expect_success();
    let head = String::from_utf8_lossy(&fetched.stdout[..fetched.stdout.len() - 1024]);
    assert!(head.contains("X-Client: CN=alice\r\n"), "{head}");
}

#[test]
fn a_client_without_a_certificate_is_told_so() {
    // R78: nginx answers 400, s_server ends the handshake
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    let response = client.get(&nginx.mtls_url("/1k")).unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);

    for options in [
        OpensslServer::with().tls1_2(),
        OpensslServer::with().tls1_3(),
    ] {
        let Some(server) = options.require_client_certificate().start() else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let failure = client.get(&server.url()).unwrap_err();
        let error = failure.find::<RequestError>().unwrap();
        assert!(error.origin.starts_with("https://localhost:"));
        assert!(
            matches!(
                error.cause.find::<TlsError>(),
                Some(TlsError::CertificateRefused {
                    was_shown: false,
                    ..
                })
            ),
            "{failure:#}"
        );
        let identity = server.pki().client("bob");
        let known = Client::new(server.pki(), Some(identity));
        assert_eq!(known.get(&server.url()).unwrap().status(), StatusCode::OK);
    }
}

#[test]
fn each_version_of_tls_is_spoken_and_told() {
    let versions = [
        (OpensslServer::with().tls1_2(), TlsVersion::Tls12, "TLSv1.2"),
        (OpensslServer::with().tls1_3(), TlsVersion::Tls13, "TLSv1.3"),
    ];
    for (options, version, name) in versions {
        let Some(server) = options.start() else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let response = client.get(&server.url()).unwrap();
        let tls = response.tls().unwrap();
        assert_eq!(tls.version, version);
        assert_eq!(tls.peer_certificates[0].dns_names(), ["localhost"]);
        let page = client.run(response.text()).unwrap();
        assert!(page.contains(name), "{page}");
    }
}

#[test]
fn a_server_whose_certificate_is_wrong_gets_no_request() {
    let Some(expired) = OpensslServer::with().identity(Pki::expired_server).start() else {
        return;
    };
    let client = Client::new(expired.pki(), None);
    let failure = client.get(&expired.url()).unwrap_err();
    assert!(
        matches!(failure.find::<TlsError>(), Some(TlsError::Expired { .. })),
        "{failure:#}"
    );

    let Some(unknown) = OpensslServer::start() else {
        return;
    };
    let failure = client.get(&unknown.url()).unwrap_err();
    assert!(
        matches!(
            failure.find::<TlsError>(),
            Some(TlsError::UnknownIssuer { .. })
        ),
        "{failure:#}"
    );

    let fetched = fetch(&[
        "--cacert",
        expired.pki().authority().to_str().unwrap(),
        &expired.url(),
    ]);
    assert_eq!(fetched.status.code(), Some(1));
    assert_eq!(fetched.text(), "");
    assert_eq!(fetched.stderr.lines().count(), 1, "{}", fetched.stderr);
    let port = expired.address().port().to_string();
    for word in ["localhost", &port, "expired", "2020-12-31"] {
        assert!(fetched.stderr.contains(word), "{}", fetched.stderr);
    }
}

#[test]
fn a_server_that_dies_in_mid_body_is_an_error_with_what_came() {
    let Some(nginx) = Nginx::start() else { return };
    let client = Client::new(nginx.pki(), None);
    let response = client.get(&nginx.https_url("/100m")).unwrap();
    let nginx = Rc::new(RefCell::new(Some(nginx)));
    // It is killed when the first piece has come.
    let (resolver, over) = Deferred::new();
    response.deliver_body(Killer {
        nginx,
        received: 0,
        over: Some(resolver),
    });
    let (received, reason) = client.run(over).unwrap();
    assert!(received > 0 && received < 100 << 20, "{received}");
    assert!(reason.contains("localhost"), "{reason}");
}

/// Kills nginx when the first piece comes, and keeps what it was told at the end.
struct Killer {
    nginx: Rc<RefCell<Option<Nginx>>>,
    received: usize,
    over: Option<Resolver<(usize, String)>>,
}

impl BodyProtocol for Killer {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        self.nginx.take();
        self.received += data.len();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.find::<RequestError>().is_some(), "{reason:#}");
        if let Some(over) = self.over.take() {
            over.callback((self.received, format!("{reason:#}")));
        }
    }
}
