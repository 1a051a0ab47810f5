//! Where a redirect leads to.

use std::fmt::Write;

use url::Url;

/// The URL that `Location` means, seen from `base`.
///
/// Servers write it in many ways: blanks around it are cut off, those within it and bytes beyond
/// ASCII become percent signs as they are, so that nothing is encoded twice.
pub(super) fn resolve(base: &Url, location: &[u8]) -> Result<Url, &'static str> {
    let location = location.trim_ascii();
    let mut text = String::with_capacity(location.len());
    for &byte in location {
        match byte {
            0..=0x1f | 0x7f => return Err("it has a control character"),
            b' ' | 0x80.. => {
                let _ = write!(text, "%{byte:02X}");
            }
            _ => text.push(char::from(byte)),
        }
    }
    let mut url = base.join(&text).map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it is not of http or https");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it has no host");
    }
    // Never sent anywhere; and a server has no business with giving us names to log in by.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.fragment().is_none() {
        url.set_fragment(base.fragment());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(base: &str, location: impl AsRef<[u8]>) -> Result<String, &'static str> {
        let base = Url::parse(base).unwrap();
        resolve(&base, location.as_ref()).map(String::from)
    }

    // R51, R52, R54, R58
    #[test]
    fn locations_of_all_kinds_are_understood() {
        let base = "http://a.test/dir/page?q#part";
        for (location, url) in [
            (&b"http://b.test/x"[..], "http://b.test/x#part"),
            (b"other", "http://a.test/dir/other#part"),
            (b"/abs?x=y", "http://a.test/abs?x=y#part"),
            (b"?only", "http://a.test/dir/page?only#part"),
            (b"../up#own", "http://a.test/up#own"),
            (b"//c.test/y", "http://c.test/y#part"),
            (b"", "http://a.test/dir/page?q#part"),
            (b"  /trimmed \t", "http://a.test/trimmed#part"),
            (b"/a b", "http://a.test/a%20b#part"),
            (b"/a%2Fb%20c", "http://a.test/a%2Fb%20c#part"),
            ("/café".as_bytes(), "http://a.test/caf%C3%A9#part"),
            (b"/caf\xe9", "http://a.test/caf%E9#part"),
            (b"http://b.test:80/", "http://b.test/#part"),
            (b"http://b.test:/", "http://b.test/#part"),
            (b"http://me:secret@b.test/", "http://b.test/#part"),
            (b"HTTPS://B.TEST/X", "https://b.test/X#part"),
        ] {
            let shown = location.escape_ascii();
            assert_eq!(from(base, location).as_deref(), Ok(url), "{shown}");
        }
        for bad in [
            &b"/a\x00b"[..],
            b"/a\x7f",
            b"ftp://b.test/",
            b"http://",
            b"http://[::1",
            b"javascript:x",
        ] {
            assert!(from(base, bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
