//! The server of curl's cases: it answers a request by the section that its path or its case names.

use std::cell::RefCell;
use std::rc::Rc;

use torsade_core::{Protocol, Result, Transport};

use super::case::Case;
use super::requests::{self, Received};

/// What the server knows, over all connections.
pub(super) struct Script {
    case: Rc<Case>,
    /// All that was received, in order.
    pub(super) received: Vec<u8>,
    /// The part that comes next whatever is asked for, since the last one said so.
    bounce: Option<u32>,
}

impl Script {
    pub(super) fn new(case: &Rc<Case>) -> Self {
        Self {
            case: Rc::clone(case),
            received: Vec::new(),
            bounce: None,
        }
    }

    /// What is answered to a request, and whether the connection ends then.
    fn answer(&mut self, request: &Received<'_>) -> (Vec<u8>, bool) {
        let is_connect = request.method == "CONNECT";
        let kind = if is_connect { "connect" } else { "data" };
        let mut part = self.part(request.target);
        if let Some(authorization) = request.field("authorization") {
            if authorization.starts_with("Digest") {
                part += 1000;
            } else if part >= 1000 && authorization.starts_with("Basic") {
                part += 1;
            }
        }
        let part = self.bounce.take().unwrap_or(part);
        let Some(reply) = self.case.reply(kind, part) else {
            let missing = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno such part\n";
            return (missing.into(), true);
        };
        let contains = |what: &str| {
            reply
                .windows(what.len())
                .any(|part| part == what.as_bytes())
        };
        if contains("swsbounce") {
            self.bounce = Some(part + 1);
        }
        (reply.to_vec(), contains("swsclose") || reply.is_empty())
    }

    /// The number behind the last slash says the case, and the part in its last four digits.
    fn part(&self, target: &str) -> u32 {
        let last = target.rsplit('/').next().unwrap_or_default();
        let digits: String = last
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        match digits.parse::<u32>() {
            Ok(number) if number > 10000 && number / 10000 == self.case.number => number % 10000,
            _ => 0,
        }
    }
}

pub(super) struct Server {
    script: Rc<RefCell<Script>>,
    /// What came and is no whole request yet.
    pending: Vec<u8>,
}

impl Server {
    pub(super) fn new(script: &Rc<RefCell<Script>>) -> Self {
        Self {
            script: Rc::clone(script),
            pending: Vec::new(),
        }
    }
}

impl Protocol for Server {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.script.borrow_mut().received.extend_from_slice(data);
        self.pending.extend_from_slice(data);
        while let Some((request, length)) = requests::first(&self.pending) {
            let (reply, is_last) = self.script.borrow_mut().answer(&request);
            self.pending.drain(..length);
            transport.write(&reply);
            if is_last {
                transport.lose_connection();
                break;
            }
        }
        Ok(())
    }
}
