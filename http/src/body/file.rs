//! A file, or another reader, as a body.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use torsade_core::{Deferred, Reactor};

use super::pieces::{Piece, Pieces};
use super::{BodyProducer, BodyWriter};

/// Sends a file, from where it stands to its end. It is read on the reactor's thread pool, as fast as
/// the server takes it, and closed when it is sent or the request fails.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_http::{Agent, FileBodyProducer, Method, Request};
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("picture.jpg");
/// # std::fs::write(&path, "a picture")?;
/// let body = FileBodyProducer::open(&reactor, path)?;
/// let request = Request::new(Method::PUT, "http://127.0.0.1/picture")?.body_producer(body);
/// let _answer = Agent::new(&reactor).request(request);
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(seen.data().ends_with(b"Content-Length: 9\r\n\r\na picture"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct FileBodyProducer(Pieces);

impl FileBodyProducer {
    /// Opens a file.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::FileBodyProducer;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let error = FileBodyProducer::open(&reactor, "no-such-file").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// ```
    ///
    /// # Errors
    /// What the system says.
    pub fn open(reactor: &Reactor, path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(reactor, File::open(path)?)
    }

    /// Takes an open file. What has no length (a pipe, a device) is sent in chunks.
    ///
    /// ```
    /// use std::io::{Seek, SeekFrom, Write};
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{BodyProducer, FileBodyProducer};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let mut file = tempfile::tempfile()?;
    /// file.write_all(b"what was sent, and the rest")?;
    /// file.seek(SeekFrom::Start(15))?;
    /// assert_eq!(FileBodyProducer::new(&reactor, file)?.length(), Some(12)); // from here to its end
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says.
    pub fn new(reactor: &Reactor, file: File) -> io::Result<Self> {
        let piece = piece(file)?;
        Ok(Self(Pieces::new(reactor, [piece])))
    }

    /// Takes whatever can be read: so many bytes of it, or without a length all, in chunks. One that has
    /// fewer fails the request.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use std::io::{Cursor, Read};
    /// use torsade_http::{Agent, FileBodyProducer, Method, Request};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let two = Cursor::new("one, ").chain(Cursor::new("two"));
    /// let body = FileBodyProducer::from_reader(&reactor, two, Some(8));
    /// let request = Request::new(Method::PUT, "http://127.0.0.1/numbers")?.body_producer(body);
    /// let _answer = Agent::new(&reactor).request(request);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().ends_with(b"Content-Length: 8\r\n\r\none, two"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn from_reader(
        reactor: &Reactor,
        reader: impl Read + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        let piece = Piece::Reader(Box::new(reader), length);
        Self(Pieces::new(reactor, [piece]))
    }
}

/// The rest of a file.
pub(super) fn piece(mut file: File) -> io::Result<Piece> {
    let metadata = file.metadata()?;
    let length = match metadata.is_file() {
        true => Some(metadata.len().saturating_sub(file.stream_position()?)),
        false => None,
    };
    Ok(Piece::Reader(Box::new(file), length))
}

impl BodyProducer for FileBodyProducer {
    fn length(&self) -> Option<u64> {
        self.0.length()
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        self.0.start_producing(writer)
    }

    fn pause_producing(&mut self) {
        self.0.pause_producing();
    }

    fn resume_producing(&mut self) {
        self.0.resume_producing();
    }

    fn stop_producing(&mut self) {
        self.0.stop_producing();
    }
}

impl fmt::Debug for FileBodyProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBodyProducer")
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}
