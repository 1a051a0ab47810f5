//! `fetch` and the Agent by way of proxies that others wrote, to nginx.

use torsade::http::{
    Agent, AgentOptions, Challenge, Proxies, Proxy, ProxyError, RequestError, Response, Stage,
    StatusCode,
};
use torsade::tls::{ClientTls, TlsError, Trust};
use torsade::{Failure, Reactor, Result};

use crate::support::client::Client;
use crate::support::daemon::{Daemon, text};
use crate::support::nginx::Nginx;
use crate::support::peer::{free_address, run};
use crate::support::program::example;
use crate::support::proxy::{self, Mitm, mitmproxy, mitmproxy_authority};

/// Fetches `url` through `proxy`; what came.
fn fetch(nginx: &Nginx, proxy: &str, url: &str) -> Vec<u8> {
    let ca = nginx.pki().authority();
    let mut command = example("fetch");
    command.args(["-x", proxy, "--cacert", text(&ca), url]);
    run(&mut command, b"").expect_success().stdout
}

/// The same by an Agent, which is told of TLS with the proxy as well.
fn get(nginx: &Nginx, server: &Daemon, proxy: &str, url: &str) -> Result<Vec<u8>> {
    let reactor = Reactor::new()?;
    let trust = Trust::none().roots_from_pem_file(nginx.pki().authority());
    let tls = ClientTls::builder().trust(trust).build()?;
    let with_proxy = ClientTls::builder().trust(server.trust()).build()?;
    let proxy: Proxy = proxy.parse()?;
    let options = AgentOptions::new()
        .tls(&tls)
        .proxies(Proxies::all(proxy.tls(&with_proxy)));
    let agent = Agent::with_options(&reactor, options);
    let body = agent.get(url).add_callback(Response::read_body);
    Ok(reactor.run_until(body)?.to_vec())
}

#[test]
fn tinyproxy_passes_requests_and_opens_tunnels_for_who_it_knows() {
    let (Some(nginx), Some(server)) = (Nginx::start(), proxy::tinyproxy()) else {
        return;
    };
    let known = format!("http://me:secret@{}", server.address());
    let direct = nginx.body("/64k");
    assert!(fetch(&nginx, &known, &nginx.http_url("/64k")) == direct);
    assert!(fetch(&nginx, &known, &nginx.https_url("/64k")) == direct);

    let unknown = format!("http://{}", server.address());
    let failure = get(&nginx, &server, &unknown, &nginx.https_url("/1k")).unwrap_err();
    let error = failure.find::<ProxyError>();
    let error = error.unwrap_or_else(|| panic!("{failure:#}"));
    assert!(
        matches!(error, ProxyError::AuthenticationRequired { .. }),
        "{error}"
    );
    assert!(failure.to_string().contains("by way of"), "{failure}");
}

#[test]
fn squid_is_reached_by_tls_and_opens_tunnels_for_tls() {
    let (Some(nginx), Some(server)) = (Nginx::start(), proxy::squid()) else {
        return;
    };
    let proxy = format!("https://localhost:{}", server.address().port());
    for url in [nginx.http_url("/1k"), nginx.https_url("/1k")] {
        let body = get(&nginx, &server, &proxy, &url);
        let body = body.unwrap_or_else(|failure| panic!("{url}: {failure:#} {}", server.log()));
        assert!(body == nginx.body("/1k"), "{url}");
    }
}

