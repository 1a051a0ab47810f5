//! What targets have in common.

use std::rc::Rc;
use std::time::Duration;

use torsade_core::Reactor;
use torsade_core::task::defer_later;

/// The first byte says how many cuts there are; then those come, each the length of a piece; the rest
/// is what is cut.
pub fn pieces(input: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let [count, input @ ..] = input else {
        return None;
    };
    let (cuts, bytes) = input.split_at((usize::from(*count) % 16).min(input.len()));
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    for cut in cuts {
        let (piece, behind) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    Some((pieces, bytes))
}

/// Lets time pass in a simulated world.
#[allow(dead_code, reason = "not every target has a world")]
pub fn pass(reactor: &Reactor, time: Duration) {
    let later = defer_later(reactor, time, || ());
    reactor.run_until(later).unwrap();
}

/// What a protocol heard, and by what it was over.
#[allow(dead_code, reason = "not every target has a protocol")]
pub type Heard = Rc<std::cell::RefCell<(Vec<u8>, Option<String>)>>;
