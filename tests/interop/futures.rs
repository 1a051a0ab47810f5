//! Crates that speak a protocol over any stream of futures run on torsade's reactor: their clients,
//! in the examples, talk to servers that others wrote.

use crate::support::nginx::Nginx;
use crate::support::peer::run;
use crate::support::program::example;
use crate::support::python::{Over, PythonServer};

#[test]
fn h2_fetches_from_nginx() {
    let Some(nginx) = Nginx::start() else { return };
    for path in ["/1k", "/64k", "/100m"] {
        let mut command = example("http2");
        command.arg("--cacert").arg(nginx.pki().authority());
        let fetched = run(command.arg(nginx.https_url(path)), b"").expect_success();
        assert!(fetched.stdout == nginx.body(path), "{path}");
        assert_eq!(fetched.stderr, "HTTP/2.0 200 OK\n");
    }
    let log = nginx.logged(3);
    assert_eq!(log[0].request, "GET /1k HTTP/2.0");
}

#[test]
fn h2_says_that_a_server_does_not_speak_it() {
    let Some(nginx) = Nginx::start() else { return };
    let mut command = example("http2");
    command.arg("--cacert").arg(nginx.pki().authority());
    // This port offers HTTP/1.1 alone.
    let fetched = run(command.arg(nginx.mtls_url("/1k")), b"");
    assert_eq!(fetched.status.code(), Some(1));
    assert!(!fetched.stderr.is_empty());
}

#[test]
fn a_websocket_crate_talks_to_a_server_in_python() {
    let long = "x".repeat(100_000);
    for (over, scheme) in [(Over::Tcp, "ws"), (Over::Tls, "wss")] {
        let Some(server) = PythonServer::websocket(over) else {
            return;
        };
        let mut command = example("websocket");
        if over == Over::Tls {
            command.arg("--cacert").arg(server.pki().authority());
        }
        command.arg(format!("{scheme}://localhost:{}/", server.address().port()));
        let talked = run(command.args(["hello", "there", &long]), b"").expect_success();
        assert_eq!(talked.text(), format!("hello\nthere\n{long}\n"));
    }
}
