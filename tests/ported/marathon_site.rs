//! What the watcher of Marathon speaks with: a server that is Marathon or a load balancer, and who
//! makes certificates.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use torsade::{Deferred, Protocol, Result, Transport};

use super::marathon::{Certificates, Refused};

/// One server: what it was asked, and what it answers.
#[derive(Clone, Default)]
pub(crate) struct Site(pub(crate) Rc<RefCell<State>>);

pub(crate) struct State {
    pub(crate) heads: Vec<String>,
    pub(crate) status: &'static str,
    pub(crate) events_type: &'static str,
    pub(crate) apps: String,
    /// It reads, and says nothing.
    pub(crate) is_mute: bool,
    /// The last that has asked for events.
    listener: Option<Transport>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            heads: Vec::new(),
            status: "200 OK",
            events_type: "text/event-stream",
            apps: "{\"apps\": []}".into(),
            is_mute: false,
            listener: None,
        }
    }
}

impl Site {
    /// Sends a piece of the events.
    pub(crate) fn say(&self, text: &str) {
        let site = self.0.borrow();
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        site.listener.as_ref().unwrap().write(chunk.as_bytes());
    }

    /// Ends the events.
    pub(crate) fn end(&self) {
        let site = self.0.borrow();
        site.listener.as_ref().unwrap().write(b"0\r\n\r\n");
    }
}

/// A connection to it.
pub(crate) struct Connection {
    site: Site,
    head: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(site: &Site) -> Self {
        Self {
            site: site.clone(),
            head: Vec::new(),
        }
    }
}

impl Protocol for Connection {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.head.extend_from_slice(data);
        if !self.head.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        let head = String::from_utf8(std::mem::take(&mut self.head))?;
        let mut site = self.site.0.borrow_mut();
        let (status, apps) = (site.status, site.apps.clone());
        if !site.is_mute {
            let answer = if head.starts_with("GET /v2/events?") {
                site.listener = Some(transport.clone());
                let media_type = site.events_type;
                format!("Content-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
            } else if head.starts_with("GET /v2/apps ") {
                let (media_type, length) = ("application/json; charset=utf-8", apps.len());
                format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{apps}")
            } else {
                "Content-Length: 0\r\n\r\n".into()
            };
            transport.write(format!("HTTP/1.1 {status}\r\n{answer}").as_bytes());
        }
        site.heads.push(head);
        Ok(())
    }
}

/// The certificates that there are, and what was asked for.
#[derive(Clone, Default)]
pub(crate) struct Book(Rc<RefCell<Kept>>);

#[derive(Default)]
struct Kept {
    stored: Vec<String>,
    asked: Vec<String>,
    refusals: HashMap<String, &'static str>,
}

impl Book {
    pub(crate) fn store(&self, domain: &str) {
        self.0.borrow_mut().stored.push(domain.to_owned());
    }

    pub(crate) fn refuse(&self, domain: &str, code: &'static str) {
        self.0.borrow_mut().refusals.insert(domain.to_owned(), code);
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.borrow().asked.clone()
    }
}

/// What the watcher is given.
pub(crate) struct Shelf(pub(crate) Book);

impl Certificates for Shelf {
    fn domains(&self) -> Deferred<Vec<String>> {
        Deferred::succeed(self.0.0.borrow().stored.clone())
    }

    fn issue(&self, domain: &str) -> Deferred<()> {
        let mut kept = self.0.0.borrow_mut();
        kept.asked.push(domain.to_owned());
        if let Some(&code) = kept.refusals.get(domain) {
            return Deferred::fail(Refused { code });
        }
        kept.stored.push(domain.to_owned());
        Deferred::succeed(())
    }
}
