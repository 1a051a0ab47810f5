//! Datagrams that are answered, over a link that loses, doubles and mixes them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::{Address, Reactor, Result};

use super::echo::{difference, pattern};
use crate::world::{CLIENT, PLAYTIME, SERVER, at};
use crate::{Checks, Plant, World};

pub(super) fn play(world: &World) {
    let link = world.hosts.link(CLIENT, SERVER);
    let some = || world.choose(|random| if random.chance(50) { 0.0 } else { 0.3 });
    let (loss, doubles, mixes) = (some(), some(), some());
    drop(
        link.loss(loss)
            .duplication(doubles)
            .reordering(mixes)
            .queue(1 << 30),
    );
    let server = world.reactor(SERVER);
    let answering = server.listen_udp(
        at(SERVER, 7),
        Answering::new(world.plant),
        &DatagramOptions::new(),
    );
    let answering = answering.unwrap_or_else(|failure| panic!("{failure:#}"));
    // The answers pass the link as well, and there is nobody after a crash.
    let is_faulty = world.trouble(SERVER, 7);

    let sent = Rc::new(RefCell::new(BTreeMap::new()));
    let asking = Asking {
        sent: Rc::clone(&sent),
        last: None,
        is_in_order: mixes == 0.0 && doubles == 0.0,
        is_single: doubles == 0.0,
        stopped: Rc::default(),
        checks: world.checks.clone(),
    };
    let stopped = Rc::clone(&asking.stopped);
    let port = listen(&world.client, asking);
    let count = world.choose(|random| random.below(100));
    for number in 0..count {
        let (pause, length) =
            world.choose(|random| (random.time(PLAYTIME / 100), random.size(1000)));
        world.pass(pause);
        let mut bytes = (number as u64).to_be_bytes().to_vec();
        bytes.extend(pattern(number, length));
        sent.borrow_mut().insert(number, 0);
        // What the network refuses is lost.
        let _ = port.send(&bytes, &Address::Udp(at(SERVER, 7)));
    }
    world.pass(PLAYTIME + Duration::from_secs(3600));
    if !is_faulty && loss == 0.0 {
        let missing = sent
            .borrow()
            .values()
            .filter(|&&answers| answers == 0)
            .count();
        world.checks.holds(missing == 0, || {
            format!("{missing} of {count} datagrams have no answer")
        });
    }
    world.wait(port.stop_listening(), "the port to close");
    world.checks.holds(stopped.get() == 1, || {
        format!("stop_protocol was called {} times", stopped.get())
    });
    // A crash has closed it otherwise.
    world.wait(answering.stop_listening(), "the port to close");
}

fn listen(reactor: &Reactor, protocol: impl DatagramProtocol) -> DatagramPort {
    let port = reactor.listen_udp(at(CLIENT, 0), protocol, &DatagramOptions::new());
    port.unwrap_or_else(|failure| panic!("{failure:#}"))
}

/// Answers by the same, unless something is planted.
struct Answering {
    plant: Plant,
    count: usize,
    kept: Option<Vec<u8>>,
}

impl Answering {
    fn new(plant: Plant) -> Self {
        Self {
            plant,
            count: 0,
            kept: None,
        }
    }
}

impl DatagramProtocol for Answering {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        self.count += 1;
        if self.plant.spoils(self.count) {
            match self.plant {
                Plant::LostByte => return Ok(()),
                Plant::DoubledBytes => (0..4).try_for_each(|_| port.send(data, from))?,
                Plant::SwappedBytes => {
                    self.kept = Some(data.to_vec());
                    return Ok(());
                }
                Plant::ChangedByte => {
                    let mut changed = data.to_vec();
                    if let Some(last) = changed.last_mut() {
                        *last ^= 1;
                    }
                    return port.send(&changed, from);
                }
                _ => {}
            }
        }
        port.send(data, from)?;
        self.kept
            .take()
            .map_or(Ok(()), |kept| port.send(&kept, from))
    }
}

struct Asking {
    /// How many answers each has got.
    sent: Rc<RefCell<BTreeMap<usize, u32>>>,
    last: Option<usize>,
    is_in_order: bool,
    is_single: bool,
    stopped: Rc<Cell<u32>>,
    checks: Checks,
}

impl DatagramProtocol for Asking {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
        let (number, rest) = data.split_first_chunk().unwrap_or((&[0xff; 8], data));
        let number = usize::try_from(u64::from_be_bytes(*number)).unwrap_or(usize::MAX);
        let mut sent = self.sent.borrow_mut();
        let Some(answers) = sent.get_mut(&number) else {
            self.checks.violated(format!("nobody has sent {data:?}"));
            return Ok(());
        };
        *answers += 1;
        // Doubled on both ways.
        let most = if self.is_single { 1 } else { 4 };
        self.checks.holds(*answers <= most, || {
            format!("datagram {number} is answered {answers} times")
        });
        self.checks.holds(difference(number, rest).is_none(), || {
            format!("datagram {number} came back changed")
        });
        let is_later = self.last.is_none_or(|last| last < number);
        self.checks.holds(is_later || !self.is_in_order, || {
            format!("datagram {number} came after a later one")
        });
        self.last = Some(number);
        self.checks.holds(self.stopped.get() == 0, || {
            "a datagram came after the end".into()
        });
        Ok(())
    }

    fn stop_protocol(&mut self) {
        self.stopped.set(self.stopped.get() + 1);
    }
}
