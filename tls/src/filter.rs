//! The TLS filter: wire bytes in, plain bytes out, and the other way round.
//!
//! It drives rustls' unbuffered connection, which reads records where they are (in the reactor's
//! read buffer) and has no buffers of its own, so that a connection that waits owns no memory but
//! its keys:
//!
//! ```text
//! decode: input -> [unfinished record, kept] -> session -> plain, wire
//! encode: plain -> session -> wire
//! ```
//!
//! A filter is in its handshake, then ready; each direction then closes with a close_notify.
//! After an error it is dead: it decodes nothing more.

mod early;
mod session;

use std::any::Any;
use std::cell::OnceCell;
use std::fmt;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use rustls::client::{ClientConnection, UnbufferedClientConnection};
use rustls::server::{ServerConnection, UnbufferedServerConnection};
use torsade_core::{Filter, Result};

use self::early::Early;
use self::session::{Goal, Progress, Session};
use crate::error::{Context, TlsError, diagnose, is_unlike_tls, not_tls};
use crate::{TlsInfo, observe};

/// One connection's TLS, as a stage between wire and protocol.
///
/// From [`ClientTls::filter`](crate::ClientTls::filter) or
/// [`ServerTls::filter`](crate::ServerTls::filter). Its errors are [`TlsError`]s.
///
/// ```
/// use std::mem::take;
/// use torsade_core::Filter;
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, TlsVersion};
///
/// # let authority = Authority::new("for tests");
/// # let own = authority.issue(["example.com"]);
/// let mut client = ClientTls::builder().trust(authority.trust()).build()?.filter("example.com")?;
/// let mut server = ServerTls::builder().certificate(own).build()?.filter()?;
/// let (mut plain, mut to_server, mut to_client) = (Vec::new(), Vec::new(), Vec::new());
/// client.start(&mut to_server)?;
/// while !to_server.is_empty() {
///     server.decode(&mut take(&mut to_server), &mut plain, &mut to_client)?;
///     client.decode(&mut take(&mut to_client), &mut plain, &mut to_server)?;
/// }
/// assert!(client.is_ready() && server.is_ready());
/// assert_eq!(client.info().map(|info| info.version), Some(TlsVersion::Tls13));
///
/// client.encode(b"in secret", &mut to_server)?;
/// server.decode(&mut to_server, &mut plain, &mut to_client)?;
/// assert_eq!(plain, b"in secret");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "TLSMemoryBIOProtocol")]
#[doc(alias = "BufferingTLSTransport")]
pub struct TlsFilter {
    session: Session,
    /// What of the input could not be used yet: the beginning of a record, or records with the
    /// beginning of a handshake message. Without capacity when empty.
    pending: Vec<u8>,
    /// Who is on the other side, for errors.
    peer: Arc<str>,
    /// See [`TlsInfo::server_name`].
    server_name: Option<String>,
    /// Made when it is asked for; most programs never do.
    info: OnceCell<Option<Rc<TlsInfo>>>,
    /// The peer has sent something.
    was_answered: bool,
    /// A record could be read: the peer does speak TLS.
    has_read_record: bool,
    /// Whether there was a certificate to show when the peer asked for one.
    had_certificate: Option<bool>,
    is_ready: bool,
    is_read_closed: bool,
    is_write_closed: bool,
    /// There was an error, and its alert is on the way.
    has_failed: bool,
}

impl TlsFilter {
    pub(crate) fn client(connection: UnbufferedClientConnection, server: Arc<str>) -> Self {
        let server_name = Some(server.to_string());
        Self::new(Session::Client(Box::new(connection)), server, server_name)
    }

    pub(crate) fn server(connection: UnbufferedServerConnection) -> Self {
        Self::new(
            Session::Server(Box::new(connection)),
            "the client".into(),
            None,
        )
    }

    /// A client whose `first` bytes are sent early, if that is possible.
    pub(crate) fn early_client(
        connection: ClientConnection,
        server: Arc<str>,
        first: Vec<u8>,
    ) -> Self {
        let server_name = Some(server.to_string());
        let session = Session::Early(Box::new(Early::client(connection, first)));
        Self::new(session, server, server_name)
    }

