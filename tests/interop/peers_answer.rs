//! The peers themselves, proven with std's sockets, curl, `openssl s_client` and Twisted: what
//! torsade is then measured with.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;

use crate::support::nginx::Nginx;
use crate::support::openssl::{OpensslServer, s_client};
use crate::support::peer::{self, Finished, PATIENCE, Peer};
use crate::support::pki::{Identity, Pki};
use crate::support::python::{Over, PythonServer, echo_with_twisted};

#[test]
fn nginx_answers_plain_http() {
    let Some(nginx) = Nginx::start() else { return };
    let reply = exchange(
        nginx.http_address(),
        b"GET /1k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(reply.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(reply.ends_with(&nginx.body("/1k")));
}

#[test]
fn nginx_serves_every_file_whole_over_http_and_https() {
    let Some(nginx) = Nginx::start() else { return };
    let authority = nginx.pki().authority();
    for path in ["/1k", "/64k", "/100m"] {
        for url in [nginx.http_url(path), nginx.https_url(path)] {
            let Some(page) = curl(&["--cacert", &authority.to_string_lossy(), &url]) else {
                return;
            };
            // Not assert_eq: 100 MiB of difference help nobody.
            assert!(
                page.expect_success().stdout == nginx.body(path),
                "{url} came changed"
            );
        }
    }
}

#[test]
fn nginx_logs_that_a_connection_was_kept() {
    let Some(nginx) = Nginx::start() else { return };
    let url = nginx.http_url("/1k");
    let Some(pages) = curl(&[&url, &url, &url]) else {
        return;
    };
    assert_eq!(pages.expect_success().stdout.len(), 3 * 1024);

    let log = nginx.logged(3);
    assert_eq!(log.len(), 3);
    assert!(
        log.iter()
            .all(|request| request.connection == log[0].connection)
    );
    assert_eq!(
        log.iter()
            .map(|request| request.request_of_connection)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        (log[2].status, log[2].sent, log[2].tls.as_str()),
        (200, 1024, "-")
    );
    assert_eq!(log[2].request, "GET /1k HTTP/1.1");
}

#[test]
fn nginx_logs_the_tls_version() {
    let Some(nginx) = Nginx::start() else { return };
    let authority = nginx.pki().authority();
    let url = nginx.https_url("/1k");
    for most in ["1.2", "1.3"] {
        let arguments = [
            "--tls-max",
            most,
            "--cacert",
            &authority.to_string_lossy(),
            &url,
        ];
        let Some(page) = curl(&arguments) else { return };
        page.expect_success();
    }
    let log = nginx.logged(2);
    assert_eq!(
        log.iter()
            .map(|request| request.tls.as_str())
            .collect::<Vec<_>>(),
        ["TLSv1.2", "TLSv1.3"]
    );
    assert!(!log[1].resumed);
}

#[test]
fn nginx_demands_a_client_certificate_where_it_says_so() {
    let Some(nginx) = Nginx::start() else { return };
    let url = nginx.mtls_url("/1k");
    let authority = nginx.pki().authority();
    let authority = authority.to_string_lossy();

    let Some(refused) = curl(&[
        "-w",
        "%{http_code}",
        "-o",
        "/dev/null",
        "--cacert",
        &authority,
        &url,
    ]) else {
        return;
    };
    assert_eq!(refused.expect_success().text(), "400");

    let Identity { certificate, key } = nginx.pki().client("alice");
    let identity = [
        "--cert",
        &certificate.to_string_lossy(),
        "--key",
        &key.to_string_lossy(),
    ];
    let Some(head) = curl(&[&identity[..], &["-I", "--cacert", &authority, &url]].concat()) else {
        return;
    };
    let head = head.expect_success().text();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("X-Client: CN=alice"),
        "{head}"
    );
}

#[test]
fn two_nginx_run_side_by_side() {
    let (Some(one), Some(other)) = (Nginx::start(), Nginx::start()) else {
        return;
    };
    assert_ne!(one.http_address(), other.http_address());
    assert!(
        [&one, &other]
            .into_iter()
            .all(|nginx| peer::answers(nginx.http_address()))
    );
}

#[test]
fn a_dropped_peer_is_gone() {
    let Some(nginx) = Nginx::start() else { return };
    let address = nginx.http_address();
    drop(nginx);
    assert!(!peer::answers(address));
}

#[test]
fn s_server_speaks_the_version_it_is_told() {
    for (options, version) in [
        (OpensslServer::with().tls1_2(), "TLSv1.2"),
        (OpensslServer::with().tls1_3(), "TLSv1.3"),
    ] {
        let Some(server) = options.start() else {
            return;
        };
        let page = page_of(&server, &[]).expect_success().text();
        assert!(page.contains(version), "{page}");
    }
}

#[test]
fn s_server_refuses_a_version_it_does_not_speak() {
    let Some(server) = OpensslServer::with().tls1_3().start() else {
        return;
    };
    assert!(!page_of(&server, &["-tls1_2"]).status.success());
}

#[test]
fn s_server_answers_curl_and_agrees_on_alpn() {
    let Some(server) = OpensslServer::with().alpn("http/1.1").start() else {
        return;
    };
    let authority = server.pki().authority();
    let Some(page) = curl(&[
        "-v",
        "--http1.1",
        "--cacert",
        &authority.to_string_lossy(),
        &server.url(),
    ]) else {
        return;
    };
    let page = page.expect_success();
    assert!(page.text().contains("s_server"), "{}", page.text());
    assert!(
        page.stderr.contains("server accepted http/1.1"),
        "{}",
        page.stderr
    );
}

