//! `fetch` and the Agent by way of proxies that others wrote, to nginx.

use torsade::http::{Agent, AgentOptions, Proxies, Proxy, ProxyError, Response};
use torsade::tls::{ClientTls, Trust};
use torsade::{Reactor, Result};

use crate::support::daemon::{self, Daemon, text};
use crate::support::nginx::Nginx;
use crate::support::peer::run;
use crate::support::program::example;

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
    let (Some(nginx), Some(server)) = (Nginx::start(), daemon::tinyproxy()) else {
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
    let (Some(nginx), Some(server)) = (Nginx::start(), daemon::squid()) else {
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
    let (Some(nginx), Some(server)) = (Nginx::start(), daemon::squid_with_digest()) else {
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

#[test]
fn microsocks_connects_for_who_it_knows() {
    let (Some(nginx), Some(server)) = (Nginx::start(), daemon::microsocks()) else {
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
