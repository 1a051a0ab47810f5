//! A connection to Redis, with a Deferred for each command.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use bytes::BytesMut;
use torsade::{ClientEndpoint, Deferred, Failure, Protocol, Resolver, Result, Transport};

use super::resp::{self, Parser, Value};

/// How to begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    /// RESP2 instead of RESP3.
    pub(crate) resp2: bool,
    /// `None` is the user `default`.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RedisError {
    /// What the server said.
    Refused(String),
    /// The connection has ended, and why.
    Ended(String),
    /// The server answered what nobody had asked for.
    Unasked,
}

/// A handle to a connection. Commands go out as they are given, and are answered in that order; one
/// whose Deferred is cancelled is answered as well, to nobody.
#[derive(Clone)]
pub(crate) struct Redis {
    shared: Rc<RefCell<Shared>>,
}

type OnPush = Rc<RefCell<dyn FnMut(Vec<Value>)>>;

#[derive(Default)]
struct Shared {
    transport: Option<Transport>,
    waiting: VecDeque<Waiting>,
    ended: Option<String>,
    on_push: Option<OnPush>,
    /// There are subscriptions, and RESP2 is spoken: messages look like replies.
    has_messages: bool,
}

enum Waiting {
    Reply(Resolver<Value>),
    /// A subscription is confirmed once for each channel, in RESP3 by pushes only.
    Confirmations(usize, Resolver<()>),
}

/// The protocol of the connection.
struct Connection {
    shared: Rc<RefCell<Shared>>,
    parser: Parser,
    input: BytesMut,
}

impl Redis {
    /// Connects and logs in.
    pub(crate) fn connect(endpoint: &impl ClientEndpoint, login: Login) -> Deferred<Self> {
        let shared = Rc::<RefCell<Shared>>::default();
        let redis = Self {
            shared: Rc::clone(&shared),
        };
        let connection = Connection {
            shared,
            parser: Parser::default(),
            input: BytesMut::new(),
        };
        endpoint
            .connect_protocol(connection)
            .add_callback(move |_| {
                let refused = redis.clone();
                let logged_in = redis.log_in(login).map(|()| redis);
                logged_in.add_errback(move |failure| {
                    refused.close();
                    Err(failure)
                })
            })
    }

    fn log_in(&self, login: Login) -> Deferred<()> {
        let mut words: Vec<String> = Vec::new();
        if !login.resp2 {
            words.extend(["HELLO", "3"].map(str::to_owned));
        }
        if let Some(password) = login.password {
            words.push("AUTH".to_owned());
            match login.user {
                Some(user) => words.push(user),
                // HELLO wants a name, AUTH alone does not: before Redis 6 there were none.
                None if !login.resp2 => words.push("default".to_owned()),
                None => {}
            }
            words.push(password);
        }
        if words.is_empty() {
            return Deferred::succeed(());
        }
        self.command(&words).map(drop)
    }

    /// Sends a command; what the server refuses fails. For subscriptions there is
    /// [`subscribe`](Self::subscribe).
    pub(crate) fn command<A: AsRef<[u8]>>(&self, words: &[A]) -> Deferred<Value> {
        self.send(words, Waiting::Reply)
    }

    /// Subscribes to channels (`SUBSCRIBE`) or patterns of them (`PSUBSCRIBE`); messages go to
    /// [`on_push`](Self::on_push).
    pub(crate) fn subscribe<A: AsRef<[u8]>>(&self, words: &[A]) -> Deferred<()> {
        let channels = words.len().saturating_sub(1).max(1);
        self.send(words, |resolver| Waiting::Confirmations(channels, resolver))
    }

    /// What to do with messages, and with whatever else comes unasked.
    pub(crate) fn on_push(&self, on_push: impl FnMut(Vec<Value>) + 'static) {
        self.shared.borrow_mut().on_push = Some(Rc::new(RefCell::new(on_push)));
    }

    /// Closes the connection; commands that wait fail.
    pub(crate) fn close(&self) {
        if let Some(transport) = &self.shared.borrow().transport {
            transport.lose_connection();
        }
    }

