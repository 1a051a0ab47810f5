//! TLS with GnuTLS, stunnel and OpenSSL, and as a scanner sees it.

use std::process::Command;

use torsade::tls::{
    Certificate, ClientTls, KeyPair, PrivateCertificate, ServerTls, TlsError, TlsVersion,
    wrap_client_tls, wrap_server_tls,
};
use torsade::{Address, HostnameClient, Protocol, Reactor, Result, Transport};

use crate::echo::echo_over;
use crate::support::daemon::{self, Daemon, Files, text};
use crate::support::openssl::OpensslServer;
use crate::support::peer::{find, pattern, run};
use crate::support::pki::Identity;
use crate::support::serving::Serving;

const SIZE: usize = 300_000;

/// Sends everything back.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

/// An echo server of ours, and its files.
fn echo_server(requires_certificates: bool) -> (Serving, Files) {
    let files = Files::new();
    let trust = files.authority.trust();
    let (certificate, key) = (files.path("server.pem"), files.path("server.key"));
    let serving = Serving::start(move |server| {
        let mut tls = ServerTls::builder().certificate_files(certificate, key);
        if requires_certificates {
            tls = tls.require_client_certificates(trust);
        }
        wrap_server_tls(server, &tls.build()?).listen(|_: &Address| Echo)
    });
    (serving, files)
}

/// Lines, as `gnutls-serv` sends them back.
fn lines() -> Vec<u8> {
    let line = |number: usize| format!("line {number:05}\n").into_bytes();
    (0..SIZE / 11).flat_map(line).collect()
}

/// Has `bytes` echoed over TLS by what listens on `port`.
fn echo(port: u16, tls: &ClientTls, bytes: Vec<u8>) -> Result<usize> {
    let reactor = Reactor::new()?;
    let tcp = HostnameClient::new(&reactor, "127.0.0.1", port);
    echo_over(&reactor, &wrap_client_tls(tcp, tls, "localhost"), bytes)
}

fn client(server: &Daemon) -> ClientTls {
    ClientTls::builder().trust(server.trust()).build().unwrap()
}

#[test]
fn our_client_gets_everything_back_from_gnutls() {
    for priorities in [
        "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    ] {
        let Some(server) = daemon::gnutls_echo(priorities) else {
            return;
        };
        let bytes = lines();
        let size = bytes.len();
        let echoed = echo(server.address().port(), &client(&server), bytes);
        assert_eq!(echoed.unwrap(), size, "{priorities}");
    }
}

#[test]
fn gnutls_gets_its_lines_back_from_our_server() {
    let Some(program) = find("gnutls-cli") else {
        return;
    };
    let (serving, files) = echo_server(false);
    for priorities in [
        "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    ] {
        let mut command = Command::new(&program);
        command
            .args([
                "--priority",
                priorities,
                "--port",
                &serving.port().to_string(),
            ])
            .args(["--x509cafile", text(&files.path("ca.pem")), "localhost"]);
        let told = run(&mut command, b"hello\nthere\n").expect_success();
        let text = told.text();
        assert!(text.contains("certificate is trusted"), "{text}");
        assert!(text.contains("Handshake was completed"), "{text}");
    }
}

#[test]
fn stunnel_carries_everything_both_ways() {
    let plain = Serving::start(|server| server.listen(|_: &Address| Echo));
    let service = format!(
        "connect = {}\ncert = @/server.pem\nkey = @/server.key\n",
        plain.address()
    );
    // Our TLS client, stunnel as server, our plain server.
    let Some(server) = daemon::stunnel(&service) else {
        return;
    };
    let echoed = echo(server.address().port(), &client(&server), pattern(SIZE));
    assert_eq!(echoed.unwrap(), SIZE);

    // A plain client, stunnel as client, our TLS server.
    let (serving, files) = echo_server(false);
    let service = format!(
        "client = yes\nconnect = {}\nverifyChain = yes\ncheckHost = localhost\nsni = localhost\n\
         CAfile = {}\n",
        serving.address(),
        files.path("ca.pem").display()
    );
    let tunnel = daemon::stunnel(&service).unwrap();
    let reactor = Reactor::new().unwrap();
    let tcp = HostnameClient::new(&reactor, "127.0.0.1", tunnel.address().port());
    assert_eq!(echo_over(&reactor, &tcp, pattern(SIZE)).unwrap(), SIZE);
}

// R78
#[test]
fn stunnels_refusal_of_a_missing_certificate_is_told_as_such() {
    let plain = Serving::start(|server| server.listen(|_: &Address| Echo));
    let service = format!(
        "connect = {}\ncert = @/server.pem\nkey = @/server.key\nverifyChain = yes\nCAfile = @/ca.pem\n",
        plain.address()
    );
    let Some(server) = daemon::stunnel(&service) else {
        return;
    };
    let port = server.address().port();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = || {
            ClientTls::builder()
                .trust(server.trust())
                .versions(version..=version)
        };
        let failure = echo(port, &client().build().unwrap(), pattern(SIZE)).unwrap_err();
        assert!(
            format!("{failure:#}").contains("wants a client certificate"),
            "{version}: {failure:#}"
        );
        let own = server.files().authority.issue(["client"]);
        let known = client().certificate(own).build().unwrap();
        assert_eq!(echo(port, &known, pattern(SIZE)).unwrap(), SIZE);
    }
}