#[test]
fn s_server_demands_a_client_certificate() {
    for options in [
        OpensslServer::with().tls1_2(),
        OpensslServer::with().tls1_3(),
    ] {
        let Some(server) = options.require_client_certificate().start() else {
            return;
        };
        // With TLS 1.3 the refusal comes after the client believes that the handshake is done.
        assert!(!page_of(&server, &[]).text().contains("HTTP/1.0 200"));

        let Identity { certificate, key } = server.pki().client("alice");
        let identity = [
            "-cert",
            &certificate.to_string_lossy(),
            "-key",
            &key.to_string_lossy(),
        ];
        let page = page_of(&server, &identity).expect_success().text();
        assert!(
            page.contains("CN = alice") || page.contains("CN=alice"),
            "{page}"
        );
    }
}

#[test]
fn certificates_are_refused_for_what_is_wrong_with_them() {
    let wrong_name: fn(&Pki) -> Identity = |pki| pki.server_for(&["other.test"]);
    for (identity, complaint) in [
        (wrong_name, "hostname mismatch"),
        (Pki::expired_server, "certificate has expired"),
    ] {
        let Some(server) = OpensslServer::with().identity(identity).start() else {
            return;
        };
        let refused = page_of(&server, &[]);
        assert!(!refused.status.success());
        assert!(refused.stderr.contains(complaint), "{}", refused.stderr);
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let Some(server) = OpensslServer::start() else {
        return;
    };
    let elsewhere = peer::temp_dir();
    let stranger = Pki::new(elsewhere.path());
    let Some(refused) = s_client(server.address(), &stranger.authority(), &[], REQUEST) else {
        return;
    };
    assert!(!refused.status.success());
    assert!(
        refused.stderr.contains("certificate verify failed"),
        "{}",
        refused.stderr
    );
}

#[test]
fn twisted_echoes_to_a_plain_socket() {
    let Some(server) = PythonServer::twisted_echo(Over::Tcp) else {
        return;
    };
    let sent = peer::pattern(300_000);
    assert!(echo(server.address(), &sent) == sent);
}

#[test]
fn twisted_echoes_to_twisted() {
    let sent = peer::pattern(1_000_000);
    let Some(server) = PythonServer::twisted_echo(Over::Tcp) else {
        return;
    };
    let Some(client) = echo_with_twisted(server.address().port(), None, &sent) else {
        return;
    };
    client.expect_success();
}

#[test]
fn twisted_echoes_to_twisted_over_tls() {
    let sent = peer::pattern(1_000_000);
    let Some(server) = PythonServer::twisted_echo(Over::Tls) else {
        return;
    };
    let authority = server.pki().authority();
    let Some(client) = echo_with_twisted(server.address().port(), Some(&authority), &sent) else {
        return;
    };
    client.expect_success();
}

#[test]
fn twisteds_client_notices_changed_bytes() {
    let Some(nginx) = Nginx::start() else { return };
    let request = b"GET /1k HTTP/1.1\r\nHost: x\r\n\r\n";
    let Some(client) = echo_with_twisted(nginx.http_address().port(), None, request) else {
        return;
    };
    assert!(!client.status.success());
    assert!(
        client.stderr.contains("came back changed"),
        "{}",
        client.stderr
    );
}

#[test]
fn twisteds_client_refuses_an_unknown_authority() {
    let Some(server) = PythonServer::twisted_echo(Over::Tls) else {
        return;
    };
    let elsewhere = peer::temp_dir();
    let stranger = Pki::new(elsewhere.path());
    let Some(client) =
        echo_with_twisted(server.address().port(), Some(&stranger.authority()), b"x")
    else {
        return;
    };
    assert!(!client.status.success());
    assert!(
        client.stderr.contains("certificate verify failed"),
        "{}",
        client.stderr
    );
}

#[test]
#[should_panic(expected = "ended before it announced")]
fn a_peer_that_ends_at_once_is_noticed() {
    let dir = peer::temp_dir();
    let mut peer = Peer::spawn(
        "sh",
        Command::new("sh").args(["-c", "echo no >&2; exit 3"]),
        dir.path(),
    );
    peer.announces("PORT ");
}

/// What s_server's page is asked for with.
const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

fn page_of(server: &OpensslServer, arguments: &[&str]) -> Finished {
    s_client(
        server.address(),
        &server.pki().authority(),
        arguments,
        REQUEST,
    )
    .expect("openssl runs the server too")
}

/// Runs curl, quiet but for errors, without the user's own settings or proxies.
fn curl(arguments: &[&str]) -> Option<Finished> {
    let mut command = Command::new(peer::find("curl")?);
    command
        .args(["-q", "-sS", "--noproxy", "*"])
        .args(arguments);
    Some(peer::run(&mut command, &[]))
}

/// Sends `request` and reads until the peer closes.
fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(request).expect("the peer takes it");
    let mut reply = Vec::new();
    stream
        .read_to_end(&mut reply)
        .expect("the peer answers and closes");
    reply
}

/// Sends `bytes` and reads as many back: at the same time, since more than the sockets hold would
/// otherwise block both ends, and without closing before the last one is back, since Twisted drops
/// what it has still to write once its peer has closed, if only one side.
fn echo(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = connect(address);
    let mut echoed = vec![0; bytes.len()];
    thread::scope(|scope| {
        let sender = scope.spawn(|| (&stream).write_all(bytes));
        (&stream)
            .read_exact(&mut echoed)
            .expect("the peer echoes it all");
        sender
            .join()
            .expect("it does not panic")
            .expect("the peer takes it all");
    });
    echoed
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the peer listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("the duration is not zero");
    stream
}
