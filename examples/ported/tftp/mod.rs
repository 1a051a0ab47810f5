//! A server for TFTP (RFC 1350), as python-tx-tftp is one: files of a folder, to read and to add.
//!
//! A request comes to the server's port; the transfer has a port of its own, which speaks with that
//! client alone. Each block of 512 bytes is acknowledged before the next one is sent, and sent
//! again after 3 and 5 seconds; 10 more without a word end it. Who writes a file has 10 seconds
//! for each block. Text (`netascii`) is converted on the way.

mod files;
mod message;
mod session;

use std::io;

use torsade::datagram::{DatagramPort, DatagramProtocol};
use torsade::{Address, DeferredSemaphore, Failure, Result};

pub(crate) use files::Folder;
pub(crate) use message::Message;
use session::Session;

const BLOCK: usize = 512;
/// At the same time.
const TRANSFERS: usize = 100;

/// Takes requests.
pub(crate) struct Server {
    folder: Folder,
    transfers: DeferredSemaphore,
}

impl Server {
    pub(crate) fn new(folder: Folder) -> Self {
        let transfers = DeferredSemaphore::new(TRANSFERS).expect("it is not 0");
        Self { folder, transfers }
    }

    /// Does what a request asks for; what it fails with before the transfer is told to the client.
    async fn serve(
        folder: Folder,
        request: Message,
        here: DatagramPort,
        from: Address,
    ) -> Result<()> {
        let (name, mode, is_read) = match request {
            Message::Read { name, mode } => (name, mode, true),
            Message::Write { name, mode } => (name, mode, false),
            _ => return here.send(&Message::error(4, "no request").to_bytes(), &from),
        };
        let is_text = match mode.to_ascii_lowercase().as_str() {
            "netascii" => true,
            "octet" => false,
            _ => return here.send(&Message::error(4, "unknown mode").to_bytes(), &from),
        };
        log::info!("{from}: {} {name}", if is_read { "read" } else { "write" });
        let failure = if is_read {
            match folder.source(&name, is_text).await {
                Ok(source) => return Session::start(&here, &from)?.send(source).await,
                Err(failure) => failure,
            }
        } else {
            match folder.sink(&name, is_text).await {
                Ok(sink) => return Session::start(&here, &from)?.receive(sink).await,
                Err(failure) => failure,
            }
        };
        here.send(&told(&failure).to_bytes(), &from)
    }
}

impl DatagramProtocol for Server {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        let Some(request) = Message::parse(data) else {
            return Ok(());
        };
        if self.transfers.tokens() == 0 {
            return port.send(&Message::error(0, "too busy").to_bytes(), from);
        }
        let reactor = self.folder.reactor.clone();
        let serving = Self::serve(self.folder.clone(), request, port.clone(), from.clone());
        let served = self.transfers.run(move || reactor.spawn(serving));
        served.add_errback(|failure| {
            log::warn!("a transfer failed: {failure:#}");
            Ok(())
        });
        Ok(())
    }
}

/// What a client is told of an error.
fn told(failure: &Failure) -> Message {
    match failure.check::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => Message::error(1, "file not found"),
        Some(io::ErrorKind::PermissionDenied) => Message::error(2, "access violation"),
        Some(io::ErrorKind::AlreadyExists) => Message::error(6, "file already exists"),
        _ => Message::error(0, &failure.to_string()),
    }
}
