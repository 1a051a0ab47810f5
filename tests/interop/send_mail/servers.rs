//! The program, with mail servers that we did not write.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::MESSAGE;
use crate::support::daemon::{self, text};
use crate::support::peer::{Finished, run};
use crate::support::program::example;
use crate::support::python::PythonServer;

/// What aiosmtpd has kept.
fn kept(server: &PythonServer) -> Vec<serde_json::Value> {
    let said = server.stdout();
    let lines = said.lines().filter_map(|line| line.strip_prefix("MAIL "));
    lines
        .map(|mail| serde_json::from_str(mail).unwrap())
        .collect()
}

fn program(server: &PythonServer, password: &str, to: &[&str], message: &[u8]) -> Finished {
    let mut command = example("send_mail");
    let authority = server.pki().authority();
    command.env("SMTP_PASSWORD", password);
    command.args([
        "--from",
        "a@example.org",
        "--user",
        "me",
        "--cacert",
        text(&authority),
    ]);
    to.iter().for_each(|to| {
        command.args(["--to", to]);
    });
    command.arg(format!("localhost:{}", server.address().port()));
    run(&mut command, message)
}

#[test]
fn mail_arrives_byte_for_byte() {
    let Some(server) = PythonServer::smtp() else {
        return;
    };
    let mut every = b"Subject: all\r\n\r\n".to_vec();
    every.extend((1..=255).filter(|byte| !b"\r\n".contains(byte)));
    every.extend_from_slice(b"\r\n.\r\n..\r\n.a\r\n\r\n");
    let long = b"Subject: long\r\n\r\n".iter().copied();
    let long: Vec<u8> = long.chain(b".234567\r\n".repeat(90_000)).collect();
    let messages = [MESSAGE.to_vec(), every, long];
    let to = ["b@example.net", "c@example.net"];
    for message in &messages {
        let told = program(&server, "secret", &to, message).expect_success();
        assert_eq!(
            told.text(),
            "b@example.net: 250 2.0.0 kept\nc@example.net: 250 2.0.0 kept\n"
        );
    }
    let kept = kept(&server);
    assert_eq!(kept.len(), messages.len());
    for (mail, message) in kept.iter().zip(&messages) {
        let bytes = BASE64_STANDARD
            .decode(mail["bytes"].as_str().unwrap())
            .unwrap();
        assert!(bytes == *message, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(mail["from"], "a@example.org");
        assert_eq!(mail["to"], serde_json::json!(to));
        assert_eq!(mail["user"], "me");
    }
    assert!(kept[1]["options"].to_string().contains("BODY=8BITMIME"));
}

#[test]
fn what_a_real_server_refuses_is_told() {
    let Some(server) = PythonServer::smtp() else {
        return;
    };
    let wrong = program(&server, "wrong", &["b@example.net"], MESSAGE);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        wrong.stderr.contains("AUTH was refused: 535"),
        "{}",
        wrong.stderr
    );
    let some = program(&server, "secret", &["nobody@x", "b@example.net"], MESSAGE);
    assert_eq!(some.status.code(), Some(1));
    assert_eq!(some.text(), "b@example.net: 250 2.0.0 kept\n");
    let refused = "nobody@x was refused: 550 5.1.1 nobody is 5.1.1 not here";
    assert!(some.stderr.contains(refused), "{}", some.stderr);
    let large = program(
        &server,
        "secret",
        &["b@example.net"],
        &vec![b'x'; 1_000_001],
    );
    assert!(
        large.stderr.contains("the server takes 1000000"),
        "{}",
        large.stderr
    );
    let injected = program(&server, "secret", &["b@x\r\nRCPT TO:<c@x>"], MESSAGE);
    assert!(
        injected.stderr.contains("no address"),
        "{}",
        injected.stderr
    );
    assert_eq!(kept(&server).len(), 1);
}

#[test]
fn postfix_takes_mail_over_tls_only() {
    let Some(server) = daemon::postfix() else {
        return;
    };
    let send = |options: &[&str]| {
        let mut command = example("send_mail");
        command.args(options);
        command.args(["--from", "", "--to", "a@localhost", "--to", "b@localhost"]);
        command.arg(format!("localhost:{}", server.address().port()));
        run(&mut command, MESSAGE)
    };
    let ca = server.files().path("ca.pem");
    let told = send(&["--cacert", text(&ca)]).expect_success();
    let queued = told.text().matches("250 2.0.0 Ok: queued as").count();
    assert_eq!(queued, 2, "{}", told.text());
    let plain = send(&["--starttls", "never"]);
    assert!(plain.stderr.contains("530 5.7.0"), "{}", plain.stderr);
    // And nobody is believed who has another certificate.
    let stranger = send(&[]);
    assert_eq!(stranger.status.code(), Some(1));
    assert!(
        stranger.stderr.contains("certificate"),
        "{}",
        stranger.stderr
    );
}
