//! Messages that are cut from a stream.

use std::cell::Cell;
use std::rc::Rc;

use torsade::protocols::{
    FramedReceiver, LineControl, LineProtocol, LineReceiver, Netstring, StringControl,
    StringProtocol,
};
use torsade::testing::StringTransport;
use torsade::{Protocol, Result};

const PIECE: usize = 8192;
const MESSAGE: [u8; 40] = [b'x'; 40];

#[derive(Clone, Default)]
struct Counter(Rc<Cell<u32>>);

impl Counter {
    fn count(&self) -> Result<()> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

impl LineProtocol for Counter {
    fn line_received(&mut self, _: &LineControl, _: &[u8]) -> Result<()> {
        self.count()
    }
}

impl StringProtocol<Netstring> for Counter {
    fn string_received(&mut self, _: &StringControl<Netstring>, _: &[u8]) -> Result<()> {
        self.count()
    }
}

pub(super) fn lines(times: u32) -> Result<()> {
    let counter = Counter::default();
    let receiver = LineReceiver::new(counter.clone()).delimiter("\n");
    receive(receiver, &[&MESSAGE[..], b"\n"].concat(), times)?;
    assert_eq!(counter.0.get(), times);
    Ok(())
}

pub(super) fn netstrings(times: u32) -> Result<()> {
    let counter = Counter::default();
    let receiver = FramedReceiver::new(Netstring::new(), counter.clone());
    receive(receiver, &[b"40:", &MESSAGE[..], b","].concat(), times)?;
    assert_eq!(counter.0.get(), times);
    Ok(())
}

/// The receiver alone, without what gives it its bytes.
fn receive(mut receiver: impl Protocol, message: &[u8], times: u32) -> Result<()> {
    let ours = StringTransport::new();
    receiver.connection_made(ours.transport());
    let data = message.repeat(times as usize);
    let mut pieces = data.chunks(PIECE);
    pieces.try_for_each(|piece| receiver.data_received(ours.transport(), piece))
}