    fn send<A: AsRef<[u8]>, T: 'static>(
        &self,
        words: &[A],
        waiting: impl FnOnce(Resolver<T>) -> Waiting,
    ) -> Deferred<T> {
        let mut shared = self.shared.borrow_mut();
        if let Some(reason) = &shared.ended {
            return Deferred::fail(RedisError::Ended(reason.clone()));
        }
        if let Some(transport) = &shared.transport {
            transport.write_bytes(resp::command(words));
        }
        let (resolver, deferred) = Deferred::new();
        shared.waiting.push_back(waiting(resolver));
        deferred
    }
}

impl Shared {
    /// Gives a value to whom it is for. The Deferreds go on when `data_received` has returned.
    fn take(&mut self, value: Value) -> Result<()> {
        let waits_for_confirmation = matches!(
            self.waiting.front(),
            Some(Waiting::Confirmations(..)) if !matches!(value, Value::Error(_))
        );
        match value {
            Value::Push(parts) if waits_for_confirmation && is_confirmation(&parts) => {
                self.confirm();
            }
            Value::Array(parts) if waits_for_confirmation && is_confirmation(&parts) => {
                self.has_messages = true;
                self.confirm();
            }
            Value::Push(parts) => self.push(parts),
            // RESP2 has no type of its own for them.
            Value::Array(parts) if self.has_messages && is_message(&parts) => self.push(parts),
            value => match (self.waiting.pop_front(), value) {
                (Some(Waiting::Reply(resolver)), Value::Error(text)) => {
                    resolver.errback(RedisError::Refused(text));
                }
                (Some(Waiting::Confirmations(_, resolver)), Value::Error(text)) => {
                    resolver.errback(RedisError::Refused(text));
                }
                (Some(Waiting::Reply(resolver)), value) => resolver.callback(value),
                (Some(Waiting::Confirmations(..)) | None, _) => {
                    return Err(RedisError::Unasked.into());
                }
            },
        }
        Ok(())
    }

    fn confirm(&mut self) {
        match self.waiting.pop_front() {
            Some(Waiting::Confirmations(missing, resolver)) if missing > 1 => {
                let rest = Waiting::Confirmations(missing - 1, resolver);
                self.waiting.push_front(rest);
            }
            Some(Waiting::Confirmations(_, resolver)) => resolver.callback(()),
            _ => {}
        }
    }

    fn push(&self, parts: Vec<Value>) {
        if let Some(on_push) = self.on_push.clone() {
            // Called when the running function has returned, so that it may send commands.
            drop(Deferred::succeed(()).map(move |()| on_push.borrow_mut()(parts)));
        }
    }

    fn end(&mut self, reason: &Failure) -> VecDeque<Waiting> {
        self.ended = Some(format!("{reason:#}"));
        self.on_push = None;
        std::mem::take(&mut self.waiting)
    }
}

fn is_confirmation(parts: &[Value]) -> bool {
    let kind = parts.first().and_then(Value::bytes);
    kind.is_some_and(|kind| kind.ends_with(b"subscribe"))
}

fn is_message(parts: &[Value]) -> bool {
    let kind = parts.first().and_then(Value::bytes);
    kind.is_some_and(|kind| [b"message".as_slice(), b"pmessage", b"smessage"].contains(&kind))
}

impl Protocol for Connection {
    fn connection_made(&mut self, transport: &Transport) {
        self.shared.borrow_mut().transport = Some(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.input.extend_from_slice(data);
        while let Some(value) = self.parser.next(&mut self.input)? {
            self.shared.borrow_mut().take(value)?;
        }
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let waiting = self.shared.borrow_mut().end(reason);
        for waiting in waiting {
            let error = RedisError::Ended(format!("{reason:#}"));
            match waiting {
                Waiting::Reply(resolver) => resolver.errback(error),
                Waiting::Confirmations(_, resolver) => resolver.errback(error),
            }
        }
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => write!(f, "{}", text.escape_debug()),
            Self::Ended(reason) => write!(f, "the connection has ended: {reason}"),
            Self::Unasked => f.write_str("an answer that nobody asked for"),
        }
    }
}

impl std::error::Error for RedisError {}
