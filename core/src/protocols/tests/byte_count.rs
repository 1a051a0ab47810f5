use bytes::BytesMut;

use super::{Log, World};
use crate::protocols::{
    ByteCount, FrameControl, FrameProtocol, FramedReceiver, NothingWanted, StatefulReceiver,
};
use crate::testing::Simulation;
use crate::{Address, Result};

/// A byte that says how many follow, and those.
struct Records {
    log: Log,
    is_body: bool,
    forgets_empty_bodies: bool,
}

impl FrameProtocol<ByteCount> for Records {
    fn frame_received(&mut self, bytes: &FrameControl<ByteCount>, piece: BytesMut) -> Result<()> {
        if self.is_body {
            let body = String::from_utf8_lossy(&piece).into_owned();
            self.log.borrow_mut().push(body);
            if !(piece.is_empty() && self.forgets_empty_bodies) {
                bytes.want(1);
            }
        } else {
            bytes.want(usize::from(piece[0]));
        }
        self.is_body = !self.is_body;
        Ok(())
    }

    fn framing_failed(&mut self, bytes: &FrameControl<ByteCount>, _: NothingWanted) -> Result<()> {
        self.log.borrow_mut().push("nothing wanted".to_owned());
        bytes.transport().lose_connection();
        Ok(())
    }
}

fn world(segment: usize, forgets_empty_bodies: bool) -> (World, Log) {
    let log = Log::default();
    let notes = Log::clone(&log);
    let factory = move |_: &Address| -> StatefulReceiver<Records> {
        let records = Records {
            log: Log::clone(&notes),
            is_body: false,
            forgets_empty_bodies,
        };
        FramedReceiver::new(ByteCount::new(1), records)
    };
    let simulation = Simulation::new().segment_size(segment);
    (World::with(simulation, factory), log)
}

#[test]
fn as_many_bytes_come_as_are_wanted_however_they_travel() {
    for segment in [1, 2, 3, 1460] {
        let (world, log) = world(segment, false);
        world.send(b"\x05hello\0\x01a\0\0\x04with\x09unfinish");
        assert_eq!(*log.borrow(), ["hello", "", "a", "", "", "with"]);
    }
}

#[test]
fn who_wants_nothing_more_is_not_given_empty_pieces_for_ever() {
    let (world, log) = world(1460, true);
    world.send(b"\x01a\0");
    assert_eq!(*log.borrow(), ["a", ""]);
    assert!(!world.is_over.get());
    world.send(b"\x01");
    assert_eq!(*log.borrow(), ["a", "", "nothing wanted"]);
    assert!(world.is_over.get());
}
