//! The jar.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cookie_store::{Cookie, CookieDomain, CookieStore};
use http::HeaderValue;
use url::Url;

use super::date;
use crate::saving::new_file::{self, Readers};

/// A jar of cookies. A cheap handle: clones share their cookies.
///
/// A cookie goes back to the host that it came from, or to those below its `Domain`, which cannot be
/// a public suffix such as `co.uk`; to paths below its `Path`; and with `Secure` only by https.
///
/// ```
/// use torsade_http::{CookieJar, Url};
///
/// let jar = CookieJar::new();
/// let url = Url::parse("https://example.com/")?;
/// jar.store(b"session=abc; Path=/; Secure", &url);
/// assert_eq!(jar.header_for(&url).unwrap(), "session=abc");
/// assert!(jar.header_for(&Url::parse("http://example.com/")?).is_none());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Default)]
#[doc(alias = "cookiejar")]
#[doc(alias = "cookieJar")]
pub struct CookieJar {
    store: Rc<RefCell<CookieStore>>,
}

/// A jar could not be read or written.
///
/// ```
/// use torsade_http::CookieJar;
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("cookies.json");
/// std::fs::write(&file, "session=abc")?; // not what `save_to` writes
/// let error = CookieJar::open(&file).unwrap_err();
/// assert_eq!(error.file, Some(file));
/// assert_eq!(error.error.kind(), std::io::ErrorKind::InvalidData);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub struct CookieJarError {
    /// Its file, if it is one.
    pub file: Option<PathBuf>,
    /// What went wrong.
    pub error: io::Error,
}

impl fmt::Display for CookieJarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the cookies in {}", file.display()),
            None => f.write_str("the cookies"),
        }?;
        f.write_str(" cannot be read or written")
    }
}

impl Error for CookieJarError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl CookieJar {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The jar in a file that [`save_to`](Self::save_to) wrote; empty if there is none yet.
    ///
    /// ```
    /// use torsade_http::{CookieJar, Url};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("cookies.json");
    /// let jar = CookieJar::open(&file)?;
    /// assert!(jar.is_empty()); // there is no such file yet
    /// jar.store(b"theme=dark; Max-Age=3600", &Url::parse("https://example.com/")?);
    /// jar.save_to(&file)?;
    /// assert_eq!(CookieJar::open(&file)?.len(), 1);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CookieJarError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CookieJarError> {
        let path = path.as_ref();
        let in_file = |error| CookieJarError {
            file: Some(path.to_owned()),
            error,
        };
        match File::open(path) {
            Ok(file) => Self::load(BufReader::new(file)).map_err(|error| in_file(error.error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new()),
            Err(error) => Err(in_file(error)),
        }
    }

    /// The jar that [`save`](Self::save) wrote.
    ///
    /// ```
    /// use torsade_http::CookieJar;
    ///
    /// let error = CookieJar::load(&b"{ not all"[..]).unwrap_err();
    /// assert_eq!(error.file, None);
    /// ```
    ///
    /// # Errors
    /// [`CookieJarError`].
    pub fn load(reader: impl BufRead) -> Result<Self, CookieJarError> {
        let store = cookie_store::serde::json::load(reader).map_err(|error| CookieJarError {
            file: None,
            error: io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        })?;
        Ok(Self {
            store: Rc::new(RefCell::new(store)),
        })
    }

    /// Writes the cookies that outlive a session, in JSON.
    ///
    /// ```
    /// use torsade_http::{CookieJar, Url};
    ///
    /// let (jar, url) = (CookieJar::new(), Url::parse("https://example.com/")?);
    /// jar.store(b"theme=dark; Max-Age=3600", &url);
    /// jar.store(b"session=abc", &url);
    /// let mut text = Vec::new();
    /// jar.save(&mut text)?;
    /// // The session is over with the program.
    /// let later = CookieJar::load(&text[..])?;
    /// assert_eq!(later.header_for(&url).unwrap(), "theme=dark");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CookieJarError`].
    pub fn save(&self, writer: &mut impl Write) -> Result<(), CookieJarError> {
        cookie_store::serde::json::save(&self.store.borrow(), writer).map_err(|error| {
            CookieJarError {
                file: None,
                error: io::Error::other(error.to_string()),
            }
        })
    }

    /// Writes them to a file, which is as it was or whole, whatever happens meanwhile. Only its owner
    /// can read it.
    ///
    /// ```
    /// use torsade_http::CookieJar;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("no-such-folder/cookies.json");
    /// let error = CookieJar::new().save_to(&file).unwrap_err();
    /// assert_eq!(error.file, Some(file));
    /// assert_eq!(error.error.kind(), std::io::ErrorKind::NotFound);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`CookieJarError`].
    pub fn save_to(&self, path: impl AsRef<Path>) -> Result<(), CookieJarError> {
        let path = path.as_ref();
        let in_file = |error| CookieJarError {
            file: Some(path.to_owned()),
            error,
        };
        let mut content = Vec::new();
        self.save(&mut content)
            .map_err(|error| in_file(error.error))?;
        let written = new_file::beside(path, Readers::Owner).and_then(|mut new| {
            new.write_all(&content)?;
            Ok(new.persist(path)?)
        });
        written.map(drop).map_err(in_file)
    }