// RFC 7616
#[test]
fn squid_is_shown_by_digest_who_asks() {
    let (Some(nginx), Some(server)) = (Nginx::start(), proxy::squid_with_digest()) else {
        return;
    };
    let known = format!("http://me:secret@{}", server.address());
    let urls = [nginx.http_url("/1k"), nginx.https_url("/1k")];
    for how in [&["--include"][..], &["--include", "--proxy-digest"]] {
        let mut command = example("fetch");
        let ca = nginx.pki().authority();
        command
            .args(["-x", &known, "--cacert", text(&ca)])
            .args(how)
            // So often that nonces get too old on the way.
            .args([&urls[0]; 5])
            .args([&urls[1]; 2]);
        let text = run(&mut command, b"").expect_success().stdout;
        let text = String::from_utf8_lossy(&text);
        assert_eq!(text.matches("HTTP/1.1 200").count(), 7, "{how:?}: {text}");
    }
    let unknown = format!("http://me:wrong@{}", server.address());
    let failure = get(&nginx, &server, &unknown, &urls[1]).unwrap_err();
    let error = failure.find::<ProxyError>();
    let error = error.unwrap_or_else(|| panic!("{failure:#}"));
    let ProxyError::AuthenticationRequired { challenges, .. } = error else {
        panic!("{error}")
    };
    assert!(challenges[0].is("Digest"), "{error}");
}

/// What a proxy that wants to know who asks says, typed, and the ways that it offers.
fn challenges(failure: &Failure, had_credentials: bool) -> &[Challenge] {
    match failure.find::<ProxyError>() {
        Some(ProxyError::AuthenticationRequired {
            challenges,
            had_credentials: had,
            ..
        }) if *had == had_credentials => challenges,
        _ => panic!("{failure:#}"),
    }
}

#[test]
fn squid_wants_to_know_who_asks_and_where_to() {
    let Some(nginx) = Nginx::start() else { return };
    let Some(server) = proxy::squid_for_me(nginx.https_port()) else {
        return;
    };
    let by = |user: &str| format!("https://{user}localhost:{}", server.address().port());
    let fetched = |user: &str, url: &str| get(&nginx, &server, &by(user), url);
    for url in [nginx.http_url("/64k"), nginx.https_url("/64k")] {
        let body = fetched("me:secret@", &url);
        assert!(body.unwrap() == nginx.body("/64k"), "{url}");
    }
    let https = nginx.https_url("/1k");
    for (user, is_given) in [("", false), ("me:wrong@", true)] {
        let failure = fetched(user, &https).unwrap_err();
        let offered = challenges(&failure, is_given);
        assert!(offered[0].is("Basic"), "{offered:?}");
        // What is passed on is answered by the proxy itself: a response like any other.
        let page = fetched(user, &nginx.http_url("/1k")).unwrap();
        let page = String::from_utf8_lossy(&page);
        assert!(page.contains("ERR_CACHE_ACCESS_DENIED"), "{page}");
    }
    let failure = fetched("me:secret@", &nginx.mtls_url("/1k")).unwrap_err();
    let refused = failure.find::<ProxyError>();
    assert!(
        matches!(refused, Some(ProxyError::Refused { status, .. }) if *status == 403),
        "{failure:#}"
    );
}

