//! Messages that are cut from a stream.

use std::cell::Cell;
use std::rc::Rc;

use torsade::Result;
use torsade::protocols::{
    FramedReceiver, LineControl, LineProtocol, LineReceiver, Netstring, StringControl,
    StringProtocol,
};
use torsade::testing::StringTransport;

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
    let (counter, transport) = (Counter::default(), StringTransport::new());
    let receiver = LineReceiver::new(counter.clone()).delimiter("\n");
    let _protocol = transport.connect(receiver);
    receive(&transport, &[&MESSAGE[..], b"\n"].concat(), times)?;
    assert_eq!(counter.0.get(), times);
    Ok(())
}

pub(super) fn netstrings(times: u32) -> Result<()> {
    let (counter, transport) = (Counter::default(), StringTransport::new());
    let _protocol = transport.connect(FramedReceiver::new(Netstring::new(), counter.clone()));
    receive(&transport, &[b"40:", &MESSAGE[..], b","].concat(), times)?;
    assert_eq!(counter.0.get(), times);
    Ok(())
}

fn receive(transport: &StringTransport, message: &[u8], times: u32) -> Result<()> {
    let data = message.repeat(times as usize);
    data.chunks(PIECE)
        .try_for_each(|piece| transport.receive(piece))
}
