//! Connections to servers: what the pool and the agent know of them, whatever protocol they speak.
//!
//! Which one it is, ALPN decides when the connection is ready (RFC 7301): see [`Speaking`]. There is
//! HTTP/1.1 today; another version is one more kind of [`Connection`].

mod http1;
mod speaking;
mod upgrade;

use std::any::Any;
use std::rc::Rc;
use std::time::Instant;

use http::{HeaderMap, Method};
use torsade_core::{Deferred, Transport};

use crate::body::RequestBody;
use crate::incoming::Incoming;
use crate::origin::Origin;
use crate::wire::{Limits, ResponseHead};

pub(crate) use http1::{Http1, Timeouts};
pub(crate) use speaking::Speaking;
pub use speaking::UnspokenProtocol;
pub use upgrade::NotUpgraded;
pub(crate) use upgrade::Upgraded;

/// A connection that requests are sent on.
pub(crate) trait Connection {
    /// Whom it is to.
    fn origin(&self) -> &Origin;

    /// Sends a request. The Deferred fires with the head of its response; cancelled, it gives the
    /// request up, and its connection if need be.
    fn send(self: Rc<Self>, request: Outgoing<'_>) -> Deferred<Reply>;

    /// Whether it can be given a request: neither closed, nor with something to read that nobody
    /// asked for (R48). To look for that costs a system call, if it may.
    fn is_usable(&self, may_look: bool) -> bool;

    /// Whether it was read from so short a time ago that to look again would tell nothing new.
    fn was_just_used(&self) -> bool;

    /// Closes it when it is idle.
    fn close_idle(&self);

    /// Nobody wants the rest of the response's body, which is short: it has to come soon.
    fn drain(&self);

    /// Keeps something until the connection is lost.
    fn keep_until_lost(&self, it: Rc<dyn Any>);

    /// Tells, once, that its owner does not count it any more.
    fn count_out(&self) -> bool;
}

/// Whoever made a connection, and has it back when it is idle.
pub(crate) trait Owner {
    /// Its exchange is over, and it can take another. From inside a function of torsade's: no user
    /// function runs.
    fn is_idle(&self, connection: Rc<dyn Connection>);

    /// It is closed, or about to be, and takes no exchange any more.
    fn is_closed(&self, connection: &dyn Connection);
}

/// What is to be sent.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) close: bool,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    /// By when all of it must be over.
    pub(crate) deadline: Option<Instant>,
}

/// What came of a request: the head of the response, and its body to come.
pub(crate) struct Reply {
    pub(crate) head: ResponseHead,
    pub(crate) body: Rc<Incoming>,
    pub(crate) transport: Transport,
    /// The connection itself, if it speaks another protocol from here on.
    pub(crate) upgraded: Option<Upgraded>,
}
