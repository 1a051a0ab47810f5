//! Sending what a reader gives, as fast as the peer takes it.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::Read;
use std::rc::Rc;

use crate::{AlreadyRegistered, Deferred, Producer, ProducerKind, Resolver, Result, Transport};

/// How much is read at a time, in bytes.
const CHUNK: usize = 16 * 1024;

/// Sends a file, or anything else that can be read, through a transport: a chunk each time that the
/// transport asks for one, so that no more than that waits in memory.
///
/// Reading happens in the reactor's thread: it must not block for long, as reading a local file does
/// not.
///
/// ```
/// use torsade_core::protocols::FileSender;
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Protocol, Result, Transport};
///
/// /// Answers everything with its own manifest.
/// struct Manifest;
///
/// impl Protocol for Manifest {
///     fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
///         let file = std::fs::File::open("Cargo.toml")?;
///         let (transport, sender) = (transport.clone(), FileSender::new(file));
///         sender.begin(&transport)?.map(move |_| transport.lose_connection());
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _manifest = wire.connect(Manifest);
/// wire.receive(b"what are you?")?;
/// while wire.producer().is_some() {
///     wire.resume_producer();
/// }
/// assert_eq!(wire.value(), std::fs::read("Cargo.toml")?);
/// assert!(wire.is_disconnecting());
/// # Result::<()>::Ok(())
/// ```
pub struct FileSender<R> {
    reader: R,
    transform: Option<Transform>,
}

type Transform = Box<dyn FnMut(&mut Vec<u8>)>;

/// A file was sent: all of it was handed to the transport.
///
/// ```
/// use torsade_core::protocols::FileSender;
/// use torsade_core::testing::{StringTransport, success_result_of};
///
/// let wire = StringTransport::new();
/// let sent = FileSender::new(&b"one\ntwo"[..]).begin(wire.transport())?;
/// wire.resume_producer(); // there is room for a piece
/// wire.resume_producer(); // and the end is found
/// let sent = success_result_of(sent);
/// assert_eq!((sent.bytes, sent.last), (7, Some(b'o')));
/// if sent.last != Some(b'\n') {
///     wire.transport().write(b"\n");
/// }
/// assert_eq!(wire.value(), b"one\ntwo\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "lastSent")]
pub struct Sent {
    /// How many bytes, after the transformation.
    pub bytes: u64,
    /// The last one, by which text protocols know whether a line end is missing.
    pub last: Option<u8>,
}

/// The connection ended before all of a file was sent.
///
/// ```
/// use torsade_core::protocols::{FileSender, SendingStopped};
/// use torsade_core::testing::{StringTransport, failure_result_of};
/// use torsade_core::ConnectionDone;
///
/// let wire = StringTransport::new();
/// let sent = FileSender::new(std::io::repeat(0)).begin(wire.transport())?;
/// wire.resume_producer();
/// wire.lose(ConnectionDone); // the peer has seen enough
/// let stopped = failure_result_of(sent).trap::<SendingStopped>()?;
/// assert_eq!(stopped.bytes, 16 * 1024);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendingStopped {
    /// How many bytes had been handed to the transport.
    pub bytes: u64,
}

impl<R: Read + 'static> FileSender<R> {
    /// Sends what `reader` gives.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            transform: None,
        }
    }

    /// Changes each chunk before it is sent.
    ///
    /// ```
    /// use torsade_core::protocols::FileSender;
    /// use torsade_core::testing::StringTransport;
    ///
    /// let wire = StringTransport::new();
    /// let in_capitals = FileSender::new(&b"hello"[..]).transform(|chunk| chunk.make_ascii_uppercase());
    /// let _sent = in_capitals.begin(wire.transport())?;
    /// wire.resume_producer();
    /// assert_eq!(wire.value(), b"HELLO");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn transform(mut self, transform: impl FnMut(&mut Vec<u8>) + 'static) -> Self {
        self.transform = Some(Box::new(transform));
        self
    }

    /// Begins; the Deferred fires when all is handed to the transport.
    ///
    /// Cancelled, it stops; what was handed over is sent all the same.
    ///
    /// ```
    /// use torsade_core::protocols::FileSender;
    /// use torsade_core::testing::StringTransport;
    ///
    /// let wire = StringTransport::new();
    /// let sent = FileSender::new(std::io::repeat(b'x')).begin(wire.transport())?;
    /// for _ in 0..3 {
    ///     wire.resume_producer(); // as often as there is room
    /// }
    /// assert_eq!(wire.value().len(), 3 * 16 * 1024);
    /// sent.cancel();
    /// assert!(wire.producer().is_none());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadyRegistered`] when the transport has a producer. Through the Deferred,
    /// [`SendingStopped`] when the connection ended before, or the error of reading.
    #[doc(alias = "beginFileTransfer")]
    pub fn begin(self, transport: &Transport) -> Result<Deferred<Sent>, AlreadyRegistered> {
        let waiting: Rc<RefCell<Option<Resolver<Sent>>>> = Rc::default();
        let (to_cancel, consumer) = (Rc::clone(&waiting), transport.clone());
        let (resolver, sent) = Deferred::with_canceller(move || {
            // Without its Resolver the Deferred fails with Cancelled.
            if to_cancel.take().is_some() {
                consumer.unregister_producer();
            }
        });
        *waiting.borrow_mut() = Some(resolver);
        let sending = Sending {
            reader: self.reader,
            transform: self.transform,
            bytes: 0,
            last: None,
            waiting,
        };
        transport.register_producer(sending, ProducerKind::Pull)?;
        Ok(sent)
    }
}

struct Sending<R> {
    reader: R,
    transform: Option<Transform>,
    bytes: u64,
    last: Option<u8>,
    /// Taken when it is over.
    waiting: Rc<RefCell<Option<Resolver<Sent>>>>,
}

impl<R: Read> Sending<R> {
    /// Reads a chunk, as much of it as there is.
    fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let mut chunk = Vec::with_capacity(CHUNK);
        (&mut self.reader)
            .take(CHUNK as u64)
            .read_to_end(&mut chunk)?;
        Ok(chunk)
    }

    fn finish(&self, consumer: &Transport, finish: impl FnOnce(Resolver<Sent>)) {
        let resolver = self.waiting.take();
        consumer.unregister_producer();
        if let Some(resolver) = resolver {
            finish(resolver);
        }
    }
}

impl<R: Read + 'static> Producer for Sending<R> {
    fn resume_producing(&mut self, consumer: &Transport) {
        // A transformation may leave nothing of a chunk, and who writes nothing is not asked again.
        loop {
            match self.read() {
                Ok(chunk) if chunk.is_empty() => {
                    let (bytes, last) = (self.bytes, self.last);
                    return self
                        .finish(consumer, |resolver| resolver.callback(Sent { bytes, last }));
                }
                Ok(mut chunk) => {
                    if let Some(transform) = &mut self.transform {
                        transform(&mut chunk);
                    }
                    if chunk.is_empty() {
                        continue;
                    }
                    self.bytes += chunk.len() as u64;
                    self.last = chunk.last().copied();
                    return consumer.write_bytes(chunk);
                }
                Err(error) => return self.finish(consumer, |resolver| resolver.errback(error)),
            }
        }
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {
        if let Some(resolver) = self.waiting.take() {
            resolver.errback(SendingStopped { bytes: self.bytes });
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for FileSender<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SendingStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the connection ended after {} bytes of the file",
            self.bytes
        )
    }
}

impl Error for SendingStopped {}
