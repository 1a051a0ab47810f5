//! TLS from the beginning and in mid-stream, with certificates of both sides, and ALPN.

use std::fs;

use rcgen::{CertificateParams, KeyPair};

use super::stage::{Port, on_stage};
use super::{Ours, PAIRS, Side, Theirs, program, talk};
use crate::support::peer::run;

const SERVER: Port = Port::Tcp(8000);

#[test]
fn echo_clients_get_their_lines_back_over_tls() {
    on_stage(|stage| {
        talk(
            stage,
            ("echoserv_ssl", SERVER),
            "echoclient_ssl",
            &["Hello, world!"],
            &[],
        );
    });
}

#[test]
fn clients_with_a_certificate_are_served() {
    on_stage(|stage| {
        let (server, client) = ("ssl_clientauth_server", "ssl_clientauth_client");
        talk(stage, (server, SERVER), client, &["Hello, world!"], &[]);
    });
}

#[test]
fn clients_without_a_certificate_are_refused_where_one_is_required() {
    on_stage(|stage| {
        for side in [Ours, Theirs] {
            let mut server = program(stage, side, "ssl_clientauth_server");
            let _running = stage.serve(&mut server, SERVER);
            let refused = run(&mut program(stage, Ours, "echoclient_ssl"), b"");
            assert!(!refused.status.success(), "{}", refused.text());
            assert!(refused.stderr.contains("certificate"), "{}", refused.stderr);
        }
    });
}

#[test]
fn a_conversation_turns_to_tls() {
    on_stage(|stage| {
        let told = ["READY"];
        let served = ["plain text", "-- Switching to TLS", "secure text"];
        talk(
            stage,
            ("starttls_server", SERVER),
            "starttls_client",
            &told,
            &served,
        );
    });
}

#[test]
fn both_agree_on_an_application_protocol() {
    on_stage(|stage| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let write = |name, text| fs::write(stage.dir.path().join(name), text).unwrap();
        write("server-key.pem", key.serialize_pem());
        write("server-cert.pem", certificate.pem());
        for (server, client) in PAIRS {
            let at_home = |side: Side, name| {
                let mut command = program(stage, side, name);
                command.current_dir(stage.dir.path());
                command
            };
            let mut running = stage.serve(&mut at_home(server, "tls_alpn_server"), Port::Tcp(8080));
            let said = run(&mut at_home(client, "tls_alpn_client"), b"").expect_success();
            let said = said.text();
            let is_told = said.contains("Next protocol is: ") && said.contains("h2");
            assert!(is_told, "{server:?} and {client:?}: {said}");
            for text in ["Connection made", "h2", "Connection closed cleanly"] {
                running.says(text);
            }
        }
    });
}
