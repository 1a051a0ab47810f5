//! A connection with early data (0-RTT, RFC 8446 section 2.3), one step at a time.
//!
//! rustls' unbuffered connection cannot tell a client whether its early data was accepted, nor can a
//! server answer with it before the handshake is done. So these connections are buffered ones, at
//! the price of a copy.

use std::io::{self, Read, Write};

use rustls::client::ClientConnection;
use rustls::server::ServerConnection;
use rustls::{CommonState, Connection, Error};

use super::session::{Goal, Progress, Step};

pub(super) struct Early {
    connection: Connection,
    /// A client's first bytes, until they have arrived: early, or else after the handshake.
    first: Option<Vec<u8>>,
    /// They were sent early; or, on a server, some came.
    was_early: bool,
    is_read_closed: bool,
}

impl Early {
    pub(super) fn client(mut connection: ClientConnection, first: Vec<u8>) -> Self {
        connection.set_buffer_limit(None);
        let mut was_early = false;
        // All or nothing, so that they are either to be sent again or not.
        if let Some(mut early) = connection.early_data()
            && early.bytes_left() >= first.len()
        {
            was_early = early.write_all(&first).is_ok();
        }
        Self {
            connection: connection.into(),
            first: Some(first),
            was_early,
            is_read_closed: false,
        }
    }

    pub(super) fn server(mut connection: ServerConnection) -> Self {
        connection.set_buffer_limit(None);
        Self {
            connection: connection.into(),
            first: None,
            was_early: false,
            is_read_closed: false,
        }
    }

    pub(super) fn state(&self) -> &CommonState {
        &self.connection
    }

    /// A server is, as soon as there is early data to be answered.
    pub(super) fn is_ready(&self) -> bool {
        !self.connection.is_handshaking() || (self.first.is_none() && self.was_early)
    }

    /// Whether early data was accepted, by this side or the other.
    pub(super) fn was_accepted(&self) -> bool {
        match &self.connection {
            Connection::Client(client) => self.was_early && client.is_early_data_accepted(),
            Connection::Server(_) => self.was_early,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &[u8],
        goal: Goal<'_>,
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Step {
        if input.is_empty() || self.is_read_closed {
            let progress = self.write(goal, wire);
            return Step { used: 0, progress };
        }
        let mut unread = input;
        let read = self.connection.read_tls(&mut unread);
        let used = input.len() - unread.len();
        let progress = read
            .map_err(|error| Error::General(error.to_string()))
            .and_then(|_| self.process(plain, wire));
        Step { used, progress }
    }

    fn process(&mut self, plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<Progress, Error> {
        let has_closed = self.connection.process_new_packets()?.peer_has_closed();
        self.read_early(plain);
        read_all(&mut self.connection.reader(), plain);
        if !self.connection.is_handshaking()
            && let Some(first) = self.first.take()
            && !self.was_accepted()
        {
            self.was_early = false;
            append(self.connection.writer().write_all(&first))?;
        }
        self.flush(wire);
        Ok(if has_closed && !self.is_read_closed {
            self.is_read_closed = true;
            Progress::PeerClosed
        } else {
            Progress::More
        })
    }

    fn read_early(&mut self, plain: &mut Vec<u8>) {
        let Connection::Server(server) = &mut self.connection else {
            return;
        };
        if let Some(mut early) = server.early_data() {
            let before = plain.len();
            read_all(&mut early, plain);
            self.was_early |= plain.len() > before;
        }
    }

    fn write(&mut self, goal: Goal<'_>, wire: &mut Vec<u8>) -> Result<Progress, Error> {
        match goal {
            Goal::Read => {}
            _ if !self.is_ready() => return Ok(Progress::Waiting),
            Goal::Encrypt(plain) => append(self.connection.writer().write_all(plain))?,
            Goal::CloseNotify => self.connection.send_close_notify(),
        }
        self.flush(wire);
        Ok(Progress::Done)
    }

    /// Puts on the wire what rustls has for it.
    pub(super) fn flush(&mut self, wire: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // A vector takes everything.
            let _ = self.connection.write_tls(wire);
        }
    }
}

fn append(result: io::Result<()>) -> Result<(), Error> {
    result.map_err(|_| Error::EncryptError)
}

/// Reads what is there; the end, or that there is no more yet, is told elsewhere.
fn read_all(reader: &mut impl Read, plain: &mut Vec<u8>) {
    let _ = reader.read_to_end(plain);
}
