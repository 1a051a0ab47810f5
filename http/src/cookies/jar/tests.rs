use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What is sent to `to` after these were received from `from`.
fn sent(from: &str, lines: &[&str], to: &str) -> String {
    let jar = CookieJar::new();
    for line in lines {
        jar.store(line.as_bytes(), &url(from));
    }
    let value = jar.header_for(&url(to));
    value.map_or_else(String::new, |value| {
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    })
}

// R62, C171
#[test]
fn a_cookie_goes_where_it_belongs() {
    let from = "https://www.example.co.uk:8443/dir/page";
    for (line, to, goes) in [
        ("a=b", "https://www.example.co.uk/dir/", true),
        // The port is no part of it, nor is the scheme, unless it is Secure.
        ("a=b", "http://www.example.co.uk:81/dir/x", true),
        ("a=b; Secure", "http://www.example.co.uk/dir/x", false),
        ("a=b; Secure", "https://www.example.co.uk/dir/x", true),
        // Without a domain it is this host's own.
        ("a=b", "https://sub.www.example.co.uk/dir/x", false),
        (
            "a=b; Domain=example.co.uk",
            "https://other.example.co.uk/dir/x",
            true,
        ),
        (
            "a=b; Domain=.example.co.uk",
            "https://other.example.co.uk/dir/x",
            true,
        ),
        (
            "a=b; Domain=example.co.uk",
            "https://notexample.co.uk/dir/x",
            false,
        ),
        ("a=b; Domain=co.uk", "https://other.co.uk/dir/x", false),
        (
            "a=b; Domain=co.uk",
            "https://www.example.co.uk/dir/x",
            false,
        ),
        (
            "a=b; Domain=elsewhere.test",
            "https://elsewhere.test/dir/x",
            false,
        ),
        // Paths end at slashes, and small letters are not capitals.
        ("a=b", "https://www.example.co.uk/directory", false),
        ("a=b; Path=/d", "https://www.example.co.uk/dir/", false),
        ("a=b; Path=/", "https://www.example.co.uk/", true),
        ("a=b; Path=/DIR", "https://www.example.co.uk/dir/", false),
    ] {
        let expected = if goes { "a=b" } else { "" };
        assert_eq!(sent(from, &[line], to), expected, "{line} {to}");
    }
    for host in ["http://localhost/", "http://127.0.0.1/", "http://[::1]/"] {
        assert_eq!(sent(host, &["a=b"], host), "a=b");
    }
    assert_eq!(
        sent(
            "http://localhost/",
            &["a=b; Domain=localhost"],
            "http://localhost/"
        ),
        "a=b"
    );
    // Not even the host itself is trusted with it without TLS.
    assert_eq!(
        sent("https://localhost/", &["a=b; Secure"], "http://localhost/"),
        ""
    );
}

// RFC 6265, section 5.4
#[test]
fn longer_paths_come_first_and_then_older_cookies() {
    let lines = [
        "root=1; Path=/",
        "b=1; Path=/a/b",
        "c=2; Path=/a/b",
        "a=3; Path=/a",
    ];
    assert_eq!(
        sent("http://x.test/a/b/", &lines, "http://x.test/a/b/"),
        "b=1; c=2; a=3; root=1"
    );
}

// R61
#[test]
fn a_bad_date_drops_only_itself_and_a_past_one_the_cookie() {
    let to = "http://x.test/";
    assert_eq!(sent(to, &["a=b; Expires=never"], to), "a=b");
    assert_eq!(
        sent(to, &["a=b; Expires=Thu, 26-Jun-14 18:59:59 GMT"], to),
        ""
    );
    assert_eq!(
        sent(to, &["a=b; Expires=Fri, 21 Oct 65 1:1:1 x"], to),
        "a=b"
    );
    assert_eq!(sent(to, &["a=b", "a=; Max-Age=0"], to), "");
    assert_eq!(
        sent(to, &["a=b; Expires=1 Jan 1980 0:0:0; Max-Age=100"], to),
        "a=b"
    );
}

#[test]
fn a_jar_is_saved_and_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cookies.json");
    let jar = CookieJar::open(&file).unwrap();
    assert!(jar.is_empty());
    jar.store(b"kept=1; Max-Age=1000; Secure", &url("https://x.test/"));
    jar.store(b"session=2", &url("https://x.test/"));
    assert_eq!(jar.len(), 2);
    jar.save_to(&file).unwrap();
    let again = CookieJar::open(&file).unwrap();
    assert_eq!(again.header_for(&url("https://x.test/")).unwrap(), "kept=1");
    assert!(!format!("{again:?}").contains("kept"));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    // Who has a session's cookie is that session.
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    fs::write(&file, "not a jar").unwrap();
    let error = CookieJar::open(&file).unwrap_err();
    assert!(error.to_string().contains("cookies.json"), "{error}");
    directory.close().unwrap();
    assert!(jar.save_to(&file).is_err());
    jar.clear();
    assert!(jar.is_empty());
}

#[test]
fn a_cookie_with_a_control_character_takes_no_other_one_with_it() {
    let from = "https://example.test/";
    assert_eq!(
        sent(
            from,
            &["good=1", "bad=a\x07b", "b\x01d=1", "ba\x7fd=2"],
            from
        ),
        "good=1"
    );
    assert_eq!(sent(from, &["bell=a\tb"], from), "bell=a\tb");
}

// RFC 6265bis section 5.6
#[test]
fn a_name_that_promises_safety_has_to_keep_it() {
    let from = "https://example.test/dir/";
    for (line, is_kept) in [
        ("__Secure-a=1; Secure; Path=/", true),
        ("__Secure-a=1; Path=/", false),
        ("__secure-a=1; Path=/", false),
        ("__Host-a=1; Secure; Path=/", true),
        ("__Host-a=1; Path=/", false),
        ("__Host-a=1; Secure", false),
        ("__Host-a=1; Secure; Path=/dir/", false),
        ("__Host-a=1; Secure; Path=/; Domain=example.test", false),
        ("__Host=1; Path=/", true),
        // Sent without its name, the value would be taken for one.
        ("=__Host-a=1; Path=/", false),
        ("=__Secure-a; Secure; Path=/", false),
        ("__host-a; Path=/", false),
    ] {
        assert_eq!(!sent(from, &[line], from).is_empty(), is_kept, "{line}");
    }
}
