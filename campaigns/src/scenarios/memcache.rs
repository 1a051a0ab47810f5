//! A memcache client with many requests under way, beside a model of what the server knows.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use torsade::protocols::memcache::{Memcache, MemcacheProtocol};
use torsade::{Address, Deferred, Protocol, Result, Transport};

use super::echo::pattern;
use crate::World;
use crate::watched::Watched;
use crate::world::{PLAYTIME, SERVER};

pub(super) fn play(world: &World) {
    world.serve(SERVER, 11211, |world, _| {
        let (checks, plant) = (world.checks.clone(), world.plant);
        move |_: &Address| Watched::new(Store::default(), "a store", &checks, plant)
    });
    let is_faulty = world.trouble(SERVER, 11211);
    // A slow world may take longer than a minute for a large value; one that nothing is wrong with
    // has to answer all the same.
    let patience = Duration::from_secs(if is_faulty { 60 } else { 3600 });
    let client = MemcacheProtocol::new().timeout(Some(patience));
    let connected = client.connect(&world.endpoint(SERVER, 11211));
    if let Some(memcache) = world.wait(connected, "the connection") {
        ask(world, &memcache, is_faulty);
    }
}

fn ask(world: &World, memcache: &Memcache, is_faulty: bool) {
    let mut known: HashMap<String, Vec<u8>> = HashMap::new();
    let over = Rc::new(Cell::new(0));
    let count = world.choose(|random| random.below(60));
    for _ in 0..count {
        let (pause, key, choice, value) = world.choose(|random| {
            let pause = match random.chance(30) {
                true => random.time(PLAYTIME / 20),
                false => Duration::ZERO,
            };
            (
                pause,
                format!("key-{}", random.below(5)),
                random.below(3),
                pattern(0, random.size(100_000)),
            )
        });
        if !pause.is_zero() {
            world.pass(pause);
        }
        match choice {
            0 => {
                known.insert(key.clone(), value.clone());
                expect(world, memcache.set(&key, value), true, is_faulty, &over);
            }
            1 => {
                let was_there = known.remove(&key).is_some();
                expect(world, memcache.delete(&key), was_there, is_faulty, &over);
            }
            _ => {
                let got = memcache
                    .get(&key)
                    .map(|value| value.map(|value| value.data.to_vec()));
                expect(world, got, known.get(&key).cloned(), is_faulty, &over);
            }
        }
    }
    // Some worlds are slow.
    world.pass(Duration::from_secs(2 * 3600));
    memcache.close();
    world.pass(Duration::from_secs(3600));
    world.checks.holds(over.get() == count, || {
        format!("{} of {count} requests are answered", over.get())
    });
}

/// The answer is this one, unless the connection broke.
fn expect<T: PartialEq + 'static>(
    world: &World,
    answer: Deferred<T>,
    expected: T,
    is_faulty: bool,
    over: &Rc<Cell<usize>>,
) {
    let (checks, over) = (world.checks.clone(), Rc::clone(over));
    answer.add_both(move |answer| {
        over.set(over.get() + 1);
        match answer {
            Ok(answer) => checks.holds(answer == expected, || "an answer is another one's".into()),
            Err(failure) => checks.holds(is_faulty, || format!("no answer: {failure:#}")),
        }
        Ok(())
    });
}

/// As much of memcached as that takes.
#[derive(Default)]
struct Store {
    received: Vec<u8>,
    values: HashMap<String, Vec<u8>>,
}

impl Store {
    /// Does what the first command says, once it is there whole.
    fn next(&mut self, transport: &Transport) -> bool {
        let Some(end) = self.received.windows(2).position(|two| two == b"\r\n") else {
            return false;
        };
        let line = String::from_utf8_lossy(&self.received[..end]).into_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let mut used = end + 2;
        match words[..] {
            ["set", key, _, _, length, ..] => {
                let length: usize = length.parse().unwrap_or_default();
                let Some(value) = self.received.get(used..used + length) else {
                    return false;
                };
                if self.received.len() < used + length + 2 {
                    return false;
                }
                self.values.insert(key.to_owned(), value.to_vec());
                used += length + 2;
                transport.write(b"STORED\r\n");
            }
            ["get", key] => {
                if let Some(value) = self.values.get(key) {
                    transport.write(format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes());
                    transport.write(value);
                    transport.write(b"\r\n");
                }
                transport.write(b"END\r\n");
            }
            ["delete", key] => match self.values.remove(key) {
                Some(_) => transport.write(b"DELETED\r\n"),
                None => transport.write(b"NOT_FOUND\r\n"),
            },
            _ => transport.write(b"ERROR\r\n"),
        }
        self.received.drain(..used);
        true
    }
}

impl Protocol for Store {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.received.extend_from_slice(data);
        while self.next(transport) {}
        Ok(())
    }
}
