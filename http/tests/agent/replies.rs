//! Replies that other clients stumbled over, each in pieces of several sizes, and what becomes of the
//! next request.

use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_http::{
    AgentOptions, ContentDecoderAgent, PartialBody, Request, RequestAgent, RequestError, Response,
};

use crate::cases::{self, Case, Right};
use crate::support::{Step, URL, World, answer, request_error, send};

/// What a request came to: the body, or how much of it there was before the error, or no response.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Whole(String),
    Broken(String),
    Refused,
}

impl From<Right> for Outcome {
    fn from(right: Right) -> Self {
        match right {
            Right::Kept(body) | Right::Once(body) | Right::ToTheEnd(body) => {
                Self::Whole(body.to_owned())
            }
            Right::Broken(body) | Right::BrokenAtEnd(body) | Right::Undecodable(body) => {
                Self::Broken(body.to_owned())
            }
            Right::Refused | Right::RefusedAtEnd => Self::Refused,
        }
    }
}

fn outcome(world: &World, method: &str) -> Outcome {
    let request = Request::new(method.parse().unwrap(), URL).unwrap();
    let sent = ContentDecoderAgent::new(world.agent.clone()).request(request);
    match world.run(sent.add_callback(Response::text)) {
        Ok(text) => Outcome::Whole(text),
        Err(failure) => match failure.check::<PartialBody>() {
            Some(partial) => Outcome::Broken(String::from_utf8_lossy(&partial.bytes).into_owned()),
            None => {
                assert!(failure.check::<RequestError>().is_some(), "{failure:#}");
                assert_eq!(request_error(&failure).origin, "http://server.test:80");
                Outcome::Refused
            }
        },
    }
}

/// Plays a case in pieces of so many bytes, with the end of the connection behind it or not.
fn play(case: &Case, piece: usize, ends: bool) {
    let Case { name, right, .. } = case;
    // A server that goes on is asked for more; one that closes is not.
    let mut script = vec![Step::Request, send(&case.reply)];
    match ends {
        true => script.extend([Step::Sleep(Duration::from_millis(50)), Step::Fin]),
        false => script.extend([Step::Request, answer("next")]),
    }
    let next = vec![Step::Request, answer("next")];
    let simulation = Simulation::new().segment_size(piece);
    let world = World::with(simulation, AgentOptions::new(), [script, next]);
    let shown = format!("{name} in {piece}s, ends: {ends}");
    assert_eq!(
        outcome(&world, case.method),
        Outcome::from(*right),
        "{shown}"
    );
    if ends {
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.get_text().unwrap(), "next", "{shown}");
    let connections = if right.is_kept() && !ends { 1 } else { 2 };
    if !matches!(right, Right::Undecodable(_)) {
        assert_eq!(world.connections(), connections, "{shown}");
    }
    assert_eq!(world.agent.pool_statistics().open, 1, "{shown}");
}

// R1 to R42, and C155 to C159: whole and in pieces, from a server that closes and one that does not.
#[test]
fn each_is_judged_right_in_pieces_of_any_size() {
    for case in cases::all() {
        // What has tens of thousands of pieces tells nothing new.
        let pieces: &[usize] = match case.reply.len() {
            0..5_000 => &[1, 2, 7, 1460],
            _ => &[1460, 65_536],
        };
        for &piece in pieces {
            if !case.right.needs_end() {
                play(&case, piece, false);
            }
            play(&case, piece, true);
        }
    }
}

// R13, R21, R27, R44: cut off at every byte, a reply is never taken for a whole one.
#[test]
fn a_reply_that_is_cut_off_anywhere_is_an_error() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "5;x=\"y\"\r\nhello\r\n0\r\nX: y\r\n\r\n",
        ),
        (
            "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nX: one\r\n two\r\nContent-Length: 5\r\n\r\n",
            "hello",
        ),
    ] {
        let reply = [head, body].concat();
        for cut in 0..reply.len() {
            let script = vec![Step::Request, send(&reply[..cut]), Step::Fin];
            let world = World::new([script, vec![Step::Request, answer("next")]]);
            let found = outcome(&world, "GET");
            let is_right = match &found {
                Outcome::Refused => cut < head.len(),
                Outcome::Broken(body) => cut >= head.len() && "hello".starts_with(body),
                Outcome::Whole(_) => false,
            };
            assert!(is_right, "{:?}: {found:?}", &reply[..cut]);
            assert_eq!(world.get_text().unwrap(), "next");
        }
    }
}
