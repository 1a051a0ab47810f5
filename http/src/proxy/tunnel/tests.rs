use super::*;
use proptest::prelude::*;

/// Plays the proxy's answer in pieces: what came out of the tunnel, or the error.
fn play(answer: &[u8], piece: usize) -> Result<(Vec<u8>, bool), ProxyError> {
    let mut filter = HttpTunnel::to("example.org", 443).by("http://proxy.test:80");
    let (mut wire, mut plain) = (Vec::new(), Vec::new());
    filter.start(&mut wire).unwrap();
    assert_eq!(
        wire,
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"
    );
    wire.clear();
    let error = |failure: torsade_core::Failure| failure.check::<ProxyError>().unwrap().clone();
    for bytes in answer.chunks(piece) {
        filter
            .decode(&mut bytes.to_vec(), &mut plain, &mut wire)
            .map_err(error)?;
    }
    assert!(wire.is_empty());
    let is_ready = filter.is_ready();
    filter.wire_closed().map_err(error)?;
    Ok((plain, is_ready))
}

// R64, R66, R67
#[test]
fn a_tunnel_begins_behind_the_head_whatever_that_says_of_lengths() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n",
    ] {
        let answer = [head.as_bytes(), b"\x16\x03\x03 first bytes"].concat();
        for piece in [1, 7, 1000] {
            let (plain, is_ready) = play(&answer, piece).unwrap();
            assert_eq!(plain, b"\x16\x03\x03 first bytes", "{head}");
            assert!(is_ready);
        }
    }
    let address = HttpTunnel::to("::1", 443);
    assert_eq!(address.target, "[::1]:443");
    assert_eq!(HttpTunnel::to("[::1]", 443).target, "[::1]:443");
}

// R67
#[test]
fn every_other_answer_is_an_error_that_names_proxy_and_target() {
    let long = format!("HTTP/1.1 502 Bad\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (answer, expected) in [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nsorry",
            "403 Forbidden",
        ),
        ("HTTP/1.1 502 \r\n\r\n", "502 Bad Gateway"),
        (&*long, "502 Bad"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n\r\n",
            "302 Found",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "broke off"),
        (
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"a\"\r\n\r\nbody",
            "Basic realm",
        ),
        ("SSH-2.0-OpenSSH\r\n", "broke off"),
        ("HTTP/1.1 20", "broke off"),
        ("", "broke off"),
    ] {
        for piece in [1, 100_000] {
            let error = play(answer.as_bytes(), piece).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(expected), "{answer:?}: {text}");
            assert!(text.contains("http://proxy.test:80") && text.contains("example.org:443"));
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_proxy_answers_is_a_tunnel_or_an_error(
        answer in "(HTTP/1\\.[01] [0-9]{3} [ -~]{0,20}\r\n)?[ -~\r\n]{0,80}",
        piece in 1_usize..40,
    ) {
        let whole = play(answer.as_bytes(), 1000).is_ok();
        prop_assert_eq!(play(answer.as_bytes(), piece).is_ok(), whole);
    }
}