#[test]
fn mitmproxy_wants_to_know_who_asks() {
    let Some(nginx) = Nginx::start() else { return };
    let Some(server) = mitmproxy(Mitm::Knowing, &nginx.pki().authority()) else {
        return;
    };
    let by = |user: &str| by_way_of(&server, &format!("http://{user}{}", server.address()));
    let known = by("me:secret@");
    for url in [nginx.http_url("/64k"), nginx.https_url("/64k")] {
        assert!(known.body(&url) == nginx.body("/64k"), "{url}");
    }
    for (user, is_given) in [("", false), ("me:wrong@", true)] {
        let failure = by(user).get(&nginx.https_url("/1k")).unwrap_err();
        let offered = challenges(&failure, is_given);
        assert!(offered[0].is("Basic"), "{offered:?}");
        assert_eq!(offered[0].parameter("realm"), Some(&b"mitmproxy"[..]));
        let answer = by(user).get(&nginx.http_url("/1k")).unwrap();
        assert_eq!(answer.status(), StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    }
}

#[test]
fn microsocks_connects_for_who_it_knows() {
    let (Some(nginx), Some(server)) = (Nginx::start(), proxy::microsocks()) else {
        return;
    };
    let known = format!("socks5://me:secret@{}", server.address());
    let direct = nginx.body("/64k");
    for url in [nginx.http_url("/64k"), nginx.https_url("/64k")] {
        assert!(fetch(&nginx, &known, &url) == direct, "{url}");
    }
    for unknown in ["", "me:wrong@"] {
        let proxy = format!("socks5://{unknown}{}", server.address());
        let failure = get(&nginx, &server, &proxy, &nginx.http_url("/1k")).unwrap_err();
        assert!(
            format!("{failure:#}").contains("SOCKS5 proxy"),
            "{failure:#}"
        );
    }
}

/// A client that goes by way of mitmproxy, and trusts its authority.
fn by_way_of(mitmproxy: &Daemon, proxy: &str) -> Client {
    let proxy: Proxy = proxy.parse().unwrap();
    let tls = ClientTls::builder().roots_from_pem_file(mitmproxy_authority(mitmproxy));
    Client::with(tls, |_, options| options.proxies(Proxies::all(proxy)))
}

fn url_of(proxy: &Daemon) -> String {
    format!("http://{}", proxy.address())
}

#[test]
fn mitmproxy_is_between_for_who_trusts_it_and_for_nobody_else() {
    let Some(nginx) = Nginx::start() else { return };
    let Some(server) = mitmproxy(Mitm::Lazy, &nginx.pki().authority()) else {
        return;
    };
    let client = by_way_of(&server, &url_of(&server));
    let direct = nginx.body("/64k");
    for url in [nginx.http_url("/64k"), nginx.https_url("/64k")] {
        assert!(client.body(&url) == direct, "{url}");
        let ca = mitmproxy_authority(&server);
        let mut fetch = example("fetch");
        fetch.args(["-x", &url_of(&server)]);
        fetch.args(["--cacert", text(&ca), &url]);
        assert!(
            run(&mut fetch, b"").expect_success().stdout == direct,
            "{url}"
        );
    }
    let response = client.get(&nginx.https_url("/1k")).unwrap();
    let shown = &response.tls().unwrap().peer_certificates[0];
    assert_eq!(shown.issuer(), Some("mitmproxy"));

    let failure = get(&nginx, &server, &url_of(&server), &nginx.https_url("/1k")).unwrap_err();
    assert!(
        matches!(
            failure.find::<TlsError>(),
            Some(TlsError::UnknownIssuer { .. })
        ),
        "{failure:#}"
    );
}

#[test]
fn a_dead_target_behind_mitmproxy_is_told_as_what_it_looks_like() {
    let Some(nginx) = Nginx::start() else { return };
    let start = |kind| mitmproxy(kind, &nginx.pki().authority());
    let (Some(eager), Some(lazy), Some(blind)) =
        (start(Mitm::Eager), start(Mitm::Lazy), start(Mitm::Blind))
    else {
        return;
    };
    let port = free_address().port();
    let (http, https) = (
        format!("http://localhost:{port}/"),
        format!("https://localhost:{port}/"),
    );
    for server in [&eager, &lazy] {
        let answer = by_way_of(server, &url_of(server)).get(&http).unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    }

    // It connects first, and refuses the tunnel.
    let failure = by_way_of(&eager, &url_of(&eager)).get(&https).unwrap_err();
    let refused = failure.find::<ProxyError>();
    assert!(
        matches!(refused, Some(ProxyError::Refused { status, .. }) if *status == 502),
        "{failure:#}"
    );
    // It plays the server, and answers for it.
    let answer = by_way_of(&lazy, &url_of(&lazy)).get(&https).unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    // It opens the tunnel, and then there is nothing at its end.
    let failure = by_way_of(&blind, &url_of(&blind)).get(&https).unwrap_err();
    let error = failure.find::<RequestError>().unwrap();
    assert_eq!(error.stage, Stage::Connecting, "{failure:#}");
    assert!(
        matches!(
            failure.find::<TlsError>(),
            Some(TlsError::EofInHandshake {
                answered: false,
                ..
            })
        ),
        "{failure:#}"
    );
    let text = format!("{failure:#}");
    let proxy = format!("by way of http://{}", blind.address());
    assert!(
        text.contains(&proxy) && text.contains(&https[..https.len() - 1]),
        "{text}"
    );
}