    /// A server that accepts early data.
    pub(crate) fn early_server(connection: ServerConnection) -> Self {
        let session = Session::Early(Box::new(Early::server(connection)));
        Self::new(session, "the client".into(), None)
    }

    fn new(session: Session, peer: Arc<str>, server_name: Option<String>) -> Self {
        Self {
            session,
            pending: Vec::new(),
            peer,
            server_name,
            info: OnceCell::new(),
            was_answered: false,
            has_read_record: false,
            had_certificate: None,
            is_ready: false,
            is_read_closed: false,
            is_write_closed: false,
            has_failed: false,
        }
    }

    /// What was agreed on, once the handshake is done.
    ///
    /// The same as [`negotiated`](Filter::negotiated), with its type.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    ///
    /// let filter = ClientTls::builder().bundled_roots().build()?.filter("example.com")?;
    /// assert!(filter.info().is_none()); // there was no handshake yet
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn info(&self) -> Option<Rc<TlsInfo>> {
        if !self.is_ready {
            return None;
        }
        let info = || {
            let name = self.server_name.clone();
            let mut info = TlsInfo::read(self.session.state(), name)?;
            info.early_data = self.session.has_early_data();
            Some(Rc::new(info))
        };
        self.info.get_or_init(info).clone()
    }

    /// Completes the unfinished record from the front of `input`, and gives what is left.
    ///
    /// Only what completes it is copied, so that all records after it are read in place.
    fn finish_pending<'i>(
        &mut self,
        mut input: &'i mut [u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<&'i mut [u8], TlsError> {
        while !self.pending.is_empty() && !input.is_empty() && !self.is_read_closed {
            let count = missing(&self.pending).min(input.len());
            let (head, rest) = input.split_at_mut(count);
            input = rest;
            let mut pending = mem::take(&mut self.pending);
            pending.reserve_exact(head.len());
            pending.extend_from_slice(head);
            let used = self.process(&mut pending, plain, wire)?;
            if used < pending.len() {
                pending.drain(..used);
                self.pending = pending;
            }
        }
        Ok(input)
    }

