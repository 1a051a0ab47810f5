//! A relay for two programs that cannot reach each other, as Magic Wormhole's transit relay is one.
//!
//! A client says `please relay TOKEN` or `please relay TOKEN for side SIDE`, in a line. Two with the
//! same token, and not the same side, are a pair: both are told `ok`, and from then on each gets
//! what the other sends. Others that wait with that token are spare, and closed. Who says something
//! else, or sends before it was told `ok`, is told so and closed. When one of a pair goes, so does
//! the other. What became of each is recorded.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Factory, Failure, KeepAlive, ProducerKind, Result, Transport};

/// No line before the pairing is longer.
const LONGEST_LINE: usize = 1024;

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It said nothing.
    Empty,
    /// It waited, and nobody came.
    Lonely,
    /// Another one of its side was taken.
    Redundant,
    Happy,
    /// It said what makes no sense.
    Errory,
    /// It did not wait for its partner.
    Impatient,
}

/// The record of a connection, or of a pair.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    pub(crate) mood: Mood,
    pub(crate) total_time: Duration,
    /// How long one of a pair waited for the other.
    pub(crate) waiting_time: Option<Duration>,
    pub(crate) total_bytes: u64,
}

/// One connection, as the others know it.
struct Client {
    transport: Transport,
    since: Instant,
    side: RefCell<Option<String>>,
    /// How many bytes it gave to its partner.
    sent: Cell<u64>,
    mood: Cell<Mood>,
    /// Both know each other until the first of them goes.
    partner: RefCell<Option<Rc<Self>>>,
}

impl Client {
    fn refuse(&self, mood: Mood, why: &str) {
        self.mood.set(mood);
        self.transport.write(why.as_bytes());
        self.transport.lose_connection();
    }

    fn is_for(&self, other: &Self) -> bool {
        let (one, other) = (self.side.borrow(), other.side.borrow());
        one.is_none() || other.is_none() || *one != *other
    }
}

/// All connections. A cheap handle.
#[derive(Clone)]
pub(crate) struct Relay(Rc<Inner>);

struct Inner {
    /// Those who wait for a partner, by their token.
    waiting: RefCell<HashMap<String, Vec<Rc<Client>>>>,
    record: Box<dyn Fn(Usage)>,
}

impl Relay {
    pub(crate) fn new(record: impl Fn(Usage) + 'static) -> Self {
        Self(Rc::new(Inner {
            waiting: RefCell::default(),
            record: Box::new(record),
        }))
    }

    pub(crate) fn factory(&self) -> impl Factory + use<> {
        let relay = self.clone();
        move |_: &Address| {
            let connection = Connection {
                relay: relay.clone(),
                client: None,
                token: None,
            };
            LineReceiver::new(connection)
                .delimiter("\n")
                .max_length(LONGEST_LINE)
        }
    }

    /// A client has said whom it waits for.
    fn arrive(&self, token: &str, client: &Rc<Client>) -> Result<()> {
        let mut waiting = self.0.waiting.borrow_mut();
        let same_token = waiting.entry(token.to_owned()).or_default();
        let Some(index) = same_token.iter().position(|other| client.is_for(other)) else {
            client.mood.set(Mood::Lonely);
            same_token.push(Rc::clone(client));
            return Ok(());
        };
        let partner = same_token.swap_remove(index);
        for spare in waiting.remove(token).unwrap_or_default() {
            spare.mood.set(Mood::Redundant);
            spare.transport.lose_connection();
        }
        for (one, other) in [(client, &partner), (&partner, client)] {
            one.mood.set(Mood::Happy);
            *one.partner.borrow_mut() = Some(Rc::clone(other));
            one.transport.write(b"ok\n");
            // Who sends faster than the other reads is slowed down.
            one.transport
                .register_producer(other.transport.clone(), ProducerKind::Push)?;
        }
        Ok(())
    }

    /// A client's connection has ended.
    fn leave(&self, token: Option<&str>, client: &Rc<Client>) {
        let mut waiting = self.0.waiting.borrow_mut();
        if let Some(token) = token
            && let Some(same_token) = waiting.get_mut(token)
        {
            same_token.retain(|other| !Rc::ptr_eq(other, client));
            if same_token.is_empty() {
                waiting.remove(token);
            }
        }
        drop(waiting);
        let partner = client.partner.take();
        if client.mood.get() == Mood::Happy && partner.is_none() {
            // Its partner went first, and is in the record for both.
            return;
        }
        let began = partner
            .as_ref()
            .map_or(client.since, |other| other.since.min(client.since));
        let now = client.transport.reactor().now();
        let usage = Usage {
            mood: client.mood.get(),
            total_time: now - began,
            waiting_time: partner
                .as_ref()
                .map(|other| other.since.max(client.since) - began),
            total_bytes: client.sent.get() + partner.as_ref().map_or(0, |other| other.sent.get()),
        };
        if let Some(partner) = partner {
            partner.partner.take();
            // What it was given is still sent to it.
            partner.transport.lose_connection();
        }
        (self.0.record)(usage);
    }
}

struct Connection {
    relay: Relay,
    /// From the beginning of the connection on.
    client: Option<Rc<Client>>,
    token: Option<String>,
}

/// The token of a request, and its side.
fn parse(line: &[u8]) -> Option<(String, Option<String>)> {
    let is_word = |word: &str, length| {
        word.len() == length && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let rest = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("please relay ")?;
    let (token, side) = match rest.split_once(" for side ") {
        Some((token, side)) => (token, Some(side)),
        None => (rest, None),
    };
    let is_right = is_word(token, 64) && side.is_none_or(|side| is_word(side, 16));
    is_right.then(|| (token.to_owned(), side.map(str::to_owned)))
}

impl LineProtocol for Connection {
    fn connection_made(&mut self, lines: &LineControl) {
        let transport = lines.transport().clone();
        let _ = transport.set_keep_alive(Some(KeepAlive::default()));
        self.client = Some(Rc::new(Client {
            since: transport.reactor().now(),
            transport,
            side: RefCell::default(),
            sent: Cell::default(),
            mood: Cell::new(Mood::Empty),
            partner: RefCell::default(),
        }));
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        let Some((token, side)) = parse(line) else {
            client.refuse(Mood::Errory, "bad handshake\n");
            return Ok(());
        };
        lines.set_raw_mode();
        *client.side.borrow_mut() = side;
        self.relay.arrive(&token, client)?;
        self.token = Some(token);
        Ok(())
    }

    fn raw_data_received(&mut self, _: &LineControl, data: &[u8]) -> Result<()> {
        let Some(client) = &self.client else {
            return Ok(());
        };
        match &*client.partner.borrow() {
            Some(partner) => {
                client.sent.set(client.sent.get() + data.len() as u64);
                partner.transport.write(data);
            }
            None => client.refuse(Mood::Impatient, "impatient\n"),
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(client) = self.client.take() {
            self.relay.leave(self.token.as_deref(), &client);
        }
    }
}
