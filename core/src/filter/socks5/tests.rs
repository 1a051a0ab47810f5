use proptest::prelude::*;

use super::*;

/// Plays the proxy's bytes to the filter in pieces; gives what it sent, what came out, and its error.
fn play(
    mut filter: Socks5,
    answers: &[u8],
    piece: usize,
) -> (Vec<u8>, Vec<u8>, Option<Socks5Error>) {
    let (mut wire, mut plain) = (Vec::new(), Vec::new());
    filter.start(&mut wire).unwrap();
    for bytes in answers.chunks(piece) {
        if let Err(failure) = filter.decode(&mut bytes.to_vec(), &mut plain, &mut wire) {
            return (wire, plain, failure.check::<Socks5Error>().cloned());
        }
    }
    let error = filter.wire_closed().err();
    (
        wire,
        plain,
        error.and_then(|failure| failure.check().cloned()),
    )
}

fn host() -> Socks5 {
    Socks5::connect("example.org", 443).unwrap()
}

#[test]
fn a_name_is_looked_up_by_the_proxy() {
    for piece in 1..30 {
        let answers = b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34behind it";
        let (wire, plain, error) = play(host(), answers, piece);
        assert_eq!(wire, b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.org\x01\xbb");
        assert_eq!((plain, error), (b"behind it".to_vec(), None));
    }
}

#[test]
fn addresses_are_sent_as_such() {
    let request = |host| Socks5::connect(host, 80).unwrap().request;
    assert_eq!(
        request("10.0.0.1"),
        b"\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50"
    );
    let six = [&b"\x05\x01\x00\x04"[..], &[0; 15], b"\x01\x00\x50"].concat();
    assert_eq!(request("[::1]"), six);
    assert_eq!(request("::1"), six);
}

#[test]
fn a_name_and_a_password_are_given_where_they_are_asked_for() {
    let filter = host().credentials("me", "secret").unwrap();
    assert!(!format!("{filter:?}").contains("secret"));
    let answers = b"\x05\x02\x01\x00\x05\x00\x00\x03\x04host\x00\x01";
    let (wire, _, error) = play(filter, answers, 1);
    assert_eq!(error, None);
    let expected = b"\x05\x02\x00\x02\x01\x02me\x06secret\x05\x01\x00\x03\x0bexample.org\x01\xbb";
    assert_eq!(wire, expected);
}

#[test]
fn each_refusal_has_its_error() {
    let known = || host().credentials("me", "secret").unwrap();
    for (filter, answers, error) in [
        (host(), &b"HTTP/1.1 400"[..], Socks5Error::NotSocks5(b'H')),
        (host(), b"\x05\xff", Socks5Error::NoCommonMethod),
        (host(), b"\x05\x02", Socks5Error::NoCommonMethod),
        (known(), b"\x05\x01", Socks5Error::NoCommonMethod),
        (
            known(),
            b"\x05\x02\x01\x01",
            Socks5Error::CredentialsRefused,
        ),
        (host(), b"\x05\x00\x05\x05\x00", Socks5Error::Refused(5)),
        (host(), b"\x05\x00\x04", Socks5Error::NotSocks5(4)),
        (
            host(),
            b"\x05\x00\x05\x00\x00\x09\x00",
            Socks5Error::BadAddressType(9),
        ),
        (host(), b"", Socks5Error::CutOff),
        (
            host(),
            b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12",
            Socks5Error::CutOff,
        ),
    ] {
        for piece in [1, 100] {
            let filter = Socks5 {
                credentials: filter.credentials.clone(),
                request: filter.request.clone(),
                step: Step::Method,
                begun: Vec::new(),
            };
            let (_, plain, found) = play(filter, answers, piece);
            assert_eq!(found.as_ref(), Some(&error), "{answers:?}");
            assert!(plain.is_empty() && !error.to_string().is_empty());
        }
    }
    let long = "x".repeat(256);
    assert_eq!(
        Socks5::connect(&long, 1).unwrap_err(),
        Socks5Error::BadLength("host name")
    );
    assert!(host().credentials("", "x").is_err() && host().credentials("x", &long).is_err());
}

proptest! {
    #[test]
    fn whatever_a_proxy_sends_is_an_answer_or_an_error(
        answers in proptest::collection::vec(any::<u8>(), 0..600),
        piece in 1_usize..50,
    ) {
        let (wire, _, _) = play(host(), &answers, piece);
        prop_assert!(wire.len() < 100);
    }
}