    /// Lets rustls read `input`, and gives how many bytes of it are used up.
    fn process(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<usize, TlsError> {
        let mut used = 0;
        loop {
            let unread = &mut input[used..];
            let step = if self.is_write_closed {
                self.session.step_after_farewell(unread, plain, wire)
            } else {
                self.session.step(unread, Goal::Read, plain, wire)
            };
            used += step.used;
            self.has_read_record |= step.used > 0;
            match step.progress {
                Ok(Progress::More) => {}
                Ok(Progress::PeerClosed) => self.is_read_closed = true,
                Ok(Progress::Done | Progress::Waiting) => break,
                Err(error) => return Err(self.fail(error, &input[used..], wire)),
            }
        }
        if !self.is_ready {
            let notes = observe::take();
            self.had_certificate = notes.had_certificate.or(self.had_certificate);
            self.server_name = self.server_name.take().or(notes.server_name);
            self.is_ready = self.session.is_ready();
        }
        if self.is_read_closed {
            // RFC 8446, 6.1: what follows a close_notify is ignored.
            used = input.len();
        }
        if input.len() - used > MAX_PENDING {
            let error = rustls::InvalidMessage::HandshakePayloadTooLarge;
            return Err(self.fail(error.into(), &[], wire));
        }
        Ok(used)
    }

    /// Puts the alert on the wire that `error` is answered with, and names the trouble.
    fn fail(&mut self, error: rustls::Error, unread: &[u8], wire: &mut Vec<u8>) -> TlsError {
        self.has_failed = true;
        self.pending = Vec::new();
        // RFC 8446, 6.1: nothing follows a close_notify, not even an alert.
        if !self.is_write_closed {
            self.session.flush(wire);
        }
        let notes = observe::take();
        diagnose(
            error,
            Context {
                peer: &self.peer,
                refused: notes.refused,
                had_certificate: notes.had_certificate.or(self.had_certificate),
                in_handshake: !self.is_ready,
                first_bytes: (!self.has_read_record).then_some(unread),
            },
        )
    }

    /// Has rustls write what `goal` says.
    fn write(&mut self, goal: Goal<'_>, wire: &mut Vec<u8>) -> Result<(), TlsError> {
        // rustls remembers how far it has read what is pending, so it has to be shown again. It
        // has nothing new to read in it.
        let nothing = &mut Vec::new();
        loop {
            let step = self.session.step(&mut self.pending, goal, nothing, wire);
            let error = match step.progress {
                Ok(Progress::Done) => return Ok(()),
                Ok(Progress::More | Progress::PeerClosed) => continue,
                Ok(Progress::Waiting) => rustls::Error::HandshakeNotComplete,
                Err(error) => error,
            };
            return Err(self.fail(error, &[], wire));
        }
    }
}

impl Filter for TlsFilter {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        self.process(&mut [], &mut Vec::new(), wire)?;
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()> {
        if self.has_failed || self.is_read_closed {
            return Ok(());
        }
        self.was_answered |= !input.is_empty();
        let input = self.finish_pending(input, plain, wire)?;
        if !input.is_empty() && !self.is_read_closed {
            let used = self.process(input, plain, wire)?;
            if used < input.len() {
                self.pending = input[used..].to_vec();
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        // In pieces, so that the room made for each is still in the processor's cache when it is
        // written to.
        for piece in plain.chunks(MAX_PIECE) {
            self.write(Goal::Encrypt(piece), wire)?;
        }
        Ok(())
    }

    fn close_write(&mut self, wire: &mut Vec<u8>) {
        if self.is_write_closed || self.has_failed {
            return;
        }
        self.is_write_closed = true;
        // In the handshake there is nothing to close yet: the connection just ends.
        if self.is_ready
            && let Err(error) = self.write(Goal::CloseNotify, wire)
        {
            log::debug!(target: "torsade::tls", "TLS close_notify: {error}");
        }
    }

    fn wire_closed(&mut self) -> Result<()> {
        if self.has_failed || self.is_read_closed {
            return Ok(());
        }
        self.has_failed = true;
        let pending = mem::take(&mut self.pending);
        let peer = Arc::clone(&self.peer);
        Err(if self.is_ready {
            TlsError::ClosedWithoutCloseNotify {
                peer,
                within_record: !pending.is_empty(),
            }
        } else if !self.has_read_record && is_unlike_tls(&pending) {
            not_tls(peer, &pending)
        } else {
            TlsError::EofInHandshake {
                peer,
                answered: self.was_answered,
            }
        }
        .into())
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn is_read_closed(&self) -> bool {
        self.is_read_closed
    }

    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        self.info().map(|info| info as Rc<dyn Any>)
    }
}

impl fmt::Debug for TlsFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFilter")
            .field("peer", &self.peer)
            .field("is_ready", &self.is_ready)
            .field("is_read_closed", &self.is_read_closed)
            .field("is_write_closed", &self.is_write_closed)
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}

/// How many bytes complete the record that `pending` begins with.
///
/// If that is complete, it is part of a handshake message that takes more records, and the length
/// of the last one is not known: all that there is.
fn missing(pending: &[u8]) -> usize {
    let [_, _, _, high, low, ..] = *pending else {
        return RECORD_HEADER - pending.len();
    };
    let record = RECORD_HEADER + usize::from(u16::from_be_bytes([high, low]));
    if record > pending.len() {
        record - pending.len()
    } else {
        usize::MAX
    }
}

/// Type, version, length (RFC 8446, 5.1).
const RECORD_HEADER: usize = 5;

/// The most that is kept between two reads: a handshake message of the size that rustls allows
/// (64 KiB) in full records, and then one record. More comes only from a peer that chops its
/// handshake into tiny records.
const MAX_PENDING: usize = 0x10000 + 2 * (RECORD_HEADER + 0x4000 + 2048);

/// Four full records.
const MAX_PIECE: usize = 4 * 0x4000;

#[cfg(test)]
mod tests;
