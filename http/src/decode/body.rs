//! What stands between a coded body and whoever takes it.

use torsade_core::{Failure, Result};

use super::DecodeError;
use super::decoder::{Decoded, Decoder};
use crate::error::{PotentialDataLoss, ResponseDone};
use crate::incoming::{BodyControl, BodyProtocol};

/// As much is handed on at a time.
const BLOCK: usize = 32 * 1024;

/// Decodes a body for `receiver`.
pub(crate) struct Decoding<R> {
    decoder: Decoder,
    receiver: R,
    /// From the first call to the last.
    body: Option<BodyControl>,
    /// Nothing is handed on after it.
    failed: Option<DecodeError>,
}

impl<R: BodyProtocol> Decoding<R> {
    pub(crate) fn new(decoder: Decoder, receiver: R) -> Self {
        Self {
            decoder,
            receiver,
            body: None,
            failed: None,
        }
    }

    /// Hands on what can be decoded, as long as the receiver wants it, or to the end.
    fn hand_on(&mut self, body: &BodyControl, to_the_end: bool) -> Result<()> {
        let mut block = [0; BLOCK];
        while self.failed.is_none() && (to_the_end || !body.is_paused()) {
            match self.decoder.read(&mut block) {
                Ok(Decoded::Bytes(count)) => self.receiver.data_received(body, &block[..count])?,
                Ok(Decoded::NeedsMore | Decoded::End) => break,
                Err(error) => {
                    self.failed = Some(error.clone());
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

impl<R: BodyProtocol> BodyProtocol for Decoding<R> {
    fn connection_made(&mut self, body: &BodyControl) {
        self.body = Some(body.clone());
        self.receiver.connection_made(body);
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        self.decoder.push(data);
        self.hand_on(body, false)
    }

    fn resumed(&mut self, body: &BodyControl) {
        // What is wrong is told at the end.
        if let Err(failure) = self.hand_on(body, false) {
            log::debug!(target: "torsade::http", "{failure}");
            body.abort();
        }
        self.receiver.resumed(body);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let is_whole = reason.check::<ResponseDone>().is_some()
            || reason.check::<PotentialDataLoss>().is_some();
        if is_whole {
            self.decoder.finish();
        }
        if let Some(body) = self.body.take()
            && let Err(failure) = self.hand_on(&body, true)
            && self.failed.is_none()
        {
            // The receiver's own.
            return self.receiver.connection_lost(&failure);
        }
        match &self.failed {
            Some(error) => self.receiver.connection_lost(&error.clone().into()),
            None => self.receiver.connection_lost(reason),
        }
    }
}