    /// Takes a field `Set-Cookie` of a response from `url`. One that makes no sense, or has no
    /// business with other hosts, is passed over.
    ///
    /// ```
    /// use torsade_http::{CookieJar, Url};
    ///
    /// let jar = CookieJar::new();
    /// let url = Url::parse("https://www.example.co.uk/")?;
    /// jar.store(b"a=1; Domain=example.co.uk", &url);
    /// jar.store(b"b=2; Domain=co.uk", &url); // for everybody in the country
    /// jar.store(b"c=3; Domain=example.org", &url); // for somebody else
    /// assert_eq!(jar.len(), 1);
    /// jar.store(b"a=; Domain=example.co.uk; Max-Age=0", &url); // that is how one is deleted
    /// assert!(jar.is_empty());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn store(&self, set_cookie: &[u8], url: &Url) {
        let text = with_plain_date(&String::from_utf8_lossy(set_cookie));
        let Ok(cookie) = Cookie::parse(text, url) else {
            log::debug!(target: "torsade::http", "{url}: a cookie that makes no sense");
            return;
        };
        if let Err(why) = is_acceptable(&cookie) {
            log::debug!(target: "torsade::http", "{url}: a cookie is refused: {why}");
            return;
        }
        let mut cookie = cookie.into_owned();
        if let CookieDomain::Suffix(domain) = &cookie.domain
            && is_public(domain)
        {
            // RFC 6265, section 5.3, 5.
            if url.host_str() != Some(domain) {
                log::debug!(target: "torsade::http", "{url}: a cookie for all of {domain}");
                return;
            }
            cookie.domain = CookieDomain::HostOnly(domain.clone());
        }
        if let Err(error) = self.store.borrow_mut().insert(cookie, url) {
            log::debug!(target: "torsade::http", "{url}: a cookie is refused: {error}");
        }
    }

    /// What goes into the field `Cookie` of a request for `url`; `None` if there is nothing.
    ///
    /// ```
    /// use torsade_http::{CookieJar, Url};
    ///
    /// let (jar, url) = (CookieJar::new(), Url::parse("https://example.com/shop/cart")?);
    /// jar.store(b"a=1; Path=/", &url);
    /// jar.store(b"b=2; Path=/shop", &url);
    /// assert_eq!(jar.header_for(&url).unwrap(), "b=2; a=1"); // the longer path first
    /// assert_eq!(jar.header_for(&Url::parse("https://example.com/")?).unwrap(), "a=1");
    /// assert_eq!(jar.header_for(&Url::parse("https://example.org/")?), None);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn header_for(&self, url: &Url) -> Option<HeaderValue> {
        let store = self.store.borrow();
        let mut cookies = store.matches(url);
        // cookie_store would trust this host with them without TLS.
        cookies.retain(|cookie| url.scheme() == "https" || !cookie.secure().unwrap_or(false));
        // RFC 6265, section 5.4: longer paths first; the older of two first, which they are.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = cookies
            .iter()
            .map(|cookie| match (cookie.name(), cookie.value()) {
                ("", value) => value.to_owned(),
                (name, value) => format!("{name}={value}"),
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_bytes(pairs.join("; ").as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Forgets all of them.
    ///
    /// ```
    /// use torsade_http::{CookieJar, Url};
    ///
    /// let jar = CookieJar::new();
    /// jar.store(b"session=abc", &Url::parse("https://example.com/")?);
    /// assert_eq!(jar.len(), 1);
    /// jar.clear();
    /// assert!(jar.is_empty());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn clear(&self) {
        self.store.borrow_mut().clear();
    }

    /// How many there are that have not expired.
    pub fn len(&self) -> usize {
        self.store.borrow().iter_unexpired().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What browsers ask of a cookie besides (RFC 6265bis section 5.6).
fn is_acceptable(cookie: &Cookie<'_>) -> Result<(), &'static str> {
    // One of these would make the field that all of them go into no field.
    let is_control = |byte: u8| byte != b'\t' && byte.is_ascii_control();
    if cookie
        .name()
        .bytes()
        .chain(cookie.value().bytes())
        .any(is_control)
    {
        return Err("it has a control character");
    }
    let begins_with = |prefix: &str| {
        let start = cookie.name().get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let is_secure = cookie.secure().unwrap_or(false);
    if begins_with("__Secure-") && !is_secure {
        return Err("its name says that it is secure, and it is not");
    }
    if begins_with("__Host-")
        && !(is_secure && cookie.path() == Some("/") && cookie.domain().is_none())
    {
        return Err("its name says that it is for one host, and it is not");
    }
    Ok(())
}

/// Whether anybody can have a domain below this one.
fn is_public(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == domain.as_bytes())
}

/// The field with its date, however that is written, as everybody reads it; a date that is none is
/// left away (RFC 6265, section 5.2.1).
fn with_plain_date(set_cookie: &str) -> String {
    let mut parts = set_cookie.split(';');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !name.trim().eq_ignore_ascii_case("expires") {
            text.push(';');
            text += part;
        } else if let Some(time) = date::parse(value) {
            text += &format!("; Expires={}", httpdate::fmt_http_date(time));
        }
    }
    text
}

// Their values are secrets.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar")
            .field("cookies", &self.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
