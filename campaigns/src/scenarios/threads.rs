//! Work for threads, some of which fails, panics, is given up, or asks other reactors.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;

use torsade::{Panicked, Remote};

use crate::world::{PLAYTIME, PROXY, SERVER};
use crate::{Plant, World};

/// Why work fails.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

pub(super) fn play(world: &World) {
    let is_faulty = world.trouble(SERVER, 1);
    let over = Rc::new(Cell::new(0));
    let count = world.choose(|random| random.below(30));
    for number in 0..count {
        let (pause, host, kind) = world.choose(|random| {
            let host = random.one_of(&[SERVER, PROXY]);
            (random.time(PLAYTIME / 20), host, random.below(5))
        });
        world.pass(pause);
        let job = work(world, host, number, kind);
        let (checks, over) = (world.checks.clone(), Rc::clone(&over));
        job.add_both(move |answer| {
            over.set(over.get() + 1);
            match answer {
                Ok(answer) => checks.holds(answer == number && kind != 1, || {
                    format!("work {number} has the answer {answer}")
                }),
                Err(failure) => {
                    let is_expected = match kind {
                        1 => failure.check::<Broken>().is_some(),
                        3 => failure.check::<Panicked>().is_some(),
                        4 => true,
                        _ => false,
                    };
                    checks.holds(is_faulty || is_expected, || {
                        format!("work {number} of kind {kind} failed: {failure:#}")
                    });
                }
            }
            Ok(())
        });
    }
    world.pass(2 * PLAYTIME);
    world.pass(crate::world::PATIENCE);
    world.checks.holds(over.get() == count, || {
        format!("{} of {count} pieces of work have an end", over.get())
    });
}

fn work(world: &World, host: &str, number: usize, kind: usize) -> torsade::Deferred<usize> {
    let reactor = world.reactor(host);
    // One that never stands still: time would, too, as long as work waits for it.
    let other: Remote = world.reactor(PROXY).remote();
    let plant = world.plant;
    let job = reactor.defer_to_thread(move || match kind {
        1 => Err(Broken.into()),
        2 => other.block_on(move |_| Ok(number)),
        3 => resume_unwind(Box::new("on purpose")),
        _ if plant == Plant::ChangedByte && plant.spoils(number) => Ok(number + 1),
        _ => Ok(number),
    });
    if plant == Plant::LostByte && plant.spoils(number) {
        // Its answer is lost, and with it all that waits for it.
        drop(job);
        return torsade::Deferred::new().1;
    }
    if kind == 4 {
        let canceller = job.canceller();
        let at = world.choose(|random| random.time(PLAYTIME / 10));
        let _ = world.client.call_later(at, move || canceller.cancel());
    }
    job
}
