//! One transfer: a conversation of two, written as a sequence.

use std::time::{Duration, Instant};

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::{Address, Deferred, DeferredQueue, Reactor, Result, TimedOut};

use super::BLOCK;
use super::files::{Sink, Source};
use super::message::Message;

/// How long a block waits to be acknowledged; after the last of these it is given up.
const PATIENCE: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
/// How long a client has for the next block.
const NEXT_BLOCK: Duration = Duration::from_secs(10);
/// Datagrams that wait to be looked at; what comes beyond that is lost, as on the way.
const WAITING: usize = 16;

/// Whether a block comes before another; the numbers begin again after the last one.
fn is_before(one: u16, other: u16) -> bool {
    one != other && other.wrapping_sub(one) < 0x8000
}

/// The port of one transfer; its datagrams wait to be awaited.
struct Inbox(DeferredQueue<Vec<u8>>);

impl DatagramProtocol for Inbox {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
        // Too many: they are lost.
        let _ = self.0.put(data.to_vec());
        Ok(())
    }
}

/// One transfer.
pub(super) struct Session {
    reactor: Reactor,
    port: DatagramPort,
    inbox: DeferredQueue<Vec<u8>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.port.stop_listening());
    }
}

impl Session {
    pub(super) fn start(here: &DatagramPort, client: &Address) -> Result<Self> {
        let (reactor, inbox) = (here.reactor(), DeferredQueue::new().with_size(WAITING));
        let mut address = here.socket_addr()?;
        address.set_port(0);
        let protocol = Inbox(inbox.clone());
        let port = reactor.listen_udp(address, protocol, &DatagramOptions::new())?;
        port.connect(client)?;
        Ok(Self {
            reactor,
            port,
            inbox,
        })
    }

    fn say(&self, message: &Message) -> Result<()> {
        self.port.write(&message.to_bytes())
    }

    /// The next message that makes sense, if one comes in time.
    async fn hear(&self, until: Instant) -> Result<Option<Message>> {
        loop {
            let left = until.saturating_duration_since(self.reactor.now());
            let next: Deferred<Vec<u8>> = self.inbox.get();
            match next.add_timeout(&self.reactor, left).await {
                Ok(datagram) => match Message::parse(&datagram) {
                    Some(message) => return Ok(Some(message)),
                    None => continue,
                },
                Err(failure) => {
                    failure.trap::<TimedOut>()?;
                    return Ok(None);
                }
            }
        }
    }

    pub(super) async fn send(self, mut source: Source) -> Result<()> {
        let mut block = 0_u16;
        loop {
            block = block.wrapping_add(1);
            let data = match source.block().await {
                Ok(data) => data,
                Err(failure) => {
                    self.say(&Message::error(0, "read failed"))?;
                    return Err(failure);
                }
            };
            let is_last = data.len() < BLOCK;
            if !self
                .send_block(&Message::Data { block, data }, block)
                .await?
            {
                return Ok(());
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Sends a block until it is acknowledged; gives back whether it was.
    async fn send_block(&self, message: &Message, block: u16) -> Result<bool> {
        for patience in PATIENCE {
            self.say(message)?;
            let until = self.reactor.now() + patience;
            while let Some(heard) = self.hear(until).await? {
                match heard {
                    Message::Ack { block: acked } if acked == block => return Ok(true),
                    // One that was late: its block has been acknowledged before.
                    Message::Ack { block: acked } if is_before(acked, block) => {}
                    Message::Ack { .. } => self.say(&Message::error(4, "block number mismatch"))?,
                    Message::Error { .. } => return Ok(false),
                    _ => {}
                }
            }
        }
        log::info!("block {block} was never acknowledged");
        Ok(false)
    }

    pub(super) async fn receive(self, mut sink: Sink) -> Result<()> {
        let mut block = 0_u16;
        self.say(&Message::Ack { block })?;
        let mut is_complete = false;
        let mut until = self.reactor.now() + NEXT_BLOCK;
        while let Some(heard) = self.hear(until).await? {
            match heard {
                Message::Data { block: next, data } if next == block.wrapping_add(1) => {
                    if is_complete {
                        self.say(&Message::error(4, "transfer already finished"))?;
                        continue;
                    }
                    if let Err(failure) = sink.block(&data).await {
                        self.say(&Message::error(3, "disk full or allocation exceeded"))?;
                        return Err(failure);
                    }
                    block = next;
                    until = self.reactor.now() + NEXT_BLOCK;
                    is_complete = data.len() < BLOCK;
                    self.say(&Message::Ack { block })?;
                }
                // Our answer was lost.
                Message::Data { block: again, .. } if !is_before(block, again) => {
                    self.say(&Message::Ack { block: again })?;
                }
                Message::Data { .. } => self.say(&Message::error(4, "block number mismatch"))?,
                Message::Error { .. } => return Ok(()),
                _ => {}
            }
        }
        // Once complete, it has only waited for blocks that come again.
        Ok(())
    }
}
