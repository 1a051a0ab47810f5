//! Lines, each of which is answered.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, ClientEndpoint, Failure, Result};

use super::echo::break_off_late;
use crate::watched::Watched;
use crate::world::{PATIENCE, PLAYTIME, SERVER};
use crate::{Checks, World};

pub(super) fn play(world: &World) {
    world.serve(SERVER, 23, |world, _| {
        let (checks, plant) = (world.checks.clone(), world.plant);
        move |_: &Address| {
            let receiver = LineReceiver::new(Answering).max_length(10_000);
            Watched::new(receiver, "a server of lines", &checks, plant)
        }
    });
    let is_faulty = world.trouble(SERVER, 23);
    let endpoint = world.endpoint(SERVER, 23);
    for _ in 0..1 + world.choose(|random| random.below(3)) {
        let asking = Asking {
            plan: world.choose(|random| {
                let lines = (0..random.below(40)).map(|_| {
                    let letter = b'a' + u8::try_from(random.below(26)).unwrap_or_default();
                    (random.time(PLAYTIME / 2), vec![letter; random.size(10_000)])
                });
                let mut lines: Vec<_> = lines.collect();
                lines.sort_unstable();
                lines
            }),
            expected: Rc::default(),
            is_faulty,
            checks: world.checks.clone(),
        };
        let caller = world.watch(
            LineReceiver::new(asking).max_length(20_000),
            "a client of lines",
        );
        let connected = endpoint.connect_protocol(caller);
        connected.add_both(|_| Ok(()));
    }
    world.pass(PLAYTIME + 2 * PATIENCE);
}

/// The answer to a line.
fn answer(line: &[u8]) -> Vec<u8> {
    format!(
        "{}:{}",
        line.len(),
        String::from_utf8_lossy(line).to_uppercase()
    )
    .into_bytes()
}

struct Answering;

impl LineProtocol for Answering {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        lines.send_line(answer(line));
        Ok(())
    }
}

struct Asking {
    plan: Vec<(Duration, Vec<u8>)>,
    /// What has to come, in this order.
    expected: Rc<RefCell<VecDeque<Vec<u8>>>>,
    is_faulty: bool,
    checks: Checks,
}

impl LineProtocol for Asking {
    fn connection_made(&mut self, lines: &LineControl) {
        break_off_late(lines.transport());
        let reactor = lines.transport().reactor();
        for (at, line) in std::mem::take(&mut self.plan) {
            let (lines, expected) = (lines.clone(), Rc::clone(&self.expected));
            let _ = reactor.call_later(at, move || {
                if lines.transport().is_open() {
                    expected.borrow_mut().push_back(answer(&line));
                    lines.send_line(&line);
                }
            });
        }
        let transport = lines.transport().clone();
        let _ = reactor.call_later(PLAYTIME, move || transport.lose_write_connection());
    }

    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        let expected = self.expected.borrow_mut().pop_front();
        self.checks.holds(expected.as_deref() == Some(line), || {
            format!("an answer of {} bytes is not the next one", line.len())
        });
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        let missing = self.expected.borrow().len();
        self.checks.holds(missing == 0 || self.is_faulty, || {
            format!("{missing} answers are missing")
        });
    }
}
