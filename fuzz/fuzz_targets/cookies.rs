//! Whatever a site says in `Set-Cookie`, its cookies go to nobody else, none that is for TLS goes in
//! clear, and a jar that is written is read as the same. The first byte picks the site; each line is a
//! field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torsade_http::{CookieJar, Url};

/// No two of these have anything to do with each other.
const SITES: [&str; 4] = [
    "https://www.example.com/a/b",
    "http://other.example.org/",
    "https://shop.example.co.uk/",
    "http://192.0.2.7/a",
];

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn written(jar: &CookieJar) -> Vec<u8> {
    let mut written = Vec::new();
    jar.save(&mut written).unwrap();
    written
}

fuzz_target!(|input: &[u8]| {
    let [site, bytes @ ..] = input else { return };
    let jar = CookieJar::new();
    let site = SITES[usize::from(*site) % SITES.len()];
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut count = 0;
    for line in lines.take(20) {
        jar.store(line, &url(site));
        count += 1;
    }
    assert!(jar.len() <= count);
    for other in SITES {
        if other != site {
            assert_eq!(jar.header_for(&url(other)), None, "from {site} to {other}");
        }
    }
    // Below a site and beside it there is more to be had, but never in clear what is for TLS.
    let mut own = url(site);
    let _ = own.set_scheme("http");
    if let Some(sent) = jar.header_for(&own) {
        let sent = String::from_utf8_lossy(sent.as_bytes()).to_ascii_lowercase();
        let is_for_tls = |pair: &str| pair.starts_with("__host-") || pair.starts_with("__secure-");
        assert!(!sent.split("; ").any(is_for_tls), "{sent}");
    }
    let once = written(&jar);
    let again = CookieJar::load(&once[..]).expect("it was just written");
    let ways = ["https://www.example.com/a/b", site];
    for way in ways.map(url) {
        let header = |jar: &CookieJar| jar.header_for(&way).map(|value| value.len());
        // Those of the session are not kept.
        assert!(header(&again) <= header(&jar));
    }
    assert_eq!(
        again.len(),
        CookieJar::load(&written(&again)[..]).unwrap().len()
    );
    // Nor is a jar from elsewhere a danger.
    let _ = CookieJar::load(bytes);
});
