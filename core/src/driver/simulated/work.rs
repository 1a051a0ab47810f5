//! Work for threads in a simulated world: one piece at a time, in an order that the seed decides.
//!
//! The work is done by real threads, but the world waits until it is done, so that nothing depends on
//! which of two is faster. It goes on sooner when the work asks something of a reactor meanwhile, and
//! when it takes long, as it may wait for other work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::HostId;
use super::random::Random;
use super::waker::Wakers;
use crate::driver::Start;

/// How long other work waits for one piece, in real time.
const PATIENCE: Duration = Duration::from_millis(100);

/// What waits for its turn.
#[derive(Default)]
pub(super) struct Work {
    /// By time, and among equal ones by chance.
    waiting: BTreeMap<(Duration, u64), Piece>,
}

struct Piece {
    host: HostId,
    life: u32,
    start: Start,
}

impl Work {
    pub(super) fn add(
        &mut self,
        at: Duration,
        random: &mut Random,
        (host, life): (HostId, u32),
        start: Start,
    ) {
        let mut key = (at, random.next());
        while self.waiting.contains_key(&key) {
            key.1 = key.1.wrapping_add(1);
        }
        self.waiting.insert(key, Piece { host, life, start });
    }

    /// When the first is due of those that may go on.
    pub(super) fn next(&self, may_go_on: impl Fn(HostId) -> bool) -> Option<Duration> {
        let mut pieces = self.waiting.iter();
        let first = pieces.find(|(_, piece)| may_go_on(piece.host));
        first.map(|(&(at, _), _)| at)
    }

    /// Takes the first that is due by now, of those that may go on.
    pub(super) fn take(
        &mut self,
        now: Duration,
        may_go_on: impl Fn(HostId) -> bool,
    ) -> Option<Start> {
        let mut pieces = self.waiting.iter();
        let first = pieces.find(|(_, piece)| may_go_on(piece.host));
        let key = first.map(|(&key, _)| key).filter(|&(at, _)| at <= now)?;
        self.waiting.remove(&key).map(|piece| piece.start)
    }

    /// Gives back what is left of a host's lives that have ended, to be dropped.
    pub(super) fn forget(&mut self, host: HostId, life: u32) -> Vec<Start> {
        let all = std::mem::take(&mut self.waiting).into_iter();
        let (forgotten, rest): (Vec<_>, Vec<_>) =
            all.partition(|(_, piece)| piece.host == host && piece.life < life);
        self.waiting = rest.into_iter().collect();
        forgotten
            .into_iter()
            .map(|(_, piece)| piece.start)
            .collect()
    }
}

/// Begins a piece, and waits until it is done, or until it wakes a reactor.
pub(super) fn begin(start: Start, wakers: &Arc<Wakers>, driving: HostId) {
    let is_done = Arc::new(AtomicBool::new(false));
    let doing = Doing {
        wakers: Arc::clone(wakers),
        is_done: Arc::clone(&is_done),
    };
    start(Some(Box::new(doing)));
    wakers.wait_until(driving, PATIENCE, || is_done.load(Ordering::Acquire));
}

/// Dropped when the work is done.
struct Doing {
    wakers: Arc<Wakers>,
    is_done: Arc<AtomicBool>,
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::Release);
        self.wakers.look_again();
    }
}
