//! Files that a later try goes on with.
//!
//! What has come of `NAME` is in `NAME.part`; what it was taken from, so that no two versions get
//! mixed, in `NAME.part.from`: a line for the URL, and one for the version (RFC 9110 section 8.8).

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue, header};
use url::Url;

use super::Target;
use crate::response::Response;

/// A file that has come in part, or will. Nobody else writes to it meanwhile.
pub(crate) struct Partial {
    file: File,
    /// Where it belongs once it is whole.
    path: PathBuf,
    /// How much of it is there.
    length: u64,
    /// Which version that is of.
    version: Option<HeaderValue>,
}

/// The longest note of a version that is read: what a server may put into it is not much longer.
const LONGEST_NOTE: u64 = 64 * 1024;

impl Partial {
    /// What there is of `path`, from `url`, or nothing yet.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::WouldBlock`] if another one is at it.
    pub(crate) fn open(path: &Path, url: &Url) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(part(path))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is being written to", part(path).display()),
            ),
            TryLockError::Error(error) => error,
        })?;
        let mut partial = Self {
            length: file.metadata()?.len(),
            file,
            path: path.to_owned(),
            version: noted(path, url),
        };
        if partial.version.is_none() || partial.length == 0 {
            partial.clear()?;
        }
        Ok(partial)
    }

    /// How many bytes are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The fields that ask for the rest of the same version, or for all of another one; none if
    /// there is nothing yet.
    pub(crate) fn fields(&self) -> Option<[(header::HeaderName, HeaderValue); 2]> {
        let version = self.version.clone()?;
        let range = crate::range::field(self.length..)?;
        Some([(header::RANGE, range), (header::IF_RANGE, version)])
    }

    /// Nothing of it is of use.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.length, self.version) = (0, None);
        Ok(())
    }

    /// Is begun anew, of a version that a response has, if it tells one.
    pub(crate) fn begin(mut self, url: Option<&Url>, response: &Response) -> io::Result<Self> {
        self.clear()?;
        // What is decoded here cannot be gone on with.
        self.version = version(response.headers()).filter(|_| !response.is_decoded());
        // Else what comes would later be taken for what was before.
        forget(&note(&self.path))?;
        if let (Some(url), Some(version)) = (url, &self.version) {
            let version = String::from_utf8_lossy(version.as_bytes());
            fs::write(note(&self.path), format!("{url}\n{version}\n"))?;
        }
        Ok(self)
    }

    /// Whether a response has a part of the same version, as far as it says.
    pub(crate) fn is_of_version_in(&self, response: &Response) -> bool {
        let names_same = |name| match response.headers().get(name) {
            Some(value) => self.version.as_ref().is_none_or(|own| {
                let is_tag = |value: &HeaderValue| value.as_bytes().starts_with(b"\"");
                is_tag(own) != is_tag(value) || own == value
            }),
            None => true,
        };
        !response.is_decoded() && names_same(header::ETAG) && names_same(header::LAST_MODIFIED)
    }

    /// Is gone on with, behind what is there.
    pub(crate) fn go_on(mut self) -> io::Result<Self> {
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(self)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target for Partial {
    fn put_in_place(self) -> io::Result<()> {
        fs::rename(part(&self.path), &self.path)?;
        forget(&note(&self.path))
    }

    /// A version that cannot be named cannot be gone on with.
    fn give_up(self) {
        if self.version.is_none() {
            // If it stays, it is begun anew next time.
            let _ = fs::remove_file(part(&self.path));
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn part(path: &Path) -> PathBuf {
    with_suffix(path, ".part")
}

fn note(path: &Path) -> PathBuf {
    with_suffix(path, ".part.from")
}

fn forget(note: &Path) -> io::Result<()> {
    match fs::remove_file(note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The version in the note, if it is of `url`.
fn noted(path: &Path, url: &Url) -> Option<HeaderValue> {
    let mut text = String::new();
    let file = File::open(note(path)).ok()?;
    file.take(LONGEST_NOTE).read_to_string(&mut text).ok()?;
    let (from, rest) = text.split_once('\n')?;
    // Without the end of its line, it was not written to the end.
    let (version, _) = rest.split_once('\n')?;
    let is_same = from == url.as_str() && !version.is_empty();
    is_same
        .then(|| HeaderValue::from_str(version).ok())
        .flatten()
}

/// What names the version of a response so that two are the same byte for byte: a strong entity tag,
/// or else the time of the last change (RFC 9110 section 13.1.5).
fn version(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG);
    let strong = tag.filter(|tag| tag.as_bytes().starts_with(b"\""));
    strong.or_else(|| last_modified(headers)).cloned()
}

/// A time is as good as a strong tag if it was at least a second before the response was made
/// (RFC 9110 section 8.8.2.2).
fn last_modified(headers: &HeaderMap) -> Option<&HeaderValue> {
    let time = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let (changed, made) = (time(header::LAST_MODIFIED)?, time(header::DATE)?);
    let is_past = made
        .duration_since(changed)
        .is_ok_and(|age| age.as_secs() >= 1);
    headers.get(header::LAST_MODIFIED).filter(|_| is_past)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(fields: &[(header::HeaderName, &'static str)]) -> Option<String> {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let version = version(&headers.collect())?;
        Some(version.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_what_changes_with_every_byte_names_a_version() {
        use header::{DATE, ETAG, LAST_MODIFIED};
        let then = "Fri, 27 Nov 2026 10:00:00 GMT";
        let later = "Fri, 27 Nov 2026 10:00:01 GMT";
        assert_eq!(named(&[(ETAG, "\"a\"")]).as_deref(), Some("\"a\""));
        assert_eq!(named(&[(ETAG, "W/\"a\"")]), None);
        assert_eq!(
            named(&[(ETAG, "W/\"a\""), (LAST_MODIFIED, then), (DATE, later)]).as_deref(),
            Some(then)
        );
        assert_eq!(named(&[(LAST_MODIFIED, then), (DATE, then)]), None);
        assert_eq!(named(&[(LAST_MODIFIED, then)]), None);
        assert_eq!(named(&[]), None);
    }
}
