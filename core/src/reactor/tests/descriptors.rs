//! Descriptors of any kind in the loop.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::{Journal, errors, ms, run_for, simulated};
use crate::reactor::{FileDescriptor, Watched};
use crate::testing::log_capture::capture;
use crate::{ConnectionDone, Failure, Reactor, Result};

type OnReady = Box<dyn FnMut(&mut UnixStream, &Watched) -> Result<()>>;

/// A socket, and what it does when it is ready.
struct Socket {
    journal: Journal,
    socket: UnixStream,
    read: OnReady,
    write: OnReady,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl FileDescriptor for Socket {
    fn do_read(&mut self, watched: &Watched) -> Result<()> {
        (self.read)(&mut self.socket, watched)
    }

    fn do_write(&mut self, watched: &Watched) -> Result<()> {
        (self.write)(&mut self.socket, watched)
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.journal.note(format!("lost: {reason}"));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.journal.note("dropped");
    }
}

/// A socket that notes each byte it reads, one at a time; and its other end.
fn socket(journal: &Journal) -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let noting = journal.clone();
    let read = move |socket: &mut UnixStream, _: &Watched| {
        let mut byte = [0];
        if socket.read(&mut byte)? == 0 {
            return Err(ConnectionDone.into());
        }
        noting.note(char::from(byte[0]));
        Ok(())
    };
    let noting = journal.clone();
    let write = move |_: &mut UnixStream, watched: &Watched| {
        noting.note("writable");
        watched.set_writing(false)
    };
    let socket = Socket {
        journal: journal.clone(),
        socket: ours,
        read: Box::new(read),
        write: Box::new(write),
    };
    (socket, theirs)
}

#[test]
fn readiness_is_told_for_as_long_as_it_lasts() {
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (socket, mut other) = socket(&journal);
    let watched = reactor.watch_descriptor(socket).unwrap();
    other.write_all(b"abc").unwrap();
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "a b c");
    assert!(watched.is_watched());
}

#[test]
fn an_error_ends_it_and_is_told() {
    // C68
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (socket, other) = socket(&journal);
    let watched = reactor.watch_descriptor(socket).unwrap();
    drop(other);
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), format!("lost: {ConnectionDone} dropped"));
    assert!(!watched.is_watched() && !watched.remove());
    assert!(watched.set_reading(true).is_err());
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn a_panic_ends_it_and_is_logged() {
    // C68
    let journal = Journal::default();
    let (records, ()) = capture(|| {
        let reactor = Reactor::new().unwrap();
        let (mut socket, mut other) = socket(&journal);
        socket.read = Box::new(|_, _| panic!("oh no"));
        reactor.watch_descriptor(socket).unwrap();
        other.write_all(b"a").unwrap();
        run_for(&reactor, ms(20));
    });
    assert!(errors(&records)[0].contains("do_read panicked"));
    let told = journal.take();
    assert!(
        told.starts_with("lost: ") && told.ends_with("dropped"),
        "{told}"
    );
}

#[test]
fn reading_and_writing_are_asked_for_apart() {
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (socket, mut other) = socket(&journal);
    let watched = reactor.watch_descriptor(socket).unwrap();
    watched.set_reading(false).unwrap();
    other.write_all(b"abc").unwrap();
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "");
    watched.set_writing(true).unwrap();
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "writable");
    watched.set_reading(true).unwrap();
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "a b c");
}

#[test]
fn one_that_is_removed_is_called_no_more_and_dropped() {
    // C67
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (first, mut to_first) = socket(&journal);
    let (mut second, mut to_second) = socket(&journal);
    let first = reactor.watch_descriptor(first).unwrap();
    let victim = first.clone();
    let mut inner = std::mem::replace(&mut second.read, Box::new(|_, _| Ok(())));
    second.read = Box::new(move |socket, watched| {
        inner(socket, watched)?;
        victim.remove();
        watched.remove();
        Ok(())
    });
    reactor.watch_descriptor(second).unwrap();
    to_second.write_all(b"xy").unwrap();
    run_for(&reactor, ms(20));
    let _ = to_first.write_all(b"a");
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "x dropped dropped");
    assert!(!first.is_watched());
}

#[test]
fn a_number_that_is_used_again_is_another_descriptor() {
    // C67
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (old, to_old) = socket(&journal);
    let old = reactor.watch_descriptor(old).unwrap();
    old.remove();
    drop(to_old);
    let (new, mut to_new) = socket(&journal);
    reactor.watch_descriptor(new).unwrap();
    to_new.write_all(b"n").unwrap();
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "dropped n");
}

#[test]
fn a_file_and_a_simulated_world_are_refused() {
    struct File(std::fs::File);
    impl AsFd for File {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
    impl FileDescriptor for File {}
    let refusal = |reactor: &Reactor| {
        let failure = reactor
            .watch_descriptor(File(tempfile::tempfile().unwrap()))
            .unwrap_err();
        assert_eq!(reactor.open_sources(), 0);
        failure.check::<io::Error>().unwrap().kind()
    };
    assert_eq!(
        refusal(&Reactor::new().unwrap()),
        io::ErrorKind::PermissionDenied
    );
    assert_eq!(refusal(&simulated()), io::ErrorKind::Unsupported);
}

#[test]
fn a_stopping_reactor_tells_it() {
    let (reactor, journal) = (Reactor::new().unwrap(), Journal::default());
    let (socket, _other) = socket(&journal);
    reactor.watch_descriptor(socket).unwrap();
    assert!(reactor.pending().to_string().contains("a descriptor of "));
    super::run_and_stop(&reactor);
    assert!(journal.take().ends_with("dropped"));
}
