//! A collector of statistics, as txStatsD is one: programs send numbers by UDP, and every ten
//! seconds what became of them goes to Graphite, a line each.
//!
//! A datagram is `NAME:VALUE|KIND`: `c` counts (with `|@0.1` it is a sample of one in ten), `ms` is a
//! time, `g` a level, `m` an event whose rate is wanted. Names are made fit for Graphite. The
//! connection to Graphite is made again when it is lost. While Graphite does not read, nothing is
//! written: what came meanwhile is dropped, and how long that took is told when it reads again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use torsade::datagram::{DatagramPort, DatagramProtocol};
use torsade::task::LoopingCall;
use torsade::{Address, Factory, Failure, Producer, ProducerKind, Protocol, Result, Transport};

/// The share of the times that `.mean` and `.upper_90` are about.
const SHARE: f64 = 0.9;

/// Names and values that are kept.
const MOST: usize = 100_000;

/// What was collected since the last report. A cheap handle.
#[derive(Clone, Default)]
pub(crate) struct Statistics(Rc<RefCell<Collected>>);

#[derive(Default)]
struct Collected {
    counts: BTreeMap<String, f64>,
    times: BTreeMap<String, Vec<f64>>,
    levels: Vec<(String, f64)>,
    meters: BTreeMap<String, Meter>,
    /// How many values there are in the vectors.
    values: usize,
}

impl Collected {
    /// Anybody may send anything: no more is kept than this.
    fn is_full(&self) -> bool {
        self.values + self.counts.len() + self.times.len() + self.meters.len() >= MOST
    }
}

/// A rate: its count, and averages over one, five and fifteen minutes.
#[derive(Default)]
struct Meter {
    count: f64,
    since_last: f64,
    averages: Option<[f64; 3]>,
}

impl Meter {
    fn tick(&mut self, seconds: f64) {
        let rate = std::mem::take(&mut self.since_last) / seconds;
        self.averages = Some(match self.averages {
            None => [rate; 3],
            Some(averages) => {
                let minutes = [1.0, 5.0, 15.0];
                std::array::from_fn(|index| {
                    let weight = 1.0 - (-seconds / (60.0 * minutes[index])).exp();
                    averages[index] + weight * (rate - averages[index])
                })
            }
        });
    }
}

/// A name that Graphite can have.
fn fit(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    let parts: Vec<_> = words
        .join("_")
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    parts.join("-").chars().filter(is_kept).collect()
}

impl Statistics {
    /// Takes one message; gives back whether it made sense.
    pub(crate) fn take(&self, message: &str) -> bool {
        self.try_take(message).is_some()
    }

    fn try_take(&self, message: &str) -> Option<()> {
        let (name, data) = message.trim().split_once(':')?;
        let fields: Vec<&str> = data.split('|').collect();
        let (value, kind, rate) = match fields.as_slice() {
            [value, kind] => (value, kind, None),
            [value, kind, rate] => (value, kind, Some(rate)),
            _ => return None,
        };
        let value: f64 = value.parse().ok()?;
        let name = fit(name);
        let mut collected = self.0.borrow_mut();
        if collected.is_full() {
            return None;
        }
        match *kind {
            "c" => {
                let rate = match rate {
                    Some(rate) => rate.strip_prefix('@')?.parse::<f64>().ok()?,
                    None => 1.0,
                };
                *collected.counts.entry(name).or_default() += value / rate;
            }
            "ms" => {
                collected.values += 1;
                collected.times.entry(name).or_default().push(value);
            }
            "g" => {
                collected.values += 1;
                collected.levels.push((name, value));
            }
            "m" => {
                let meter = collected.meters.entry(name).or_default();
                meter.count += value;
                meter.since_last += value;
            }
            _ => return None,
        }
        Some(())
    }

