//! Connections that we pass on, with curl and OpenSSL before us and nginx behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use torsade::Address;
use torsade::endpoints::HostnameClient;
use torsade::protocols::wire::Telling;
use torsade::protocols::{PortForward, SocksServer};
use torsade::tls::{ServerTls, sniff_server_tls};

use crate::support::nginx::Nginx;
use crate::support::openssl::s_client;
use crate::support::peer::{Finished, find, run};
use crate::support::pki::Pki;
use crate::support::serving::Serving;

fn curl(arguments: &[&str]) -> Option<Finished> {
    let mut command = Command::new(find("curl")?);
    command.args(["-q", "-sS", "--noproxy", ""]).args(arguments);
    Some(run(&mut command, b""))
}

// C112
#[test]
fn curl_gets_a_large_file_through_a_forwarded_port() {
    let Some(nginx) = Nginx::start() else { return };
    let port = nginx.http_address().port();
    let forward = Serving::with_reactor(move |reactor, server| {
        let onward = HostnameClient::new(reactor, "127.0.0.1", port);
        server.listen(PortForward::to(onward))
    });
    let url = format!("http://{}/100m", forward.address());
    let Some(page) = curl(&[&url]) else { return };
    assert!(
        page.expect_success().stdout == nginx.body("/100m"),
        "it came changed"
    );
}

#[test]
fn curl_is_connected_by_every_version_of_socks() {
    let Some(nginx) = Nginx::start() else { return };
    let https = nginx.https_port();
    let socks = Serving::with_reactor(move |reactor, server| {
        server.listen(SocksServer::new(reactor, move |_, port| port == https))
    });
    let ca = nginx.pki().authority();
    let ca = ca.to_str().unwrap();
    for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
        let proxy = format!("{scheme}://{}", socks.address());
        let Some(page) = curl(&["--cacert", ca, "-x", &proxy, &nginx.https_url("/64k")]) else {
            return;
        };
        assert!(
            page.expect_success().stdout == nginx.body("/64k"),
            "{scheme}"
        );
        let refused = curl(&["-x", &proxy, &nginx.http_url("/1k")]).unwrap();
        assert_eq!(
            refused.status.code(),
            Some(97),
            "{scheme}: {}",
            refused.stderr
        );
    }
}

#[test]
fn curl_is_connected_only_with_the_right_password() {
    let Some(nginx) = Nginx::start() else { return };
    let socks = Serving::with_reactor(|reactor, server| {
        let socks = SocksServer::new(reactor, |_, _| true);
        server.listen(socks.password(|user, password| (user, password) == ("me", "secret")))
    });
    let url = nginx.http_url("/1k");
    for (user, is_right) in [("me:secret@", true), ("me:wrong@", false), ("", false)] {
        let proxy = format!("socks5h://{user}{}", socks.address());
        let Some(page) = curl(&["-x", &proxy, &url]) else {
            return;
        };
        assert_eq!(page.status.success(), is_right, "{user}: {}", page.stderr);
    }
}

#[test]
fn one_port_answers_with_tls_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let identity = pki.server();
    let server = Serving::start(move |server| {
        let tls = ServerTls::builder().certificate_files(identity.certificate, identity.key);
        let telling = |_: &Address| Telling::new(|| b"told\n".to_vec());
        sniff_server_tls(server, &tls.build()?).listen(telling)
    });
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.write_all(b"x").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "told\n");
    let by_tls = s_client(server.address(), &pki.authority(), &[], b"");
    if let Some(finished) = by_tls {
        assert_eq!(finished.text(), "told\n", "{}", finished.stderr);
    }
}