#[test]
fn gnutls_shows_us_its_certificate_or_is_refused() {
    let Some(program) = find("gnutls-cli") else {
        return;
    };
    let (serving, files) = echo_server(true);
    files.add("client", &files.authority.issue(["client"]));
    for is_known in [true, false] {
        let mut command = Command::new(&program);
        command.args(["--port", &serving.port().to_string()]).args([
            "--x509cafile",
            text(&files.path("ca.pem")),
            "localhost",
        ]);
        if is_known {
            command
                .args(["--x509certfile", text(&files.path("client.pem"))])
                .args(["--x509keyfile", text(&files.path("client.key"))]);
        }
        let told = run(&mut command, b"hello\n");
        let refused = told.stderr.contains("Certificate is required")
            || told.text().contains("Certificate is required");
        assert_eq!(refused, !is_known, "{}{}", told.text(), told.stderr);
    }
}

/// What a client makes of `s_server` with the certificate of these arguments to `openssl req`.
fn verdict_on(arguments: &'static [&'static str]) -> Option<TlsError> {
    let files = Files::new();
    let (certificate, key) = (files.path("weak.pem"), files.path("weak.key"));
    let mut request = Command::new("openssl");
    request
        .args(["req", "-x509", "-nodes", "-subj", "/CN=weak", "-days", "10"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-out",
            text(&certificate),
        ])
        .args(["-keyout", text(&key)])
        .args(arguments);
    run(&mut request, b"").expect_success();
    let own = Identity {
        certificate: certificate.clone(),
        key,
    };
    let server = OpensslServer::with()
        .argument("-cipher")
        .argument("ALL:@SECLEVEL=0")
        .identity(move |_| own)
        .start()?;
    let tls = ClientTls::builder()
        .roots_from_pem_file(certificate)
        .build()
        .unwrap();
    let failure = echo(server.address().port(), &tls, pattern(10)).unwrap_err();
    let error = failure.find::<TlsError>();
    Some(error.unwrap_or_else(|| panic!("{failure:#}")).clone())
}

// R87
#[test]
fn a_key_that_is_too_short_is_named_although_its_signature_only_fails() {
    if find("openssl").is_none() {
        return;
    }
    let Some(error) = verdict_on(&["-newkey", "rsa:1024"]) else {
        return;
    };
    let TlsError::WeakKey { key, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(key.to_string(), "RSA 1024");
    assert!(error.help().contains("2048"), "{}", error.help());
}

#[test]
fn a_scanner_finds_nothing_weak_in_our_server() {
    let Some(program) = find("sslscan") else {
        return;
    };
    let (serving, _files) = echo_server(false);
    let address = serving.address().to_string();
    let told = run(Command::new(program).args(["--no-colour", &address]), b"").expect_success();
    let text = told.text();
    for expected in [
        "SSLv2     disabled",
        "SSLv3     disabled",
        "TLSv1.0   disabled",
        "TLSv1.1   disabled",
        "TLSv1.2   enabled",
        "TLSv1.3   enabled",
        "Session renegotiation not supported",
        "TLSv1.3 not vulnerable to heartbleed",
        "TLSv1.2 not vulnerable to heartbleed",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let suites: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("Preferred") || line.starts_with("Accepted"))
        .collect();
    assert!(suites.len() >= 4, "{text}");
    for suite in suites {
        let is_modern = suite.contains("GCM") || suite.contains("CHACHA20");
        let has_fresh_keys = suite.contains("TLSv1.3") || suite.contains("ECDHE");
        assert!(is_modern && has_fresh_keys, "{suite}");
    }
}

/// The forms that OpenSSL writes keys in.
#[test]
fn keys_of_openssl_are_read_in_every_form() {
    if find("openssl").is_none() {
        return;
    }
    let files = Files::new();
    let path = |name: &str| files.path(name);
    let openssl = |arguments: &[&str]| {
        let told = run(Command::new("openssl").args(arguments), b"");
        assert!(told.status.success(), "{arguments:?}: {}", told.stderr);
    };
    for (kind, arguments) in [
        (
            "rsa",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..],
        ),
        (
            "ec",
            &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        ),
        ("ed25519", &["-algorithm", "ED25519"]),
    ] {
        let pkcs8 = path(&format!("{kind}.pem"));
        openssl(&[&["genpkey", "-out", text(&pkcs8)], arguments].concat());
        let certificate = path(&format!("{kind}.crt"));
        let request = [
            "req",
            "-x509",
            "-subj",
            "/CN=x",
            "-key",
            text(&pkcs8),
            "-out",
            text(&certificate),
        ];
        openssl(&request);
        let certificate = Certificate::from_pem_file(certificate).unwrap();
        let belongs = |file: &std::path::Path| {
            let key =
                KeyPair::from_pem_file(file).unwrap_or_else(|error| panic!("{kind}: {error}"));
            PrivateCertificate::new(certificate.clone(), key).unwrap();
        };
        belongs(&pkcs8);
        let der = path("key.der");
        openssl(&[
            "pkey",
            "-in",
            text(&pkcs8),
            "-outform",
            "DER",
            "-out",
            text(&der),
        ]);
        belongs(&der);
        // PKCS#1 for RSA, SEC1 for EC.
        if kind != "ed25519" {
            for form in ["PEM", "DER"] {
                let old = path("old.key");
                let convert = [
                    "pkey",
                    "-traditional",
                    "-in",
                    text(&pkcs8),
                    "-outform",
                    form,
                ];
                openssl(&[&convert[..], &["-out", text(&old)]].concat());
                belongs(&old);
            }
        }
        let locked = path("locked.pem");
        for form in ["PEM", "DER"] {
            let lock = ["pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:x"];
            let to = ["-in", text(&pkcs8), "-outform", form, "-out", text(&locked)];
            openssl(&[&lock[..], &to].concat());
            let error = KeyPair::from_pem_file(&locked).unwrap_err().to_string();
            assert!(error.contains("openssl pkey -in"), "{form}: {error}");
        }
    }
}
