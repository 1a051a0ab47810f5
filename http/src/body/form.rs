//! Forms with files: multipart/form-data (RFC 7578).

use std::fmt::{self, Write};
use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use torsade_core::Reactor;

use super::RequestBody;
use super::file::piece;
use super::pieces::{Piece, Pieces};
use crate::random::random_hex;

/// A form with texts and files, as browsers send it.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_http::{AgentOptions, Client, Form};
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// # let client = Client::with_options(&reactor, AgentOptions::new());
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("beach.jpg");
/// # std::fs::write(&path, "a picture")?;
/// let form = Form::new().text("title", "On holiday").file("picture", path)?;
/// let _answer = client.post("http://127.0.0.1/upload").multipart(form).send();
/// reactor.advance(Duration::from_secs(1))?;
/// let sent = String::from_utf8(seen.data())?;
/// assert!(sent.contains("name=\"title\"\r\n\r\nOn holiday\r\n"), "{sent}");
/// assert!(sent.contains("name=\"picture\"; filename=\"beach.jpg\"\r\n"), "{sent}");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Default)]
pub struct Form {
    pieces: Vec<Piece>,
    boundary: String,
}

impl Form {
    /// Without any field.
    pub fn new() -> Self {
        Self {
            pieces: Vec::new(),
            // Nobody can guess it, and so put it into a field.
            boundary: format!("torsade-{}", random_hex()),
        }
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.begin(name, None);
        self.pieces.push(Piece::Bytes(Bytes::from(value.into())));
        self
    }

    /// Adds bytes as if they were a file of this name and media type.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client, Form};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let form = Form::new().bytes("notes", "notes.txt", "text/plain", "made in memory");
    /// let _answer = client.post("http://127.0.0.1/upload").multipart(form).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// let sent = String::from_utf8(seen.data())?;
    /// assert!(sent.contains("filename=\"notes.txt\"\r\nContent-Type: text/plain\r\n"), "{sent}");
    /// assert!(sent.contains("\r\n\r\nmade in memory\r\n"), "{sent}");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn bytes(
        mut self,
        name: &str,
        file_name: &str,
        media_type: &str,
        content: impl Into<Bytes>,
    ) -> Self {
        self.begin(name, Some((file_name, media_type)));
        self.pieces.push(Piece::Bytes(content.into()));
        self
    }

    /// Adds a file, of the media type `application/octet-stream`.
    ///
    /// ```
    /// use torsade_http::Form;
    ///
    /// let error = Form::new().file("picture", "no-such-file.jpg").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// ```
    ///
    /// # Errors
    /// What the system says when it is opened.
    pub fn file(mut self, name: &str, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = piece(File::open(path)?)?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        self.begin(name, Some((&file_name, "application/octet-stream")));
        self.pieces.push(file);
        Ok(self)
    }

    /// Begins a field.
    fn begin(&mut self, name: &str, file: Option<(&str, &str)>) {
        let end = if self.pieces.is_empty() { "" } else { "\r\n" };
        let mut head = format!(
            "{end}--{}\r\nContent-Disposition: form-data; name=\"{}\"",
            self.boundary,
            Quoted(name)
        );
        if let Some((file_name, media_type)) = file {
            let _ = write!(
                head,
                "; filename=\"{}\"\r\nContent-Type: {}",
                Quoted(file_name),
                Quoted(media_type)
            );
        }
        head += "\r\n\r\n";
        self.pieces.push(Piece::Bytes(Bytes::from(head)));
    }

    /// Its media type, and itself as a body.
    pub(crate) fn into_body(mut self, reactor: &Reactor) -> (String, RequestBody) {
        let end = if self.pieces.is_empty() { "" } else { "\r\n" };
        let last = format!("{end}--{}--\r\n", self.boundary);
        self.pieces.push(Piece::Bytes(Bytes::from(last)));
        let media_type = format!("multipart/form-data; boundary={}", self.boundary);
        let producer = Pieces::new(reactor, self.pieces);
        (media_type, RequestBody::Producer(Box::new(producer)))
    }
}

/// A name that cannot leave its quotes (as the WHATWG has it).
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '"' => f.write_str("%22"),
            '\r' => f.write_str("%0D"),
            '\n' => f.write_str("%0A"),
            letter => f.write_char(letter),
        })
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}
