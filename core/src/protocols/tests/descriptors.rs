//! Descriptors that come to receivers, over a UNIX socket of the system.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use super::Log;
use crate::protocols::wire::Discard;
use crate::protocols::{
    FramedReceiver, LineControl, LineProtocol, LineReceiver, Netstring, StringControl,
    StringProtocol,
};
use crate::{Address, Deferred, Protocol, Reactor, Resolver, Result};

/// Notes what the descriptor leads to, and the text behind it.
struct Notes {
    log: Log,
    done: Option<Resolver<()>>,
}

impl Notes {
    fn descriptor(&self, descriptor: OwnedFd) {
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).unwrap();
        self.log.borrow_mut().push(text);
    }

    fn text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).into_owned();
        self.log.borrow_mut().push(text);
        self.done.take().expect("there is one text").callback(());
    }
}

impl LineProtocol for Notes {
    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        self.text(line);
        Ok(())
    }

    fn descriptor_received(&mut self, _: &LineControl, descriptor: OwnedFd) {
        self.descriptor(descriptor);
    }
}

impl StringProtocol<Netstring> for Notes {
    fn string_received(&mut self, _: &StringControl<Netstring>, string: &[u8]) -> Result<()> {
        self.text(string);
        Ok(())
    }

    fn descriptor_received(&mut self, _: &StringControl<Netstring>, descriptor: OwnedFd) {
        self.descriptor(descriptor);
    }
}

/// What a receiver for `Notes` notes when it is sent a file, and `bytes`.
fn noted<P: Protocol>(receiver: impl FnOnce(Notes) -> P, bytes: &[u8]) -> Vec<String> {
    let reactor = Reactor::new().unwrap();
    let log = Log::default();
    let (resolver, done) = Deferred::new();
    let notes = Notes {
        log: Log::clone(&log),
        done: Some(resolver),
    };
    let mut protocol = Some(receiver(notes));
    let [ours, theirs] = reactor.pair().unwrap();
    let receiving = theirs.open(move |_: &Address| protocol.take().unwrap());
    let _receiving = reactor.run_until(receiving).unwrap();
    let sender = reactor.run_until(ours.open(|_: &Address| Discard)).unwrap();

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"in the file").unwrap();
    file.rewind().unwrap();
    sender.transport().send_descriptor(file.into()).unwrap();
    sender.transport().write(bytes);
    reactor.run_until(done).unwrap();
    log.take()
}

#[test]
fn receivers_give_descriptors_on_before_what_they_were_sent_with() {
    // C184
    let of_lines = noted(LineReceiver::new, b"behind it\r\n");
    assert_eq!(of_lines, ["in the file", "behind it"]);
    let of_strings = noted(
        |notes| FramedReceiver::new(Netstring::new(), notes),
        b"9:behind it,",
    );
    assert_eq!(of_strings, ["in the file", "behind it"]);
}
