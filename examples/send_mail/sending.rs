//! A connection that sends a message.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade::protocols::{IdleTimeout, LineControl, LineProtocol, LineReceiver};
use torsade::tls::{ClientTls, StartTls};
use torsade::{Address, ClientEndpoint, Deferred, Failure, Resolver, Result, TimedOut};

use super::reply::SmtpError;
use super::session::{Delivery, Session, Step};

/// How long a reply may take (RFC 5321, 4.5.3.2).
const PATIENCE: Duration = Duration::from_secs(300);

/// Sends a message by way of the mail server at `endpoint`, which proves to be `server_name` when
/// TLS begins.
pub(crate) fn send_mail(
    endpoint: &impl ClientEndpoint,
    session: Session,
    tls: ClientTls,
    server_name: &str,
) -> Deferred<Delivery> {
    let (resolver, delivery) = Deferred::new();
    let sending = Sending {
        state: Rc::new(RefCell::new(State {
            session,
            done: Some(resolver),
        })),
        tls,
        server_name: server_name.to_owned(),
        silence: None,
    };
    let connected = endpoint.connect_protocol(LineReceiver::new(sending));
    connected.add_callback(move |connection| {
        // Whoever does not wait any more wants no connection, either.
        delivery.add_errback(move |failure| {
            connection.transport().abort_connection();
            Err(failure)
        })
    })
}

struct Sending {
    state: Rc<RefCell<State>>,
    tls: ClientTls,
    server_name: String,
    silence: Option<IdleTimeout>,
}

struct State {
    session: Session,
    /// Gone when the message is delivered, or is not.
    done: Option<Resolver<Delivery>>,
}

impl State {
    fn fail(&mut self, failure: impl Into<Failure>) {
        if let Some(done) = self.done.take() {
            done.errback(failure);
        }
    }
}

impl Sending {
    fn begin_tls(&self, lines: &LineControl) -> Result<()> {
        let transport = lines.transport();
        let started = transport.start_tls(&self.tls, &self.server_name)?;
        let (state, transport) = (Rc::clone(&self.state), transport.clone());
        drop(started.add_both(move |result| {
            let mut state = state.borrow_mut();
            match result {
                Ok(()) => {
                    if let Step::Send(hello) = state.session.encrypted() {
                        transport.write_bytes(hello);
                    }
                }
                Err(failure) => state.fail(failure),
            }
        }));
        Ok(())
    }

    fn take_line(&self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let step = self.state.borrow_mut().session.line(line)?;
        // We ask one thing at a time. So what is there behind a reply was said by somebody who did
        // not wait for the question, and is not what the server says once TLS has begun.
        let is_done = matches!(step, Step::Wait | Step::Close);
        if !is_done && !lines.clear_line_buffer().is_empty() {
            return Err(SmtpError::Unasked.into());
        }
        match step {
            Step::Wait => {}
            Step::Send(bytes) => lines.transport().write_bytes(bytes),
            Step::StartTls => self.begin_tls(lines)?,
            Step::Delivered(delivery, farewell) => {
                lines.transport().write_bytes(farewell);
                if let Some(done) = self.state.borrow_mut().done.take() {
                    done.callback(delivery);
                }
            }
            Step::Close => lines.transport().lose_connection(),
        }
        Ok(())
    }
}

impl LineProtocol for Sending {
    fn connection_made(&mut self, lines: &LineControl) {
        let transport = lines.transport();
        if let Address::Tcp(host) = transport.host() {
            // RFC 5321, 4.1.3.
            let name = match host.ip() {
                std::net::IpAddr::V4(ip) => format!("[{ip}]"),
                std::net::IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
            };
            self.state.borrow_mut().session.set_name(name);
        }
        let mut silence = IdleTimeout::with(transport, |transport| {
            transport.abort_with(TimedOut { after: PATIENCE });
        });
        silence.set(Some(PATIENCE));
        self.silence = Some(silence);
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        if let Some(silence) = &mut self.silence {
            silence.reset();
        }
        if let Err(failure) = self.take_line(lines, line) {
            self.state.borrow_mut().fail(failure);
            lines.transport().lose_connection();
        }
        Ok(())
    }

    fn line_length_exceeded(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let error = SmtpError::Malformed(super::reply::excerpt(data));
        self.state.borrow_mut().fail(error);
        lines.transport().abort_connection();
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let error = SmtpError::Ended(format!("{reason:#}"));
        self.state.borrow_mut().fail(error);
    }
}
