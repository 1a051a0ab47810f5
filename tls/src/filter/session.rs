//! rustls' unbuffered connection, of either side, one step at a time.

use std::panic::{self, AssertUnwindSafe};

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{CommonState, Error};

use super::early::Early;

pub(super) enum Session {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
    Early(Box<Early>),
}

/// What is to be done once nothing is left to be read.
#[derive(Clone, Copy)]
pub(super) enum Goal<'a> {
    /// Nothing.
    Read,
    /// Write these bytes.
    Encrypt(&'a [u8]),
    /// Say farewell.
    CloseNotify,
}

/// What one step did.
pub(super) struct Step {
    /// So many bytes at the front of the input are not needed any more.
    pub(super) used: usize,
    pub(super) progress: Result<Progress, Error>,
}

pub(super) enum Progress {
    /// There may be more to do: step again.
    More,
    /// The peer has closed its direction: step again.
    PeerClosed,
    /// All is read, and the goal is met.
    Done,
    /// All is read, and the goal has to wait for more input.
    Waiting,
}

impl Session {
    /// Reads at most one record of `input`, or takes one answer from rustls, or does `goal`.
    pub(super) fn step(
        &mut self,
        input: &mut [u8],
        goal: Goal<'_>,
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Step {
        match self {
            Self::Client(client) => act(client.process_tls_records(input), goal, plain, wire),
            Self::Server(server) => act(server.process_tls_records(input), goal, plain, wire),
            Self::Early(early) => early.step(input, goal, plain, wire),
        }
    }

    /// Like [`step`](Self::step) with nothing to write, once the close_notify was written.
    ///
    /// rustls sends an alert about every error, and asserts (in debug builds) that there was none
    /// before; its close_notify counts as one. A peer that sends a damaged record at that time
    /// must not bring the program down, so the assertion is made an error here. The session is not
    /// used after an error, whatever state it was left in.
    pub(super) fn step_after_farewell(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Step {
        let step = AssertUnwindSafe(|| self.step(input, Goal::Read, plain, wire));
        panic::catch_unwind(step).unwrap_or_else(|_| Step {
            used: 0,
            progress: Err(Error::General(
                "an invalid record after our close_notify".into(),
            )),
        })
    }

    /// Takes the alert that rustls has queued with an error.
    pub(super) fn flush(&mut self, wire: &mut Vec<u8>) {
        if let Self::Early(early) = self {
            return early.flush(wire);
        }
        // What is queued comes before the input is looked at, so that it need not be given again.
        // Without anything queued it would be needed.
        while self.state().wants_write() {
            let step = self.step(&mut [], Goal::Read, &mut Vec::new(), wire);
            if !matches!(step.progress, Ok(Progress::More)) {
                return;
            }
        }
    }

    pub(super) fn state(&self) -> &CommonState {
        match self {
            Self::Client(client) => client,
            Self::Server(server) => server,
            Self::Early(early) => early.state(),
        }
    }

    /// Whether data can be written.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Early(early) => early.is_ready(),
            _ => !self.state().is_handshaking(),
        }
    }

    /// Whether the first bytes came, or arrived, before the handshake was done.
    pub(super) fn has_early_data(&self) -> bool {
        matches!(self, Self::Early(early) if early.was_accepted())
    }
}

fn act<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    goal: Goal<'_>,
    plain: &mut Vec<u8>,
    wire: &mut Vec<u8>,
) -> Step {
    let mut used = status.discard;
    let progress = status.state.and_then(|state| match state {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record?;
                plain.extend_from_slice(record.payload);
                used += record.discard;
            }
            Ok(Progress::More)
        }
        ConnectionState::EncodeTlsData(mut message) => {
            append(wire, 0, |room| {
                message.encode(room).map_err(|error| match error {
                    EncodeError::InsufficientSize(needed) => Fault::TooSmall(needed),
                    EncodeError::AlreadyEncoded => Fault::Fatal,
                })
            })?;
            Ok(Progress::More)
        }
        ConnectionState::TransmitTlsData(transmit) => {
            transmit.done();
            Ok(Progress::More)
        }
        ConnectionState::PeerClosed => Ok(Progress::PeerClosed),
        ConnectionState::WriteTraffic(mut traffic) => {
            let fault = |error| match error {
                EncryptError::InsufficientSize(needed) => Fault::TooSmall(needed),
                // The keys have protected as much as they may. TLS 1.3 changes them in time.
                EncryptError::EncryptExhausted => Fault::Fatal,
            };
            match goal {
                Goal::Read => {}
                Goal::Encrypt(plain) => append(wire, encrypted_len(plain.len()), |room| {
                    traffic.encrypt(plain, room).map_err(fault)
                })?,
                Goal::CloseNotify => append(wire, encrypted_len(2), |room| {
                    traffic.queue_close_notify(room).map_err(fault)
                })?,
            }
            Ok(Progress::Done)
        }
        ConnectionState::BlockedHandshake | ConnectionState::Closed => Ok(match goal {
            Goal::Read => Progress::Done,
            Goal::Encrypt(_) | Goal::CloseNotify => Progress::Waiting,
        }),
        // Early data is turned off in every configuration.
        state => Err(Error::General(format!(
            "unexpected state of the connection: {state:?}"
        ))),
    });
    Step { used, progress }
}

/// Why nothing could be written.
enum Fault {
    TooSmall(InsufficientSizeError),
    Fatal,
}

/// Appends what `write` writes into the room it is given, which it may find too small.
fn append(
    wire: &mut Vec<u8>,
    expected: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Fault>,
) -> Result<(), Error> {
    let start = wire.len();
    let mut size = expected;
    loop {
        wire.resize(start + size, 0);
        match write(&mut wire[start..]) {
            Ok(written) => {
                wire.truncate(start + written);
                return Ok(());
            }
            Err(Fault::TooSmall(needed)) if needed.required_size > size => {
                size = needed.required_size;
            }
            Err(_) => {
                wire.truncate(start);
                return Err(Error::EncryptError);
            }
        }
    }
}

/// At least the length of `plain` bytes on the wire, if records have their full size.
fn encrypted_len(plain: usize) -> usize {
    /// Header, explicit nonce (TLS 1.2) or content type (TLS 1.3), and tag.
    const OVERHEAD: usize = 5 + 8 + 16;
    const MAX_RECORD: usize = 0x4000;
    plain + (plain / MAX_RECORD + 1) * OVERHEAD
}
