use super::*;

fn parse(text: &str) -> Result<Proxy, InvalidProxy> {
    text.parse()
}

#[test]
fn a_proxy_is_its_url() {
    for (text, shown) in [
        ("http://proxy.test:3128", "http://proxy.test:3128"),
        ("proxy.test", "http://proxy.test:80"),
        ("proxy.test:3128", "http://proxy.test:3128"),
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("https://me:x@proxy.test/", "https://proxy.test:443"),
        ("socks5h://proxy.test", "socks5://proxy.test:1080"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), shown, "{text}");
    }
    for bad in [
        "",
        "http://",
        "ftp://proxy.test",
        "socks4://proxy.test",
        "proxy.test:99999",
        "a b",
    ] {
        let error = parse(bad).unwrap_err();
        assert_eq!(error.url, bad);
        assert!(error.to_string().contains("cannot be a proxy"));
    }
}

#[test]
fn credentials_are_decoded_and_never_shown() {
    let proxy = parse("http://m%40e:s%3Acret@proxy.test").unwrap();
    assert_eq!(
        proxy.credentials,
        Some(("m@e".to_owned(), "s:cret".to_owned()))
    );
    let value = proxy.authorization().unwrap();
    assert_eq!(value, "Basic bUBlOnM6Y3JldA==");
    assert!(value.is_sensitive());
    assert!(!format!("{proxy} {proxy:?}").contains("cret"));
    // Two that are known by other names are other proxies (R47).
    let other = proxy.clone().credentials("x", "y");
    assert_ne!(proxy, other);
    assert_eq!(parse("http://proxy.test").unwrap().authorization(), None);
}
