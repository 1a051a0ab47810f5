//! The page, and the protocol that shows it.
//!
//! This is no HTTP server: it answers one request of one kind, and closes. It is enough for
//! Prometheus and for curl on a network that is yours; do not let the Internet at it.

use std::fmt::Write;

use torsade::http::{Agent, PoolStatistics};
use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::reactor::{Statistics, TurnTimes};
use torsade::{Reactor, Result};

/// What the page is about.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) reactor: Reactor,
    pub(crate) agent: Agent,
}

impl Metrics {
    fn page(&self) -> String {
        page(&self.reactor.statistics(), &self.agent.pool_statistics())
    }
}

/// Reads a request: its first line, and lines up to an empty one, which do not matter.
struct Request {
    metrics: Metrics,
    first_line: Option<String>,
}

pub(crate) fn metrics_protocol(metrics: Metrics) -> LineReceiver<impl LineProtocol> {
    LineReceiver::new(Request {
        metrics,
        first_line: None,
    })
}

impl LineProtocol for Request {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let Some(first_line) = &self.first_line else {
            self.first_line = Some(String::from_utf8_lossy(line).into_owned());
            return Ok(());
        };
        if line.is_empty() {
            let answer = self.answer(first_line);
            lines.transport().write(answer.as_bytes());
            lines.transport().lose_connection();
        }
        Ok(())
    }
}

impl Request {
    fn answer(&self, first_line: &str) -> String {
        let words: Vec<_> = first_line.split(' ').collect();
        let (status, body) = match words.as_slice() {
            ["GET", "/metrics", version] if version.starts_with("HTTP/1.") => {
                ("200 OK", self.metrics.page())
            }
            ["GET", _, _] => ("404 Not Found", "only /metrics is here\n".to_owned()),
            [_, _, _] => ("405 Method Not Allowed", "only GET\n".to_owned()),
            _ => ("400 Bad Request", "this is no request\n".to_owned()),
        };
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n\
             Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {length}\r\n\
             Connection: close\r\n\
             \r\n\
             {body}"
        )
    }
}

/// The numbers in Prometheus' text format.
pub(crate) fn page(reactor: &Statistics, pool: &PoolStatistics) -> String {
    let mut page = String::new();
    histogram(&mut page, &reactor.turns);
    let mut number = |kind: &str, name: &str, help: &str, value: u64| {
        let _ = writeln!(
            page,
            "# HELP torsade_{name} {help}\n# TYPE torsade_{name} {kind}"
        );
        let _ = writeln!(page, "torsade_{name} {value}");
    };
    let mut gauge = |name, help, value: usize| number("gauge", name, help, value as u64);
    gauge(
        "connections",
        "Connections that are open or being closed.",
        reactor.connections,
    );
    gauge(
        "connection_attempts",
        "Attempts to connect.",
        reactor.attempts,
    );
    gauge(
        "listening_ports",
        "Ports that listen for connections.",
        reactor.listening_ports,
    );
    gauge(
        "queued_bytes",
        "Bytes written that the system has not taken.",
        reactor.queued_bytes,
    );
    gauge(
        "delayed_calls",
        "Timed calls that are still to come.",
        reactor.delayed_calls,
    );
    gauge(
        "coroutines",
        "Coroutines that have not ended.",
        reactor.coroutines,
    );
    gauge("jobs", "Jobs and look-ups on other threads.", reactor.jobs);
    gauge("threads", "Threads of the pool.", reactor.threads.threads);
    gauge(
        "threads_idle",
        "Threads of the pool without a job.",
        reactor.threads.idle,
    );
    gauge(
        "jobs_queued",
        "Jobs that no thread has taken up.",
        reactor.threads.queued,
    );
    gauge(
        "http_connections",
        "HTTP connections, idle ones included.",
        pool.open,
    );
    gauge(
        "http_connections_idle",
        "HTTP connections without a request.",
        pool.idle,
    );
    gauge(
        "http_requests_waiting",
        "Requests that wait for a connection.",
        pool.waiting,
    );
    let mut counter = |name, help, value| number("counter", name, help, value);
    counter(
        "connections_made_total",
        "Connections made.",
        reactor.connections_made,
    );
    counter(
        "http_connections_made_total",
        "HTTP connections made.",
        pool.made,
    );
    counter(
        "http_connections_reused_total",
        "Uses of a kept HTTP connection.",
        pool.reused,
    );
    page
}

/// Its classes are cumulative, as Prometheus has them.
fn histogram(page: &mut String, turns: &TurnTimes) {
    let name = "torsade_turn_seconds";
    let _ = writeln!(
        page,
        "# HELP {name} How long turns of the reactor took, without waiting."
    );
    let _ = writeln!(page, "# TYPE {name} histogram");
    let mut so_far = 0;
    for (bound, count) in turns.classes() {
        so_far += count;
        let bound = bound.map_or_else(
            || "+Inf".to_owned(),
            |bound| bound.as_secs_f64().to_string(),
        );
        let _ = writeln!(page, "{name}_bucket{{le=\"{bound}\"}} {so_far}");
    }
    let _ = writeln!(page, "{name}_sum {}", turns.busy().as_secs_f64());
    let _ = writeln!(page, "{name}_count {so_far}");
}
