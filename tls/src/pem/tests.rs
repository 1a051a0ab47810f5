use super::*;
use crate::testing::{Authority, Leaf};

fn leaf() -> Leaf {
    Authority::new("Test CA").issue(&["localhost"])
}

fn certificates(pem: impl Into<Vec<u8>>) -> Result<usize, PemProblem> {
    let found = Source::Bytes(pem.into()).certificates();
    found
        .map(|found| found.len())
        .map_err(|error| error.problem)
}

fn key(pem: impl Into<Vec<u8>>) -> Result<PrivateKeyDer<'static>, PemProblem> {
    Source::Bytes(pem.into())
        .private_key()
        .map_err(|error| error.problem)
}

#[test]
fn certificates_are_found_among_anything() {
    let Leaf { chain, key, .. } = leaf();
    assert_eq!(certificates(format!("{chain}{chain}")).unwrap(), 2);
    assert_eq!(certificates(format!("{key}{chain}")).unwrap(), 1);
    assert_eq!(certificates(chain.replace('\n', "\r\n")).unwrap(), 1);
    assert_eq!(certificates(format!("\u{feff}{chain}")).unwrap(), 1);
    assert_eq!(
        certificates(format!("Subject: someone\n\n{chain}\n# end")).unwrap(),
        1
    );
    assert_eq!(certificates(chain.trim_end()).unwrap(), 1);
    assert_eq!(certificates(chain.replace('\n', "  \n    ")).unwrap(), 1);
}

#[test]
fn keys_of_all_three_forms_are_read() {
    let pkcs8 = leaf().key;
    assert!(matches!(key(pkcs8.as_str()), Ok(PrivateKeyDer::Pkcs8(_))));
    assert!(matches!(
        key(pkcs8.replace("PRIVATE KEY", "RSA PRIVATE KEY")),
        Ok(PrivateKeyDer::Pkcs1(_))
    ));
    assert!(matches!(
        key(pkcs8.replace("PRIVATE KEY", "EC PRIVATE KEY")),
        Ok(PrivateKeyDer::Sec1(_))
    ));
    // `openssl ecparam -genkey` puts the parameters before the key.
    let with_parameters = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{pkcs8}"
    );
    assert!(key(with_parameters).is_ok());
}

#[test]
fn what_is_not_pem_is_told() {
    assert!(matches!(certificates(""), Err(PemProblem::Empty)));
    assert!(matches!(
        certificates("hello"),
        Err(PemProblem::NoBlock { hint: None })
    ));
    // A PKCS#12 file, as Windows exports certificates.
    let Err(PemProblem::NoBlock { hint: Some(hint) }) =
        certificates(*b"\x30\x82\x01\x00\x02\x01\x03")
    else {
        panic!("it was taken for something else")
    };
    assert!(hint.contains("pkcs12"));
    assert_eq!(certificates(leaf().der).unwrap(), 1);
    let trailing = [leaf().der, b"x".to_vec()].concat();
    assert!(certificates(trailing).is_err());
    let utf16: Vec<u8> = leaf()
        .chain
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf16 = [&[0xff, 0xfe], &utf16[..]].concat();
    assert!(matches!(
        certificates(utf16),
        Err(PemProblem::NoBlock { hint: Some(_) })
    ));
}

#[test]
fn the_wrong_kind_of_block_is_named() {
    let Leaf {
        chain,
        key: own_key,
        ..
    } = leaf();
    let Err(PemProblem::Unexpected {
        wanted,
        found,
        line,
    }) = certificates(format!("\n\n{own_key}"))
    else {
        panic!("a key was taken for a certificate")
    };
    assert_eq!((wanted, &*found, line), ("CERTIFICATE", "PRIVATE KEY", 3));
    assert!(matches!(
        key(chain),
        Err(PemProblem::Unexpected {
            wanted: "PRIVATE KEY",
            ..
        })
    ));
    let dsa = own_key.replace("PRIVATE KEY", "DSA PRIVATE KEY");
    assert!(matches!(key(dsa), Err(PemProblem::Unexpected { .. })));
}

#[test]
fn damage_is_found_with_its_line() {
    let chain = leaf().chain;
    let mut lines: Vec<&str> = chain.lines().collect();
    lines[3] = "!?";
    let damaged = lines.join("\n");
    assert!(matches!(
        certificates(damaged),
        Err(PemProblem::BadBase64 { line: 4, .. })
    ));
    // A length that no bytes have: no line is to blame.
    let damaged = "-----BEGIN PRIVATE KEY-----\nAAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(
        key(damaged),
        Err(PemProblem::BadBase64 { line: 1, .. })
    ));

    let cut = &chain[..chain.len() - 40];
    assert!(matches!(
        certificates(cut),
        Err(PemProblem::Truncated { line: 1, .. })
    ));
    let first_without_end = format!("{}{chain}", chain.replace("-----END CERTIFICATE-----", ""));
    assert!(matches!(
        certificates(first_without_end),
        Err(PemProblem::Truncated { line: 1, .. })
    ));
}

#[test]
fn an_encrypted_key_is_told_with_the_way_out() {
    let pkcs8 = leaf().key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let old = leaf()
        .key
        .replace("PRIVATE KEY-----\n", "RSA PRIVATE KEY-----\n")
        .replacen(
            '\n',
            "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
            1,
        );
    for pem in [pkcs8, old] {
        let error = Source::Bytes(pem.into()).private_key().unwrap_err();
        assert!(
            matches!(error.problem, PemProblem::Encrypted { line: Some(1) }),
            "{error}"
        );
        assert!(error.to_string().contains("openssl pkey"), "{error}");
    }
}

#[test]
fn two_keys_are_one_too_many() {
    let two = format!("{}{}", leaf().key, leaf().key);
    assert!(matches!(
        key(two),
        Err(PemProblem::SeveralKeys {
            first: 1,
            second: 6..
        })
    ));
}

#[test]
fn a_missing_file_is_named() {
    let error = Source::File("no/such/file.pem".into())
        .certificates()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no/such/file.pem: cannot be read"),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(
        format!("{:?}", Source::Bytes(leaf().key.into())),
        "Bytes(..)"
    );
}
