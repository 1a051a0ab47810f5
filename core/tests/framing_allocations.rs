//! However small the pieces are that a long string comes in, it is not copied again and again: what is
//! allocated for it, which is what it was ever copied to, is in proportion to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use allocation_counter::AllocationInfo;
use torsade_core::protocols::{
    FramedReceiver, Framing, IntPrefixed, LineControl, LineProtocol, LineReceiver, Netstring,
    StringControl, StringProtocol, VarintPrefixed,
};
use torsade_core::testing::Simulation;
use torsade_core::{
    Address, ClientEndpoint, Protocol, Reactor, Result, TcpClient, TcpServer, Transport,
};

/// Is connected, and no more.
struct Idle;

impl Protocol for Idle {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn connected() -> (Reactor, Transport) {
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:8007".parse().unwrap();
    let server = TcpServer::new(&reactor, address);
    server.listen(|_: &Address| Idle).unwrap();
    let client = TcpClient::new(&reactor, address).connect(|_: &Address| Idle);
    let transport = reactor.run_until(client).unwrap().transport().clone();
    (reactor, transport)
}

/// Takes what comes, and keeps how long each string was.
#[derive(Clone, Default)]
struct Lengths(Rc<RefCell<Vec<usize>>>);

impl LineProtocol for Lengths {
    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        self.0.borrow_mut().push(line.len());
        Ok(())
    }
}

impl<F: Framing> StringProtocol<F> for Lengths {
    fn string_received(&mut self, _: &StringControl<F>, string: &[u8]) -> Result<()> {
        self.0.borrow_mut().push(string.len());
        Ok(())
    }
}

/// What is allocated while `receiver` is given `bytes`, in pieces of `size`.
fn measure(mut receiver: impl Protocol, bytes: &[u8], size: usize) -> AllocationInfo {
    let (_reactor, transport) = connected();
    receiver.connection_made(&transport);
    allocation_counter::measure(|| {
        for piece in bytes.chunks(size) {
            receiver.data_received(&transport, piece).unwrap();
        }
    })
}

const LENGTH: usize = 1 << 20;

fn check(receiver: impl Protocol, lengths: &Lengths, bytes: &[u8]) {
    lengths.0.borrow_mut().reserve(1);
    let info = measure(receiver, bytes, 1);
    assert_eq!(*lengths.0.borrow(), [LENGTH]);
    assert!(info.bytes_total < 5 * LENGTH as u64, "{info:?}");
    assert_eq!(info.bytes_current, 0, "all is given back");
}

#[test]
fn a_line_of_a_mebibyte_a_byte_at_a_time_is_copied_in_proportion_to_its_length() {
    // C103
    let lengths = Lengths::default();
    let receiver = LineReceiver::new(lengths.clone()).max_length(LENGTH);
    check(
        receiver,
        &lengths,
        &[&[b'x'; LENGTH], b"\r\n".as_slice()].concat(),
    );
}

#[test]
fn a_string_of_a_mebibyte_a_byte_at_a_time_is_copied_in_proportion_to_its_length() {
    // C107
    fn check_framing<F: Framing>(framing: F) {
        let mut bytes = Vec::new();
        let behind = framing.encode(LENGTH, &mut bytes).unwrap();
        bytes.resize(bytes.len() + LENGTH, b'x');
        bytes.extend_from_slice(behind);
        let lengths = Lengths::default();
        check(
            FramedReceiver::new(framing, lengths.clone()),
            &lengths,
            &bytes,
        );
    }
    check_framing(Netstring::new().max_length(LENGTH));
    check_framing(VarintPrefixed::new().max_length(LENGTH));
    check_framing(IntPrefixed::<4>::new().max_length(LENGTH));
}

/// After each line, one raw byte, and the rest is lines again.
struct Alternating(Rc<Cell<usize>>);

impl LineProtocol for Alternating {
    fn line_received(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
        lines.set_raw_mode();
        Ok(())
    }

    fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        self.0.set(self.0.get() + 1);
        lines.set_line_mode(&data[1..]);
        Ok(())
    }
}

#[test]
fn what_is_left_over_from_raw_mode_is_not_copied() {
    // C105
    let count = Rc::new(Cell::new(0));
    let bytes = b"a\r\n.".repeat(LENGTH / 4);
    let receiver = LineReceiver::new(Alternating(Rc::clone(&count)));
    let info = measure(receiver, &bytes, bytes.len());
    assert_eq!(count.get(), LENGTH / 4);
    assert!(info.bytes_total < 2 * LENGTH as u64, "{info:?}");
}
