//! The Agent and `fetch` against Apache httpd, as a server and as a proxy.

use torsade::Reactor;
use torsade::http::{
    AgentOptions, Method, Proxies, Proxy, ProxyError, Request, RequestError, Response, Stage,
    StatusCode,
};
use torsade::tls::{ClientTls, TlsError, TlsVersion};

use crate::support::apache::Apache;
use crate::support::client::Client;
use crate::support::daemon::text;
use crate::support::nginx::Nginx;
use crate::support::peer::run;
use crate::support::program::example;

/// The port that a request came from.
fn port(response: &Response) -> u16 {
    let port = response.headers()["x-from"].to_str().unwrap();
    port.parse().unwrap()
}

/// A client by that version of TLS alone.
fn client_by(apache: &Apache, version: TlsVersion, has_certificate: bool) -> Client {
    let daemon = apache.daemon();
    let mut tls = ClientTls::builder()
        .trust(daemon.trust())
        .versions(version..=version);
    if has_certificate {
        tls = tls.certificate(daemon.files().authority.issue(["alice"]));
    }
    Client::with(tls, |_, options| options)
}

fn by_way_of(apache: &Apache, nginx: &Nginx) -> Client {
    let proxy: Proxy = apache.proxy_url().parse().unwrap();
    let tls = ClientTls::builder().roots_from_pem_file(nginx.pki().authority());
    Client::with(tls, |_: &Reactor, options: AgentOptions| {
        options.proxies(Proxies::all(proxy))
    })
}

#[test]
fn connections_are_used_for_as_many_requests_as_apache_takes() {
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let client = Client::of(apache.daemon());
    for url in [apache.http_url("/64k"), apache.https_url("/64k")] {
        let ports: Vec<_> = (0..8)
            .map(|_| {
                let response = client.get(&url).unwrap();
                let port = port(&response);
                let body = client.run(response.read_body()).unwrap();
                assert!(body == apache.file("64k"));
                port
            })
            .collect();
        let mut connections = ports.clone();
        connections.dedup();
        assert!(connections.len() < 5, "{ports:?}");
    }
}

#[test]
fn a_connection_that_apache_has_closed_is_not_used_again() {
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let client = Client::of(apache.daemon());
    for url in [apache.http_url("/64k"), apache.https_url("/64k")] {
        let first = client.get(&url).unwrap();
        let first_port = port(&first);
        client.run(first.read_body()).unwrap();
        client.until_nothing_is_kept();
        // Not even one that must not be made twice is lost.
        let post = Request::new(Method::POST, &url).unwrap().body("x");
        let second = client.request(post).unwrap();
        assert_ne!(port(&second), first_port);
        client.run(second.read_body()).unwrap();
    }
}

#[test]
fn what_apache_compresses_is_decoded() {
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let client = Client::of(apache.daemon());
    for (path, coding) in [("/gzip/text", "gzip"), ("/br/text", "br")] {
        for url in [apache.http_url(path), apache.https_url(path)] {
            let request = Request::new(Method::GET, &url).unwrap();
            let request = request.header("Accept-Encoding", coding).unwrap();
            let coded = client.request(request).unwrap();
            assert_eq!(coded.headers()["content-encoding"], coding);
            let coded = client.run(coded.read_body()).unwrap();
            assert!(coded.len() < 10_000, "{}", coded.len());
            assert!(client.decoded_body(&url) == apache.file("text"));
        }
    }
    let fetched = run(
        example("fetch").args(["--compressed", &apache.http_url("/br/64k")]),
        b"",
    );
    assert!(fetched.expect_success().stdout == apache.file("64k"));
}

#[test]
fn an_odd_head_is_given_as_it_came() {
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let client = Client::of(apache.daemon());
    let response = client.get(&apache.http_url("/odd")).unwrap();
    assert_eq!(response.status().as_u16(), 299);
    assert_eq!(response.reason(), b"Caf\xe9 closed");
    let cookies = response.headers().get_all("set-cookie");
    assert!(cookies.iter().eq(["a=1", "b=2"]));
    assert_eq!(response.headers()["x-empty"], "");
    assert_eq!(client.run(response.text()).unwrap(), "odd");
}

#[test]
fn a_client_is_known_to_apache_by_its_certificate_or_told_that_it_needs_one() {
    // R78
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let url = apache.mtls_url("/64k");
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let known = client_by(&apache, version, true).get(&url).unwrap();
        assert_eq!(known.status(), StatusCode::OK);
        assert_eq!(known.headers()["x-client"], "alice");

        let failure = client_by(&apache, version, false).get(&url).unwrap_err();
        let refused = failure.find::<TlsError>();
        assert!(
            matches!(
                refused,
                Some(TlsError::CertificateRefused {
                    was_shown: false,
                    ..
                })
            ),
            "{failure:#}"
        );
    }
}

/// It asks for the certificate when it has read what is wanted: by a new handshake, which rustls
/// does not take part in.
#[test]
fn a_place_that_wants_a_certificate_afterwards_is_refused_and_nothing_hangs() {
    // R78
    let Some(apache) = Apache::start(1) else {
        return;
    };
    let url = apache.https_url("/private/64k");
    for has_certificate in [false, true] {
        let client = client_by(&apache, TlsVersion::Tls13, has_certificate);
        let response = client.get(&url).unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);

        let client = client_by(&apache, TlsVersion::Tls12, has_certificate);
        let failure = client.get(&url).unwrap_err();
        let error = failure.find::<RequestError>().unwrap();
        assert_eq!(error.stage, Stage::WaitingForResponse, "{failure:#}");
        let refused = failure.find::<TlsError>();
        assert!(
            matches!(refused, Some(TlsError::RenegotiationRefused { .. })),
            "{failure:#}"
        );
    }
}

#[test]
fn apache_passes_requests_and_opens_tunnels_where_it_may() {
    let Some(nginx) = Nginx::start() else { return };
    let Some(apache) = Apache::start(nginx.https_port()) else {
        return;
    };
    let client = by_way_of(&apache, &nginx);
    for url in [nginx.http_url("/64k"), nginx.https_url("/64k")] {
        assert!(client.body(&url) == nginx.body("/64k"), "{url}");
        let ca = nginx.pki().authority();
        let mut fetch = example("fetch");
        fetch.args(["-x", &apache.proxy_url(), "--cacert", text(&ca), &url]);
        assert!(run(&mut fetch, b"").expect_success().stdout == nginx.body("/64k"));
    }

    let failure = client.get(&nginx.mtls_url("/64k")).unwrap_err();
    let error = failure.find::<RequestError>().unwrap();
    assert_eq!(error.stage, Stage::Connecting);
    let refused = failure.find::<ProxyError>();
    assert!(
        matches!(refused, Some(ProxyError::Refused { status, .. }) if *status == 403),
        "{failure:#}"
    );
}
