//! Replies that other clients stumbled over, with what is right: bytes in, a verdict out.
//!
//! The Agent takes the same ones in a simulated world, in pieces of any size, and from a socket.

mod codings;
mod framing;
mod heads;
mod interim;

/// A server's reply to one request.
pub(crate) struct Case {
    /// Its number in the collection that it is from, and what it is about.
    pub(crate) name: &'static str,
    /// The request's method.
    pub(crate) method: &'static str,
    pub(crate) reply: Vec<u8>,
    pub(crate) right: Right,
}

/// What is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// This is the whole body, and the connection is used again.
    Kept(&'static str),
    /// This is the whole body, and the next request goes to a new connection.
    Once(&'static str),
    /// As before, if the server closes the connection; nobody can tell where it ends otherwise.
    ToTheEnd(&'static str),
    /// There is no response, but an error.
    Refused,
    /// There is a response, and then an error behind this much of its body.
    Broken(&'static str),
    /// There is a response whose body cannot be decoded behind this much of it. Its connection may
    /// be used again if all of it has come.
    Undecodable(&'static str),
    /// [`Refused`](Self::Refused) once the server closes the connection.
    RefusedAtEnd,
    /// [`Broken`](Self::Broken) once the server closes the connection.
    BrokenAtEnd(&'static str),
}

impl Right {
    /// Whether the server has to close the connection.
    pub(crate) fn needs_end(self) -> bool {
        matches!(
            self,
            Self::ToTheEnd(_) | Self::RefusedAtEnd | Self::BrokenAtEnd(_)
        )
    }

    pub(crate) fn is_kept(self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

const L5: &str = "Content-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    heads::add_to(&mut cases);
    framing::add_to(&mut cases);
    interim::add_to(&mut cases);
    codings::add_to(&mut cases);
    cases
}

fn add(cases: &mut Vec<Case>, name: &'static str, reply: impl Into<Vec<u8>>, right: Right) {
    cases.push(Case {
        name,
        method: "GET",
        reply: reply.into(),
        right,
    });
}