    /// The lines for Graphite, of the time `now`; it begins anew.
    fn report(&self, interval: Duration, now: u64) -> Vec<String> {
        let collected = &mut *self.0.borrow_mut();
        collected.values = 0;
        let seconds = interval.as_secs_f64();
        let mut lines = Vec::new();
        let mut say = |name: String, value: f64| lines.push(format!("{name} {value} {now}\n"));
        let mut names = 0;
        for (name, count) in &mut collected.counts {
            let count = std::mem::take(count);
            say(format!("stats.{name}"), count / seconds);
            say(format!("stats_counts.{name}"), count);
            names += 1;
        }
        for (name, times) in &mut collected.times {
            let mut times = std::mem::take(times);
            times.sort_by(f64::total_cmp);
            let (Some(&lower), Some(&upper)) = (times.first(), times.last()) else {
                continue;
            };
            let all = times.len();
            let dropped = ((1.0 - SHARE) * all as f64).round() as usize;
            let counted = &times[..all - dropped];
            let mean = counted.iter().sum::<f64>() / counted.len() as f64;
            let name = format!("stats.timers.{name}");
            say(format!("{name}.count"), all as f64);
            say(format!("{name}.lower"), lower);
            say(format!("{name}.mean"), mean);
            say(format!("{name}.upper"), upper);
            say(format!("{name}.upper_90"), counted[counted.len() - 1]);
            names += 1;
        }
        for (name, level) in std::mem::take(&mut collected.levels) {
            say(format!("stats.gauge.{name}.value"), level);
            names += 1;
        }
        for (name, meter) in &mut collected.meters {
            meter.tick(seconds);
            let name = format!("stats.meter.{name}");
            say(format!("{name}.count"), meter.count);
            for (minutes, average) in [1, 5, 15].iter().zip(meter.averages.unwrap_or_default()) {
                say(format!("{name}.{minutes}min_rate"), average);
            }
            names += 1;
        }
        say("statsd.numStats".to_owned(), f64::from(names));
        lines
    }
}

/// What listens for messages.
pub(crate) struct Server {
    statistics: Statistics,
}

impl Server {
    pub(crate) fn new(statistics: Statistics) -> Self {
        Self { statistics }
    }
}

impl DatagramProtocol for Server {
    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        // Somebody wants to know whether we are there.
        if data == b"ping" {
            return port.send(b"pong", from);
        }
        if !self.statistics.take(&String::from_utf8_lossy(data)) {
            log::debug!("from {from}: \"{}\"", data.escape_ascii());
        }
        Ok(())
    }
}

/// Sends the reports, over one connection.
pub(crate) struct Graphite {
    statistics: Statistics,
    interval: Duration,
    pace: Rc<Pace>,
    flushing: Option<LoopingCall>,
}

/// Whether Graphite reads.
#[derive(Default)]
struct Pace {
    paused_since: Cell<Option<Instant>>,
}

/// The protocol cannot be its own producer, since it is its connection's already.
struct Paced(Rc<Pace>);

impl Producer for Paced {
    fn resume_producing(&mut self, _: &Transport) {
        log::info!("Graphite reads again");
        self.0.paused_since.set(None);
    }

    fn pause_producing(&mut self, consumer: &Transport) {
        log::info!("Graphite does not read");
        self.0.paused_since.set(Some(consumer.reactor().now()));
    }

    fn stop_producing(&mut self, _: &Transport) {}

    fn is_waited_for(&self) -> bool {
        // There is always something more to report.
        false
    }
}

/// Makes the protocol of each connection to Graphite.
pub(crate) fn graphite(
    statistics: Statistics,
    interval: Duration,
) -> impl Factory<Protocol = Graphite> {
    move |_: &Address| Graphite {
        statistics: statistics.clone(),
        interval,
        pace: Rc::default(),
        flushing: None,
    }
}

impl Protocol for Graphite {
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport.register_producer(Paced(Rc::clone(&self.pace)), ProducerKind::Push);
        let (statistics, pace) = (self.statistics.clone(), Rc::clone(&self.pace));
        let interval = self.interval;
        let (clock, transport) = (transport.reactor(), transport.clone());
        let mut was_paused_since = None;
        let flushing = LoopingCall::new(&clock.clone(), move |_| {
            let now = clock.system_time().duration_since(SystemTime::UNIX_EPOCH);
            let now = now.map_or(0, |since| since.as_secs());
            let lines = statistics.report(interval, now);
            let paused_since = pace.paused_since.get();
            was_paused_since = was_paused_since.or(paused_since);
            if paused_since.is_some() {
                return;
            }
            transport.write_sequence(lines.iter().map(String::as_bytes));
            let paused = was_paused_since
                .take()
                .map_or(0, |since| (clock.now() - since).as_secs());
            transport.write(format!("message.graphite.count {paused} {now}\n").as_bytes());
        });
        drop(flushing.start_later(self.interval));
        self.flushing = Some(flushing);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(flushing) = self.flushing.take() {
            let _ = flushing.stop();
        }
    }
}
