use http::Method;
use http::header::HeaderValue;

use super::*;

const RFC7616_NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const RFC7616_CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

fn session(challenge: &str, user: &str, password: &str, cnonce: &str) -> DigestSession {
    let challenges = Challenge::parse(challenge.as_bytes());
    let digest = DigestChallenge::strongest(&challenges, true).expect(challenge);
    DigestSession::new(digest, user, password, cnonce.to_owned())
}

fn get<'a>(target: &'a str) -> Sent<'a> {
    Sent {
        method: &Method::GET,
        target,
        body: Some(b""),
    }
}

fn text(value: Option<HeaderValue>) -> String {
    let value = value.unwrap();
    assert!(value.is_sensitive());
    String::from_utf8(value.as_bytes().to_vec()).unwrap()
}

/// A parameter of what was answered.
fn parameter(value: &str, name: &str) -> Option<String> {
    let answer = &Challenge::parse(value.as_bytes())[0];
    let found = answer.parameter(name)?;
    Some(String::from_utf8(found.to_vec()).unwrap())
}

fn response(value: &str) -> String {
    parameter(value, "response").unwrap()
}

// RFC 7616 section 3.9.1
#[test]
fn the_strongest_of_two_algorithms_is_answered_as_the_standard_says() {
    let challenge = |algorithm: &str| {
        format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"{RFC7616_NONCE}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    };
    let answer = |offered: &str| {
        let mut session = session(offered, "Mufasa", "Circle of Life", RFC7616_CNONCE);
        text(session.authorization(get("/dir/index.html")))
    };
    assert_eq!(
        answer(&challenge("MD5")),
        format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm=MD5, nonce=\"{RFC7616_NONCE}\", nc=00000001, qop=auth, \
             cnonce=\"{RFC7616_CNONCE}\", response=\"8ca523f5e9506fed4657c9700eebdbec\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    );
    let both = format!("{}, {}", challenge("MD5"), challenge("SHA-256"));
    let strong = answer(&both);
    assert_eq!(
        response(&strong),
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    );
    assert_eq!(parameter(&strong, "algorithm").unwrap(), "SHA-256");
}

// RFC 7616 section 3.9.2, with the values of its erratum 4897: what was printed is of a draft of
// SHA-512/256.
#[test]
fn a_name_outside_ascii_is_hashed_or_encoded() {
    let answer = |userhash: &str| {
        let challenge = format!(
            "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
             nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
             opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8{userhash}"
        );
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let mut session = session(&challenge, "Jäsøn Doe", "Secret, or not?", cnonce);
        text(session.authorization(get("/doe.json")))
    };
    let hashed = answer(", userhash=true");
    assert_eq!(
        parameter(&hashed, "username").unwrap(),
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    );
    assert_eq!(parameter(&hashed, "userhash").unwrap(), "true");
    let open = answer("");
    assert!(open.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="));
    assert_eq!(parameter(&open, "userhash"), None);
    for value in [hashed, open] {
        assert_eq!(
            response(&value),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }
}

// RFC 2617 section 3.5, and RFC 2069 section 2.4 with its erratum 749
#[test]
fn the_standards_before_are_answered_as_they_say() {
    let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    let opaque = "5ccc069c403ebaf9f0171e9517f40e41";
    let challenge = format!(
        "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"{nonce}\", \
         opaque=\"{opaque}\""
    );
    let mut newer = session(&challenge, "Mufasa", "Circle Of Life", "0a4f113b");
    let value = text(newer.authorization(get("/dir/index.html")));
    assert_eq!(response(&value), "6629fae49393a05397450978507c4ef1");
    assert_eq!(parameter(&value, "algorithm"), None);

    let challenge =
        format!("Digest realm=\"testrealm@host.com\", nonce=\"{nonce}\", opaque=\"{opaque}\"");
    let mut older = session(&challenge, "Mufasa", "CircleOfLife", "unused");
    let value = text(older.authorization(get("/dir/index.html")));
    assert_eq!(
        value,
        format!(
            "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", uri=\"/dir/index.html\", \
             nonce=\"{nonce}\", response=\"1949323746fe6a43ef61f9606e7febea\", opaque=\"{opaque}\""
        )
    );
}

#[test]
fn a_session_has_one_secret_and_counts_the_answers_to_a_nonce() {
    for algorithm in ["MD5-sess", "SHA-256-sess", "SHA-512-256-sess"] {
        let challenge = format!("Digest realm=r, nonce=n, qop=auth, algorithm={algorithm}");
        let mut digest = session(&challenge, "u", "p", "c");
        let known = Algorithm::named(algorithm.as_bytes()).unwrap();
        let secret = known.of(&[known.of(&[b"u", b"r", b"p"]).as_bytes(), b"n", b"c"]);
        let expected = |nonce: &str, count: &str| {
            let request = known.of(&[b"GET", b"/"]);
            let parts = [&*secret, nonce, count, "c", "auth", &*request];
            known.of(&parts.map(str::as_bytes))
        };
        for count in ["00000001", "00000002"] {
            let value = text(digest.authorization(get("/")));
            assert_eq!(response(&value), expected("n", count));
            assert_eq!(parameter(&value, "nc").unwrap(), count);
            assert_eq!(parameter(&value, "algorithm").unwrap(), algorithm);
        }
        digest.renew(b"next");
        let value = text(digest.authorization(get("/")));
        assert_eq!(response(&value), expected("next", "00000001"));
    }
}

#[test]
fn a_body_is_hashed_if_nothing_less_is_offered() {
    let challenge = "Digest realm=r, nonce=n, qop=\"auth-int\"";
    let mut digest = session(challenge, "u", "p", "c");
    let sent = Sent {
        method: &Method::POST,
        target: "/",
        body: Some(b"data"),
    };
    let md5 = Algorithm::DEFAULT;
    let request = md5.of(&[b"POST", b"/", md5.of(&[b"data"]).as_bytes()]);
    let secret = md5.of(&[b"u", b"r", b"p"]);
    let parts = [&*secret, "n", "00000001", "c", "auth-int", &*request];
    let value = text(digest.authorization(sent));
    assert_eq!(response(&value), md5.of(&parts.map(str::as_bytes)));
    let unknown = Sent { body: None, ..sent };
    assert_eq!(digest.authorization(unknown), None);
    let challenges = Challenge::parse(challenge.as_bytes());
    assert!(DigestChallenge::strongest(&challenges, false).is_none());
}

#[test]
fn names_and_realms_with_quotes_arrive_as_they_are() {
    let challenge = "Digest realm=\"a \\\"b\\\" \\\\ c\", nonce=\"n\\\"\", opaque=\"\"";
    let mut digest = session(challenge, "m\"e\\", "p", "c");
    let value = text(digest.authorization(get("/")));
    assert!(value.starts_with("Digest username=\"m\\\"e\\\\\", realm=\"a \\\"b\\\" \\\\ c\","));
    assert_eq!(parameter(&value, "opaque").unwrap(), "");
    let md5 = Algorithm::DEFAULT;
    let secret = md5.of(&[b"m\"e\\", b"a \"b\" \\ c", b"p"]);
    let request = md5.of(&[b"GET", b"/"]);
    let expected = md5.of(&[secret.as_bytes(), b"n\"", request.as_bytes()]);
    assert_eq!(response(&value), expected);
}

#[test]
fn old_servers_are_given_a_name_in_utf8_and_nothing_can_be_smuggled_in() {
    let mut old = session("Digest realm=r, nonce=n", "Jäsøn", "p", "c");
    let value = text(old.authorization(get("/")));
    assert!(value.starts_with("Digest username=\"Jäsøn\", "), "{value}");
    let mut evil = session("Digest realm=r, nonce=n", "a\r\nX: y", "p", "c");
    let value = text(evil.authorization(get("/")));
    assert!(value.starts_with("Digest username*=UTF-8''a%0D%0AX%3A%20y, "));
    let mut broken = session("Digest realm=\"a\rb\", nonce=n", "u", "p", "c");
    assert_eq!(broken.authorization(get("/")), None);
}

#[test]
fn what_is_not_known_is_passed_over() {
    let strongest = |offered: &str| {
        let challenges = Challenge::parse(offered.as_bytes());
        let digest = DigestChallenge::strongest(&challenges, true)?;
        let nonce = String::from_utf8(digest.nonce.clone()).unwrap();
        Some((nonce, digest.algorithm().name()))
    };
    for nothing in [
        "Basic realm=r",
        "Digest",
        "Digest realm=r",
        "Digest nonce=n",
        "Digest realm=r, nonce=n, algorithm=SHA-3",
        "Digest realm=r, nonce=n, algorithm=\"\"",
        "Digest realm=r, nonce=n, qop=auth-conf",
        "Digest realm=r, nonce=n, qop=\"\"",
    ] {
        assert_eq!(strongest(nothing), None, "{nothing}");
    }
    let first = |nonce: &str, algorithm| Some((nonce.to_owned(), algorithm));
    for (offered, expected) in [
        ("digest REALM=r, nonce=1", first("1", "MD5")),
        (
            "Digest realm=r, nonce=1, algorithm=SHA-512-256, qop=auth-conf, \
             Digest realm=r, nonce=2, algorithm=\"sha-256-SESS\", qop=\"auth-conf , AUTH\", \
             Digest realm=r, nonce=3, algorithm=SHA-256, qop=auth, Digest realm=r, nonce=4",
            first("2", "SHA-256-sess"),
        ),
        (
            "Digest realm=r, nonce=1, algorithm=MD5, Digest realm=r, nonce=2, \
             algorithm=SHA-256, Digest realm=r, nonce=3, algorithm=SHA-512-256",
            first("3", "SHA-512-256"),
        ),
    ] {
        assert_eq!(strongest(offered), expected, "{offered}");
    }
    let challenges = Challenge::parse(b"Digest realm=r, nonce=n, stale=True");
    assert!(
        DigestChallenge::strongest(&challenges, true)
            .unwrap()
            .is_stale
    );
}
